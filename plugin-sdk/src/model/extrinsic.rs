//! Metadata that comes from outside of the source code.

use super::error::FieldError;
use super::field::{Field, choice};
use super::identify::identified;
use super::metadata::Metadata;
use super::object::object;
use super::raw::Raw;
use super::reader::Reader;
use crate::{ExtendedObjectKind, ExtendedSwhid, Swhid, Timestamp};

object! {
    /// Who metadata comes from.
    ///
    /// ```
    /// use journal_plugin_sdk::{MetadataAuthority, owned};
    ///
    /// let value = owned::MetadataAuthority::new().url("https://example.org").encode();
    /// assert_eq!(MetadataAuthority::new(&value).url()?, "https://example.org");
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    MetadataAuthority("metadata_authority", "metadata authority"), fields AuthorityPlace {
        /// What kind of authority it is: the field `type`.
        authority_type = "type": AuthorityType;
        /// Its URL.
        url = "url": &'a str;
        /// What else is known of it.
        metadata = "metadata": Option<Metadata<'a>>;
    }
}

object! {
    /// The tool that fetched metadata.
    ///
    /// ```
    /// use journal_plugin_sdk::{MetadataFetcher, owned};
    ///
    /// let value = owned::MetadataFetcher::new().name("loader").version("1.0").encode();
    /// assert_eq!(MetadataFetcher::new(&value).version()?, "1.0");
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    MetadataFetcher("metadata_fetcher", "metadata fetcher"), fields FetcherPlace {
        /// Its name.
        name = "name": &'a str;
        /// Its version.
        version = "version": &'a str;
        /// What else is known of it.
        metadata = "metadata": Option<Metadata<'a>>;
    }
}

object! {
    /// Metadata on an object, from outside of it, as it was fetched.
    ///
    /// ```
    /// use journal_plugin_sdk::{RawExtrinsicMetadata, owned};
    ///
    /// let value = owned::RawExtrinsicMetadata::new().format("json").metadata("{}").encode();
    /// assert_eq!(RawExtrinsicMetadata::new(&value).metadata()?, b"{}");
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    RawExtrinsicMetadata("raw_extrinsic_metadata", "raw extrinsic metadata"), fields Place {
        target = "target";
        discovery_date = "discovery_date";
        /// Who it comes from.
        authority = "authority": MetadataAuthority<'a>;
        /// What fetched it.
        fetcher = "fetcher": MetadataFetcher<'a>;
        /// Which format it has.
        format = "format": &'a str;
        /// The metadata itself.
        metadata = "metadata": &'a [u8];
        id = "id";
        /// The URL of the origin in whose context it holds, where there is one.
        origin = "origin": Option<&'a str>;
        /// The visit in whose context it holds, where there is one.
        visit = "visit": Option<i64>;
        /// The snapshot in whose context it holds, where there is one.
        snapshot = "snapshot": Option<Swhid>;
        /// The release in whose context it holds, where there is one.
        release = "release": Option<Swhid>;
        /// The revision in whose context it holds, where there is one.
        revision = "revision": Option<Swhid>;
        /// The directory in whose context it holds, where there is one.
        directory = "directory": Option<Swhid>;
        /// The path in whose context it holds, where there is one.
        path = "path": Option<&'a [u8]>;
        old_type = "type";
    }
}

choice! {
    /// What kind of authority metadata comes from.
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
    /// What the metadata is on.
    ///
    /// # Errors
    /// When the field has another type or makes no sense, or is missing where it has to be.
    ///
    /// ```
    /// # use journal_plugin_sdk::{RawExtrinsicMetadata, owned};
    /// # let value = owned::RawExtrinsicMetadata::default().encode();
    /// println!("{}", RawExtrinsicMetadata::new(&value).target()?);
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    pub fn target(&self) -> Result<ExtendedSwhid, FieldError> {
        let target = self.read_with(Place::target, Field::read);
        let Err(error) = target else {
            return target?.ok_or_else(|| self.missing(Place::target));
        };
        // Old records have a type, and where that is an origin the target is its URL. Most records have none,
        // and would be walked to their end for it.
        let old_type = self.read_with(Place::old_type, Option::<&str>::read)?;
        if old_type.flatten() != Some("origin") {
            return Err(error);
        }
        let url = self.read_with(Place::target, Reader::text)?;
        let id = crate::hash::sha1(url.unwrap_or_default().as_bytes());
        Ok(ExtendedSwhid::new(ExtendedObjectKind::Origin, id))
    }

    /// When it was found, in whole seconds, which are all that its identifier holds.
    ///
    /// # Errors
    /// When the field has another type or makes no sense, or is missing where it has to be.
    ///
    /// ```
    /// # use journal_plugin_sdk::{RawExtrinsicMetadata, owned};
    /// # let value = owned::RawExtrinsicMetadata::default().encode();
    /// assert_eq!(RawExtrinsicMetadata::new(&value).discovery_date()?.seconds(), 0);
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    pub fn discovery_date(&self) -> Result<Timestamp, FieldError> {
        let date = self.read_with(Place::discovery_date, Timestamp::read)?;
        date.map(Timestamp::whole_seconds)
            .ok_or_else(|| self.missing(Place::discovery_date))
    }
}

impl<'a> RawExtrinsicMetadata<'a> {
    /// Reads of the authority. What is wrong in it is wrong in this object, and is told so.
    pub(in crate::model) fn of_authority<T>(
        &self,
        read: impl FnOnce(&MetadataAuthority<'a>) -> Result<T, FieldError>,
    ) -> Result<T, FieldError> {
        self.of_part(Place::authority, read)
    }

    /// Reads of the fetcher, as [`of_authority`](Self::of_authority) does.
    pub(in crate::model) fn of_fetcher<T>(
        &self,
        read: impl FnOnce(&MetadataFetcher<'a>) -> Result<T, FieldError>,
    ) -> Result<T, FieldError> {
        self.of_part(Place::fetcher, read)
    }

    fn of_part<P: Field<'a>, T>(
        &self,
        place: Place,
        read: impl FnOnce(&P) -> Result<T, FieldError>,
    ) -> Result<T, FieldError> {
        let part = self.read_with(place, |reader| {
            let begin = reader.place();
            P::read(reader).map(|part| (begin, part))
        })?;
        let (begin, part) = part.ok_or_else(|| self.missing(place))?;
        read(&part).map_err(|error| {
            let name = Self::NAMES.fields[place as usize].text;
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
    let place = reader.place();
    reader
        .text()?
        .parse()
        .map_err(|error| FieldError::wrong(place, format!("is no SWHID: {error}")))
}

identified!(RawExtrinsicMetadata("raw extrinsic metadata"), Place);
