//! A cache of compiled code on disk, so that a plugin is compiled once and not at every start.
//!
//! A user who can write an entry can run any code in the host, because a compiled component is machine code. Therefore
//! only this user and root may write to the folder and every folder above it; otherwise there is no cache. The digest
//! inside an entry guards against damage.

use std::env;
use std::hash::{Hash, Hasher};
use std::io::{self, Read};
use std::path::PathBuf;

use sha2::{Digest, Sha256};
use wasmtime::component::Component;

use super::compile::Compiled;
use super::error::Cause;
use super::private_dir::{Folder, NotPrivate};

/// The first bytes of an entry; another layout gets another number.
const MAGIC: &[u8; 8] = b"jh-code3";
const DIGEST_BYTES: usize = 32;
/// The bytes before the code: the magic bytes, the size of the code and its digest.
const HEADER_BYTES: usize = MAGIC.len() + size_of::<u64>() + DIGEST_BYTES;
/// The number of entries that are kept; the oldest are removed. A plugin's author adds one with each build.
const ENTRIES: usize = 64;

/// SHA-256 of a plugin's file.
pub(super) type FileDigest = [u8; DIGEST_BYTES];

/// The cache of the compiled code of plugins that this user ran.
///
/// An entry is the magic bytes, the size of the code (64 bits, little-endian), the SHA-256 of the code, and the code.
pub(super) struct Cache {
    folder: Folder,
}

/// Why an entry cannot be used.
#[derive(Debug, thiserror::Error)]
enum BadEntry {
    #[error("it cannot be read: {0}")]
    Read(io::Error),
    #[error("it is damaged")]
    Damaged,
    #[error("it is larger than what may be compiled")]
    TooLarge,
    #[error("it does not load: {0}")]
    Load(Cause),
}

impl Cache {
    /// The cache in `$XDG_CACHE_HOME` or `~/.cache`.
    pub(super) fn of_this_user() -> Result<Self, NotPrivate> {
        // By the XDG specification a relative path is ignored.
        let folder = |name| {
            env::var_os(name)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
        };
        let base = folder("XDG_CACHE_HOME")
            .or_else(|| folder("HOME").map(|home| home.join(".cache")))
            .ok_or(NotPrivate::NoHome)?;
        Ok(Self::in_folder(Folder::open(&base, "journal-host")?))
    }

    pub(super) fn in_folder(folder: Folder) -> Self {
        Self { folder }
    }

    /// The code of the plugin with this digest, if the cache holds it intact and it has at most this many bytes.
    pub(super) fn get(
        &self,
        engine: &wasmtime::Engine,
        file: &FileDigest,
        most_bytes: usize,
    ) -> Option<Code> {
        let name = entry_name(engine, file);
        match self.load(engine, &name, most_bytes) {
            Ok(found) => {
                if found.is_some()
                    && let Err(error) = self.folder.touch(&name)
                {
                    tracing::debug!("cannot renew the entry `{name}` of compiled code: {error}");
                }
                found
            }
            Err(error) => {
                tracing::warn!(
                    "compiling the plugin again, because its cache entry `{name}` cannot be used: {error}"
                );
                None
            }
        }
    }

    fn load(
        &self,
        engine: &wasmtime::Engine,
        name: &str,
        most_bytes: usize,
    ) -> Result<Option<Code>, BadEntry> {
        let Some((entry, size)) = self.folder.open_file(name).map_err(BadEntry::Read)? else {
            return Ok(None);
        };
        let code = code_of(entry, size, most_bytes)?;
        // The bytes were written by this user's host, because no one else can write to the folder, and they are those
        // whose digest was just checked.
        code_from(engine, &Compiled::from_bytes(code))
            .map(Some)
            .map_err(BadEntry::Load)
    }

    /// Stores compiled code. A failure is logged and has no other effect.
    pub(super) fn put(&self, engine: &wasmtime::Engine, file: &FileDigest, code: &Compiled) {
        let name = entry_name(engine, file);
        let code = code.bytes();
        let size = (code.len() as u64).to_le_bytes();
        let kept = self
            .folder
            .write(&name, &[MAGIC, &size, &Sha256::digest(code), code])
            .and_then(|()| self.folder.prune(ENTRIES));
        if let Err(error) = kept {
            tracing::warn!("cannot keep the compiled code of the plugin: {error}");
        }
    }
}

/// Code that can be linked.
pub(super) struct Code {
    pub(super) component: Component,
    /// What the parts of an instance take on the host, in bytes, without its memories and tables.
    pub(super) instance_bytes: usize,
}

/// Loads code that this host compiled: in this process, in a child process, or at an earlier start.
pub(super) fn code_from(engine: &wasmtime::Engine, compiled: &Compiled) -> Result<Code, Cause> {
    let (instance_bytes, code) = compiled
        .parts()
        .ok_or_else(|| Cause::text("it is cut short"))?;
    #[expect(
        unsafe_code,
        reason = "only this host makes the bytes: `compile` returns no others, and the cache none but those that it was given"
    )]
    // SAFETY: `code` was made by wasmtime's `precompile_component`; wasmtime itself checks that version and settings are
    // the same.
    let component = unsafe { Component::deserialize(engine, code) };
    let component = component.map_err(Cause::new)?;
    Ok(Code {
        component,
        instance_bytes,
    })
}

/// The code of an entry whose file has this size, if its digest is right. What the header does not vouch for takes no
/// memory.
fn code_of(mut entry: impl Read, size: u64, most_bytes: usize) -> Result<Vec<u8>, BadEntry> {
    let mut header = Vec::with_capacity(HEADER_BYTES);
    let mut start = entry.by_ref().take(HEADER_BYTES as u64);
    start.read_to_end(&mut header).map_err(BadEntry::Read)?;
    let parts = header.strip_prefix(MAGIC);
    let (code_bytes, digest) = parts
        .and_then(|rest| rest.split_first_chunk::<{ size_of::<u64>() }>())
        .ok_or(BadEntry::Damaged)?;
    let code_bytes = u64::from_le_bytes(*code_bytes);
    if size.checked_sub(HEADER_BYTES as u64) != Some(code_bytes) {
        return Err(BadEntry::Damaged);
    }
    let capacity = usize::try_from(code_bytes).map_err(|_| BadEntry::TooLarge)?;
    if capacity > most_bytes {
        return Err(BadEntry::TooLarge);
    }
    let mut code = Vec::with_capacity(capacity);
    let mut rest = entry.take(code_bytes);
    rest.read_to_end(&mut code).map_err(BadEntry::Read)?;
    if Sha256::digest(&code).as_slice() == digest {
        Ok(code)
    } else {
        Err(BadEntry::Damaged)
    }
}

/// One name for each layout of entries, plugin's file and compiler: wasmtime's version and settings, the machine, and this
/// host, which turns core modules into components.
fn entry_name(engine: &wasmtime::Engine, file: &FileDigest) -> String {
    let mut hasher = Sha256Hasher(Sha256::new());
    MAGIC.hash(&mut hasher);
    file.hash(&mut hasher);
    env!("CARGO_PKG_VERSION").hash(&mut hasher);
    engine.precompile_compatibility_hash().hash(&mut hasher);
    format!("{:x}", hasher.0.finalize())
}

/// Computes the digest of a type that only implements [`Hash`].
struct Sha256Hasher(Sha256);

impl Hasher for Sha256Hasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Never used: the caller takes the whole digest.
    fn finish(&self) -> u64 {
        0
    }
}
