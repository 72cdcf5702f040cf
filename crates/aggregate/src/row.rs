//! One row on its way into a table.

use std::sync::Arc;

use crate::{Kind, Merge, Shape, Span, Value};

/// Memory for a key, and for texts, that [`Row::shrink`] keeps, in bytes: more than usual rows take.
const KEPT_BYTES: usize = 1 << 16;

/// Why a row cannot be merged, as the rest of a sentence about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It is something else.
    #[error("is not a map: merge a struct or a map with string keys")]
    NotAMap,
    /// It is cut short or broken.
    #[error("is not valid msgpack: it {0}")]
    Msgpack(#[from] journal_msgpack::Fault),
    /// More follows.
    #[error("goes on after the end of its map")]
    Trailing,
    /// A name that is no text.
    #[error("has a name that is not a text")]
    NameNotText,
    /// A name that the shape lacks.
    #[error("has the field `{0}`, which is neither of the key nor a column")]
    UnknownName(String),
    /// A name that came before.
    #[error("has the field `{0}` twice")]
    Twice(String),
    /// A name of the shape is not there.
    #[error("lacks the field `{0}`")]
    Missing(String),
    /// A value that no column can have.
    #[error("has {found} in the column `{column}`, which takes numbers, texts, bytes and times")]
    BadValue {
        /// The column.
        column: String,
        /// What it is.
        found: String,
    },
    /// A value that cannot be added up.
    #[error("has {found} in the column `{column}`, which adds up integers")]
    NotAnInteger {
        /// The column.
        column: String,
        /// What it is.
        found: Kind,
    },
    /// A value of another kind than those before.
    #[error("has {found} in the column `{column}`, which had {before} before")]
    OtherKind {
        /// The column.
        column: String,
        /// What it is.
        found: Kind,
        /// What came before.
        before: Kind,
    },
    /// A sum that has no 64 bits.
    #[error("takes the sum in the column `{column}` of the key {key} out of the range of 64 bits")]
    Overflow {
        /// The column.
        column: String,
        /// The key, as text.
        key: String,
    },
    /// More than a table can hold.
    #[error("does not fit: the merged rows take more than 4 GiB")]
    Full,
}

/// What a field of a row is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A part of the key: its msgpack belongs into [`Row::key_part`].
    Key,
    /// The column at this place: its value belongs into [`Row::set`].
    Column(usize),
}

/// A field of the last row.
#[derive(Clone, Copy, Debug)]
struct Field {
    /// The name as the row itself had it.
    name: &'static str,
    /// Its place among the names of the shape.
    place: usize,
    /// What it is for.
    role: Role,
}

/// One row on its way into a table, filled field by field; its memory is used again for the next.
#[derive(Debug)]
pub struct Row {
    shape: Arc<Shape>,
    /// All names, those of the key first.
    names: Box<[Box<str>]>,
    /// What the fields of the last row were, in their order.
    order: Vec<Field>,
    /// Whether `order` is that of a whole row of static names, with the parts of the key in their order.
    has_usual: bool,
    /// Whether the fields so far are the first of `order`. Then `seen` and `parts` are not kept: what is in order
    /// and whole has nothing twice and nothing to be sorted.
    is_usual: bool,
    /// How many fields there were.
    fields: usize,
    /// Bit `i` is set when there was the field `names[i]`.
    seen: u64,
    /// The msgpack of the key's parts, end to end, in the order of the key once the row is finished.
    pub(crate) key: Vec<u8>,
    /// For each part of the key that there was: its place in the key, and where it begins.
    parts: Vec<(usize, usize)>,
    pub(crate) values: Vec<Value<Span>>,
    /// Bit `i` is set when column `i` adds up.
    sums: u64,
    /// The bytes of texts in `values`.
    pub(crate) texts: Vec<u8>,
}

impl Row {
    /// An empty row of this shape, which has names for at most 64 fields.
    #[must_use]
    pub fn new(shape: Arc<Shape>) -> Self {
        let names: Box<[Box<str>]> = shape.names().map(Into::into).collect();
        Self {
            order: (0..names.len())
                .map(|place| Field {
                    name: "",
                    place,
                    role: shape.role(place),
                })
                .collect(),
            names,
            has_usual: false,
            is_usual: false,
            fields: 0,
            seen: 0,
            key: Vec::new(),
            parts: Vec::new(),
            values: vec![Value::Nothing; shape.columns.len()],
            sums: shape.columns.iter().rev().fold(0, |sums, column| {
                sums << 1 | u64::from(column.merge == Merge::Sum)
            }),
            texts: Vec::new(),
            shape,
        }
    }

    /// Forgets the row before.
    #[inline]
    pub fn begin(&mut self) {
        self.is_usual = self.has_usual;
        self.fields = 0;
        self.seen = 0;
        self.key.clear();
        self.parts.clear();
        self.texts.clear();
    }

