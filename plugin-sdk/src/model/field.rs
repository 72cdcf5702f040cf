//! Reads fields of the common types.

use journal_msgpack::Head;

use super::error::FieldError;
use super::reader::{Reader, unexpected};
use crate::{Bytes, Id};

/// A type that a field can be read as.
pub(crate) trait Field<'a>: Sized {
    /// Reads the value.
    fn read(reader: &mut Reader<'a>) -> Result<Self, FieldError>;

    /// The value of a missing field; `None` if the field is required.
    fn absent() -> Option<Self> {
        None
    }
}

impl<'a, T: Field<'a>> Field<'a> for Option<T> {
    #[inline]
    fn read(reader: &mut Reader<'a>) -> Result<Self, FieldError> {
        if reader.nil() {
            return Ok(None);
        }
        T::read(reader).map(Some)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

impl<'a> Field<'a> for &'a [u8] {
    #[inline]
    fn read(reader: &mut Reader<'a>) -> Result<Self, FieldError> {
        reader.bytes()
    }
}

impl<'a> Field<'a> for Bytes<'a> {
    /// Old records have texts instead of bytes in some fields.
    #[inline]
    fn read(reader: &mut Reader<'a>) -> Result<Self, FieldError> {
        bytes_or_text(reader).map(Bytes::from)
    }
}

impl<'a> Field<'a> for &'a str {
    #[inline]
    fn read(reader: &mut Reader<'a>) -> Result<Self, FieldError> {
        reader.text()
    }
}

impl Field<'_> for bool {
    #[inline]
    fn read(reader: &mut Reader<'_>) -> Result<Self, FieldError> {
        let offset = reader.offset();
        match reader.head()? {
            Head::Bool(value) => Ok(value),
            other => Err(unexpected(offset, other, "a boolean")),
        }
    }
}

impl Field<'_> for i64 {
    #[inline]
    fn read(reader: &mut Reader<'_>) -> Result<Self, FieldError> {
        match reader.short_uint() {
            Some(value) => Ok(value.into()),
            None => any_integer(reader),
        }
    }
}

fn any_integer(reader: &mut Reader<'_>) -> Result<i64, FieldError> {
    let offset = reader.offset();
    match reader.head()? {
        Head::Uint(value) => i64::try_from(value)
            .map_err(|_| FieldError::wrong(offset, format!("is {value}, which is too large"))),
        Head::Int(value) => Ok(value),
        // The journal's encoding of integers that do not fit into 64 bits.
        Head::Ext(1 | 2, _) => Err(FieldError::wrong(offset, "does not fit into 64 bits")),
        other => Err(unexpected(offset, other, "an integer")),
    }
}

impl Field<'_> for u64 {
    #[inline]
    fn read(reader: &mut Reader<'_>) -> Result<Self, FieldError> {
        unsigned(reader)
    }
}

impl Field<'_> for u32 {
    #[inline]
    fn read(reader: &mut Reader<'_>) -> Result<Self, FieldError> {
        unsigned(reader)
    }
}

#[inline]
fn unsigned<T: TryFrom<i64>>(reader: &mut Reader<'_>) -> Result<T, FieldError> {
    let offset = reader.offset();
    let value = i64::read(reader)?;
    T::try_from(value).map_err(|_| out_of_range(offset, value))
}

#[cold]
fn out_of_range(offset: usize, value: i64) -> FieldError {
    FieldError::wrong(offset, format!("is {value}, which is out of range"))
}

impl<'a, const SIZE: usize> Field<'a> for &'a [u8; SIZE] {
    #[inline]
    fn read(reader: &mut Reader<'a>) -> Result<Self, FieldError> {
        let offset = reader.offset();
        let bytes = reader.bytes()?;
        bytes
            .try_into()
            .map_err(|_| wrong_length(offset, bytes.len(), SIZE))
    }
}

#[cold]
fn wrong_length(offset: usize, length: usize, expected: usize) -> FieldError {
    let reason = format!("has {length} bytes where {expected} are expected");
    FieldError::wrong(offset, reason)
}

impl Field<'_> for Id {
    #[inline]
    fn read(reader: &mut Reader<'_>) -> Result<Self, FieldError> {
        <&[u8; 20]>::read(reader).map(|bytes| Self(*bytes))
    }
}

#[inline]
pub(crate) fn bytes_or_text<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], FieldError> {
    if let Some(bytes) = reader.short_bytes() {
        return Ok(bytes);
    }
    let offset = reader.offset();
    match reader.head()? {
        Head::Bin(length) | Head::Str(length) => reader.take(length),
        other => Err(unexpected(offset, other, "bytes")),
    }
}

/// Declares an enum for a field with a fixed set of texts.
macro_rules! choice {
    (
        $(#[$about:meta])*
        $choice:ident: $what:literal {
            $( $(#[$variant_about:meta])* $variant:ident = $text:literal, )*
        }
    ) => {
        $(#[$about])*
        ///
        /// It is printed and serialized as its name in the journal.
        ///
        /// ```
        #[doc = concat!("use journal_plugin_sdk::", stringify!($choice), ";")]
        #[doc = concat!("for choice in ", stringify!($choice), "::ALL {")]
        ///     println!("{choice}");
        /// }
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $choice {
            $( $(#[$variant_about])* $variant, )*
        }

        impl $choice {
            /// All values.
            ///
            /// ```
            #[doc = concat!("assert!(!journal_plugin_sdk::", stringify!($choice), "::ALL.is_empty());")]
            /// ```
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Its name in the journal.
            ///
            /// ```
            #[doc = concat!("let first = journal_plugin_sdk::", stringify!($choice), "::ALL[0];")]
            /// assert_eq!(first.as_str(), first.to_string());
            /// ```
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $( Self::$variant => $text, )*
                }
            }
        }

        impl ::std::fmt::Display for $choice {
            fn fmt(&self, formatter: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                formatter.pad(self.as_str())
            }
        }

        impl ::serde::Serialize for $choice {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> ::std::result::Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl $crate::model::field::Field<'_> for $choice {
            #[inline]
            fn read(
                reader: &mut $crate::model::reader::Reader<'_>,
            ) -> ::std::result::Result<Self, $crate::model::error::FieldError> {
                $({
                    const ENCODED: [u8; $text.len() + 1] = $crate::model::object::encoded($text);
                    if reader.pass(&ENCODED) {
                        return Ok(Self::$variant);
                    }
                })*
                // A writer may encode the length of a text in more bytes than necessary.
                let offset = reader.offset();
                match reader.text()? {
                    $( $text => Ok(Self::$variant), )*
                    other => Err($crate::model::field::no_choice(offset, other, $what)),
                }
            }
        }
    };
}
pub(crate) use choice;

#[cold]
pub(crate) fn no_choice(offset: usize, found: &str, what: &str) -> FieldError {
    // Cut, because it may be as large as a record.
    const MOST_CHARS: usize = 40;
    let shown: String = found.chars().take(MOST_CHARS).collect();
    FieldError::wrong(offset, format!("is `{shown}`, which is not a known {what}"))
}
