//! Lazy views of the journal's objects, borrowed from the batch.
//!
//! An object is a view of the msgpack of its record. An accessor walks the map up to its field and remembers the fields on
//! the way, so reading fields in the journal's order takes a single walk. Records in older formats of the journal give
//! the same objects as new ones.

mod check;
mod content;
mod decode;
mod directory;
mod each;
mod encode;
mod error;
mod extid;
mod extrinsic;
mod field;
mod fields;
mod identify;
mod items;
mod metadata;
mod object;
mod origin;
pub mod owned;
mod person;
mod raw;
mod reader;
mod release;
mod revision;
mod snapshot;
mod swhid;
mod time;
pub(crate) mod whole;

pub use content::{Content, ContentStatus, HashCollidingContent, SkippedContent};
pub use directory::{Directory, Entries, Entry, EntryType};
pub use error::FieldError;
pub use extid::ExtId;
pub use extrinsic::{AuthorityType, MetadataAuthority, MetadataFetcher, RawExtrinsicMetadata};
pub use identify::Verification;
pub use metadata::Metadata;
pub(crate) use object::Typed;
pub use origin::{Origin, OriginVisit, OriginVisitStatus, VisitStatus};
pub use raw::Raw;
pub use release::Release;
pub use revision::{ExtraHeaders, Parents, Revision, RevisionType};
pub use snapshot::{Branch, Branches, Snapshot, Target};
pub use whole::{ObjectRow, WholeObject};

use crate::Id;

