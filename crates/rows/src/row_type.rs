//! Reads rows whose columns have types, and checks each value.

use journal_msgpack::{Cursor, Head};

use crate::error::{Error, ErrorKind, Step};
use crate::json;
use crate::text::has_room;
use crate::{Column, ColumnType};

/// The columns of an output's rows.
///
/// A row has each column once, in any order. A column that is nullable may have nil, or be absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowType {
    columns: Vec<Column>,
    /// The beginning of each field in JSON: its name in quotes and a colon.
    json_names: Vec<Vec<u8>>,
    /// Bit `i` is set if column `i` is not nullable.
    required: u64,
}

/// Why there is no row type of some columns.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowTypeError {
    /// There is none.
    #[error("has no column")]
    Empty,
    /// There are too many.
    #[error("has {0} columns, and the limit is {max}", max = RowType::MAX_COLUMNS)]
    TooMany(usize),
    /// A name is not one.
    #[error("has the column `{0}`: a name must be a letter or `_` and at most 62 of `A-Za-z0-9_-`")]
    Name(String),
    /// Two columns have the same name, in upper or lower case: databases take them for one.
    #[error("has the column `{0}` twice; upper and lower case count as the same")]
    Repeated(String),
    /// A summary is too long.
    #[error("has a text of more than {max} characters at the column `{0}`", max = Column::MAX_SUMMARY)]
    Summary(String),
}

impl RowType {
    /// The maximum number of columns.
    pub const MAX_COLUMNS: usize = 64;

    /// The row type of these columns.
    ///
    /// # Errors
    /// If there is no column or too many, or a name is invalid or repeated.
    pub fn new(columns: Vec<Column>) -> Result<Self, RowTypeError> {
        if columns.is_empty() {
            return Err(RowTypeError::Empty);
        }
        if columns.len() > Self::MAX_COLUMNS {
            return Err(RowTypeError::TooMany(columns.len()));
        }
        for (index, column) in columns.iter().enumerate() {
            let name = &column.name;
            if !Column::is_name(name) {
                return Err(RowTypeError::Name(name.clone()));
            }
            let mut before = columns[..index].iter();
            if before.any(|other| other.name.eq_ignore_ascii_case(name)) {
                return Err(RowTypeError::Repeated(name.clone()));
            }
            if column.summary.chars().count() > Column::MAX_SUMMARY {
                return Err(RowTypeError::Summary(name.clone()));
            }
        }
        let bits = columns.iter().enumerate();
        Ok(Self {
            required: bits.fold(0, |bits, (index, column)| {
                bits | u64::from(!column.nullable) << index
            }),
            // No character of a name is escaped.
            json_names: columns
                .iter()
                .map(|column| format!("\"{}\":", column.name).into_bytes())
                .collect(),
            columns,
        })
    }

