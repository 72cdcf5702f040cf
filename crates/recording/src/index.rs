//! The index of a compressed recording: where its chunks begin, so that several readers share the work.
//!
//! A chunk is one or more frames of zstd that begin and end with whole records. The index is in a frame that decompressors
//! skip, at the end of the file: readers that know nothing of it read the recording as ever.

use std::io::{self, Read, Seek, SeekFrom};

use journal_msgpack::{Cursor, Head};
use rmp::encode::{self, ByteBuf};

use crate::input::{ZSTD_MAGIC, is_skippable};

/// The first bytes of the frame. Any of sixteen numbers would do.
const FRAME_MAGIC: [u8; 4] = [0x5a, 0x2a, 0x4d, 0x18];
/// The bytes before the content of the frame: its magic number and its length.
const FRAME_HEAD_BYTES: u32 = 8;
/// The end of the frame and of the file, after the length of the index.
const FOOTER_MAGIC: [u8; 8] = *b"jr-index";
/// The length of the index, and the magic number after it.
const FOOTER_BYTES: u32 = 12;
/// The largest index that is read, in bytes.
const MAX_INDEX_BYTES: u32 = 32 << 20;
/// The most chunks of an index.
pub(crate) const MAX_CHUNKS: usize = 1 << 20;
/// More bytes and records than any file has, so that sums of them stay in their range.
const MOST_BYTES: u64 = 1 << 56;
const MOST_RECORDS: u64 = 1 << 48;
/// The key of the version.
const VERSION_KEY: &str = "journal-recording-index";
const VERSION: u64 = 1;
const BYTES_KEY: &str = "bytes";
const RECORDS_KEY: &str = "records";
const CHUNKS_KEY: &str = "chunks";

/// The beginning of a chunk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chunk {
    /// The offset in the file.
    pub offset: u64,
    /// Bytes before it, after decompression.
    pub bytes: u64,
    /// Records before it.
    pub records: u64,
}

const NO_FRAME: &str = "is not in a frame of its length";
const NO_INDEX: &str = "is not the map of an index";

/// Where the chunks of a recording begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// The beginnings, in the order of the file. The first one is that of the file, with the header.
    pub chunks: Vec<Chunk>,
    /// The offset in the file after the last chunk.
    pub bytes: u64,
    /// Records of all chunks.
    pub records: u64,
}

/// Why there is no index to use.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The file cannot be read.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// The index breaks a rule.
    #[error("it {0}")]
    Damaged(&'static str),
}

impl Index {
    /// Reads the index at the end of a recording. None if there is none.
    ///
    /// What it says of the chunks is not checked against them: whoever reads a chunk sees whether it is there.
    ///
    /// # Errors
    /// When the file cannot be read, or has an index that breaks a rule.
    pub fn read(file: &mut (impl Read + Seek)) -> Result<Option<Self>, IndexError> {
        let end = file.seek(SeekFrom::End(0))?;
        let Some(footer) = end.checked_sub(FOOTER_BYTES.into()) else {
            return Ok(None);
        };
        let [a, b, c, d, magic @ ..]: [u8; FOOTER_BYTES as usize] = read_at(file, footer)?;
        if magic != FOOTER_MAGIC {
            return Ok(None);
        }
        let length = u32::from_le_bytes([a, b, c, d]);
        if length > MAX_INDEX_BYTES {
            return Err(IndexError::Damaged("is larger than 32 MiB"));
        }
        let no_frame = || IndexError::Damaged(NO_FRAME);
        let offset = footer.checked_sub(length.into()).ok_or_else(no_frame)?;
        let frame = offset
            .checked_sub(FRAME_HEAD_BYTES.into())
            .ok_or_else(no_frame)?;
        let [magic @ .., a, b, c, d]: [u8; FRAME_HEAD_BYTES as usize] = read_at(file, frame)?;
        if magic != FRAME_MAGIC || u32::from_le_bytes([a, b, c, d]) != length + FOOTER_BYTES {
            return Err(no_frame());
        }
        let first: [u8; 4] = read_at(file, 0)?;
        if first != ZSTD_MAGIC && !is_skippable(&first) {
            return Err(IndexError::Damaged("is in a file that is not compressed"));
        }
        let mut index = vec![0; length as usize];
        file.seek(SeekFrom::Start(offset))?;
        file.read_exact(&mut index)?;
        let index = Self::parse(&index).map_err(IndexError::Damaged)?;
        if index.bytes != frame {
            return Err(IndexError::Damaged("is of a file with another length"));
        }
        Ok(Some(index))
    }

