//! Why a row has no JSON.

use std::fmt;

use journal_msgpack::Fault;

use crate::MAX_DEPTH;

/// Characters of a field's path that a message shows.
const MAX_PATH_CHARS: usize = 200;

/// Why a row has no JSON. Its text is the rest of a sentence about the row, such as `is not a map`.
// In a box, so that the many calls that succeed answer with a single word.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    /// The path of the field, from the inside out.
    path: Vec<Step>,
}

#[derive(Debug)]
pub(crate) enum Step {
    Key(String),
    Index(u32),
}

/// What is wrong with a row.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// It is another value than a map.
    NotAMap,
    /// It is not msgpack, or ends early.
    Malformed(Fault),
    /// Bytes follow after the map.
    Trailing,
    /// Maps and arrays are nested deeper than [`MAX_DEPTH`].
    TooDeep,
    /// A map has a key that is not a string.
    KeyNotText,
    /// A map has a key that is not UTF-8.
    KeyNotUtf8,
    /// A string is not UTF-8.
    NotUtf8,
    /// JSON has no such number.
    NotFinite(f64),
    /// An extension other than a timestamp.
    Extension(i8),
    /// A timestamp of another length, with a billion nanoseconds or more, or outside of the years 0 to 9999.
    BadTimestamp,
    /// Its JSON is longer than the limit.
    TooLong,
}

impl Error {
    /// What is wrong.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The path of the field that it is wrong with, such as `author.dates[2]`; empty for the row itself. Control
    /// characters are escaped, and a long path is cut.
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

    /// The same, seen from the map or array around it.
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
        }
        match self.path() {
            path if path.is_empty() => Ok(()),
            path => write!(f, " in the field `{path}`"),
        }
    }
}
