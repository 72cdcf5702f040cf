//! Objects of the journal, whose fields are decoded when a script reads them.

use std::collections::HashMap;
use std::rc::Rc;

use journal_msgpack::{Cursor, Fault, Head};
use rquickjs::class::{
    ClassKind, JsCell, JsClass, PropertyDescriptor, PropertyName, Trace, Tracer, Writable,
};
use rquickjs::function::Constructor;
use rquickjs::{Atom, Ctx, Exception, JsLifetime, Result, Value};

use crate::values::{Engine, Source};

/// The number of fields above which they are found by a table.
const FEW: usize = 16;

/// A map of msgpack as an object. It owns the bytes of the whole object that it is a part of, and no more, so that a script
/// that keeps one does not keep a batch.
pub(crate) struct Lazy<'js> {
    engine: Rc<Engine<'js>>,
    bytes: Rc<[u8]>,
    start: usize,
    only: Option<Rc<[Atom<'js>]>>,
    fields: Option<Fields<'js>>,
}

/// The fields in their order.
#[derive(Default)]
struct Fields<'js> {
    list: Vec<Field<'js>>,
    /// Where the fields of a large object are.
    table: HashMap<Atom<'js>, usize>,
}

struct Field<'js> {
    name: Atom<'js>,
    value: Slot<'js>,
}

enum Slot<'js> {
    /// The offset of the value, which was not read yet.
    Packed(usize),
    Made(Value<'js>),
    Deleted,
}

impl<'js> Fields<'js> {
    fn find(&self, name: &Atom<'js>) -> Option<usize> {
        if self.list.len() <= FEW {
            return self.list.iter().position(|field| field.name == *name);
        }
        self.table.get(name).copied()
    }

    /// Adds a field, or gives one that is there a new value, as repeated keys of a map do.
    fn set(&mut self, name: Atom<'js>, value: Slot<'js>) {
        if let Some(index) = self.find(&name) {
            self.list[index].value = value;
            return;
        }
        if self.list.len() >= FEW {
            if self.table.is_empty() {
                let names = self.list.iter().map(|field| field.name.clone());
                self.table = names.zip(0..).collect();
            }
            self.table.insert(name.clone(), self.list.len());
        }
        self.list.push(Field { name, value });
    }
}

impl<'js> Lazy<'js> {
    /// The object whose map begins at `start` of these bytes.
    pub(crate) fn new(
        engine: Rc<Engine<'js>>,
        bytes: Rc<[u8]>,
        start: usize,
        only: Option<Rc<[Atom<'js>]>>,
    ) -> Self {
        Self {
            engine,
            bytes,
            start,
            only,
            fields: None,
        }
    }

    /// Its fields, which are found at the first use.
    fn fields(&mut self, ctx: &Ctx<'js>) -> Result<&mut Fields<'js>> {
        if self.fields.is_none() {
            self.fields = Some(self.read(ctx)?);
        }
        Ok(self.fields.get_or_insert_default())
    }

    fn read(&self, ctx: &Ctx<'js>) -> Result<Fields<'js>> {
        let damaged = |fault: Fault| Exception::throw_range(ctx, &format!("the object {fault}"));
        let mut cursor = Cursor::at(&self.bytes, self.start);
        let Head::Map(count) = cursor.head().map_err(damaged)? else {
            return Err(Exception::throw_range(ctx, "the object is no map"));
        };
        let mut fields = Fields::default();
        fields.list.reserve((count as usize).min(FEW));
        for _ in 0..count {
            let name = self.name(ctx, &mut cursor)?;
            let offset = cursor.offset();
            cursor.skip().map_err(damaged)?;
            if self.only.as_ref().is_none_or(|only| only.contains(&name)) {
                fields.set(name, Slot::Packed(offset));
            }
        }
        Ok(fields)
    }

    /// The next key: a text, bytes, or a number.
    #[inline]
    fn name(&self, ctx: &Ctx<'js>, cursor: &mut Cursor<'_>) -> Result<Atom<'js>> {
        let damaged = |fault: Fault| Exception::throw_range(ctx, &format!("the object {fault}"));
        match cursor.head().map_err(damaged)? {
            Head::Str(length) | Head::Bin(length) => {
                let bytes = cursor.bytes(length).map_err(damaged)?;
                self.engine.atom(ctx, bytes)
            }
            Head::Uint(number) => self.engine.atom(ctx, number.to_string().as_bytes()),
            Head::Int(number) => self.engine.atom(ctx, number.to_string().as_bytes()),
            _ => Err(Exception::throw_range(
                ctx,
                "a key of the object is neither text nor bytes",
            )),
        }
    }

    /// The value of a field, which stays the same value.
    fn get(&mut self, ctx: &Ctx<'js>, name: &Atom<'js>) -> Result<Option<Value<'js>>> {
        let fields = self.fields(ctx)?;
        let Some(index) = fields.find(name) else {
            return Ok(None);
        };
        let offset = match &fields.list[index].value {
            Slot::Packed(offset) => *offset,
            Slot::Made(value) => return Ok(Some(value.clone())),
            Slot::Deleted => return Ok(None),
        };
        let source = Source {
            ctx,
            engine: &self.engine,
            bytes: &self.bytes,
        };
        let mut cursor = Cursor::at(&self.bytes, offset);
        let value = self.engine.value(&source, &mut cursor, 0)?;
        if let Some(fields) = &mut self.fields {
            fields.list[index].value = Slot::Made(value.clone());
        }
        Ok(Some(value))
    }

    fn has(&mut self, ctx: &Ctx<'js>, name: &Atom<'js>) -> Result<bool> {
        let fields = self.fields(ctx)?;
        let field = fields.find(name).map(|index| &fields.list[index].value);
        Ok(!matches!(field, None | Some(Slot::Deleted)))
    }
}

impl<'js> Trace<'js> for Lazy<'js> {
    fn trace<'a>(&self, tracer: Tracer<'a, 'js>) {
        for field in self.fields.iter().flat_map(|fields| &fields.list) {
            if let Slot::Made(value) = &field.value {
                value.trace(tracer);
            }
        }
    }
}

