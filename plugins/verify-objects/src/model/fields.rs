//! Reads maps as the model's classes do: names are texts, and all fields are known.

use journal_plugin_sdk::msgpack::{Item, Walker};

use super::value::{self, Depth};
use super::{Finding, Rule, shown};

/// The names of fields in the encoding of the journal's writer, with their length byte.
pub(super) type Names<const COUNT: usize> = [&'static [u8]; COUNT];

/// Encodes the names of fields.
macro_rules! names {
    ($($name:literal),* $(,)?) => {
        const {
            &[$({
                const ENCODED: [u8; $name.len() + 1] = $crate::model::fields::encoded($name);
                &ENCODED as &[u8]
            }),*]
        }
    };
}
pub(super) use names;

/// A name of up to 31 bytes as msgpack.
pub(super) const fn encoded<const SIZE: usize>(name: &str) -> [u8; SIZE] {
    let mut encoded = [0; SIZE];
    #[expect(clippy::cast_possible_truncation, reason = "names are short")]
    {
        encoded[0] = 0xa0 | name.len() as u8;
    }
    let mut index = 0;
    while index < name.len() {
        encoded[index + 1] = name.as_bytes()[index];
        index += 1;
    }
    encoded
}

/// What a class does with fields that it does not have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Others {
    /// It takes its fields as arguments, so that any other is an error.
    Refused,
    /// It looks its fields up, and at no other.
    Ignored,
}

/// The fields of one map, in the order of their names.
pub(super) struct Fields<'a, const COUNT: usize> {
    names: &'static Names<COUNT>,
    found: [Option<Walker<'a>>; COUNT],
}

impl<'a, const COUNT: usize> Fields<'a, COUNT> {
    /// Reads a map and leaves `walker` after it. `depth` is that of the map.
    pub(super) fn read(
        walker: &mut Walker<'a>,
        names: &'static Names<COUNT>,
        others: Others,
        depth: Depth,
    ) -> Result<Self, Finding> {
        let Item::Map(pairs) = walker.item()? else {
            return Err(Finding::new(Rule::FieldType, "is not a map"));
        };
        let mut found = [None; COUNT];
        let mut expected = 0;
        for _ in 0..pairs {
            match walker.item()? {
                Item::Str(name) => match position(names, expected, name) {
                    Some(index) => {
                        if found[index].is_some() {
                            return Err(Finding::twice(name));
                        }
                        found[index] = Some(*walker);
                        expected = index + 1;
                        walker.skip()?;
                    }
                    None if others == Others::Refused => {
                        let what = "is a field that the class does not have";
                        return Err(Finding::new(Rule::UnknownField, what).within(shown(name)));
                    }
                    None => value::check(walker, depth.inside())
                        .map_err(|finding| finding.within(shown(name)))?,
                },
                other => {
                    let what = "has a field whose name is not a text";
                    if others == Others::Refused {
                        return Err(Finding::new(Rule::FieldName, what));
                    }
                    if is_name(names, other) {
                        return Err(Finding::ambiguous(what));
                    }
                    value::check_key(other)?;
                    value::check(walker, depth.inside())?;
                }
            }
        }
        Ok(Self { names, found })
    }

    /// The value of a field, if the map has it.
    pub(super) fn get(&self, field: usize) -> Option<Walker<'a>> {
        self.found[field]
    }

    /// The first item of a field's value; nil if the map does not have it.
    pub(super) fn item(&self, field: usize) -> Result<Item<'a>, Finding> {
        match self.found[field] {
            Some(mut value) => Ok(value.item()?),
            None => Ok(Item::Nil),
        }
    }

    /// Checks that the map has these fields. Others are those that the SDK refuses an object without.
    pub(super) fn require(&self, fields: impl IntoIterator<Item = usize>) -> Result<(), Finding> {
        for field in fields {
            if self.found[field].is_none() {
                return Err(Finding::missing(self.name(field)));
            }
        }
        Ok(())
    }

    /// Checks the value of a field with `check`, unless it is nil or missing.
    pub(super) fn optional(
        &self,
        field: usize,
        check: impl FnOnce(&mut Walker<'a>) -> Result<(), Finding>,
    ) -> Result<(), Finding> {
        match self.found[field] {
            Some(mut value) if self.item(field)? != Item::Nil => {
                check(&mut value).map_err(|finding| finding.within(self.name(field)))
            }
            _ => Ok(()),
        }
    }

    fn name(&self, field: usize) -> &'static str {
        str::from_utf8(&self.names[field][1..]).unwrap_or_default()
    }

    /// A finding in a field.
    #[cold]
    pub(super) fn refuse(&self, field: usize, rule: Rule, what: impl Into<String>) -> Finding {
        Finding::new(rule, what).within(self.name(field))
    }

    /// Refuses an identifier that is nil: the class computes one only if there is none.
    pub(super) fn check_id(&self, field: usize) -> Result<(), Finding> {
        if self.get(field).is_some() && self.item(field)? == Item::Nil {
            return Err(self.refuse(field, Rule::FieldType, "is nil"));
        }
        Ok(())
    }
}

/// Reads the fields of an object whose class has no other.
pub(super) fn read<'a, const COUNT: usize>(
    value: &'a [u8],
    names: &'static Names<COUNT>,
) -> Result<Fields<'a, COUNT>, Finding> {
    Fields::read(
        &mut Walker::new(value),
        names,
        Others::Refused,
        Depth::OBJECT,
    )
}

/// The index of a name. Writers have one order of fields, so that the `expected` one usually comes.
fn position(names: &[&[u8]], expected: usize, name: &[u8]) -> Option<usize> {
    let is_it = |index: &usize| names.get(*index).is_some_and(|known| &known[1..] == name);
    Some(expected)
        .filter(is_it)
        .or_else(|| (0..names.len()).find(is_it))
}

/// Whether the key is the name of a field as bytes, which the SDK reads and the model does not.
fn is_name(names: &[&[u8]], key: Item<'_>) -> bool {
    matches!(key, Item::Bin(name) if names.iter().any(|known| &known[1..] == name))
}
