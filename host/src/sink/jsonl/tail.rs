//! The end of a file of lines, which a crash may have left in the middle of one.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use crate::sink::files::Files;

/// The longest half line that a crash can leave, in bytes; a longer one is not from journal-host.
const MAX_HALF_LINE: u64 = 1 << 30;

/// The size of the reads that search for the end of the last complete line, in bytes.
const SEARCH_CHUNK: u64 = 64 << 10;

/// How a file ends.
pub(super) enum Tail {
    /// With a complete line, or it is empty.
    Whole,
    /// This many bytes were removed.
    Cut(u64),
    /// The last line is incomplete and does not begin as a row does.
    Foreign,
}

/// Removes the half line that a crash left.
pub(super) fn cut_half_line(file: &mut File, files: &dyn Files) -> io::Result<Tail> {
    let length = file.metadata()?.len();
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
        if length - begin > MAX_HALF_LINE {
            return Ok(Tail::Foreign);
        }
    }
    match first {
        None => Ok(Tail::Whole),
        // A file that is a single complete object was not left by a crash: it belongs to somebody else.
        Some(b'{') if begin == 0 && is_an_object(file, length)? => Ok(Tail::Foreign),
        Some(b'{') => {
            files.truncate(file, begin)?;
            files.sync(file)?;
            Ok(Tail::Cut(length - begin))
        }
        Some(_) => Ok(Tail::Foreign),
    }
}

/// Whether the whole file is a JSON object.
fn is_an_object(file: &mut File, length: u64) -> io::Result<bool> {
    file.seek(SeekFrom::Start(0))?;
    let reader = io::BufReader::new(Read::by_ref(file).take(length));
    let object = serde_json::from_reader::<_, serde::de::IgnoredAny>(reader);
    Ok(object.is_ok())
}
