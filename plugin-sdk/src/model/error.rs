//! Why an object cannot be read.

use std::error::Error;
use std::fmt::{self, Display, Formatter};

use journal_msgpack::Fault;

/// A field of an object is not what it should be.
///
/// `?` on it in the closure of [`Batches::each`](crate::Batches::each) and its kin rejects the record, and
/// the operator reads what it says: the object type, the field, the place and the reason.
///
/// ```
/// use journal_plugin_sdk::Origin;
///
/// let value = b"\x81\xa3url\x07"; // {"url": 7}
/// let error = Origin::new(value).url().unwrap_err();
/// assert_eq!(error.field(), "url");
/// assert_eq!(
///     error.to_string(),
///     "`url` of the origin is an integer where a text is expected (byte 5 of the value)"
/// );
/// ```
// Boxed, so that the many results without an error stay small.
#[derive(Clone, PartialEq, Eq)]
pub struct FieldError(Box<Inner>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Inner {
    object: &'static str,
    field: String,
    place: usize,
    reason: Reason,
}

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The object has no such field, or nil there.
    Missing,
    /// It is of another kind.
    Kind {
        found: &'static str,
        expected: &'static str,
    },
    /// Its bytes are no msgpack, or end early.
    Malformed(Fault),
    /// It has the right kind and makes no sense; the rest of a sentence, such as `is not UTF-8`.
    Wrong(String),
}

impl FieldError {
    #[cold]
    pub(crate) fn new(place: usize, reason: Reason) -> Self {
        Self(Box::new(Inner {
            object: "",
            field: String::new(),
            place,
            reason,
        }))
    }

    #[cold]
    pub(crate) fn wrong(place: usize, reason: impl Into<String>) -> Self {
        Self::new(place, Reason::Wrong(reason.into()))
    }

    #[cold]
    pub(crate) fn missing(place: usize) -> Self {
        Self::new(place, Reason::Missing)
    }

    /// The same error, in the field of this name.
    #[cold]
    pub(crate) fn within(mut self, field: impl Display) -> Self {
        let inner = &mut self.0.field;
        *inner = match inner.as_str() {
            "" => field.to_string(),
            nested if nested.starts_with('[') => format!("{field}{nested}"),
            nested => format!("{field}.{nested}"),
        };
        self
    }

    /// The same error, in the item at this place of a list.
    #[cold]
    pub(crate) fn within_item(self, index: usize) -> Self {
        self.within(format_args!("[{index}]"))
    }

    /// The same error, in a value that begins at `place` of another one.
    #[cold]
    pub(crate) fn within_value(mut self, place: usize) -> Self {
        self.0.place += place;
        self
    }

    /// The same error, in an object of this type.
    #[cold]
    pub(crate) fn of(mut self, object: &'static str) -> Self {
        self.0.object = object;
        self
    }

    /// The object type, such as `revision`.
    ///
    /// ```
    /// use journal_plugin_sdk::Origin;
    ///
    /// let error = Origin::new(b"\x80").url().unwrap_err(); // {}
    /// assert_eq!(error.object_type(), "origin");
    /// ```
    #[must_use]
    pub fn object_type(&self) -> &str {
        self.0.object
    }

    /// The field, such as `author.fullname` or `entries[3].perms`; empty for the object as a whole.
    ///
    /// ```
    /// use journal_plugin_sdk::Origin;
    ///
    /// let error = Origin::new(b"\x80").url().unwrap_err(); // {}
    /// assert_eq!(error.field(), "url");
    /// ```
    #[must_use]
    pub fn field(&self) -> &str {
        &self.0.field
    }

    /// Where in the value, in bytes from its beginning.
    ///
    /// ```
    /// use journal_plugin_sdk::Origin;
    ///
    /// let error = Origin::new(b"\x81\xa3url\x07").url().unwrap_err(); // {"url": 7}
    /// assert_eq!(error.place(), 5);
    /// ```
    #[must_use]
    pub fn place(&self) -> usize {
        self.0.place
    }
}

impl Display for FieldError {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let Inner {
            object,
            field,
            place,
            reason,
        } = &*self.0;
        match field.as_str() {
            "" => write!(formatter, "the {object}")?,
            field => write!(formatter, "`{field}` of the {object}")?,
        }
        match reason {
            Reason::Missing => return formatter.write_str(" is missing"),
            Reason::Kind { found, expected } => {
                let verb = if *expected == "bytes" { "are" } else { "is" };
                write!(formatter, " is {found} where {expected} {verb} expected")?;
            }
            Reason::Malformed(fault) => write!(formatter, " is not valid msgpack: it {fault}")?,
            Reason::Wrong(reason) => write!(formatter, " {reason}")?,
        }
        write!(formatter, " (byte {place} of the value)")
    }
}

impl fmt::Debug for FieldError {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "FieldError({self})")
    }
}

impl Error for FieldError {}