/// An object of any type, returned by [`Record::object`](crate::Record::object).
///
/// ```
/// use journal_plugin_sdk::{Batches, Failure, Object, Out};
///
/// fn process(batches: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
///     let mut merges = 0;
///     batches.each(out, |record, _| {
///         if let Object::Revision(revision) = record.object()? {
///             let parents = revision.parents()?.collect::<Result<Vec<_>, _>>()?;
///             merges += u64::from(parents.len() > 1);
///         }
///         Ok(())
///     })
/// }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Object<'a> {
    /// A content.
    Content(Content<'a>),
    /// A content that the archive does not have.
    SkippedContent(SkippedContent<'a>),
    /// A content that shares a hash with another content.
    HashCollidingContent(HashCollidingContent<'a>),
    /// A directory.
    Directory(Directory<'a>),
    /// A revision.
    Revision(Revision<'a>),
    /// A release.
    Release(Release<'a>),
    /// A snapshot.
    Snapshot(Snapshot<'a>),
    /// An origin.
    Origin(Origin<'a>),
    /// A visit.
    OriginVisit(OriginVisit<'a>),
    /// The status of a visit at a point in time.
    OriginVisitStatus(OriginVisitStatus<'a>),
    /// An external identifier.
    ExtId(ExtId<'a>),
    /// A metadata authority: the source of metadata.
    MetadataAuthority(MetadataAuthority<'a>),
    /// A metadata fetcher: the tool that fetched metadata.
    MetadataFetcher(MetadataFetcher<'a>),
    /// Extrinsic metadata.
    RawExtrinsicMetadata(RawExtrinsicMetadata<'a>),
    /// An object of a type that this crate does not know.
    Other(Raw<'a>),
}

impl<'a> Object<'a> {
    /// A view of a value in the journal, with the given object type. Only the status of a content is read and checked,
    /// because old skipped contents are in the topic of contents.
    ///
    /// # Errors
    /// If the status of a content is invalid.
    ///
    /// ```
    /// use journal_plugin_sdk::{Object, owned};
    ///
    /// let value = owned::Origin::new().url("https://example.org").encode();
    /// let object = Object::new("origin", &value)?;
    /// assert!(matches!(object, Object::Origin(_)));
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    pub fn new(object_type: &str, value: &'a [u8]) -> Result<Self, FieldError> {
        Self::of_record(object_type, value, false)
    }

    pub(crate) fn of_record(
        object_type: &str,
        value: &'a [u8],
        privileged: bool,
    ) -> Result<Self, FieldError> {
        macro_rules! one_of {
            ($($object:ident)*) => {
                match object_type {
                    Content::OBJECT_TYPE => {
                        let content = Content::of_record(value, privileged);
                        match content.as_skipped()? {
                            Some(skipped) => Self::SkippedContent(skipped),
                            None => Self::Content(content),
                        }
                    }
                    $( $object::OBJECT_TYPE => Self::$object($object::of_record(value, privileged)), )*
                    _ => Self::Other(Raw::new(value)),
                }
            };
        }
        Ok(one_of! {
            SkippedContent HashCollidingContent Directory Revision Release Snapshot Origin OriginVisit
            OriginVisitStatus ExtId MetadataAuthority MetadataFetcher RawExtrinsicMetadata
        })
    }

    /// The identifier in the record, or, if it is missing, the one computed from the fields. For a content it is the
    /// `sha1_git`. `None` for objects without an identifier.
    ///
    /// # Errors
    /// If the field is invalid.
    ///
    /// ```
    /// use journal_plugin_sdk::{Id, Object, owned};
    ///
    /// let value = owned::Origin::new().id(Id([7; 20])).encode();
    /// assert_eq!(Object::new("origin", &value)?.id()?, Some(Id([7; 20])));
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    pub fn id(&self) -> Result<Option<Id>, FieldError> {
        match self {
            Self::Content(content) => content.sha1_git().map(Some),
            Self::SkippedContent(content) => content.sha1_git(),
            Self::HashCollidingContent(content) => content.sha1_git().map(Some),
            Self::Directory(directory) => directory.id().map(Some),
            Self::Revision(revision) => revision.id().map(Some),
            Self::Release(release) => release.id().map(Some),
            Self::Snapshot(snapshot) => snapshot.id().map(Some),
            Self::Origin(origin) => origin.id().map(Some),
            Self::ExtId(extid) => extid.id().map(Some),
            Self::RawExtrinsicMetadata(metadata) => metadata.id().map(Some),
            Self::OriginVisit(_)
            | Self::OriginVisitStatus(_)
            | Self::MetadataAuthority(_)
            | Self::MetadataFetcher(_)
            | Self::Other(_) => Ok(None),
        }
    }

    /// Checks every field of the object without copying it. Of an unknown object type it checks only that the value is
    /// valid msgpack.
    ///
    /// # Errors
    /// If a field is invalid, or if more bytes follow the object.
    ///
    /// ```
    /// use journal_plugin_sdk::{Object, owned};
    ///
    /// let value = owned::Origin::new().url("https://example.org").encode();
    /// Object::new("origin", &value)?.check()?;
    /// assert!(Object::new("origin", &value[..9])?.check().is_err());
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    pub fn check(&self) -> Result<(), FieldError> {
        match self {
            Self::Content(content) => content.check(),
            Self::SkippedContent(content) => content.check(),
            Self::HashCollidingContent(content) => content.check(),
            Self::Directory(directory) => directory.check(),
            Self::Revision(revision) => revision.check(),
            Self::Release(release) => release.check(),
            Self::Snapshot(snapshot) => snapshot.check(),
            Self::Origin(origin) => origin.check(),
            Self::OriginVisit(visit) => visit.check(),
            Self::OriginVisitStatus(status) => status.check(),
            Self::ExtId(extid) => extid.check(),
            Self::MetadataAuthority(authority) => authority.check(),
            Self::MetadataFetcher(fetcher) => fetcher.check(),
            Self::RawExtrinsicMetadata(metadata) => metadata.check(),
            Self::Other(raw) => raw.check(),
        }
    }

    /// Compares the identifier of the object with the one computed from its fields.
    ///
    /// # Errors
    /// If a field that the identifier is computed from is invalid.
    ///
    /// ```
    /// use journal_plugin_sdk::{Object, Verification, owned};
    ///
    /// let value = owned::Origin::new().url("https://example.org").encode();
    /// assert_eq!(Object::new("origin", &value)?.verify()?, Verification::Intact);
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    pub fn verify(&self) -> Result<Verification, FieldError> {
        match self {
            Self::HashCollidingContent(content) => content.verify(),
            Self::Directory(directory) => directory.verify(),
            Self::Revision(revision) => revision.verify(),
            Self::Release(release) => release.verify(),
            Self::Snapshot(snapshot) => snapshot.verify(),
            Self::Origin(origin) => origin.verify(),
            Self::ExtId(extid) => extid.verify(),
            Self::RawExtrinsicMetadata(metadata) => metadata.verify(),
            Self::Content(_)
            | Self::SkippedContent(_)
            | Self::OriginVisit(_)
            | Self::OriginVisitStatus(_)
            | Self::MetadataAuthority(_)
            | Self::MetadataFetcher(_)
            | Self::Other(_) => Ok(Verification::WithoutIdentifier),
        }
    }
}

#[cfg(test)]
mod tests;
