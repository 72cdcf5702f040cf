//! Reads zip archives: Python's `.pyz` and wheels.
//!
//! Only what these have is read: one part, no encryption, files that are stored or deflated. The sizes that an archive
//! claims are checked against the limits before anything is unpacked, and what is unpacked against them again.

use std::path::Path;

use miniz_oxide::inflate::decompress_to_vec_with_limit;

use super::files::Files;
use super::{BYTES, BadName, ScriptError, read};

/// The limit on the archive itself. What it holds has a lower one.
const ARCHIVE_BYTES: usize = 64 << 20;
/// The limit on its entries, folders included.
const ENTRIES: u16 = 10_000;

const END: &[u8] = b"PK\x05\x06";
const END_BYTES: usize = 22;
const COMMENT_BYTES: usize = u16::MAX as usize;
const ENTRY: &[u8] = b"PK\x01\x02";
const ENTRY_BYTES: usize = 46;
const LOCAL: &[u8] = b"PK\x03\x04";
const LOCAL_BYTES: usize = 30;

const STORED: u16 = 0;
const DEFLATED: u16 = 8;
const ENCRYPTED: u16 = 1;
/// The kind of a file in the mode that Unix systems note, and the kinds that are read.
const KIND: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;
const FOLDER: u32 = 0o040_000;
const LINK: u32 = 0o120_000;

/// Adds the files of the archive.
pub(super) fn add(path: &Path, files: &mut Files) -> Result<(), ScriptError> {
    let bytes = read(path, ARCHIVE_BYTES)?;
    Archive {
        path,
        bytes: &bytes,
    }
    .add(files)
}

struct Archive<'a> {
    path: &'a Path,
    bytes: &'a [u8],
}

/// An entry of the directory at the archive's end.
struct Entry<'a> {
    name: &'a [u8],
    kind: u32,
    flags: u16,
    method: u16,
    checksum: u32,
    packed: usize,
    size: usize,
    /// Where its data begins, from the beginning of the archive proper.
    begin: usize,
}

impl<'a> Archive<'a> {
    fn add(&self, files: &mut Files) -> Result<(), ScriptError> {
        let end = self.end()?;
        let entries = self.number16(end + 10)?;
        if entries > ENTRIES {
            return Err(self.bad("it has too many entries"));
        }
        let size = self.number32(end + 12)?;
        let begin = self.number32(end + 16)?;
        // A program for the archive may stand before it, and offsets count from the archive's own beginning.
        let directory = end.checked_sub(size);
        let before = directory.and_then(|at| at.checked_sub(begin));
        let (Some(mut at), Some(before)) = (directory, before) else {
            return Err(self.bad("its directory is damaged"));
        };
        for _ in 0..entries {
            let (entry, next) = self.entry(at)?;
            self.add_entry(&entry, before, files)?;
            at = next;
        }
        Ok(())
    }

    fn add_entry(
        &self,
        entry: &Entry<'_>,
        before: usize,
        files: &mut Files,
    ) -> Result<(), ScriptError> {
        let name = std::str::from_utf8(entry.name).map_err(|_| ScriptError::BadName {
            path: self.path.to_owned(),
            name: String::from_utf8_lossy(entry.name).into_owned(),
            reason: BadName::NotText,
        })?;
        if entry.kind == LINK {
            return Err(ScriptError::Link {
                path: self.path.to_owned(),
                name: name.to_owned(),
            });
        }
        if let Some(folder) = name.strip_suffix('/') {
            return files.check(self.path, folder);
        }
        if ![0, REGULAR].contains(&entry.kind) || entry.kind == FOLDER {
            return Err(self.bad("an entry is neither a file nor a folder"));
        }
        files.check(self.path, name)?;
        if name.split('/').any(|part| part == "__pycache__") {
            return Ok(());
        }
        if entry.size > files.room() {
            return Err(ScriptError::TooLarge { limit: BYTES });
        }
        let content = self.unpack(entry, before)?;
        files.add(self.path, name.to_owned(), content)
    }

    fn unpack(&self, entry: &Entry<'_>, before: usize) -> Result<Vec<u8>, ScriptError> {
        if entry.flags & ENCRYPTED != 0 {
            return Err(self.bad("it is encrypted"));
        }
        let local = before.saturating_add(entry.begin);
        if self.slice(local, LOCAL.len())? != LOCAL {
            return Err(self.bad("an entry of its directory leads to no file"));
        }
        let name = usize::from(self.number16(local + 26)?);
        let extra = usize::from(self.number16(local + 28)?);
        let packed = self.slice(local + LOCAL_BYTES + name + extra, entry.packed)?;
        let content = match entry.method {
            STORED => packed.to_vec(),
            DEFLATED => decompress_to_vec_with_limit(packed, entry.size)
                .map_err(|_| self.bad("a file is damaged, or larger than it says"))?,
            _ => return Err(self.bad("a file is packed by a method other than deflate")),
        };
        if content.len() != entry.size || crc32fast::hash(&content) != entry.checksum {
            return Err(self.bad("a file is damaged"));
        }
        Ok(content)
    }

    /// The record at the archive's end; a comment may follow it.
    fn end(&self) -> Result<usize, ScriptError> {
        let last = self.bytes.len().checked_sub(END_BYTES);
        let last = last.ok_or_else(|| self.bad("it is no zip archive"))?;
        let first = last.saturating_sub(COMMENT_BYTES);
        let is_end = |at: &usize| self.bytes[*at..].starts_with(END);
        (first..=last)
            .rev()
            .find(is_end)
            .ok_or_else(|| self.bad("it is no zip archive"))
    }

    fn entry(&self, at: usize) -> Result<(Entry<'a>, usize), ScriptError> {
        if self.slice(at, ENTRY.len())? != ENTRY {
            return Err(self.bad("its directory is damaged"));
        }
        let name = usize::from(self.number16(at + 28)?);
        let extra = usize::from(self.number16(at + 30)?);
        let comment = usize::from(self.number16(at + 32)?);
        let mode = self.number32(at + 38)? >> 16;
        let entry = Entry {
            name: self.slice(at + ENTRY_BYTES, name)?,
            kind: u32::try_from(mode).unwrap_or(u32::MAX) & KIND,
            flags: self.number16(at + 8)?,
            method: self.number16(at + 10)?,
            checksum: u32::try_from(self.number32(at + 16)?).unwrap_or_default(),
            packed: self.number32(at + 20)?,
            size: self.number32(at + 24)?,
            begin: self.number32(at + 42)?,
        };
        Ok((entry, at + ENTRY_BYTES + name + extra + comment))
    }

    fn number16(&self, at: usize) -> Result<u16, ScriptError> {
        let bytes = self.slice(at, 2)?;
        Ok(u16::from_le_bytes([bytes[0], bytes[1]]))
    }

    fn number32(&self, at: usize) -> Result<usize, ScriptError> {
        let bytes = self.slice(at, 4)?;
        let number = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        usize::try_from(number).map_err(|_| self.bad("it is too large"))
    }

    fn slice(&self, at: usize, size: usize) -> Result<&'a [u8], ScriptError> {
        let end = at.checked_add(size);
        end.and_then(|end| self.bytes.get(at..end))
            .ok_or_else(|| self.bad("it is cut short"))
    }

    fn bad(&self, reason: &'static str) -> ScriptError {
        ScriptError::Archive {
            path: self.path.to_owned(),
            reason,
        }
    }
}
