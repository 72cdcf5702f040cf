//! A script and its runtime in one file: the runtime's component with the script in a custom section.
//!
//! The section holds the name of the script, the path of its main file, and all files, each with its length before it, and
//! at last the SHA-256 of all that. Without it, the file is the runtime byte by byte, whose compiled form all scripts share.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::files::Files;
use super::{FILES, NAME_CHARS, Script, ScriptError, plain_name, read_within};

/// The name of the section; another layout gets another number.
const SECTION: &[u8] = b"journal-host:script-1";
/// The number of custom sections.
const CUSTOM: u8 = 0;
/// The bytes before the first section, of modules and components alike.
const HEADER_BYTES: usize = 8;
const MAGIC: &[u8] = b"\0asm";
const DIGEST_BYTES: usize = 32;
/// The limit on the file, which is that of any plugin.
const BUNDLE_BYTES: usize = 64 << 20;

/// The runtime in this file with the script.
///
/// # Errors
/// When the runtime cannot be read, or both are too large for one file.
pub fn bundle(runtime: &Path, script: &Script) -> Result<Vec<u8>, ScriptError> {
    let bytes = read_within(runtime, BUNDLE_BYTES)?;
    let (mut bytes, _) = split(runtime, bytes.ok_or_else(|| too_large(runtime))?)?;
    let content = content(script);
    bytes.push(CUSTOM);
    put_leb(
        &mut bytes,
        leb_bytes(SECTION.len()) + SECTION.len() + content.len(),
    );
    put_leb(&mut bytes, SECTION.len());
    bytes.extend(SECTION);
    bytes.extend(content);
    if bytes.len() > BUNDLE_BYTES {
        return Err(too_large(&script.path));
    }
    Ok(bytes)
}

/// Takes the script out of a file that [`bundle`] made. Any other file stays as it is, also a damaged one.
///
/// # Errors
/// When the script is damaged, or breaks a rule.
pub fn split(path: &Path, mut bytes: Vec<u8>) -> Result<(Vec<u8>, Option<Script>), ScriptError> {
    let mut script = None;
    let mut at = HEADER_BYTES;
    while bytes.starts_with(MAGIC) && at < bytes.len() {
        let Some(section) = Section::read(&bytes, at) else {
            break;
        };
        if section.is_script {
            let content = bytes.get(section.content..section.end);
            let content = content.ok_or_else(|| damaged(path, "it is cut short"))?;
            if script.replace(decode(path, content)?).is_some() {
                return Err(damaged(path, "there are two"));
            }
            bytes.drain(at..section.end);
        } else {
            at = section.end;
        }
    }
    Ok((bytes, script))
}

/// A section of a module or a component.
struct Section {
    is_script: bool,
    /// Where its content begins, after the name of a script's section.
    content: usize,
    /// Where it ends, which may be beyond the end of the file.
    end: usize,
}

impl Section {
    fn read(bytes: &[u8], at: usize) -> Option<Self> {
        let (size, content) = leb(bytes, at + 1)?;
        let end = content.checked_add(size)?;
        let mut section = Self {
            is_script: false,
            content,
            end,
        };
        if *bytes.get(at)? == CUSTOM
            && let Some((length, name)) = leb(bytes, content)
            && length == SECTION.len()
            && bytes.get(name..name + length) == Some(SECTION)
        {
            section.is_script = true;
            section.content = name + length;
        }
        Some(section)
    }
}

fn content(script: &Script) -> Vec<u8> {
    let mut content = Vec::new();
    let mut put = |bytes: &[u8]| {
        content.extend((bytes.len() as u64).to_le_bytes());
        content.extend(bytes);
    };
    put(script.name.as_deref().unwrap_or_default().as_bytes());
    put(script.main.as_bytes());
    for file in &script.files {
        put(file.path.as_bytes());
        put(&file.content);
    }
    let digest = Sha256::digest(&content);
    content.extend(digest);
    content
}

/// Reads a script. The digest is no proof of who made it, so that all rules and limits are checked.
fn decode(path: &Path, content: &[u8]) -> Result<Script, ScriptError> {
    let parts = content.split_last_chunk::<DIGEST_BYTES>();
    let (content, digest) = parts.ok_or_else(|| damaged(path, "it is cut short"))?;
    if Sha256::digest(content).as_slice() != digest {
        return Err(damaged(path, "its digest is another one"));
    }
    let mut parts = Parts {
        path,
        rest: content,
    };
    let name = parts.text()?;
    if name != plain_name(name) || name.chars().count() > NAME_CHARS {
        return Err(damaged(path, "its name breaks a rule"));
    }
    let main = parts.text()?.to_owned();
    let mut files = Files::default();
    for _ in 0..=FILES {
        if parts.rest.is_empty() {
            break;
        }
        let name = parts.text()?;
        files.check(path, name)?;
        files.add(path, name.to_owned(), parts.bytes()?.to_vec())?;
    }
    if !files.contains(&main) {
        return Err(damaged(path, "its main file is missing"));
    }
    Ok(Script {
        path: path.to_owned(),
        name: (!name.is_empty()).then(|| name.to_owned()),
        main,
        files: files.finish()?,
        printing: None,
    })
}

/// What is left of a section's content.
struct Parts<'a> {
    path: &'a Path,
    rest: &'a [u8],
}

impl<'a> Parts<'a> {
    fn bytes(&mut self) -> Result<&'a [u8], ScriptError> {
        let part = self.rest.split_first_chunk().and_then(|(length, rest)| {
            let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
            rest.split_at_checked(length)
        });
        let (part, rest) = part.ok_or_else(|| damaged(self.path, "a length in it is wrong"))?;
        self.rest = rest;
        Ok(part)
    }

    fn text(&mut self) -> Result<&'a str, ScriptError> {
        let bytes = self.bytes()?;
        std::str::from_utf8(bytes).map_err(|_| damaged(self.path, "a name in it is not UTF-8"))
    }
}

/// Reads a number in WebAssembly's variable length; the second number is the index after it.
fn leb(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let mut number = 0;
    for index in 0..5 {
        let byte = *bytes.get(at + index)?;
        number |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((usize::try_from(number).ok()?, at + index + 1));
        }
    }
    None
}

fn put_leb(to: &mut Vec<u8>, mut number: usize) {
    while number > 0x7f {
        to.push(0x80 | u8::try_from(number & 0x7f).unwrap_or_default());
        number >>= 7;
    }
    to.push(u8::try_from(number).unwrap_or_default());
}

fn leb_bytes(number: usize) -> usize {
    let mut bytes = Vec::new();
    put_leb(&mut bytes, number);
    bytes.len()
}

fn damaged(path: &Path, reason: &'static str) -> ScriptError {
    ScriptError::Bundle {
        path: path.to_owned(),
        reason,
    }
}

fn too_large(path: &Path) -> ScriptError {
    ScriptError::LargeBundle {
        path: PathBuf::from(path),
        limit: BUNDLE_BYTES,
    }
}