    fn parse(bytes: &[u8]) -> Result<Self, &'static str> {
        let mut cursor = Cursor::new(bytes);
        let Ok(Head::Map(members)) = cursor.head() else {
            return Err(NO_INDEX);
        };
        let (mut version, mut bytes, mut records, mut chunks) = (None, None, None, None);
        for _ in 0..members {
            let Ok(Head::Str(length)) = cursor.head() else {
                return Err(NO_INDEX);
            };
            let key = cursor.bytes(length).map_err(|_| NO_INDEX)?;
            let value = cursor;
            cursor.skip().map_err(|_| NO_INDEX)?;
            // Later versions may add members.
            for (known, found) in [
                (VERSION_KEY, &mut version),
                (BYTES_KEY, &mut bytes),
                (RECORDS_KEY, &mut records),
                (CHUNKS_KEY, &mut chunks),
            ] {
                if key == known.as_bytes() {
                    *found = Some(value);
                }
            }
        }
        if !cursor.at_end() {
            return Err(NO_INDEX);
        }
        match version.map(number) {
            Some(Some(VERSION)) => {}
            Some(Some(_)) => return Err("has a version that is not known here"),
            _ => return Err(NO_INDEX),
        }
        let index = Self {
            bytes: bytes.and_then(number).ok_or(NO_INDEX)?,
            records: records.and_then(number).ok_or(NO_INDEX)?,
            chunks: chunks.and_then(list).ok_or(NO_INDEX)?,
        };
        index.check()?;
        Ok(index)
    }

    /// Chunks lie end to end and have records, but for those of an empty recording.
    fn check(&self) -> Result<(), &'static str> {
        let first = self.chunks.first().ok_or("has no chunk")?;
        if *first != Chunk::default() {
            return Err("does not begin with the file");
        }
        let is_after = |one: &Chunk, next: &Chunk| {
            one.offset < next.offset && one.bytes < next.bytes && one.records < next.records
        };
        let mut pairs = self.chunks.windows(2);
        let are_ordered = pairs.all(|pair| is_after(&pair[0], &pair[1]));
        let last = self.chunks.last().unwrap_or(first);
        if !are_ordered || last.offset >= self.bytes || last.records > self.records {
            return Err("has chunks that are not in their order");
        }
        if last.bytes > MOST_BYTES || self.records > MOST_RECORDS {
            return Err("claims more than any file has");
        }
        Ok(())
    }

    /// The frame that follows the last chunk.
    ///
    /// # Errors
    /// When there are more chunks than an index has.
    pub fn to_frame(&self) -> io::Result<Vec<u8>> {
        let mut index = ByteBuf::new();
        encode::write_map_len(&mut index, 4).map_err(io::Error::other)?;
        for (key, value) in [
            (VERSION_KEY, VERSION),
            (BYTES_KEY, self.bytes),
            (RECORDS_KEY, self.records),
        ] {
            encode::write_str(&mut index, key).map_err(io::Error::other)?;
            encode::write_uint(&mut index, value).map_err(io::Error::other)?;
        }
        encode::write_str(&mut index, CHUNKS_KEY).map_err(io::Error::other)?;
        let count = u32::try_from(self.chunks.len()).map_err(io::Error::other)?;
        encode::write_array_len(&mut index, count).map_err(io::Error::other)?;
        for chunk in &self.chunks {
            encode::write_array_len(&mut index, 3).map_err(io::Error::other)?;
            for number in [chunk.offset, chunk.bytes, chunk.records] {
                encode::write_uint(&mut index, number).map_err(io::Error::other)?;
            }
        }
        let index = index.into_vec();
        let length = u32::try_from(index.len()).map_err(io::Error::other)?;
        let content = length.saturating_add(FOOTER_BYTES);
        Ok([
            &FRAME_MAGIC[..],
            &content.to_le_bytes(),
            &index,
            &length.to_le_bytes(),
            &FOOTER_MAGIC,
        ]
        .concat())
    }
}

