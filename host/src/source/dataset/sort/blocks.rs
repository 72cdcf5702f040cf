//! Compressed blocks in a file, each with a checksum.
//!
//! Where the blocks of temporary files are is not in memory, because there may be millions: each says how long it is.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use zstd::bulk::{Compressor, Decompressor};

use super::temporary;

/// Ids are random, and names repeat: a higher level gains little.
const LEVEL: i32 = 1;
/// What comes before a block that says how long it is: both sizes, and a checksum of these and of the block.
const FRAME: usize = 12;

/// Where a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) offset: u64,
    /// Its size in the file.
    pub(super) stored: u32,
    /// Its size in memory.
    pub(super) raw: u32,
    pub(super) checksum: u32,
}

/// A file without a name that blocks are added to.
pub(super) struct BlockWriter {
    file: File,
    end: u64,
    compressor: Compressor<'static>,
    compressed: Vec<u8>,
}

impl BlockWriter {
    pub(super) fn create(folder: &Path) -> io::Result<Self> {
        Ok(Self {
            file: temporary::unnamed(folder)?,
            end: 0,
            compressor: Compressor::new(LEVEL)?,
            compressed: Vec::new(),
        })
    }

    /// Adds a block.
    pub(super) fn add(&mut self, raw: &[u8]) -> io::Result<Block> {
        let [stored, raw] = self.compress(raw)?;
        let block = Block {
            offset: self.end,
            stored,
            raw,
            checksum: crc32fast::hash(&self.compressed),
        };
        self.file.write_all_at(&self.compressed, self.end)?;
        self.end += u64::from(block.stored);
        Ok(block)
    }

    /// Adds a block that says how long it is, and returns where it begins.
    pub(super) fn add_framed(&mut self, raw: &[u8]) -> io::Result<u64> {
        let sizes = self.compress(raw)?;
        let frame = frame(sizes, &self.compressed);
        let offset = self.end;
        self.file.write_all_at(&frame, offset)?;
        let begin = offset + FRAME as u64;
        self.file.write_all_at(&self.compressed, begin)?;
        self.end = begin + self.compressed.len() as u64;
        Ok(offset)
    }

    /// Compresses a block, and returns its size in the file and in memory.
    fn compress(&mut self, raw: &[u8]) -> io::Result<[u32; 2]> {
        let size = |bytes: usize| u32::try_from(bytes).map_err(|_| io::ErrorKind::FileTooLarge);
        self.compressed.clear();
        self.compressed
            .reserve_exact(zstd::zstd_safe::compress_bound(raw.len()));
        self.compressor
            .compress_to_buffer(raw, &mut self.compressed)?;
        Ok([size(self.compressed.len())?, size(raw.len())?])
    }

    /// Adds bytes that are no block.
    pub(super) fn add_plain(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, self.end)?;
        self.end += bytes.len() as u64;
        Ok(())
    }

    pub(super) fn bytes(&self) -> u64 {
        self.end
    }

    pub(super) fn into_file(self) -> File {
        self.file
    }
}

/// What comes before a block with these sizes.
fn frame(sizes: [u32; 2], compressed: &[u8]) -> [u8; FRAME] {
    let mut frame = [0; FRAME];
    frame[..4].copy_from_slice(&sizes[0].to_le_bytes());
    frame[4..8].copy_from_slice(&sizes[1].to_le_bytes());
    let mut checksum = crc32fast::Hasher::new();
    checksum.update(&frame[..8]);
    checksum.update(compressed);
    frame[8..].copy_from_slice(&checksum.finalize().to_le_bytes());
    frame
}

/// Reads blocks.
pub(super) struct BlockReader {
    decompressor: Decompressor<'static>,
    compressed: Vec<u8>,
}

