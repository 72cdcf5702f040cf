//! The end of a file of lines, which a crash may have left in the middle of one.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use super::compression::Compression;
use super::member;
use crate::sink::files::Files;

/// The longest half line that a crash can leave, in bytes; a longer one is not from journal-host.
pub(super) const MAX_HALF: u64 = 1 << 30;

/// The size of the reads that search for the end of the last complete line, in bytes.
pub(super) const SEARCH_CHUNK: u64 = 64 << 10;

/// How a file ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tail {
    /// With a complete line, or it is empty.
    Whole,
    /// With the half line, or half of the lines of a checkpoint, that a crash left.
    Half {
        /// The offset at which it begins.
        begin: u64,
        /// Its length.
        bytes: u64,
    },
    /// With something that this host does not write.
    Foreign,
}

/// Finds out how a file ends.
pub(super) fn tail<F: Read + Seek>(
    file: &mut F,
    compression: Option<Compression>,
) -> io::Result<Tail> {
    let length = file.seek(SeekFrom::End(0))?;
    match compression {
        None => of_lines(file, length),
        Some(compression) => member::tail(file, length, compression),
    }
}

/// Removes the half line, or the half member, that a crash left.
pub(super) fn cut_half(
    file: &mut File,
    compression: Option<Compression>,
    files: &dyn Files,
) -> io::Result<Tail> {
    let found = tail(file, compression)?;
    if let Tail::Half { begin, .. } = found {
        files.truncate(file, begin)?;
        files.sync(file)?;
    }
    Ok(found)
}

fn of_lines<F: Read + Seek>(file: &mut F, length: u64) -> io::Result<Tail> {
    let mut chunk = Vec::new();
    let mut begin = length;
    let mut first = None;
    while begin > 0 {
        let end = begin;
        begin = end.saturating_sub(SEARCH_CHUNK);
        file.seek(SeekFrom::Start(begin))?;
        chunk.clear();
        Read::by_ref(file)
            .take(end - begin)
            .read_to_end(&mut chunk)?;
        if let Some(index) = chunk.iter().rposition(|&byte| byte == b'\n') {
            begin += index as u64 + 1;
            first = chunk.get(index + 1).copied().or(first);
            break;
        }
        first = chunk.first().copied();
        if length - begin > MAX_HALF {
            return Ok(Tail::Foreign);
        }
    }
    match first {
        None => Ok(Tail::Whole),
        // A file that is a single complete object was not left by a crash: it belongs to somebody else.
        Some(b'{') if begin == 0 && is_an_object(file, length)? => Ok(Tail::Foreign),
        Some(b'{') => {
            let bytes = length - begin;
            Ok(Tail::Half { begin, bytes })
        }
        Some(_) => Ok(Tail::Foreign),
    }
}

/// Whether the whole file is a JSON object.
fn is_an_object<F: Read + Seek>(file: &mut F, length: u64) -> io::Result<bool> {
    file.seek(SeekFrom::Start(0))?;
    let reader = io::BufReader::new(Read::by_ref(file).take(length));
    let object = serde_json::from_reader::<_, serde::de::IgnoredAny>(reader);
    Ok(object.is_ok())
}
