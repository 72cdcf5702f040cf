//! A blob as a content.

use blake2s_simd::State as Blake2s256;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::source::encoder::Encoder;

/// Why a content is left out of the archive, in upstream's words.
const TOO_LARGE: &str = "Content too large";

/// The hashes of a blob, which is given in parts.
pub(super) struct Hashes {
    length: u64,
    sha1: Sha1,
    sha1_git: Sha1,
    sha256: Sha256,
    blake2s256: Blake2s256,
}

/// The hashes once the blob is whole.
pub(super) struct Hashed {
    length: u64,
    sha1: [u8; 20],
    /// The identifier that the bytes have in git.
    pub(super) sha1_git: [u8; 20],
    sha256: [u8; 32],
    blake2s256: [u8; 32],
}

impl Hashes {
    /// Those of a blob with this many bytes.
    pub(super) fn new(length: u64) -> Self {
        Self {
            length,
            sha1: Sha1::new(),
            sha1_git: Sha1::new().chain_update(format!("blob {length}\0")),
            sha256: Sha256::new(),
            blake2s256: Blake2s256::new(),
        }
    }

    /// Adds a part.
    pub(super) fn update(&mut self, part: &[u8]) {
        self.sha1.update(part);
        self.sha1_git.update(part);
        self.sha256.update(part);
        self.blake2s256.update(part);
    }

    /// The hashes of all parts.
    pub(super) fn finish(self) -> Hashed {
        Hashed {
            length: self.length,
            sha1: self.sha1.finalize().into(),
            sha1_git: self.sha1_git.finalize().into(),
            sha256: self.sha256.finalize().into(),
            blake2s256: *self.blake2s256.finalize().as_array(),
        }
    }
}

impl Hashed {
    /// Writes the key: the hashes by their names.
    pub(super) fn write_key(&self, into: &mut Encoder) {
        into.map(4);
        into.str("blake2s256").bin(&self.blake2s256);
        into.str("sha1").bin(&self.sha1);
        into.str("sha1_git").bin(&self.sha1_git);
        into.str("sha256").bin(&self.sha256);
    }

    /// Writes a content, or one that is skipped because it is too large.
    pub(super) fn write(&self, into: &mut Encoder, is_skipped: bool) {
        into.map(if is_skipped { 7 } else { 6 });
        into.str("sha1").bin(&self.sha1);
        into.str("sha1_git").bin(&self.sha1_git);
        into.str("sha256").bin(&self.sha256);
        into.str("blake2s256").bin(&self.blake2s256);
        into.str("length").uint(self.length);
        if is_skipped {
            into.str("status").str("absent");
            into.str("reason").str(TOO_LARGE);
        } else {
            into.str("status").str("visible");
        }
    }
}
