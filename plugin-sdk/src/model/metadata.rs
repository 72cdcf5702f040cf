//! Free-form metadata, as in revisions, releases and visit statuses.

use std::borrow::Cow;

use journal_msgpack::Head;
use serde::Serialize;

use super::error::FieldError;
use super::field::Field;
use super::raw::Raw;
use super::reader::{Reader, unexpected};

/// A map of free-form metadata.
///
/// ```
/// use journal_plugin_sdk::{Metadata, Release, owned};
///
/// let value = owned::Release::new()
///     .metadata(&[("license", "MIT")].into_iter().collect::<std::collections::BTreeMap<_, _>>())?
///     .encode();
/// let metadata = Release::new(&value).metadata()?.expect("it was set");
/// assert_eq!(metadata.get("license").map(|raw| raw.decode()), Some(Ok("MIT")));
/// # Ok::<(), journal_plugin_sdk::FieldError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata<'a>(Cow<'a, [u8]>);

impl Metadata<'_> {
    /// The map as a value, to search or decode.
    ///
    /// ```
    /// # use journal_plugin_sdk::{Release, owned};
    /// # let value = owned::Release::default().encode();
    /// if let Some(metadata) = Release::new(&value).metadata()? {
    ///     let author: Option<&str> = metadata.as_raw().get("author").map(|raw| raw.decode()).transpose()?;
    /// }
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    #[must_use]
    pub fn as_raw(&self) -> Raw<'_> {
        Raw::new(&self.0)
    }

    /// The value of a key, if there is one.
    ///
    /// ```
    /// # use journal_plugin_sdk::{Release, owned};
    /// # let value = owned::Release::default().encode();
    /// if let Some(metadata) = Release::new(&value).metadata()? {
    ///     let license = metadata.get("license");
    /// }
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Raw<'_>> {
        self.as_raw().get(key)
    }

    /// The same metadata, owned.
    ///
    /// ```
    /// # use journal_plugin_sdk::{Release, owned};
    /// # let value = owned::Release::default().encode();
    /// let kept = Release::new(&value).metadata()?.map(|metadata| metadata.into_owned());
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    #[must_use]
    pub fn into_owned(self) -> Metadata<'static> {
        Metadata(Cow::Owned(self.0.into_owned()))
    }

    /// Metadata from anything that serializes to a map.
    pub(crate) fn of<M: Serialize + ?Sized>(metadata: &M) -> Result<Self, FieldError> {
        let wrong = |reason: String| FieldError::wrong(0, reason).within("metadata").of("object");
        let map = rmp_serde::to_vec_named(metadata)
            .map_err(|error| wrong(format!("cannot be serialized: {error}")))?;
        if !matches!(Reader::at(&map, 0).head()?, Head::Map(_)) {
            return Err(wrong("is not a map".to_owned()));
        }
        Ok(Self::from_msgpack(map))
    }

    pub(crate) fn from_msgpack(map: Vec<u8>) -> Self {
        Self(Cow::Owned(map))
    }

    /// The map without one of its keys.
    #[cold]
    pub(crate) fn without(&self, key: &str) -> Result<Self, FieldError> {
        let mut reader = Reader::at(&self.0, 0);
        let pairs = reader.map()?;
        let (mut kept, mut rest) = (0, Vec::with_capacity(self.0.len()));
        for _ in 0..pairs {
            let start = reader.offset();
            let found = reader.key()? == Some(key.as_bytes());
            reader.skip()?;
            if !found {
                kept += 1;
                rest.extend_from_slice(reader.since(start));
            }
        }
        let mut map = Vec::with_capacity(rest.len() + 5);
        super::encode::map(&mut map, kept);
        map.extend_from_slice(&rest);
        Ok(Self::from_msgpack(map))
    }
}

impl<'a> Field<'a> for Metadata<'a> {
    #[inline]
    fn read(reader: &mut Reader<'a>) -> Result<Self, FieldError> {
        let offset = reader.offset();
        match reader.peek()? {
            Head::Map(_) => Raw::read(reader).map(|raw| Self(Cow::Borrowed(raw.as_msgpack()))),
            other => Err(unexpected(offset, other, "a map")),
        }
    }
}

/// A reader at the extra headers that old records keep in the metadata. `reader` skips the metadata.
pub(crate) fn extra_headers<'a>(reader: &mut Reader<'a>) -> Result<Option<Reader<'a>>, FieldError> {
    if reader.nil() {
        return Ok(None);
    }
    let mut found = None;
    for _ in 0..reader.map()? {
        if reader.key()? == Some(b"extra_headers") {
            found = Some(*reader);
        }
        reader.skip()?;
    }
    Ok(found)
}
