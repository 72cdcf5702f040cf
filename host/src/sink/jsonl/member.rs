//! The end of a compressed file, which a crash may have left in the middle of a member of gzip, or a frame of zstd. Both
//! are called members here.
//!
//! Only the end of the file is read, however long it is: beginnings of members are looked for backwards, and the first
//! that is found is decoded. The checksum tells a member from bytes within one that look like a beginning.

use std::io::{self, BufRead as _, BufReader, ErrorKind, Read, Seek, SeekFrom};

use miniz_oxide::inflate::stream::{InflateState, inflate};
use miniz_oxide::{DataFormat, MZError, MZFlush, MZStatus};
use zstd::stream::raw::{Decoder, Operation as _};

use super::compression::Compression;
use super::tail::{MAX_HALF, SEARCH_CHUNK, Tail};

/// How many beginnings are decoded. Of those in a gigabyte of gzip, some 64 are none.
const MAX_BEGINNINGS: usize = 1000;

/// The size of the buffers that are decoded from and to, in bytes.
const CHUNK: usize = 128 << 10;

/// What begins at some offset.
enum Member {
    /// A whole member.
    Whole {
        /// The offset after it.
        end: u64,
        /// The last byte of its text, unless that is empty.
        last: Option<u8>,
    },
    /// A member that the file ends in the middle of.
    Half,
    /// None, or one that is damaged.
    Invalid,
}

/// Finds out how a compressed file of this length ends.
pub(super) fn tail<F: Read + Seek>(
    file: &mut F,
    length: u64,
    compression: Compression,
) -> io::Result<Tail> {
    let begin = match end_of_the_last(file, length, compression)? {
        Some(end) if end == length => return Ok(Tail::Whole),
        Some(end) => end,
        None => return Ok(Tail::Foreign),
    };
    Ok(if is_half(file, begin, compression)? {
        let bytes = length - begin;
        Tail::Half { begin, bytes }
    } else {
        Tail::Foreign
    })
}

/// The offset at which the last whole member ends, or the beginning of a file that has none. It is not known where the
/// member is too far from the end of the file, and of no use where its text does not end with a line.
fn end_of_the_last<F: Read + Seek>(
    file: &mut F,
    length: u64,
    compression: Compression,
) -> io::Result<Option<u64>> {
    let mut beginnings = Beginnings::of(compression, length);
    for _ in 0..MAX_BEGINNINGS {
        let Some(begin) = beginnings.before(file)? else {
            return Ok((beginnings.start == 0).then_some(0));
        };
        if let Member::Whole { end, last } = member(file, begin, compression)? {
            let ends_with_a_line = last.is_none_or(|byte| byte == b'\n');
            return Ok(ends_with_a_line.then_some(end));
        }
    }
    Ok(None)
}

/// Whether the file goes on after `begin` with a part of a member of this host. One that is damaged is none: its lines
/// may be committed.
fn is_half<F: Read + Seek>(file: &mut F, begin: u64, compression: Compression) -> io::Result<bool> {
    let header = compression.header();
    let mut found = Vec::new();
    file.seek(SeekFrom::Start(begin))?;
    Read::by_ref(file)
        .take(header.len() as u64)
        .read_to_end(&mut found)?;
    if !header.starts_with(&found) {
        return Ok(false);
    }
    let ends_in_the_header = found.len() < header.len();
    Ok(ends_in_the_header || matches!(member(file, begin, compression)?, Member::Half))
}

/// The offsets at which members may begin, the last one first.
struct Beginnings {
    magic: &'static [u8],
    /// The length of the file.
    length: u64,
    /// The offset of the bytes that are looked through.
    start: u64,
    bytes: Vec<u8>,
}

impl Beginnings {
    fn of(compression: Compression, length: u64) -> Self {
        Self {
            magic: compression.magic(),
            length,
            start: length,
            bytes: Vec::new(),
        }
    }

    /// The last beginning before the one that was returned before.
    fn before<F: Read + Seek>(&mut self, file: &mut F) -> io::Result<Option<u64>> {
        let magic = self.magic;
        let overlap = magic.len() - 1;
        loop {
            let mut windows = self.bytes.windows(magic.len());
            if let Some(index) = windows.rposition(|bytes| bytes == magic) {
                self.bytes.truncate(index + overlap);
                return Ok(Some(self.start + index as u64));
            }
            if self.start == 0 || self.length - self.start > MAX_HALF {
                return Ok(None);
            }
            let end = self.length.min(self.start + overlap as u64);
            self.start = self.start.saturating_sub(SEARCH_CHUNK);
            self.bytes.clear();
            file.seek(SeekFrom::Start(self.start))?;
            Read::by_ref(file)
                .take(end - self.start)
                .read_to_end(&mut self.bytes)?;
        }
    }
}

