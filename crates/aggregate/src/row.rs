//! A row to merge into a table.

use std::sync::Arc;

use crate::{Kind, Merge, Shape, Span, Value};

/// The memory in bytes that [`Row::shrink`] keeps for a key, and for texts. Usual rows need less.
const KEPT_BYTES: usize = 1 << 16;

/// Why a row cannot be merged. The message completes a sentence about the row.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It is not a map.
    #[error("is not a map: merge a struct or a map with string keys")]
    NotAMap,
    /// It is truncated or invalid msgpack.
    #[error("is not valid msgpack: it {0}")]
    Msgpack(#[from] journal_msgpack::Fault),
    /// More bytes follow.
    #[error("goes on after the end of its map")]
    Trailing,
    /// The name of a field is not a text.
    #[error("has a name that is not a text")]
    NameNotText,
    /// The shape does not have this field.
    #[error("has the field `{0}`, which is neither of the key nor a column")]
    UnknownName(String),
    /// The field occurs twice.
    #[error("has the field `{0}` twice")]
    Twice(String),
    /// A field of the shape is missing.
    #[error("lacks the field `{0}`")]
    Missing(String),
    /// The value has a type that columns do not support.
    #[error("has {found} in the column `{column}`, which takes numbers, texts, bytes and times")]
    BadValue {
        /// The column.
        column: String,
        /// The type of the value.
        found: String,
    },
    /// The value is not an integer in a column of sums.
    #[error("has {found} in the column `{column}`, which adds up integers")]
    NotAnInteger {
        /// The column.
        column: String,
        /// The type of the value.
        found: Kind,
    },
    /// The value has another type than earlier ones in the column.
    #[error("has {found} in the column `{column}`, which had {before} before")]
    OtherKind {
        /// The column.
        column: String,
        /// The type of the value.
        found: Kind,
        /// The type of the earlier values.
        before: Kind,
    },
    /// The sum does not fit into 64 bits.
    #[error("takes the sum in the column `{column}` of the key {key} out of the range of 64 bits")]
    Overflow {
        /// The column.
        column: String,
        /// The key, as text.
        key: String,
    },
    /// The table is full.
    #[error("does not fit: the merged rows take more than 4 GiB")]
    Full,
}

/// The role of a field in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A part of the key: append its msgpack to [`Row::key_part`].
    Key,
    /// The column at this index: pass its value to [`Row::set`].
    Column(usize),
}

/// A field of the last row.
#[derive(Clone, Copy, Debug)]
struct Field {
    /// The name in the row.
    name: &'static str,
    /// Its index among the names of the shape.
    index: usize,
    /// Its role.
    role: Role,
}

/// A row to merge into a table, filled field by field. It is reused for the next row.
#[derive(Debug)]
pub struct Row {
    shape: Arc<Shape>,
    /// All names, those of the key first.
    names: Box<[Box<str>]>,
    /// The fields of the last row in their order.
    order: Vec<Field>,
    /// Whether `order` is that of a complete row with static names and the parts of the key in order.
    has_usual: bool,
    /// Whether the fields so far are the first ones of `order`. Then `seen` and `parts` are not updated: a complete row in
    /// this order has no repeated field and a sorted key.
    is_usual: bool,
    /// The number of fields so far.
    fields: usize,
    /// Bit `i` is set if the field `names[i]` was there.
    seen: u64,
    /// The concatenated msgpack of the key's parts, in the order of the key when the row is finished.
    pub(crate) key: Vec<u8>,
    /// The index in the key and the start offset of each part so far.
    parts: Vec<(usize, usize)>,
    pub(crate) values: Vec<Value<Span>>,
    /// Bit `i` is set if column `i` is a sum.
    sums: u64,
    /// The bytes of the texts in `values`.
    pub(crate) texts: Vec<u8>,
}

