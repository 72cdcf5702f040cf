//! Contents: those in the archive and those left out of it.

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
    Content("content", "content"), fields Place {
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
        /// The bytes, where the journal carries them: it does for colliding hashes alone.
        data = "data": Option<&'a [u8]>;
        /// When it came into the archive.
        ctime = "ctime": Option<Timestamp>;
    }
}

object! {
    /// A content that shares a hash with another content of other bytes, with its own bytes.
    ///
    /// ```
    /// use journal_plugin_sdk::{HashCollidingContent, owned};
    ///
    /// let value = owned::HashCollidingContent::new().data("two files, one hash").encode();
    /// assert_eq!(HashCollidingContent::new(&value).data()?, b"two files, one hash");
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    HashCollidingContent("hash_colliding_content", "hash colliding content"), fields CollidingPlace {
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
        /// When it came into the archive.
        ctime = "ctime": Option<Timestamp>;
    }
}

object! {
    /// A content that the archive knows of and does not have, because it is too large for example.
    ///
    /// ```
    /// use journal_plugin_sdk::{SkippedContent, owned};
    ///
    /// let value = owned::SkippedContent::new().reason("Content too large").encode();
    /// assert_eq!(SkippedContent::new(&value).reason()?, "Content too large");
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    SkippedContent("skipped_content", "skipped content"), fields SkippedPlace {
        /// The SHA-1 of the bytes, where it is known.
        sha1 = "sha1": Option<&'a [u8; 20]>;
        /// The identifier, where it is known.
        sha1_git = "sha1_git": Option<Id>;
        /// The SHA-256 of the bytes, where it is known.
        sha256 = "sha256": Option<&'a [u8; 32]>;
        /// The BLAKE2s-256 of the bytes, where it is known.
        blake2s256 = "blake2s256": Option<&'a [u8; 32]>;
        length = "length";
        status = "status": ContentStatus;
        /// Why it is not there.
        reason = "reason": &'a str;
        /// The URL of the origin where it was seen, where it is known.
        origin = "origin": Option<&'a str>;
        /// When it was noted.
        ctime = "ctime": Option<Timestamp>;
    }
}

choice! {
    /// Whether the archive has the bytes of a content, and shows them.
    ContentStatus: "status of a content" {
        /// It is there for all to see.
        Visible = "visible",
        /// It is there, and not shown.
        Hidden = "hidden",
        /// It is not there: a [`SkippedContent`], which old records have in the topic of contents too.
        Absent = "absent",
    }
}

impl<'a> Content<'a> {
    /// Whether the archive has the bytes, and shows them to everyone.
    ///
    /// # Errors
    /// When the field has another type or makes no sense, or is missing where it has to be.
    ///
    /// ```
    /// # use journal_plugin_sdk::{Content, ContentStatus, owned};
    /// # let value = owned::Content::default().encode();
    /// assert_eq!(Content::new(&value).status()?, ContentStatus::Visible);
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    #[inline]
    pub fn status(&self) -> Result<ContentStatus, FieldError> {
        let status = self.read_with(Place::status, Field::read)?;
        Ok(status.unwrap_or(ContentStatus::Visible))
    }

    /// The same record as a skipped content, where its status says that the bytes are absent: old records have
    /// those in the topic of contents.
    ///
    /// # Errors
    /// When the status is not what it should be.
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
    /// Whether the archive has the bytes, and shows them to everyone.
    ///
    /// # Errors
    /// When the field has another type or makes no sense, or is missing where it has to be.
    ///
    /// ```
    /// # use journal_plugin_sdk::{ContentStatus, HashCollidingContent, owned};
    /// # let value = owned::HashCollidingContent::default().encode();
    /// assert_eq!(HashCollidingContent::new(&value).status()?, ContentStatus::Visible);
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    #[inline]
    pub fn status(&self) -> Result<ContentStatus, FieldError> {
        let status = self.read_with(CollidingPlace::status, Field::read)?;
        Ok(status.unwrap_or(ContentStatus::Visible))
    }
}

impl SkippedContent<'_> {
    /// The length, in bytes, where it is known.
    ///
    /// # Errors
    /// When the field has another type or makes no sense, or is missing where it has to be.
    ///
    /// ```
    /// # use journal_plugin_sdk::{SkippedContent, owned};
    /// # let value = owned::SkippedContent::default().encode();
    /// assert_eq!(SkippedContent::new(&value).length()?, None);
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    #[inline]
    pub fn length(&self) -> Result<Option<u64>, FieldError> {
        let length = self.read_with(SkippedPlace::length, |reader| {
            let place = reader.place();
            match i64::read(reader)? {
                // The journal's way to say that it is not known.
                -1 => Ok(None),
                length => u64::try_from(length)
                    .map(Some)
                    .map_err(|_| FieldError::wrong(place, format!("is {length}"))),
            }
        })?;
        length.ok_or_else(|| self.missing(SkippedPlace::length))
    }
}
