//! Objects that own their fields, to build records in tests. [`decode`](crate::Revision::decode) returns them too.
//!
//! ```
//! use journal_plugin_sdk::{Date, Id, Person, owned};
//!
//! let revision = owned::Revision::new()
//!     .message("Mend the fence\n")
//!     .author(Person::from_fullname("Jane Doe <jane@example.org>"))
//!     .date(Date::new(1_700_000_000, 0, &b"+0100"[..]))
//!     .parent(Id([1; 20]));
//! let value = revision.encode();
//!
//! let read = journal_plugin_sdk::Revision::new(&value);
//! assert_eq!(read.message()?, Some(&b"Mend the fence\n"[..]));
//! assert_eq!(read.decode()?.message, revision.message);
//! # Ok::<(), journal_plugin_sdk::FieldError>(())
//! ```

mod content;
mod extrinsic;
mod git;
pub(crate) mod object;
mod origin;

pub use content::{Content, HashCollidingContent, SkippedContent};
pub use extrinsic::{ExtId, MetadataAuthority, MetadataFetcher, RawExtrinsicMetadata};
pub use git::{Branch, Directory, Entry, Release, Revision, Snapshot, Target};
pub use origin::{Origin, OriginVisit, OriginVisitStatus};

/// An object of any type that can be written as a record of the journal.
///
/// ```
/// use journal_plugin_sdk::owned::{self, Object};
///
/// fn size(object: &impl Object) -> usize {
///     object.encode().len()
/// }
/// assert!(size(&owned::Origin::new().url("https://example.org")) > 20);
/// ```
pub trait Object {
    /// The object type, as in plans and topics.
    ///
    /// ```
    /// use journal_plugin_sdk::owned::{ExtId, Object};
    ///
    /// assert_eq!(<ExtId as Object>::OBJECT_TYPE, "extid");
    /// ```
    const OBJECT_TYPE: &'static str;

    /// The value of the record.
    ///
    /// ```
    /// use journal_plugin_sdk::owned::{Object, Origin};
    ///
    /// assert_eq!(Object::encode(&Origin::new())[0] & 0xf0, 0x80); // a small map
    /// ```
    fn encode(&self) -> Vec<u8>;

    /// The key of the record.
    ///
    /// ```
    /// use journal_plugin_sdk::owned::{Object, Origin};
    ///
    /// assert_eq!(Object::key(&Origin::new().url("a")), b"\x81\xa3url\xa1a"); // {"url": "a"}
    /// ```
    fn key(&self) -> Vec<u8>;
}
