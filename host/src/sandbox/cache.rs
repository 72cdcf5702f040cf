//! A cache of compiled code on disk, so that a plugin is compiled once and not at every start.
//!
//! A user who can write an entry can run any code in the host, because a compiled component is machine code. Therefore
//! only this user and root may write to the folder and every folder above it; otherwise there is no cache. The digest
//! inside an entry guards against damage.

use std::borrow::Cow;
use std::env;
use std::fs::File;
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;

use sha2::{Digest, Sha256};
use wasmtime::component::Component;

use super::compile::Compiled;
use super::error::Cause;
use super::private_dir::{Folder, Kept, NotPrivate};
use super::sealed::Sealed;
use super::wasi;

/// The first bytes of an entry; another layout gets another number.
const MAGIC: &[u8; 8] = b"jh-code3";
const DIGEST_BYTES: usize = 32;
/// The bytes before the code: the magic bytes, the size of the code and its digest.
const HEADER_BYTES: usize = MAGIC.len() + size_of::<u64>() + DIGEST_BYTES;
/// The entries that are kept; the oldest are removed. A plugin's author adds a small one with each build, which must not push
/// out a runtime of scripts: that takes half a minute to compile again.
const KEPT: Kept = Kept {
    small: 64,
    large: 8,
    large_bytes: 8 << 20,
};
/// The bytes of a copy that are read at once, which fit into the cache of a processor.
const CHUNK_BYTES: usize = 256 << 10;

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
        let Some((mut entry, size)) = self.folder.open_file(name).map_err(BadEntry::Read)? else {
            return Ok(None);
        };
        let header = Header::read(&mut entry, size, most_bytes)?;
        let code = match mapped(engine, &mut entry, &header) {
            // The system has no sealed files, or forbids code in them.
            Err(error @ (BadEntry::Read(_) | BadEntry::Load(_))) => {
                tracing::debug!("copying the compiled code, because it cannot be mapped: {error}");
                copied(engine, entry, &header)
            }
            other => other,
        };
        code.map(Some)
    }

    /// Stores compiled code. A failure is logged and has no other effect.
    pub(super) fn put(&self, engine: &wasmtime::Engine, file: &FileDigest, code: &Compiled) {
        let name = entry_name(engine, file);
        let code = code.bytes();
        let size = (code.len() as u64).to_le_bytes();
        let kept = self
            .folder
            .write(&name, &[MAGIC, &size, &Sha256::digest(code), code])
            .and_then(|()| self.folder.prune(KEPT));
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

/// What an entry begins with.
struct Header {
    /// The number of bytes that follow, which the caller has compared with its limit.
    bytes: usize,
    digest: [u8; DIGEST_BYTES],
}

impl Header {
    /// Reads the header of an entry whose file has this size. What it does not vouch for takes no memory.
    fn read(entry: &mut File, size: u64, most_bytes: usize) -> Result<Self, BadEntry> {
        let mut header = [0; HEADER_BYTES];
        entry.read_exact(&mut header).map_err(cut_short)?;
        let (bytes, digest) = header
            .strip_prefix(MAGIC)
            .and_then(|rest| rest.split_first_chunk::<{ size_of::<u64>() }>())
            .ok_or(BadEntry::Damaged)?;
        let bytes = u64::from_le_bytes(*bytes);
        if size.checked_sub(HEADER_BYTES as u64) != Some(bytes) {
            return Err(BadEntry::Damaged);
        }
        let bytes = usize::try_from(bytes).map_err(|_| BadEntry::TooLarge)?;
        if bytes > most_bytes {
            return Err(BadEntry::TooLarge);
        }
        let digest = digest.try_into().map_err(|_| BadEntry::Damaged)?;
        Ok(Self { bytes, digest })
    }

    fn check(&self, digest: Sha256) -> Result<(), BadEntry> {
        if digest.finalize().as_slice() == self.digest {
            Ok(())
        } else {
            Err(BadEntry::Damaged)
        }
    }
}

fn cut_short(error: io::Error) -> BadEntry {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => BadEntry::Damaged,
        _ => BadEntry::Read(error),
    }
}