impl BlockReader {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            decompressor: Decompressor::new()?,
            compressed: Vec::new(),
        })
    }

    /// Replaces `raw` with the bytes of a block.
    pub(super) fn read(&mut self, file: &File, block: &Block, raw: &mut Vec<u8>) -> io::Result<()> {
        self.compressed.resize(block.stored as usize, 0);
        file.read_exact_at(&mut self.compressed, block.offset)?;
        if crc32fast::hash(&self.compressed) != block.checksum {
            return Err(io::ErrorKind::InvalidData.into());
        }
        self.decompress(block.raw as usize, raw)
    }

    /// Replaces `raw` with the bytes of the block that begins at an offset, and returns where it ends.
    pub(super) fn read_framed(
        &mut self,
        from: &BlockWriter,
        offset: u64,
        raw: &mut Vec<u8>,
    ) -> io::Result<u64> {
        let mut found = [0; FRAME];
        from.file.read_exact_at(&mut found, offset)?;
        let size = |at: usize| {
            let bytes = [found[at], found[at + 1], found[at + 2], found[at + 3]];
            u32::from_le_bytes(bytes)
        };
        let sizes = [size(0), size(4)];
        let begin = offset + FRAME as u64;
        let end = begin + u64::from(sizes[0]);
        // No memory is taken for a size that is damaged.
        if end > from.end {
            return Err(io::ErrorKind::InvalidData.into());
        }
        self.compressed.resize(sizes[0] as usize, 0);
        from.file.read_exact_at(&mut self.compressed, begin)?;
        if frame(sizes, &self.compressed) != found {
            return Err(io::ErrorKind::InvalidData.into());
        }
        self.decompress(sizes[1] as usize, raw)?;
        Ok(end)
    }

    fn decompress(&mut self, bytes: usize, raw: &mut Vec<u8>) -> io::Result<()> {
        raw.clear();
        raw.reserve_exact(bytes);
        self.decompressor
            .decompress_to_buffer(&self.compressed, raw)?;
        if raw.len() != bytes {
            return Err(io::ErrorKind::InvalidData.into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_read_as_they_were_written_and_damage_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = BlockWriter::create(dir.path()).unwrap();
        let contents = [vec![7; 10_000], Vec::new(), b"abc".to_vec()];
        let blocks = contents.each_ref().map(|raw| writer.add(raw).unwrap());
        assert!(u64::from(blocks[0].stored) < 10_000);
        let mut reader = BlockReader::new().unwrap();
        let mut raw = Vec::new();
        for (block, expected) in blocks.iter().zip(&contents).rev() {
            reader.read(&writer.file, block, &mut raw).unwrap();
            assert_eq!(&raw, expected);
        }
        writer.file.write_all_at(b"?", blocks[2].offset).unwrap();
        let error = reader.read(&writer.file, &blocks[2], &mut raw).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn blocks_that_say_how_long_they_are_follow_each_other() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = BlockWriter::create(dir.path()).unwrap();
        let contents = [vec![7; 10_000], Vec::new(), b"abc".to_vec()];
        let offsets = contents
            .each_ref()
            .map(|raw| writer.add_framed(raw).unwrap());
        let mut reader = BlockReader::new().unwrap();
        let mut raw = Vec::new();
        let mut at = 0;
        for (offset, expected) in offsets.iter().zip(&contents) {
            assert_eq!(at, *offset);
            at = reader.read_framed(&writer, at, &mut raw).unwrap();
            assert_eq!(&raw, expected);
        }
        assert_eq!(at, writer.bytes());
        assert!(reader.read_framed(&writer, at, &mut raw).is_err());
        for at in 0..=FRAME as u64 {
            let at = offsets[2] + at;
            let mut byte = [0];
            writer.file.read_exact_at(&mut byte, at).unwrap();
            writer.file.write_all_at(&[byte[0] ^ 0x80], at).unwrap();
            let error = reader.read_framed(&writer, offsets[2], &mut raw);
            assert_eq!(error.unwrap_err().kind(), io::ErrorKind::InvalidData);
            writer.file.write_all_at(&byte, at).unwrap();
        }
    }
}