/// Why no whole member was read.
enum Refusal {
    Half,
    Invalid,
    Unreadable(io::Error),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::UnexpectedEof => Self::Half,
            _ => Self::Unreadable(error),
        }
    }
}

/// Decodes what begins at `begin`.
fn member<F: Read + Seek>(
    file: &mut F,
    begin: u64,
    compression: Compression,
) -> io::Result<Member> {
    file.seek(SeekFrom::Start(begin))?;
    let mut input = Input {
        reader: BufReader::with_capacity(CHUNK, file),
        read: 0,
    };
    let mut text = vec![0; CHUNK];
    let last = match compression {
        Compression::Gzip => gzip(&mut input, &mut text),
        Compression::Zstd => zstd(&mut input, &mut text),
    };
    let end = begin + input.read;
    match last {
        Ok(last) => Ok(Member::Whole { end, last }),
        Err(Refusal::Half) => Ok(Member::Half),
        Err(Refusal::Invalid) => Ok(Member::Invalid),
        Err(Refusal::Unreadable(error)) => Err(error),
    }
}

/// Reads a member of gzip, and returns the last byte of its text. `text` is a buffer.
fn gzip<R: Read>(input: &mut Input<R>, text: &mut [u8]) -> Result<Option<u8>, Refusal> {
    gzip_header(input)?;
    let mut state = InflateState::new_boxed(DataFormat::Raw);
    let mut checksum = crc32fast::Hasher::new();
    let mut length = 0_u64;
    let mut last = None;
    loop {
        let result = inflate(&mut state, input.chunk()?, text, MZFlush::None);
        input.consume(result.bytes_consumed);
        let text = &text[..result.bytes_written];
        checksum.update(text);
        length += text.len() as u64;
        last = text.last().copied().or(last);
        match result.status {
            Ok(MZStatus::StreamEnd) => break,
            Ok(_) => {}
            // No input is left.
            Err(MZError::Buf) => return Err(Refusal::Half),
            Err(_) => return Err(Refusal::Invalid),
        }
    }
    let expected = checksum.finalize();
    let counted = length & u64::from(u32::MAX);
    let found = u32::from_le_bytes(input.array()?);
    let found_length = u32::from_le_bytes(input.array()?);
    if (found, u64::from(found_length)) == (expected, counted) {
        Ok(last)
    } else {
        Err(Refusal::Invalid)
    }
}

/// Reads over the header of a member of gzip, with all that other programs write there.
fn gzip_header<R: Read>(input: &mut Input<R>) -> Result<(), Refusal> {
    const CHECKSUM: u8 = 1 << 1;
    const EXTRA: u8 = 1 << 2;
    const NAME: u8 = 1 << 3;
    const COMMENT: u8 = 1 << 4;
    const RESERVED: u8 = 0b1110_0000;
    let [_, _, _, flags, ..] = input.array::<10>()?;
    if flags & RESERVED != 0 {
        return Err(Refusal::Invalid);
    }
    if flags & EXTRA != 0 {
        let length = u16::from_le_bytes(input.array()?);
        for _ in 0..length {
            input.array::<1>()?;
        }
    }
    for text in [NAME, COMMENT] {
        if flags & text != 0 {
            while input.array()? != [0_u8] {}
        }
    }
    if flags & CHECKSUM != 0 {
        input.array::<2>()?;
    }
    Ok(())
}

/// Reads a frame of zstd, and returns the last byte of its text. `text` is a buffer.
fn zstd<R: Read>(input: &mut Input<R>, text: &mut [u8]) -> Result<Option<u8>, Refusal> {
    let mut decoder = Decoder::new()?;
    let mut last = None;
    loop {
        let chunk = input.chunk()?;
        let is_the_end = chunk.is_empty();
        let status = decoder
            .run_on_buffers(chunk, text)
            .map_err(|_| Refusal::Invalid)?;
        input.consume(status.bytes_read);
        last = text[..status.bytes_written].last().copied().or(last);
        if status.remaining == 0 {
            return Ok(last);
        }
        if is_the_end && status.bytes_written == 0 {
            return Err(Refusal::Half);
        }
    }
}

/// A part of a file that counts what is read of it.
struct Input<R> {
    reader: BufReader<R>,
    read: u64,
}

impl<R: Read> Input<R> {
    /// What comes next; it is empty at the end of the file.
    fn chunk(&mut self) -> io::Result<&[u8]> {
        self.reader.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        self.reader.consume(count);
        self.read += count as u64;
    }

    fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.reader.read_exact(&mut bytes)?;
        self.read += N as u64;
        Ok(bytes)
    }
}