/// Maps the code of an entry, whose header was read. Its pages are read when they are first needed, from a copy that no
/// longer changes. Memories of instances begin as mappings of the same copy.
fn mapped(engine: &wasmtime::Engine, entry: &mut File, header: &Header) -> Result<Code, BadEntry> {
    let mut size = [0; Compiled::SIZE_BYTES];
    entry.read_exact(&mut size).map_err(cut_short)?;
    let bytes = header.bytes.checked_sub(size.len());
    let bytes = bytes.ok_or(BadEntry::Damaged)? as u64;
    let mut code = Sealed::copy(entry, bytes).map_err(cut_short)?;
    let mut digest = Sha256::new_with_prefix(size);
    // The digest is that of the sealed copy, so that nothing can change after the check.
    let content = code.content().map_err(BadEntry::Read)?;
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        match content.read(&mut chunk).map_err(BadEntry::Read)? {
            0 => break,
            bytes => digest.update(&chunk[..bytes]),
        }
    }
    header.check(digest)?;
    #[expect(
        unsafe_code,
        reason = "only this host makes the bytes, as for `code_from`; a copy of 46 MiB would take a sixth of a short script's CPU time"
    )]
    // SAFETY: as in `code_from`. Besides, the file must not change while it is mapped: the kernel refuses that for a
    // sealed file, whose digest was checked after it was sealed.
    let component = unsafe { Component::deserialize_file(engine, code.path()) };
    Ok(Code {
        component: component.map_err(|error| BadEntry::Load(Cause::new(error)))?,
        instance_bytes: Compiled::instance_bytes(size),
    })
}

/// Loads the code of an entry, whose header was read, into memory of the process.
fn copied(engine: &wasmtime::Engine, mut entry: File, header: &Header) -> Result<Code, BadEntry> {
    let start = SeekFrom::Start(HEADER_BYTES as u64);
    entry.seek(start).map_err(BadEntry::Read)?;
    let mut code = Vec::with_capacity(header.bytes);
    let mut rest = entry.take(header.bytes as u64);
    rest.read_to_end(&mut code).map_err(BadEntry::Read)?;
    header.check(Sha256::new_with_prefix(&code))?;
    // The bytes were written by this user's host, because no one else can write to the folder, and they are those
    // whose digest was just checked.
    code_from(engine, &Compiled::from_bytes(code)).map_err(BadEntry::Load)
}

/// One name for each layout of entries, plugin's file and compiler: wasmtime's version and settings, the machine, and this
/// host, which turns core modules into components with texts of its own.
fn entry_name(engine: &wasmtime::Engine, file: &FileDigest) -> String {
    name_with(engine, file, &wasi::sources())
}

fn name_with(engine: &wasmtime::Engine, file: &FileDigest, sources: &[Cow<'_, str>]) -> String {
    let mut hasher = Sha256Hasher(Sha256::new());
    MAGIC.hash(&mut hasher);
    file.hash(&mut hasher);
    env!("CARGO_PKG_VERSION").hash(&mut hasher);
    sources.hash(&mut hasher);
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

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn engine() -> wasmtime::Engine {
        wasmtime::Engine::default()
    }

    fn entry(content: &[u8]) -> (File, u64) {
        let size = (content.len() as u64).to_le_bytes();
        let parts = [&MAGIC[..], &size, &Sha256::digest(content), content];
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&parts.concat()).unwrap();
        file.rewind().unwrap();
        (file, (HEADER_BYTES + content.len()) as u64)
    }

    fn content() -> Vec<u8> {
        let component = wat::parse_str("(component)").unwrap();
        let code = engine().precompile_component(&component).unwrap();
        [&7_u64.to_le_bytes()[..], &code].concat()
    }

    fn load_copied(mut entry: File, size: u64) -> Result<Code, BadEntry> {
        let header = Header::read(&mut entry, size, usize::MAX)?;
        copied(&engine(), entry, &header)
    }

    fn load_mapped(mut entry: File, size: u64) -> Result<Code, BadEntry> {
        let header = Header::read(&mut entry, size, usize::MAX)?;
        mapped(&engine(), &mut entry, &header)
    }

    fn check(load: fn(File, u64) -> Result<Code, BadEntry>) {
        let (file, size) = entry(&content());
        assert_eq!(load(file, size).unwrap().instance_bytes, 7);
        let (mut file, size) = entry(&content());
        file.seek(SeekFrom::End(-1)).unwrap();
        file.write_all(b"x").unwrap();
        file.rewind().unwrap();
        assert!(matches!(load(file, size), Err(BadEntry::Damaged)));
        let (file, size) = entry(b"1234567");
        assert!(load(file, size).is_err());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn intact_code_is_mapped() {
        check(load_mapped);
    }

    #[test]
    fn code_with_another_adapter_or_contract_has_another_name() {
        let (engine, file) = (engine(), [7; DIGEST_BYTES]);
        let name = entry_name(&engine, &file);
        assert_eq!(entry_name(&engine, &file), name);
        let count = wasi::sources().len();
        for index in 0..count {
            let mut sources = wasi::sources();
            sources[index].to_mut().push('\n');
            assert_ne!(name_with(&engine, &file, &sources), name, "{index}");
        }
    }

    #[test]
    fn where_code_cannot_be_mapped_it_is_copied() {
        check(load_copied);
    }
}
