//! Extrinsic metadata, its authorities and its fetchers.

use super::error::FieldError;
use super::field::{Field, choice};
use super::identify::identified;
use super::metadata::Metadata;
use super::object::object;
use super::raw::Raw;
use super::reader::Reader;
use crate::{ExtendedObjectKind, ExtendedSwhid, Swhid, Timestamp};

object! {
    /// A metadata authority: the source of metadata.
    ///
    /// ```
    /// use journal_plugin_sdk::{MetadataAuthority, owned};
    ///
    /// let value = owned::MetadataAuthority::new().url("https://example.org").encode();
    /// assert_eq!(MetadataAuthority::new(&value).url()?, "https://example.org");
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    MetadataAuthority("metadata_authority", "metadata authority"), fields AuthorityFieldIndex {
        /// The type of the authority: the field `type`.
        authority_type = "type": AuthorityType;
        /// Its URL.
        url = "url": &'a str;
        /// More information about it.
        metadata = "metadata": Option<Metadata<'a>>;
    }
}

object! {
    /// A metadata fetcher: the tool that fetched metadata.
    ///
    /// ```
    /// use journal_plugin_sdk::{MetadataFetcher, owned};
    ///
    /// let value = owned::MetadataFetcher::new().name("loader").version("1.0").encode();
    /// assert_eq!(MetadataFetcher::new(&value).version()?, "1.0");
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    MetadataFetcher("metadata_fetcher", "metadata fetcher"), fields FetcherFieldIndex {
        /// Its name.
        name = "name": &'a str;
        /// Its version.
        version = "version": &'a str;
        /// More information about it.
        metadata = "metadata": Option<Metadata<'a>>;
    }
}

object! {
    /// Extrinsic metadata: metadata about an object that is not part of it.
    ///
    /// ```
    /// use journal_plugin_sdk::{RawExtrinsicMetadata, owned};
    ///
    /// let value = owned::RawExtrinsicMetadata::new().format("json").metadata("{}").encode();
    /// assert_eq!(RawExtrinsicMetadata::new(&value).metadata()?, b"{}");
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    RawExtrinsicMetadata("raw_extrinsic_metadata", "raw extrinsic metadata"), fields FieldIndex {
        target = "target";
        discovery_date = "discovery_date";
        /// The authority that it comes from.
        authority = "authority": MetadataAuthority<'a>;
        /// The fetcher.
        fetcher = "fetcher": MetadataFetcher<'a>;
        /// The format of the metadata.
        format = "format": &'a str;
        /// The metadata itself.
        metadata = "metadata": &'a [u8];
        id = "id";
        /// The URL of the origin that the metadata was found in, if there is one.
        origin = "origin": Option<&'a str>;
        /// The visit that the metadata was found in, if there is one.
        visit = "visit": Option<i64>;
        /// The snapshot that the metadata was found in, if there is one.
        snapshot = "snapshot": Option<Swhid>;
        /// The release that the metadata was found in, if there is one.
        release = "release": Option<Swhid>;
        /// The revision that the metadata was found in, if there is one.
        revision = "revision": Option<Swhid>;
        /// The directory that the metadata was found in, if there is one.
        directory = "directory": Option<Swhid>;
        /// The path that the metadata was found in, if there is one.
        path = "path": Option<&'a [u8]>;
        old_type = "type";
    }
}

choice! {
    /// The type of a metadata authority.
    AuthorityType: "type of a metadata authority" {
        /// Someone who deposits software.
        DepositClient = "deposit_client",
        /// A forge.
        Forge = "forge",
        /// A registry.
        Registry = "registry",
    }
}

