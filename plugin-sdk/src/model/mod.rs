//! The objects of the journal, borrowed from the batch and read lazily.
//!
//! An object is a view on the msgpack of its record. An accessor walks the map as far as its field and no
//! further, and what one accessor has passed the next one finds at once, so reading in the journal's own
//! order costs a single walk. Old records, in the forms that the journal has had before, give the same
//! objects as new ones.

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

use crate::Id;

/// An object of any type; made by [`Record::object`](crate::Record::object).
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
    /// A content that shares a hash with another content of other bytes.
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
    /// The status of a visit: how far it had come at one time.
    OriginVisitStatus(OriginVisitStatus<'a>),
    /// An identifier from elsewhere.
    ExtId(ExtId<'a>),
    /// Who metadata comes from.
    MetadataAuthority(MetadataAuthority<'a>),
    /// The tool that fetched metadata.
    MetadataFetcher(MetadataFetcher<'a>),
    /// Metadata from outside.
    RawExtrinsicMetadata(RawExtrinsicMetadata<'a>),
    /// An object of a type that this crate does not know.
    Other(Raw<'a>),
}

impl<'a> Object<'a> {
    /// An object of this type, from its value in the journal. Nothing is read or checked yet, but for the
    /// status of a content: old records have skipped contents in the topic of contents.
    ///
    /// # Errors
    /// When the status of a content is not what it should be.
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

    /// The identifier: that which the object claims or, where it claims none, that which its fields give. A content's is
    /// its `sha1_git`. Nothing for objects that have none.
    ///
    /// # Errors
    /// When the field is not what it should be.
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

    /// Checks the whole object, in every field, and copies nothing. Of an object of a type that this crate does not
    /// know, that it is one value of msgpack.
    ///
    /// # Errors
    /// When a field is not what it should be, or something follows the object.
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

    /// Whether the object has the identifier that its fields give.
    ///
    /// # Errors
    /// When a field that the identifier stands on is not what it should be.
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
