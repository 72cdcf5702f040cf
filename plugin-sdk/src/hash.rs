//! The hashes that identifiers are computed with.
//!
//! SHA-1 comes from the crate `sha1`, which compiles to WebAssembly and natively uses the CPU's SHA instructions.
//! Identifiers are plain SHA-1, as in swh.model: a variant with collision detection gives other results for known
//! collisions.

use sha1::{Digest, Sha1};

use crate::Id;

/// The SHA-1 of bytes. It is the identifier of an origin, from its URL, and of an object, from its raw manifest.
///
/// ```
/// use journal_plugin_sdk::hash;
///
/// let id = hash::sha1(b"https://example.org/repository.git");
/// assert_eq!(id.to_string(), "0a697fcc6929db8fc6661edcce2f8c8e706848c3");
/// ```
#[must_use]
pub fn sha1(bytes: &[u8]) -> Id {
    Id(Sha1::digest(bytes).into())
}

/// The identifier of a Git object: the SHA-1 of `kind`, a space, the length of the body in decimal digits, a zero byte and
/// the body.
///
/// ```
/// use journal_plugin_sdk::hash;
///
/// let id = hash::git_object_id("blob", b"hello\n");
/// assert_eq!(id.to_string(), "ce013625030ba8dba906f756967f9e9ca394464a");
/// ```
#[must_use]
pub fn git_object_id(kind: &str, body: &[u8]) -> Id {
    let mut hasher = GitHasher::new(kind, body.len());
    hasher.update(body);
    hasher.finish()
}

/// The hash of a Git object whose body comes in parts.
pub(crate) struct GitHasher(Sha1);

impl GitHasher {
    /// Begins an object of this kind, whose body has `length` bytes.
    pub(crate) fn new(kind: &str, length: usize) -> Self {
        let mut hasher = Sha1::new_with_prefix(kind);
        hasher.update(b" ");
        hasher.update(length.to_string());
        hasher.update(b"\0");
        Self(hasher)
    }

    #[inline]
    pub(crate) fn update(&mut self, part: &[u8]) {
        self.0.update(part);
    }

    pub(crate) fn finish(self) -> Id {
        Id(self.0.finalize().into())
    }
}

/// The SHA-256 of bytes, with which the archive anonymises persons.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    sha2::Sha256::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_those_of_git() {
        let check = |kind, body: &[u8], expected: &str| {
            assert_eq!(git_object_id(kind, body).to_string(), expected);
        };
        check("blob", b"", "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
        check("tree", b"", "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
        check(
            "blob",
            &vec![b'a'; 100_000],
            "94bc76618de566c4e568aaf031cce7cef592d868",
        );
    }

    #[test]
    fn sha1_has_no_header() {
        assert_eq!(
            sha1(b"abc").to_string(),
            "a9993e364706816aba3e25717850c26c9cd0d89d"
        );
    }
}