    /// Forgets the row, and gives back what an unusually large one has taken.
    pub fn shrink(&mut self) {
        self.begin();
        self.key.shrink_to(KEPT_BYTES);
        self.texts.shrink_to(KEPT_BYTES);
    }

    /// Begins the next field.
    ///
    /// # Errors
    /// When the shape lacks the name, or it came before.
    #[inline]
    pub fn field(&mut self, name: &str) -> Result<Role, Fault> {
        if self.is_usual {
            self.leave_usual();
        }
        // Rows mostly have their fields in one order.
        let place = match self.order.get(self.fields) {
            Some(field) if *self.names[field.place] == *name => field.place,
            _ => self.find(name)?,
        };
        self.enter(place)
    }

    /// Begins the next field, whose name is part of the program: the same name is known by its address.
    ///
    /// # Errors
    /// When the shape lacks the name, or it came before.
    #[inline]
    pub fn static_field(&mut self, name: &'static str) -> Result<Role, Fault> {
        let known = self.order.get(self.fields);
        let known = known.filter(|field| std::ptr::eq(field.name, name) && !name.is_empty());
        match known {
            Some(field) if self.is_usual => {
                self.fields += 1;
                Ok(field.role)
            }
            known => {
                let known = known.map(|field| field.place);
                self.unusual_field(name, known)
            }
        }
    }

    #[cold]
    fn unusual_field(&mut self, name: &'static str, known: Option<usize>) -> Result<Role, Fault> {
        if self.is_usual {
            self.leave_usual();
        }
        let place = known.map_or_else(|| self.find_static(name), Ok)?;
        self.enter(place)
    }

    /// Makes up for what is not kept while the fields are the usual ones.
    #[cold]
    fn leave_usual(&mut self) {
        self.is_usual = false;
        self.has_usual = false;
        let mut key = journal_msgpack::Cursor::new(&self.key);
        for field in &self.order[..self.fields] {
            self.seen |= 1 << field.place;
            if field.role == Role::Key {
                self.parts.push((field.place, key.place()));
                // Whoever called for the role has appended one value.
                let _part = key.value();
            }
        }
    }

    #[inline]
    fn enter(&mut self, place: usize) -> Result<Role, Fault> {
        self.fields += 1;
        let bit = 1 << place;
        if self.seen & bit != 0 {
            return Err(Fault::Twice(shown(&self.names[place])));
        }
        self.seen |= bit;
        let role = self.shape.role(place);
        if role == Role::Key {
            self.parts.push((place, self.key.len()));
        }
        Ok(role)
    }

    fn find_static(&mut self, name: &'static str) -> Result<usize, Fault> {
        let place = self.find(name)?;
        if let Some(field) = self.order.get_mut(self.fields) {
            field.name = name;
        }
        Ok(place)
    }

    #[cold]
    fn find(&mut self, name: &str) -> Result<usize, Fault> {
        let found = self.names.iter().position(|known| **known == *name);
        let place = found.ok_or_else(|| Fault::UnknownName(shown(name)))?;
        if let Some(field) = self.order.get_mut(self.fields) {
            *field = Field {
                name: "",
                place,
                role: self.shape.role(place),
            };
        }
        Ok(place)
    }

    /// Where the msgpack of the key's part that [`field`](Self::field) began is to be appended.
    #[inline]
    pub fn key_part(&mut self) -> &mut Vec<u8> {
        &mut self.key
    }

    /// Takes the bytes of a text or of bytes, for a value to be [`set`](Self::set).
    ///
    /// # Errors
    /// When the row has more than 4 GiB of them.
    #[inline]
    pub fn take(&mut self, bytes: &[u8]) -> Result<Span, Fault> {
        let start = self.texts.len();
        self.texts.extend_from_slice(bytes);
        Span::since(start, &self.texts).ok_or(Fault::Full)
    }

    /// Sets the value of a column.
    ///
    /// # Errors
    /// When the column adds up and this is no integer.
    #[inline]
    pub fn set(&mut self, column: usize, value: Value<Span>) -> Result<(), Fault> {
        if self.sums >> column & 1 == 1 && !value.is_integer_or_nothing() {
            return Err(self.not_an_integer(column, value));
        }
        self.values[column] = value;
        Ok(())
    }

    #[cold]
    fn not_an_integer(&self, column: usize, value: Value<Span>) -> Fault {
        Fault::NotAnInteger {
            column: self.shape.columns[column].name.clone(),
            found: value.kind().unwrap_or(Kind::Integer),
        }
    }

    /// A value that no column can have.
    #[cold]
    #[must_use]
    pub fn bad_value(&self, column: usize, found: &str) -> Fault {
        Fault::BadValue {
            column: self.shape.columns[column].name.clone(),
            found: found.to_owned(),
        }
    }

