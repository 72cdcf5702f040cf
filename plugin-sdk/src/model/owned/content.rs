//! Contents.

use super::object::{encoded_owned, owned};
use crate::model::encode::{self, Encode};
use crate::{ContentStatus, Id, Timestamp};

owned! {
    /// A content.
    Content("content") {
        /// The SHA-1 of the bytes.
        sha1 = "sha1": [u8; 20] = [0; 20], set value;
        /// The identifier: the SHA-1 of the bytes as a blob of Git.
        sha1_git = "sha1_git": Id = Id([0; 20]), set value;
        /// The SHA-256 of the bytes.
        sha256 = "sha256": [u8; 32] = [0; 32], set value;
        /// The BLAKE2s-256 of the bytes.
        blake2s256 = "blake2s256": [u8; 32] = [0; 32], set value;
        /// The length, in bytes.
        length = "length": u64 = 0, set value;
        /// Whether the archive has the bytes, and whether it shows them to everyone.
        status = "status": ContentStatus = ContentStatus::Visible, set value;
        /// The bytes, if the journal has them.
        data = "data"[?]: Option<Vec<u8>> = None, set optional_bytes;
        /// When the content was added to the archive.
        ctime = "ctime"[?]: Option<Timestamp> = None, set optional;
    }
}
encoded_owned!(Content);

owned! {
    /// A content that shares a hash with another content.
    HashCollidingContent("hash_colliding_content") {
        /// The SHA-1 of the bytes.
        sha1 = "sha1": [u8; 20] = [0; 20], set value;
        /// The identifier: the SHA-1 of the bytes as a blob of Git.
        sha1_git = "sha1_git": Id = crate::hash::git_object_id("blob", b""), set value;
        /// The SHA-256 of the bytes.
        sha256 = "sha256": [u8; 32] = [0; 32], set value;
        /// The BLAKE2s-256 of the bytes.
        blake2s256 = "blake2s256": [u8; 32] = [0; 32], set value;
        /// The length, in bytes.
        length = "length": u64 = 0, set value;
        /// Whether the archive has the bytes, and whether it shows them to everyone.
        status = "status": ContentStatus = ContentStatus::Visible, set value;
        /// The bytes.
        data = "data": Vec<u8> = Vec::new(), set by_hand;
        /// When the content was added to the archive.
        ctime = "ctime"[?]: Option<Timestamp> = None, set optional;
    }
}
encoded_owned!(HashCollidingContent);

impl HashCollidingContent {
    /// Sets the bytes, the length and the identifier.
    ///
    /// ```
    /// use journal_plugin_sdk::owned;
    ///
    /// assert_eq!(owned::HashCollidingContent::new().data("bytes").length, 5);
    /// ```
    #[must_use]
    pub fn data(mut self, data: impl AsRef<[u8]>) -> Self {
        self.data = data.as_ref().to_vec();
        self.length = self.data.len() as u64;
        self.sha1_git = crate::hash::git_object_id("blob", &self.data);
        self
    }
}

owned! {
    /// A content that the archive does not have.
    SkippedContent("skipped_content") {
        /// The SHA-1 of the bytes, if it is known.
        sha1 = "sha1": Option<[u8; 20]> = None, set optional;
        /// The identifier, if it is known.
        sha1_git = "sha1_git": Option<Id> = None, set optional;
        /// The SHA-256 of the bytes, if it is known.
        sha256 = "sha256": Option<[u8; 32]> = None, set optional;
        /// The BLAKE2s-256 of the bytes, if it is known.
        blake2s256 = "blake2s256": Option<[u8; 32]> = None, set optional;
        /// The length in bytes; -1 if it is not known.
        length = "length": i64 = -1, set value;
        /// The status, which is `absent`.
        status = "status": ContentStatus = ContentStatus::Absent, set value;
        /// Why the archive does not have it.
        reason = "reason": String = String::new(), set text;
        /// The URL of the origin that contains it, if it is known.
        origin = "origin"[?]: Option<String> = None, set optional_text;
        /// When this was recorded.
        ctime = "ctime"[?]: Option<Timestamp> = None, set optional;
    }
}
encoded_owned!(SkippedContent);

impl Encode for ContentStatus {
    fn encode(&self, value: &mut Vec<u8>) {
        encode::text(value, self.as_str());
    }
}

/// Declares `key` of a content: a map of its hashes, sorted by name.
macro_rules! keyed_by_hashes {
    ($object:ident) => {
        impl $object {
            /// The key of the record in the journal: its hashes.
            ///
            /// ```
            /// # use journal_plugin_sdk::owned;
            #[doc = concat!("assert_eq!(owned::", stringify!($object), "::new().key()[0], 0x84);")]
            /// ```
            #[must_use]
            pub fn key(&self) -> Vec<u8> {
                let mut key = Vec::new();
                encode::map(&mut key, 4);
                encode::pair(&mut key, "blake2s256", &self.blake2s256);
                encode::pair(&mut key, "sha1", &self.sha1);
                encode::pair(&mut key, "sha1_git", &self.sha1_git);
                encode::pair(&mut key, "sha256", &self.sha256);
                key
            }
        }
    };
}
keyed_by_hashes!(Content);
keyed_by_hashes!(HashCollidingContent);
keyed_by_hashes!(SkippedContent);
