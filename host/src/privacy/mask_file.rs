//! Reads a mask from a file of SWHIDs, one a line, plain or compressed with zstd.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use zstd::stream::read::Decoder;

use super::set::{MaskBuilder, MaskCount, MaskSet};
use super::swhid::Swhid;

const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// The largest window of compressed files, as a power of two: zstd's own default.
const MAX_WINDOW_LOG: u32 = 27;
const BUFFER_BYTES: usize = 256 << 10;
/// The limit on a line, in bytes: only comments are longer than a SWHID.
const LONGEST_LINE: usize = 1000;

/// Why there is no mask.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MaskError {
    /// The file cannot be opened.
    #[error("cannot open the list of masked objects `{}`", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// The file cannot be read to its end.
    #[error("cannot read the list of masked objects `{}` after line {line}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The last line that was read.
        line: u64,
        /// The reason of the system, or of the decompressor.
        #[source]
        source: io::Error,
    },
    /// A line is no SWHID. It is not shown, because logs name no masked object.
    #[error("line {line} of the list of masked objects `{}` is no SWHID", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: u64,
    },
    /// The file has no line but empty ones: it may have been cut off.
    #[error("the list of masked objects `{}` is empty", .0.display())]
    Empty(PathBuf),
    /// There are more than an index counts.
    #[error("the list of masked objects `{}` has more than {} of one type", .0.display(), MaskBuilder::MOST)]
    TooMany(PathBuf),
}

/// Reads the mask in `file`, which `path` names.
///
/// # Errors
/// When it cannot be read to its end, or a line is neither empty, a comment after `#`, nor a SWHID.
pub(super) fn read(path: &Path, file: &File) -> Result<MaskSet, MaskError> {
    let mut builder = MaskBuilder::default();
    each(path, file, |swhid| builder.add(swhid))?;
    Ok(builder.build())
}

/// The same, and only counts what the mask would have.
///
/// # Errors
/// As with [`read`].
pub(super) fn count(path: &Path, file: &File) -> Result<MaskCount, MaskError> {
    let mut count = MaskCount::default();
    each(path, file, |swhid| count.add(swhid))?;
    Ok(count)
}

/// Hands each SWHID to `add`, which is false when there are too many.
fn each(path: &Path, file: &File, add: impl FnMut(&Swhid) -> bool) -> Result<(), MaskError> {
    let lines = Lines {
        path,
        number: 0,
        says_something: false,
        add,
    };
    let failed = |source| MaskError::Read {
        path: path.to_owned(),
        line: 0,
        source,
    };
    let mut file = BufReader::with_capacity(BUFFER_BYTES, file);
    let mut magic = Vec::with_capacity(ZSTD_MAGIC.len());
    file.by_ref()
        .take(ZSTD_MAGIC.len() as u64)
        .read_to_end(&mut magic)
        .map_err(failed)?;
    let is_compressed = magic == ZSTD_MAGIC;
    let whole = io::Cursor::new(magic).chain(file);
    if is_compressed {
        let mut decoder = Decoder::with_buffer(whole).map_err(failed)?;
        decoder.window_log_max(MAX_WINDOW_LOG).map_err(failed)?;
        lines.all(BufReader::with_capacity(BUFFER_BYTES, decoder))
    } else {
        lines.all(whole)
    }
}

struct Lines<'a, A> {
    path: &'a Path,
    number: u64,
    /// Whether a line was not empty.
    says_something: bool,
    add: A,
}

impl<A: FnMut(&Swhid) -> bool> Lines<'_, A> {
    fn all(mut self, mut reader: impl BufRead) -> Result<(), MaskError> {
        let mut line = Vec::with_capacity(LONGEST_LINE);
        loop {
            line.clear();
            let mut limited = reader.by_ref().take(LONGEST_LINE as u64);
            let count = limited.read_until(b'\n', &mut line);
            let count = count.map_err(|source| MaskError::Read {
                path: self.path.to_owned(),
                line: self.number,
                source,
            })?;
            if count == 0 {
                break;
            }
            self.number += 1;
            self.one(&line)?;
        }
        if !self.says_something {
            return Err(MaskError::Empty(self.path.to_owned()));
        }
        Ok(())
    }

    fn one(&mut self, line: &[u8]) -> Result<(), MaskError> {
        let is_whole = line.ends_with(b"\n") || line.len() < LONGEST_LINE;
        let text = line.trim_ascii_end();
        self.says_something |= !text.is_empty();
        if is_whole && (text.is_empty() || text.starts_with(b"#")) {
            return Ok(());
        }
        let swhid = Swhid::parse(text).ok_or_else(|| MaskError::Line {
            path: self.path.to_owned(),
            line: self.number,
        })?;
        if (self.add)(&swhid) {
            Ok(())
        } else {
            Err(MaskError::TooMany(self.path.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, Write};

    use super::*;
    use crate::privacy::swhid::Kind;

    fn mask(bytes: &[u8]) -> Result<MaskSet, String> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file.rewind().unwrap();
        read(Path::new("m"), &file).map_err(|error| error.to_string())
    }

    fn line(kind: &str, digit: &str) -> String {
        format!("swh:1:{kind}:{}\n", digit.repeat(40))
    }

    #[test]
    fn plain_and_compressed_lists_are_read() {
        let text = format!(
            "# a comment\n\n{}{}{}",
            line("cnt", "a"),
            line("ori", "b").replace('\n', "\r\n"),
            line("cnt", "a").trim_end()
        );
        let two = text.as_bytes().split_at(70);
        let frames = [two.0, two.1].map(|part| zstd::encode_all(part, 0).unwrap());
        for bytes in [text.clone().into_bytes(), frames.concat()] {
            let mask = mask(&bytes).unwrap();
            assert_eq!(mask.len(), 2);
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(&bytes).unwrap();
            file.rewind().unwrap();
            // One of three lines is there twice, which only the set knows.
            assert!(count(Path::new("m"), &file).unwrap().bytes() > mask.bytes());
            let id = [0xaa; 20];
            let kind = Kind::Content;
            assert!(mask.contains(&Swhid { kind, id }));
        }
    }

    #[test]
    fn bad_line_is_named_by_its_number_and_not_shown() {
        let long = format!("#{}\n", "x".repeat(2 * LONGEST_LINE));
        for bad in [
            "swh:1:cnt:12",
            "https://a/secret",
            "\u{0}",
            "swh:1:cnt",
            &long,
        ] {
            let text = format!("{}#\n{bad}\n", line("rev", "1"));
            assert_eq!(
                mask(text.as_bytes()).unwrap_err(),
                "line 3 of the list of masked objects `m` is no SWHID"
            );
        }
        let cut = line("rev", "1");
        assert!(
            mask(&cut.as_bytes()[..30])
                .unwrap_err()
                .starts_with("line 1 ")
        );
    }

    #[test]
    fn list_that_was_cut_off_is_refused() {
        assert!(mask(b"").unwrap_err().ends_with("is empty"));
        assert_eq!(mask(b"# nothing\n").unwrap().len(), 0);
        let text = line("dir", "2").repeat(100);
        let whole = zstd::encode_all(text.as_bytes(), 0).unwrap();
        let error = mask(&whole[..whole.len() - 1]).unwrap_err();
        assert!(error.starts_with("cannot read the list"), "{error}");
    }
}