// SAFETY: the only lifetime of the type is `'js`, and `Changed` is the type with another one in its position.
#[expect(
    unsafe_code,
    reason = "the engine's trait for values with its lifetime has no safe form"
)]
unsafe impl<'js> JsLifetime<'js> for Lazy<'js> {
    type Changed<'to> = Lazy<'to>;
}

impl<'js> JsClass<'js> for Lazy<'js> {
    const NAME: &'static str = "Object";
    const KIND: ClassKind = ClassKind::Exotic;
    type Mutable = Writable;

    fn constructor(_: &Ctx<'js>) -> Result<Option<Constructor<'js>>> {
        Ok(None)
    }

    fn exotic_get_property(
        this: &JsCell<'js, Self>,
        ctx: &Ctx<'js>,
        name: Atom<'js>,
        _: Value<'js>,
    ) -> Result<Value<'js>> {
        let mut this = this.borrow_mut();
        match this.get(ctx, &name)? {
            Some(value) => Ok(value),
            None => this.engine.root.get(name),
        }
    }

    fn exotic_set_property(
        this: &JsCell<'js, Self>,
        ctx: &Ctx<'js>,
        name: Atom<'js>,
        _: Value<'js>,
        value: Value<'js>,
    ) -> Result<bool> {
        this.borrow_mut().fields(ctx)?.set(name, Slot::Made(value));
        Ok(true)
    }

    fn exotic_delete_property(
        this: &JsCell<'js, Self>,
        ctx: &Ctx<'js>,
        name: Atom<'js>,
    ) -> Result<bool> {
        let mut this = this.borrow_mut();
        let fields = this.fields(ctx)?;
        if let Some(index) = fields.find(&name) {
            fields.list[index].value = Slot::Deleted;
        }
        Ok(true)
    }

    fn exotic_has_property(
        this: &JsCell<'js, Self>,
        ctx: &Ctx<'js>,
        name: Atom<'js>,
    ) -> Result<bool> {
        let mut this = this.borrow_mut();
        Ok(this.has(ctx, &name)? || this.engine.root.contains_key(name)?)
    }

    fn exotic_get_own_property(
        this: &JsCell<'js, Self>,
        ctx: &Ctx<'js>,
        name: Atom<'js>,
    ) -> Result<Option<PropertyDescriptor<'js>>> {
        let value = this.borrow_mut().get(ctx, &name)?;
        Ok(value.map(|value| PropertyDescriptor {
            value,
            getter: Value::new_undefined(ctx.clone()),
            setter: Value::new_undefined(ctx.clone()),
            configurable: true,
            enumerable: true,
            writable: true,
            is_getset: false,
        }))
    }

    fn exotic_get_own_property_names(
        this: &JsCell<'js, Self>,
        ctx: &Ctx<'js>,
    ) -> Result<Vec<PropertyName<'js>>> {
        let mut this = this.borrow_mut();
        let fields = this.fields(ctx)?.list.iter();
        let there = fields.filter(|field| !matches!(field.value, Slot::Deleted));
        let names = there.map(|field| PropertyName {
            atom: field.name.clone(),
            is_enumerable: true,
        });
        Ok(names.collect())
    }
}
