//! The error of reading a field of an object.

use std::error::Error;
use std::fmt::{self, Display, Formatter};

use journal_msgpack::Fault;

/// A field of an object is missing or invalid.
///
/// A source may lack a field in all of its objects, which [`is_absent`](Self::is_absent) says.
///
/// In a closure of [`Batches::each`](crate::Batches::each) and its variants, `?` on this error rejects the record. The
/// message names the object type, the field, its offset and the reason.
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
// Boxed, to keep results without an error small.
#[derive(Clone, PartialEq, Eq)]
pub struct FieldError(Box<Inner>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Inner {
    object: &'static str,
    field: String,
    offset: usize,
    reason: Reason,
}

/// Why a field is invalid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The field is missing or nil.
    Missing,
    /// The field is missing, as it is from all objects of some sources.
    Absent,
    /// The field has another type.
    Kind {
        found: &'static str,
        expected: &'static str,
    },
    /// Its bytes are not msgpack, or end early.
    Malformed(Fault),
    /// It has the right type and an invalid value. Completes a sentence: `is not UTF-8`.
    Wrong(String),
}

impl FieldError {
    #[cold]
    pub(crate) fn new(offset: usize, reason: Reason) -> Self {
        Self(Box::new(Inner {
            object: "",
            field: String::new(),
            offset,
            reason,
        }))
    }

    #[cold]
    pub(crate) fn wrong(offset: usize, reason: impl Into<String>) -> Self {
        Self::new(offset, Reason::Wrong(reason.into()))
    }

    #[cold]
    pub(crate) fn missing(offset: usize) -> Self {
        Self::new(offset, Reason::Missing)
    }

    #[cold]
    pub(crate) fn absent(offset: usize) -> Self {
        Self::new(offset, Reason::Absent)
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

    /// The same error, in the item at this index of a list.
    #[cold]
    pub(crate) fn within_item(self, index: usize) -> Self {
        self.within(format_args!("[{index}]"))
    }

    /// The same error, in a value that starts at `offset` of an enclosing value.
    #[cold]
    pub(crate) fn within_value(mut self, offset: usize) -> Self {
        self.0.offset += offset;
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

    /// The field, such as `author.fullname` or `entries[3].perms`. Empty for the object as a whole.
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

    /// The offset of the field in the value, in bytes.
    ///
    /// ```
    /// use journal_plugin_sdk::Origin;
    ///
    /// let error = Origin::new(b"\x81\xa3url\x07").url().unwrap_err(); // {"url": 7}
    /// assert_eq!(error.offset(), 5);
    /// ```
    #[must_use]
    pub fn offset(&self) -> usize {
        self.0.offset
    }

    /// Whether the object does not have the field at all. In an export of the archive that is usual, and the object is
    /// intact: it has no `synthetic`, for example, and no `parents` where the operator leaves their table out. Records of
    /// the journal have these fields, so that one without them is damaged there.
    ///
    /// ```
    /// use journal_plugin_sdk::{FieldError, Revision};
    ///
    /// fn synthetic(revision: &Revision<'_>) -> Result<Option<bool>, FieldError> {
    ///     match revision.synthetic() {
    ///         Err(error) if error.is_absent() => Ok(None),
    ///         read => read.map(Some),
    ///     }
    /// }
    ///
    /// assert_eq!(synthetic(&Revision::new(b"\x80"))?, None); // {}
    /// assert!(synthetic(&Revision::new(b"\x81\xa9synthetic\x07")).is_err()); // {"synthetic": 7}
    /// # Ok::<(), FieldError>(())
    /// ```
    #[must_use]
    pub fn is_absent(&self) -> bool {
        self.0.reason == Reason::Absent
    }
}

impl Display for FieldError {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let Inner {
            object,
            field,
            offset,
            reason,
        } = &*self.0;
        if *reason == Reason::Absent {
            return write!(formatter, "this source has no `{field}` of the {object}");
        }
        match field.as_str() {
            "" => write!(formatter, "the {object}")?,
            field => write!(formatter, "`{field}` of the {object}")?,
        }
        match reason {
            Reason::Missing | Reason::Absent => return formatter.write_str(" is missing"),
            Reason::Kind { found, expected } => {
                let verb = if *expected == "bytes" { "are" } else { "is" };
                write!(formatter, " is {found} where {expected} {verb} expected")?;
            }
            Reason::Malformed(fault) => write!(formatter, " is not valid msgpack: it {fault}")?,
            Reason::Wrong(reason) => write!(formatter, " {reason}")?,
        }
        write!(formatter, " (byte {offset} of the value)")
    }
}

impl fmt::Debug for FieldError {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "FieldError({self})")
    }
}

impl Error for FieldError {}
