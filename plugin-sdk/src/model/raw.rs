//! Values without a known type.

use journal_msgpack::Head;
use serde::Deserialize;

use super::error::FieldError;
use super::field::Field;
use super::reader::Reader;

/// Any msgpack value, such as metadata or an object of an unknown type.
///
/// ```
/// use journal_plugin_sdk::Raw;
///
/// let value = Raw::new(b"\x81\xa5title\xa3GNU"); // {"title": "GNU"}
/// let title = value.get("title").unwrap();
/// assert_eq!(title.decode::<&str>()?, "GNU");
/// # Ok::<(), journal_plugin_sdk::FieldError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raw<'a>(&'a [u8]);

impl<'a> Raw<'a> {
    /// A view of a msgpack value. Nothing is checked yet.
    ///
    /// ```
    /// use journal_plugin_sdk::Raw;
    ///
    /// assert_eq!(Raw::new(b"\x01").decode::<u32>()?, 1);
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    #[must_use]
    pub fn new(msgpack: &'a [u8]) -> Self {
        Self(msgpack)
    }

    /// The value as msgpack.
    ///
    /// ```
    /// assert_eq!(journal_plugin_sdk::Raw::new(b"\x01").as_msgpack(), b"\x01");
    /// ```
    #[must_use]
    pub fn as_msgpack(&self) -> &'a [u8] {
        self.0
    }

    /// Whether it is nil.
    ///
    /// ```
    /// assert!(journal_plugin_sdk::Raw::new(b"\xc0").is_nil());
    /// ```
    #[must_use]
    pub fn is_nil(&self) -> bool {
        self.0 == [0xc0]
    }

    /// The value of this key, if this is a map that has the key.
    ///
    /// ```
    /// let map = journal_plugin_sdk::Raw::new(b"\x81\xa1a\x01"); // {"a": 1}
    /// assert!(map.get("a").is_some());
    /// assert!(map.get("b").is_none());
    /// ```
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Raw<'a>> {
        let mut reader = Reader::at(self.0, 0);
        let Head::Map(pairs) = reader.head().ok()? else {
            return None;
        };
        for _ in 0..pairs {
            let found = reader.key().ok()? == Some(key.as_bytes());
            let start = reader.offset();
            reader.skip().ok()?;
            if found {
                return Some(Self(reader.since(start)));
            }
        }
        None
    }

    /// Checks that the bytes are exactly one value.
    pub(in crate::model) fn check(&self) -> Result<(), FieldError> {
        let mut reader = Reader::at(self.0, 0);
        let checked = reader.skip().and_then(|()| match reader.offset() {
            end if end == self.0.len() => Ok(()),
            end => Err(FieldError::wrong(end, "continues after its end")),
        });
        checked.map_err(|error| error.of("value"))
    }

    /// Decodes the value with serde. `T` may borrow from the batch.
    ///
    /// # Errors
    /// If the value is not a `T`.
    ///
    /// ```
    /// use journal_plugin_sdk::Raw;
    ///
    /// assert_eq!(Raw::new(b"\x92\x01\x02").decode::<Vec<u8>>()?, [1, 2]);
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    pub fn decode<T: Deserialize<'a>>(&self) -> Result<T, FieldError> {
        rmp_serde::from_slice(self.0).map_err(|error| {
            FieldError::wrong(0, format!("cannot be decoded: {error}")).of("value")
        })
    }
}

impl<'a> Field<'a> for Raw<'a> {
    #[inline]
    fn read(reader: &mut Reader<'a>) -> Result<Self, FieldError> {
        let start = reader.offset();
        reader.skip()?;
        Ok(Self(reader.since(start)))
    }
}
