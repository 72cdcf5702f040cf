//! Why a row cannot be written as JSON.

use std::fmt;

use journal_msgpack::Fault;

use crate::{ColumnType, Found, MAX_DEPTH};

/// The maximum number of characters of a field's path in a message.
const MAX_PATH_CHARS: usize = 200;

/// Why a row cannot be written as JSON. Its text is the rest of a sentence about the row, such as `is not a map`.
// In a box, so that the result of the many successful calls is a single word.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    /// The path of the field, innermost step first.
    path: Vec<Step>,
}

#[derive(Debug)]
pub(crate) enum Step {
    Key(String),
    Index(u32),
}

/// The kind of an error.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The row is not a map.
    NotAMap,
    /// The row is not valid msgpack.
    Malformed(Fault),
    /// Bytes follow the map.
    Trailing,
    /// Maps and arrays are nested deeper than [`MAX_DEPTH`].
    TooDeep,
    /// A map has a key that is not a string.
    KeyNotText,
    /// A map has a key that is not UTF-8.
    KeyNotUtf8,
    /// A string is not UTF-8.
    NotUtf8,
    /// A number is NaN or infinite, which JSON cannot represent.
    NotFinite(f64),
    /// A value is an extension other than a timestamp.
    Extension(i8),
    /// A timestamp has an invalid length or a billion nanoseconds or more, or is outside of the years 0 to 9999.
    BadTimestamp,
    /// The JSON is longer than the limit.
    TooLong,
    /// The sink cannot store a value: the reason, as the rest of a sentence about the row.
    Unfit(&'static str),
    /// The row has a field that is not one of its columns.
    UnknownColumn,
    /// A column that needs a value has none.
    NoValue,
    /// A column comes twice.
    SecondValue,
    /// A value does not have the type of its column.
    OtherType {
        /// What it is.
        found: Found,
        /// The type of the column.
        expected: ColumnType,
    },
}

impl Error {
    /// The kind of the error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The path of the field, such as `author.dates[2]`; empty for the row itself. Control characters are escaped, and
    /// a long path is truncated.
    #[must_use]
    pub fn path(&self) -> String {
        let mut path = String::new();
        for step in self.0.path.iter().rev() {
            match step {
                Step::Index(index) => path.extend(["[", &index.to_string(), "]"]),
                Step::Key(key) => {
                    if !path.is_empty() {
                        path.push('.');
                    }
                    path.extend(
                        key.chars()
                            .take(MAX_PATH_CHARS)
                            .flat_map(char::escape_debug),
                    );
                }
            }
        }
        match path.char_indices().nth(MAX_PATH_CHARS) {
            Some((end, _)) => format!("{}...", &path[..end]),
            None => path,
        }
    }

    /// Adds the step from the enclosing map or array to the path.
    #[cold]
    pub(crate) fn inside(mut self, step: Step) -> Self {
        self.0.path.push(step);
        self
    }
}

impl From<ErrorKind> for Error {
    #[cold]
    fn from(kind: ErrorKind) -> Self {
        let path = Vec::new();
        Self(Box::new(Inner { kind, path }))
    }
}

impl From<Fault> for Error {
    #[cold]
    fn from(fault: Fault) -> Self {
        ErrorKind::Malformed(fault).into()
    }
}

impl std::error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind() {
            ErrorKind::NotAMap => return f.write_str("is not a map"),
            ErrorKind::Trailing => return f.write_str("goes on after the end of its map"),
            ErrorKind::TooDeep => {
                return write!(f, "is nested deeper than {MAX_DEPTH} levels");
            }
            ErrorKind::TooLong => return f.write_str("is longer in JSON than the limit"),
            ErrorKind::Malformed(fault) => write!(f, "is not valid msgpack: it {fault}")?,
            ErrorKind::KeyNotText => f.write_str("has a key that is not a text")?,
            ErrorKind::KeyNotUtf8 => f.write_str("has a key that is not UTF-8")?,
            ErrorKind::NotUtf8 => f.write_str("has a text that is not UTF-8")?,
            ErrorKind::NotFinite(number) => {
                write!(f, "has the number {number}, which JSON lacks,")?;
            }
            ErrorKind::Extension(kind) => {
                write!(f, "has an extension of type {kind}, which JSON lacks,")?;
            }
            ErrorKind::BadTimestamp => {
                f.write_str("has a timestamp that is malformed or outside of the years 0 to 9999")?;
            }
            ErrorKind::Unfit(reason) => f.write_str(reason)?,
            ErrorKind::UnknownColumn => {
                f.write_str("has a value that the plan does not declare")?;
            }
            ErrorKind::NoValue => f.write_str("has no value")?,
            ErrorKind::SecondValue => f.write_str("has a second value")?,
            ErrorKind::OtherType { found, expected } => {
                let article = match expected {
                    ColumnType::Int | ColumnType::Id => "an ",
                    ColumnType::Bytes | ColumnType::Text => "",
                    _ => "a ",
                };
                write!(f, "has {found} instead of {article}{expected}")?;
            }
        }
        match self.path() {
            path if path.is_empty() => Ok(()),
            path => write!(f, " in the field `{path}`"),
        }
    }
}
