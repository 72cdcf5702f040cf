//! The keys of maps, which are the same in all objects of a type.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use journal_msgpack::Cursor;
use rquickjs::Result;
use rquickjs::qjs::JSAtom;

use crate::raw::{Handle, Name, Raw};

/// The number of fields above which they are found by a table.
const FEW: usize = 16;
/// Maps with more keys, such as the branches of a snapshot, have keys of their own.
const SHARED: usize = 64;
/// Objects with more fields are too few to be worth an object for each number of fields.
const PREFIXES: usize = 8;
/// Layouts that are kept.
const SLOTS: usize = 64;

/// The fields that an object of a type has, where the script says: no others are seen.
pub(crate) type Only = Rc<[Name]>;

/// The fields of maps with the same keys in the same order.
pub(crate) struct Layout {
    keys: Vec<Key>,
    names: Vec<Name>,
    /// Where the names of a large object are.
    table: HashMap<JSAtom, usize>,
    only: Option<Only>,
    prefixes: OnceCell<Vec<Handle>>,
}

/// A key of a map.
pub(crate) struct Key {
    /// Its bytes in the map.
    encoded: Box<[u8]>,
    /// Its field, which it has in common with the same key before.
    field: Option<usize>,
}

impl Layout {
    pub(crate) fn new(only: Option<Only>) -> Self {
        Self {
            keys: Vec::new(),
            names: Vec::new(),
            table: HashMap::new(),
            only,
            prefixes: OnceCell::new(),
        }
    }

    /// Keeps an object with the first field, one with the first two, and so on. The engine shares what it knows of an
    /// object's properties with all objects that have the same ones, as long as there is one: without these, it would make
    /// and free that for each object.
    pub(crate) fn keep_prefixes(&self, raw: Raw) -> Result<()> {
        if self.prefixes.get().is_some() || self.names.len() > PREFIXES {
            return Ok(());
        }
        let mut prefixes = Vec::with_capacity(self.names.len());
        for end in 1..=self.names.len() {
            let object = raw.object()?;
            for name in &self.names[..end] {
                object.define(name.atom(), raw.null())?;
            }
            prefixes.push(object);
        }
        // They were not kept so far, so that this cannot fail.
        let _ = self.prefixes.set(prefixes);
        Ok(())
    }

    pub(crate) fn names(&self) -> &[Name] {
        &self.names
    }

    pub(crate) fn find(&self, name: JSAtom) -> Option<usize> {
        if self.names.len() <= FEW {
            return self.names.iter().position(|one| one.atom() == name);
        }
        self.table.get(&name).copied()
    }

    /// Adds the next key, and returns its field.
    pub(crate) fn add(&mut self, encoded: &[u8], name: Name) -> Option<usize> {
        let field = self.field(name);
        if self.keys.len() <= SHARED {
            let encoded = encoded.into();
            self.keys.push(Key { encoded, field });
        }
        field
    }

    fn field(&mut self, name: Name) -> Option<usize> {
        let atom = name.atom();
        if let Some(only) = &self.only
            && !only.iter().any(|one| one.atom() == atom)
        {
            return None;
        }
        let index = self.names.len();
        if let Some(found) = self.find(atom) {
            return Some(found);
        }
        self.names.push(name);
        if index == FEW {
            let names = self.names.iter().map(Name::atom);
            self.table = names.zip(0..).collect();
        } else if index > FEW {
            self.table.insert(atom, index);
        }
        Some(index)
    }

    /// What `field_at` makes of the offset of each field's value, if the cursor is on the pairs of a map with these keys.
    fn read<T>(&self, mut cursor: Cursor<'_>, field_at: impl Fn(usize) -> T) -> Option<Vec<T>> {
        let mut fields = Vec::with_capacity(self.names.len());
        fields.resize_with(self.names.len(), || field_at(0));
        for key in &self.keys {
            if !cursor.pass(&key.encoded) {
                return None;
            }
            if let Some(field) = key.field {
                fields[field] = field_at(cursor.offset());
            }
            cursor.skip().ok()?;
        }
        Some(fields)
    }

    /// The name of the key at this position, if it comes next.
    #[inline]
    pub(crate) fn pass(&self, index: usize, cursor: &mut Cursor<'_>) -> Option<JSAtom> {
        let key = self.keys.get(index)?;
        let name = self.names.get(key.field?)?;
        cursor.pass(&key.encoded).then(|| name.atom())
    }
}

/// The layouts of the last maps.
pub(crate) struct Layouts(RefCell<Vec<Option<Rc<Layout>>>>);

impl Layouts {
    pub(crate) fn new() -> Self {
        Self(RefCell::new(vec![None; SLOTS]))
    }

    /// The layout of a map before, which is that of most maps with this number of keys and this first one.
    pub(crate) fn candidate(&self, cursor: &Cursor<'_>, count: u32) -> Option<Rc<Layout>> {
        let layouts = self.0.borrow();
        let layout = layouts[slot(cursor, count, false)].as_ref()?;
        (layout.keys.len() == count as usize).then(|| Rc::clone(layout))
    }

    /// The layout of the map that the cursor is on, and what `field_at` makes of the offset of each field's value, if there
    /// was such a map before.
    pub(crate) fn read<T>(
        &self,
        cursor: Cursor<'_>,
        count: u32,
        only: Option<&Only>,
        field_at: impl Fn(usize) -> T,
    ) -> Option<(Rc<Layout>, Vec<T>)> {
        let layouts = self.0.borrow();
        let layout = layouts[slot(&cursor, count, only.is_some())].as_ref()?;
        let same = match (&layout.only, only) {
            (None, None) => true,
            (Some(one), Some(other)) => Rc::ptr_eq(one, other),
            _ => false,
        };
        if !same || layout.keys.len() != count as usize {
            return None;
        }
        let fields = layout.read(cursor, field_at)?;
        Some((Rc::clone(layout), fields))
    }

    /// Keeps the layout of the map that the cursor is on, instead of another one.
    pub(crate) fn keep(&self, cursor: &Cursor<'_>, count: u32, layout: &Rc<Layout>) {
        if layout.keys.len() <= SHARED {
            let slot = slot(cursor, count, layout.only.is_some());
            self.0.borrow_mut()[slot] = Some(Rc::clone(layout));
        }
    }
}

/// A slot by the number of keys and the beginning of the first one.
#[inline]
fn slot(cursor: &Cursor<'_>, count: u32, is_masked: bool) -> usize {
    let rest = cursor.rest();
    let at = |index: usize| rest.get(index).copied().map_or(0, usize::from);
    (count as usize * 31 + at(0) * 7 + at(1) * 13 + at(2) * 3 + usize::from(is_masked)) % SLOTS
}