fn read_at<const N: usize>(file: &mut (impl Read + Seek), offset: u64) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    file.seek(SeekFrom::Start(offset))?;
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn number(mut cursor: Cursor<'_>) -> Option<u64> {
    match cursor.head() {
        Ok(Head::Uint(number)) => Some(number),
        _ => None,
    }
}

fn list(mut cursor: Cursor<'_>) -> Option<Vec<Chunk>> {
    let Ok(Head::Array(count)) = cursor.head() else {
        return None;
    };
    if count as usize > MAX_CHUNKS {
        return None;
    }
    let mut chunks = Vec::new();
    for _ in 0..count {
        let Ok(Head::Array(3)) = cursor.head() else {
            return None;
        };
        let mut next = || match cursor.head() {
            Ok(Head::Uint(number)) => Some(number),
            _ => None,
        };
        chunks.push(Chunk {
            offset: next()?,
            bytes: next()?,
            records: next()?,
        });
    }
    Some(chunks)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn index() -> Index {
        let chunk = |offset, bytes, records| Chunk {
            offset,
            bytes,
            records,
        };
        Index {
            chunks: vec![chunk(0, 0, 0), chunk(10, 70_000, 3), chunk(20, 140_000, 9)],
            bytes: 32,
            records: 10,
        }
    }

    /// A file of 32 bytes before the frame of an index.
    fn file(index: &Index) -> Vec<u8> {
        let mut file = ZSTD_MAGIC.to_vec();
        file.resize(32, 0);
        file.extend(index.to_frame().unwrap());
        file
    }

    fn read(file: &[u8]) -> Result<Option<Index>, String> {
        Index::read(&mut Cursor::new(file)).map_err(|error| error.to_string())
    }

    #[test]
    fn index_that_was_written_is_read() {
        assert_eq!(read(&file(&index())), Ok(Some(index())));
    }

    #[test]
    fn file_without_an_index_has_none() {
        let whole = file(&index());
        for file in [&b""[..], b"short", &[0; 100], &whole[..whole.len() - 1]] {
            assert_eq!(read(file), Ok(None));
        }
        assert_eq!(read(&[&whole[..], b"more"].concat()), Ok(None));
    }

    #[test]
    fn index_that_breaks_a_rule_is_refused_with_the_rule() {
        let changed = |change: fn(&mut Index)| {
            let mut changed = index();
            change(&mut changed);
            read(&file(&changed)).unwrap_err()
        };
        let order = "it has chunks that are not in their order";
        assert_eq!(changed(|index| index.chunks.swap(1, 2)), order);
        assert_eq!(changed(|index| index.chunks[2].records = 3), order);
        assert_eq!(changed(|index| index.chunks[2].bytes = 70_000), order);
        assert_eq!(changed(|index| index.chunks[2].records = 11), order);
        assert_eq!(changed(|index| index.chunks[2].offset = 32), order);
        let most = "it claims more than any file has";
        assert_eq!(changed(|index| index.records = u64::MAX), most);
        assert_eq!(changed(|index| index.chunks[2].bytes = u64::MAX), most);
        let begin = "it does not begin with the file";
        assert_eq!(changed(|index| index.chunks[0].records = 1), begin);
        assert_eq!(changed(|index| index.chunks.clear()), "it has no chunk");
        assert_eq!(
            changed(|index| index.bytes = 33),
            "it is of a file with another length"
        );
        let mut plain = file(&index());
        plain[0] = b'x';
        let not_compressed = Err("it is in a file that is not compressed".to_owned());
        assert_eq!(read(&plain), not_compressed);
        let joined = [&b"another file"[..], &file(&index())].concat();
        assert!(read(&joined).is_err());
    }

    #[test]
    fn no_byte_of_an_index_can_be_changed_into_a_panic_or_a_chunk_outside_of_the_file() {
        let whole = file(&index());
        for position in 32..whole.len() {
            for byte in [0, 1, 0x7f, 0x80, 0xcc, 0xdd, 0xff] {
                let mut changed = whole.clone();
                changed[position] = byte;
                if let Ok(Some(read)) = read(&changed) {
                    assert!(read.chunks.iter().all(|chunk| chunk.offset < read.bytes));
                    assert_eq!(read.bytes, 32);
                }
            }
        }
    }
}