impl RawExtrinsicMetadata<'_> {
    /// The object that the metadata is about.
    ///
    /// # Errors
    /// If the field is missing, or has another type or an invalid value.
    ///
    /// ```
    /// # use journal_plugin_sdk::{RawExtrinsicMetadata, owned};
    /// # let value = owned::RawExtrinsicMetadata::default().encode();
    /// println!("{}", RawExtrinsicMetadata::new(&value).target()?);
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    pub fn target(&self) -> Result<ExtendedSwhid, FieldError> {
        let target = self.read_with(FieldIndex::target, Field::read);
        let Err(error) = target else {
            return target?.ok_or_else(|| self.missing(FieldIndex::target));
        };
        // Old records have a type. If it is an origin, the target is a URL. Most records have no type, and looking for it
        // would walk to their end.
        let old_type = self.read_with(FieldIndex::old_type, Option::<&str>::read)?;
        if old_type.flatten() != Some("origin") {
            return Err(error);
        }
        let url = self.read_with(FieldIndex::target, Reader::text)?;
        let id = crate::hash::sha1(url.unwrap_or_default().as_bytes());
        Ok(ExtendedSwhid::new(ExtendedObjectKind::Origin, id))
    }

    /// When the metadata was found, in whole seconds, which is the precision of the identifier.
    ///
    /// # Errors
    /// If the field is missing, or has another type or an invalid value.
    ///
    /// ```
    /// # use journal_plugin_sdk::{RawExtrinsicMetadata, owned};
    /// # let value = owned::RawExtrinsicMetadata::default().encode();
    /// assert_eq!(RawExtrinsicMetadata::new(&value).discovery_date()?.seconds(), 0);
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    pub fn discovery_date(&self) -> Result<Timestamp, FieldError> {
        let date = self.read_with(FieldIndex::discovery_date, Timestamp::read)?;
        date.map(Timestamp::whole_seconds)
            .ok_or_else(|| self.missing(FieldIndex::discovery_date))
    }
}

impl<'a> RawExtrinsicMetadata<'a> {
    /// Reads from the authority. Its errors name the field within this object.
    pub(in crate::model) fn of_authority<T>(
        &self,
        read: impl FnOnce(&MetadataAuthority<'a>) -> Result<T, FieldError>,
    ) -> Result<T, FieldError> {
        self.of_part(FieldIndex::authority, read)
    }

    /// Reads from the fetcher, as [`of_authority`](Self::of_authority) does.
    pub(in crate::model) fn of_fetcher<T>(
        &self,
        read: impl FnOnce(&MetadataFetcher<'a>) -> Result<T, FieldError>,
    ) -> Result<T, FieldError> {
        self.of_part(FieldIndex::fetcher, read)
    }

    fn of_part<P: Field<'a>, T>(
        &self,
        offset: FieldIndex,
        read: impl FnOnce(&P) -> Result<T, FieldError>,
    ) -> Result<T, FieldError> {
        let part = self.read_with(offset, |reader| {
            let begin = reader.offset();
            P::read(reader).map(|part| (begin, part))
        })?;
        let (begin, part) = part.ok_or_else(|| self.missing(offset))?;
        read(&part).map_err(|error| {
            let name = Self::NAMES.fields[offset as usize].text;
            let error = error.within_value(begin).within(name);
            error.of("raw extrinsic metadata")
        })
    }
}

impl<'a> Field<'a> for MetadataAuthority<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, FieldError> {
        Raw::read(reader).map(|raw| Self::new(raw.as_msgpack()))
    }
}

impl<'a> Field<'a> for MetadataFetcher<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, FieldError> {
        Raw::read(reader).map(|raw| Self::new(raw.as_msgpack()))
    }
}

impl Field<'_> for Swhid {
    fn read(reader: &mut Reader<'_>) -> Result<Self, FieldError> {
        parsed(reader)
    }
}

impl Field<'_> for ExtendedSwhid {
    fn read(reader: &mut Reader<'_>) -> Result<Self, FieldError> {
        parsed(reader)
    }
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(
    reader: &mut Reader<'_>,
) -> Result<T, FieldError> {
    let offset = reader.offset();
    reader
        .text()?
        .parse()
        .map_err(|error| FieldError::wrong(offset, format!("is not a SWHID: {error}")))
}

identified!(RawExtrinsicMetadata("raw extrinsic metadata"), FieldIndex);