    /// The columns, in the order of the plan.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The index of the column with this name.
    #[must_use]
    pub fn index_of(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// The rule that a key of some columns breaks, as the rest of a sentence about the output.
    #[must_use]
    pub fn broken_by_key(&self, key: &[String]) -> Option<String> {
        if key.is_empty() {
            return Some("has no key".to_owned());
        }
        key.iter().enumerate().find_map(|(index, name)| {
            let column = self.index_of(name).map(|index| &self.columns[index]);
            match column {
                None => Some(format!(
                    "has the key `{name}`, which is no column of its row"
                )),
                Some(column) if !column.column_type.can_be_a_key() => Some(format!(
                    "has the key `{name}`, whose type cannot be one: a key is neither float nor json"
                )),
                Some(_) if key[..index].contains(name) => {
                    Some(format!("has the key `{name}` twice"))
                }
                Some(_) => None,
            }
        })
    }

    /// Calls `take` with the index of each column of `row`, one msgpack map, in the order of the row. It must read one
    /// whole value from the cursor, and say whether that was nil.
    ///
    /// # Errors
    /// Those of `take`, with the name of the column, and if the row is not a map of these columns.
    #[inline]
    pub fn read<'a>(
        &self,
        row: &'a [u8],
        mut take: impl FnMut(usize, &mut Cursor<'a>) -> Result<IsNil, Error>,
    ) -> Result<(), Error> {
        let mut cursor = Cursor::new(row);
        let Head::Map(count) = cursor.head()? else {
            return Err(ErrorKind::NotAMap.into());
        };
        let mut seen = 0_u64;
        let mut expected = 0;
        for _ in 0..count {
            let Head::Str(length) = cursor.head()? else {
                return Err(ErrorKind::KeyNotText.into());
            };
            let index = self.find(cursor.bytes(length)?, expected)?;
            expected = index + 1;
            let bit = 1 << index;
            if seen & bit != 0 {
                return Err(self.at(index, ErrorKind::SecondValue.into()));
            }
            seen |= bit;
            let is_nil = take(index, &mut cursor).map_err(|error| self.at(index, error))?;
            if is_nil.0 && self.required & bit != 0 {
                return Err(self.at(index, ErrorKind::NoValue.into()));
            }
        }
        let missing = self.required & !seen;
        if missing != 0 {
            let index = missing.trailing_zeros() as usize;
            return Err(self.at(index, ErrorKind::NoValue.into()));
        }
        if cursor.at_end() {
            Ok(())
        } else {
            Err(ErrorKind::Trailing.into())
        }
    }

    /// Usually all rows have the order of the plan.
    #[inline]
    fn find(&self, name: &[u8], expected: usize) -> Result<usize, Error> {
        match self.columns.get(expected) {
            Some(column) if column.name.as_bytes() == name => Ok(expected),
            _ => self.search(name),
        }
    }

    #[cold]
    fn search(&self, name: &[u8]) -> Result<usize, Error> {
        let mut names = self.columns.iter().map(|column| column.name.as_bytes());
        names.position(|known| known == name).ok_or_else(|| {
            let name = String::from_utf8_lossy(name).into_owned();
            Error::from(ErrorKind::UnknownColumn).inside(Step::Key(name))
        })
    }

    #[cold]
    fn at(&self, index: usize, error: Error) -> Error {
        error.inside(Step::Key(self.columns[index].name.clone()))
    }

    /// As [`append_json`](crate::append_json), and checks the row and each value.
    ///
    /// # Errors
    /// As for [`append_json`](crate::append_json), and if the row does not have the type.
    pub fn append_json(&self, row: &[u8], json: &mut Vec<u8>, limit: usize) -> Result<(), Error> {
        has_room(json, 2, limit).map_err(ErrorKind::from)?;
        json.push(b'{');
        let mut is_first = true;
        self.read(row, |index, cursor| {
            let name = &self.json_names[index];
            has_room(json, name.len() + 1, limit).map_err(ErrorKind::from)?;
            if !std::mem::take(&mut is_first) {
                json.push(b',');
            }
            json.extend_from_slice(name);
            let head = cursor.head()?;
            let is_nil = self.columns[index].column_type.check(head)?;
            json::value_of(head, cursor, json::MAX_DEPTH, json, limit)?;
            Ok(is_nil)
        })?;
        json.push(b'}');
        Ok(())
    }
}

/// Whether a value is nil.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IsNil(pub bool);

impl ColumnType {
    /// Checks the head of a value: whether the value has this type, or is nil. What follows the head is not checked: that
    /// a text is UTF-8, that a timestamp is in the range of years, and what is inside of a list or map.
    ///
    /// # Errors
    /// If the value has another type.
    #[inline]
    pub fn check(self, head: Head) -> Result<IsNil, Error> {
        let fits = match (self, head) {
            (_, Head::Nil) => return Ok(IsNil(true)),
            (Self::Json, _)
            | (Self::Bool, Head::Bool(_))
            | (Self::Int, Head::Int(_))
            | (Self::Uint, Head::Uint(_))
            | (Self::Text, Head::Str(_))
            | (Self::Bytes, Head::Bin(_))
            | (Self::Id, Head::Bin(20))
            | (Self::Timestamp, Head::Ext(-1, _)) => true,
            (Self::Int, Head::Uint(number)) => i64::try_from(number).is_ok(),
            (Self::Uint, Head::Int(number)) => number >= 0,
            (Self::Float, Head::F32(number)) if number.is_finite() => true,
            (Self::Float, Head::F64(number)) if number.is_finite() => true,
            (Self::Float, Head::F32(number)) => {
                return Err(ErrorKind::NotFinite(f64::from(number)).into());
            }
            (Self::Float, Head::F64(number)) => return Err(ErrorKind::NotFinite(number).into()),
            _ => false,
        };
        if fits {
            Ok(IsNil(false))
        } else {
            Err(ErrorKind::OtherType {
                found: Found::of(head),
                expected: self,
            }
            .into())
        }
    }
}

/// What a value is, for a message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Found {
    /// A boolean.
    Bool,
    /// A non-negative integer.
    Uint(u64),
    /// A negative integer.
    Int(i64),
    /// A float.
    Float,
    /// A text.
    Text,
    /// Bytes, this many.
    Bytes(u32),
    /// A list.
    List,
    /// A map.
    Map,
    /// A timestamp.
    Timestamp,
    /// Another extension.
    Extension(i8),
    /// Nil.
    Nil,
}

impl Found {
    fn of(head: Head) -> Self {
        match head {
            Head::Nil => Self::Nil,
            Head::Bool(_) => Self::Bool,
            Head::Uint(number) => Self::Uint(number),
            Head::Int(number) => Self::Int(number),
            Head::F32(_) | Head::F64(_) => Self::Float,
            Head::Str(_) => Self::Text,
            Head::Bin(length) => Self::Bytes(length),
            Head::Array(_) => Self::List,
            Head::Map(_) => Self::Map,
            Head::Ext(-1, _) => Self::Timestamp,
            Head::Ext(kind, _) => Self::Extension(kind),
        }
    }
}

impl std::fmt::Display for Found {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bool => formatter.write_str("a boolean"),
            Self::Uint(number) => write!(formatter, "the integer {number}"),
            Self::Int(number) => write!(formatter, "the integer {number}"),
            Self::Float => formatter.write_str("a float"),
            Self::Text => formatter.write_str("a text"),
            Self::Bytes(length) => write!(formatter, "{length} bytes"),
            Self::List => formatter.write_str("a list"),
            Self::Map => formatter.write_str("a map"),
            Self::Timestamp => formatter.write_str("a timestamp"),
            Self::Extension(kind) => write!(formatter, "an extension of type {kind}"),
            Self::Nil => formatter.write_str("nil"),
        }
    }
}

#[cfg(test)]
mod tests;