    /// Whether a value of it is neither nothing nor an integer.
    #[must_use]
    pub fn is_more_than_integers(&self) -> bool {
        !self.values.iter().all(Value::is_integer_or_nothing)
    }

    /// Ends the row: it can be merged now.
    ///
    /// # Errors
    /// When a field is missing.
    #[inline]
    pub fn finish(&mut self) -> Result<(), Fault> {
        // No field came twice and none was unknown.
        if self.fields != self.names.len() {
            return Err(self.missing());
        }
        if !self.is_usual {
            self.finish_unusual();
        }
        Ok(())
    }

    fn finish_unusual(&mut self) {
        let mut places = self.parts.iter().map(|part| part.0);
        let is_in_order = (0..).zip(&mut places).all(|(place, part)| part == place);
        if !is_in_order {
            self.order_key();
        }
        self.has_usual = is_in_order && self.order.iter().all(|field| !field.name.is_empty());
    }

    #[cold]
    fn missing(&mut self) -> Fault {
        if self.is_usual {
            self.leave_usual();
        }
        let place = self.seen.trailing_ones() as usize;
        let name = self.names.get(place).map(ToString::to_string);
        Fault::Missing(name.unwrap_or_default())
    }

    /// Brings the parts of the key into the order of the key.
    #[cold]
    fn order_key(&mut self) {
        let mut ordered = Vec::with_capacity(self.key.len());
        for wanted in 0..self.parts.len() {
            let Some(at) = self.parts.iter().position(|part| part.0 == wanted) else {
                continue;
            };
            let end = self.parts.get(at + 1).map_or(self.key.len(), |next| next.1);
            ordered.extend_from_slice(&self.key[self.parts[at].1..end]);
        }
        self.key = ordered;
    }
}

/// A name of the row's own, which may be anything, in a length for a message.
fn shown(name: &str) -> String {
    name.chars().take(Shape::MAX_NAME).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Column;

    /// Fills a row with these fields, the value of each being its name and, in a column, its length.
    fn fill(row: &mut Row, fields: &[&'static str]) -> Result<Vec<u8>, Fault> {
        row.begin();
        for name in fields {
            match row.static_field(name)? {
                Role::Key => {
                    let length = u8::try_from(name.len()).unwrap();
                    row.key_part().push(0xa0 | length);
                    row.key_part().extend_from_slice(name.as_bytes());
                }
                Role::Column(column) => row.set(column, Value::Unsigned(name.len() as u64))?,
            }
        }
        row.finish()?;
        Ok(row.key.clone())
    }

    #[test]
    fn fields_may_come_in_another_order_in_each_row() {
        let shape = Shape {
            key: vec!["first".to_owned(), "second".to_owned()],
            columns: vec![Column {
                name: "sum".to_owned(),
                merge: Merge::Sum,
            }],
        };
        let key = b"\xa5first\xa6second";
        let orders = [
            ["first", "second", "sum"],
            ["first", "sum", "second"],
            ["second", "first", "sum"],
            ["sum", "second", "first"],
        ];
        let mut row = Row::new(Arc::new(shape));
        for one in orders {
            for other in orders {
                // Twice, so that the order is the usual one when the other comes.
                for order in [one, one, other] {
                    assert_eq!(fill(&mut row, &order).unwrap(), key, "{order:?}");
                    assert_eq!(row.values, [Value::Unsigned(3)]);
                }
                for (bad, fault) in [
                    (&other[..2], Fault::Missing(other[2].to_owned())),
                    (&[other[0], other[0]], Fault::Twice(other[0].to_owned())),
                    (&[other[0], "x"], Fault::UnknownName("x".to_owned())),
                ] {
                    fill(&mut row, &one).unwrap();
                    assert_eq!(fill(&mut row, bad).unwrap_err(), fault, "{one:?}");
                }
            }
        }
    }

    #[test]
    fn memory_of_a_large_row_is_given_back() {
        let shape = Shape {
            key: vec!["k".to_owned()],
            columns: vec![Column {
                name: "v".to_owned(),
                merge: Merge::Min,
            }],
        };
        let mut row = Row::new(Arc::new(shape));
        let large = [b"\xc6\x00\x02\x00\x00".as_slice(), &vec![0; 2 * KEPT_BYTES]].concat();
        row.read(&[b"\x82\xa1k", &large[..], b"\xa1v", &large].concat())
            .unwrap();
        assert!(row.key.len() > KEPT_BYTES && row.texts.len() > KEPT_BYTES);
        row.shrink();
        assert!(row.key.capacity() <= KEPT_BYTES && row.texts.capacity() <= KEPT_BYTES);
    }
}