impl Row {
    /// An empty row of this shape, which may have at most 64 fields.
    #[must_use]
    pub fn new(shape: Arc<Shape>) -> Self {
        let names: Box<[Box<str>]> = shape.names().map(Into::into).collect();
        Self {
            order: (0..names.len())
                .map(|index| Field {
                    name: "",
                    index,
                    role: shape.role(index),
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

    /// Discards the previous row.
    #[inline]
    pub fn begin(&mut self) {
        self.is_usual = self.has_usual;
        self.fields = 0;
        self.seen = 0;
        self.key.clear();
        self.parts.clear();
        self.texts.clear();
    }

    /// Discards the row, and frees the memory of an unusually large one.
    pub fn shrink(&mut self) {
        self.begin();
        self.key.shrink_to(KEPT_BYTES);
        self.texts.shrink_to(KEPT_BYTES);
    }

    /// Begins the next field.
    ///
    /// # Errors
    /// If the shape does not have the field, or if it is repeated.
    #[inline]
    pub fn field(&mut self, name: &str) -> Result<Role, Fault> {
        if self.is_usual {
            self.leave_usual();
        }
        // Usually all rows have the same order of fields.
        let index = match self.order.get(self.fields) {
            Some(field) if *self.names[field.index] == *name => field.index,
            _ => self.find(name)?,
        };
        self.enter(index)
    }

    /// Begins the next field. A static name is recognised by its address.
    ///
    /// # Errors
    /// If the shape does not have the field, or if it is repeated.
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
                let known = known.map(|field| field.index);
                self.unusual_field(name, known)
            }
        }
    }

    #[cold]
    fn unusual_field(&mut self, name: &'static str, known: Option<usize>) -> Result<Role, Fault> {
        if self.is_usual {
            self.leave_usual();
        }
        let index = known.map_or_else(|| self.find_static(name), Ok)?;
        self.enter(index)
    }

    /// Computes `seen` and `parts`, which are not updated while the fields are in the usual order.
    #[cold]
    fn leave_usual(&mut self) {
        self.is_usual = false;
        self.has_usual = false;
        let mut key = journal_msgpack::Cursor::new(&self.key);
        for field in &self.order[..self.fields] {
            self.seen |= 1 << field.index;
            if field.role == Role::Key {
                self.parts.push((field.index, key.offset()));
                // The caller has appended one value.
                let _part = key.value();
            }
        }
    }

    #[inline]
    fn enter(&mut self, index: usize) -> Result<Role, Fault> {
        self.fields += 1;
        let bit = 1 << index;
        if self.seen & bit != 0 {
            return Err(Fault::Twice(shown(&self.names[index])));
        }
        self.seen |= bit;
        let role = self.shape.role(index);
        if role == Role::Key {
            self.parts.push((index, self.key.len()));
        }
        Ok(role)
    }

    fn find_static(&mut self, name: &'static str) -> Result<usize, Fault> {
        let index = self.find(name)?;
        if let Some(field) = self.order.get_mut(self.fields) {
            field.name = name;
        }
        Ok(index)
    }

    #[cold]
    fn find(&mut self, name: &str) -> Result<usize, Fault> {
        let found = self.names.iter().position(|known| **known == *name);
        let index = found.ok_or_else(|| Fault::UnknownName(shown(name)))?;
        if let Some(field) = self.order.get_mut(self.fields) {
            *field = Field {
                name: "",
                index,
                role: self.shape.role(index),
            };
        }
        Ok(index)
    }

    /// The buffer for the msgpack of the part of the key that [`field`](Self::field) began.
    #[inline]
    pub fn key_part(&mut self) -> &mut Vec<u8> {
        &mut self.key
    }

    /// Copies the bytes of a text or of bytes, for a value to [`set`](Self::set).
    ///
    /// # Errors
    /// If the row has more than 4 GiB of them.
    #[inline]
    pub fn take(&mut self, bytes: &[u8]) -> Result<Span, Fault> {
        let start = self.texts.len();
        self.texts.extend_from_slice(bytes);
        Span::since(start, &self.texts).ok_or(Fault::Full)
    }

    /// Sets the value of a column.
    ///
    /// # Errors
    /// If the column is a sum and the value is not an integer.
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

    /// A truth value in a column.
    ///
    /// # Errors
    /// If the column does not keep the latest value: truth values have neither a sum nor an order.
    pub fn truth(&self, column: usize, value: bool) -> Result<Value<Span>, Fault> {
        if self.shape.columns[column].merge == Merge::Latest {
            Ok(Value::Bool(value))
        } else {
            Err(self.bad_value(column, "a boolean"))
        }
    }

    /// The fault of a value with a type that columns do not support.
    #[cold]
    #[must_use]
    pub fn bad_value(&self, column: usize, found: &str) -> Fault {
        Fault::BadValue {
            column: self.shape.columns[column].name.clone(),
            found: found.to_owned(),
        }
    }

    /// Whether a column has a value other than an integer.
    #[must_use]
    pub fn is_more_than_integers(&self) -> bool {
        !self.values.iter().all(Value::is_integer_or_nothing)
    }

    /// Whether a column has something else than an integer from 0 to 2^63 - 1.
    #[must_use]
    pub fn is_more_than_small_integers(&self) -> bool {
        let is_small = |value: &Value<Span>| matches!(value, Value::Unsigned(number) if i64::try_from(*number).is_ok());
        !self.values.iter().all(is_small)
    }

    /// Ends the row, which can then be merged.
    ///
    /// # Errors
    /// If a field is missing.
    #[inline]
    pub fn finish(&mut self) -> Result<(), Fault> {
        // No field was repeated or unknown, so the count is enough.
        if self.fields != self.names.len() {
            return Err(self.missing());
        }
        if !self.is_usual {
            self.finish_unusual();
        }
        Ok(())
    }

    fn finish_unusual(&mut self) {
        let mut indices = self.parts.iter().map(|part| part.0);
        let is_in_order = (0..).zip(&mut indices).all(|(index, part)| part == index);
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
        let index = self.seen.trailing_ones() as usize;
        let name = self.names.get(index).map(ToString::to_string);
        Fault::Missing(name.unwrap_or_default())
    }

    /// Sorts the parts of the key.
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

/// A name in a row, cut to the length of a message.
fn shown(name: &str) -> String {
    name.chars().take(Shape::MAX_NAME).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Column;

    /// Fills a row with these fields. The value of a part of the key is its name, that of a column the length of its name.
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
                by: None,
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
                // Twice, so that this is the usual order before the other follows.
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
    fn memory_of_a_large_row_is_freed() {
        let shape = Shape {
            key: vec!["k".to_owned()],
            columns: vec![Column {
                name: "v".to_owned(),
                merge: Merge::Min,
                by: None,
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
