//! Contents and skipped contents.

use super::error::FieldError;
use super::field::{Field, choice};
use super::object::object;
use crate::{Id, Timestamp};

object! {
    /// A content: the bytes of a file, by their hashes.
    ///
    /// ```
    /// use journal_plugin_sdk::{Content, owned};
    ///
    /// let value = owned::Content::new().length(1024).encode();
    /// assert_eq!(Content::new(&value).length()?, 1024);
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    Content("content", "content"), fields FieldIndex {
        /// The SHA-1 of the bytes.
        sha1 = "sha1": &'a [u8; 20];
        /// The identifier: the SHA-1 of the bytes as a blob of Git.
        sha1_git = "sha1_git": Id;
        /// The SHA-256 of the bytes.
        sha256 = "sha256": &'a [u8; 32];
        /// The BLAKE2s-256 of the bytes.
        blake2s256 = "blake2s256": &'a [u8; 32];
        /// The length, in bytes.
        length = "length": u64;
        status = "status";
        /// The bytes, which the journal has only for contents with colliding hashes.
        data = "data": Option<&'a [u8]>;
        /// When the content was added to the archive.
        ctime = "ctime": Option<Timestamp>;
    }
}

object! {
    /// A content that shares a hash with another content, with its own bytes.
    ///
    /// ```
    /// use journal_plugin_sdk::{HashCollidingContent, owned};
    ///
    /// let value = owned::HashCollidingContent::new().data("two files, one hash").encode();
    /// assert_eq!(HashCollidingContent::new(&value).data()?, b"two files, one hash");
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    HashCollidingContent("hash_colliding_content", "hash colliding content"), fields CollidingFieldIndex {
        /// The SHA-1 of the bytes.
        sha1 = "sha1": &'a [u8; 20];
        /// The identifier: the SHA-1 of the bytes as a blob of Git.
        sha1_git = "sha1_git": Id;
        /// The SHA-256 of the bytes.
        sha256 = "sha256": &'a [u8; 32];
        /// The BLAKE2s-256 of the bytes.
        blake2s256 = "blake2s256": &'a [u8; 32];
        /// The length, in bytes.
        length = "length": u64;
        status = "status";
        /// The bytes.
        data = "data": &'a [u8];
        /// When the content was added to the archive.
        ctime = "ctime": Option<Timestamp>;
    }
}

object! {
    /// A content that the archive does not have, for example because it is too large.
    ///
    /// ```
    /// use journal_plugin_sdk::{SkippedContent, owned};
    ///
    /// let value = owned::SkippedContent::new().reason("Content too large").encode();
    /// assert_eq!(SkippedContent::new(&value).reason()?, "Content too large");
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    SkippedContent("skipped_content", "skipped content"), fields SkippedFieldIndex {
        /// The SHA-1 of the bytes, if it is known.
        sha1 = "sha1": Option<&'a [u8; 20]>;
        /// The identifier, if it is known.
        sha1_git = "sha1_git": Option<Id>;
        /// The SHA-256 of the bytes, if it is known.
        sha256 = "sha256": Option<&'a [u8; 32]>;
        /// The BLAKE2s-256 of the bytes, if it is known.
        blake2s256 = "blake2s256": Option<&'a [u8; 32]>;
        length = "length";
        status = "status": ContentStatus;
        /// Why the archive does not have it.
        reason = "reason": &'a str;
        /// The URL of the origin that contains it, if it is known.
        origin = "origin": Option<&'a str>;
        /// When this was recorded.
        ctime = "ctime": Option<Timestamp>;
    }
}

choice! {
    /// Whether the archive has the bytes of a content, and whether it shows them.
    ContentStatus: "status of a content" {
        /// The archive has the bytes and shows them.
        Visible = "visible",
        /// The archive has the bytes and does not show them.
        Hidden = "hidden",
        /// The archive does not have the bytes: a [`SkippedContent`]. Old ones are in the topic of contents.
        Absent = "absent",
    }
}

impl<'a> Content<'a> {
    /// Whether the archive has the bytes, and whether it shows them to everyone.
    ///
    /// # Errors
    /// If the field is missing, or has another type or an invalid value.
    ///
    /// ```
    /// # use journal_plugin_sdk::{Content, ContentStatus, owned};
    /// # let value = owned::Content::default().encode();
    /// assert_eq!(Content::new(&value).status()?, ContentStatus::Visible);
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    #[inline]
    pub fn status(&self) -> Result<ContentStatus, FieldError> {
        let status = self.read_with(FieldIndex::status, Field::read)?;
        Ok(status.unwrap_or(ContentStatus::Visible))
    }

    /// The same record as a skipped content, if its status is [`ContentStatus::Absent`]. Old skipped contents are in the
    /// topic of contents.
    ///
    /// # Errors
    /// If the status is invalid.
    ///
    /// ```
    /// # use journal_plugin_sdk::{Content, owned};
    /// # let value = owned::Content::default().encode();
    /// assert!(Content::new(&value).as_skipped()?.is_none());
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    pub fn as_skipped(&self) -> Result<Option<SkippedContent<'a>>, FieldError> {
        let is_absent = self.status()? == ContentStatus::Absent;
        Ok(is_absent.then(|| SkippedContent::new(self.value())))
    }
}

impl HashCollidingContent<'_> {
    /// Whether the archive has the bytes, and whether it shows them to everyone.
    ///
    /// # Errors
    /// If the field is missing, or has another type or an invalid value.
    ///
    /// ```
    /// # use journal_plugin_sdk::{ContentStatus, HashCollidingContent, owned};
    /// # let value = owned::HashCollidingContent::default().encode();
    /// assert_eq!(HashCollidingContent::new(&value).status()?, ContentStatus::Visible);
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    #[inline]
    pub fn status(&self) -> Result<ContentStatus, FieldError> {
        let status = self.read_with(CollidingFieldIndex::status, Field::read)?;
        Ok(status.unwrap_or(ContentStatus::Visible))
    }
}

impl SkippedContent<'_> {
    /// The length in bytes, if it is known.
    ///
    /// # Errors
    /// If the field is missing, or has another type or an invalid value.
    ///
    /// ```
    /// # use journal_plugin_sdk::{SkippedContent, owned};
    /// # let value = owned::SkippedContent::default().encode();
    /// assert_eq!(SkippedContent::new(&value).length()?, None);
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    #[inline]
    pub fn length(&self) -> Result<Option<u64>, FieldError> {
        let length = self.read_with(SkippedFieldIndex::length, |reader| {
            let offset = reader.offset();
            match i64::read(reader)? {
                // The journal writes -1 for an unknown length.
                -1 => Ok(None),
                length => u64::try_from(length)
                    .map(Some)
                    .map_err(|_| FieldError::wrong(offset, format!("is {length}"))),
            }
        })?;
        length.ok_or_else(|| self.missing(SkippedFieldIndex::length))
    }
}
