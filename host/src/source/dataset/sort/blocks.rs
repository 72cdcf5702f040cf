//! Compressed blocks in a file, each with a checksum.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use zstd::bulk::{Compressor, Decompressor};

use super::temporary;

/// Ids are random, and names repeat: a higher level gains little.
const LEVEL: i32 = 1;

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
        let size = |bytes: usize| u32::try_from(bytes).map_err(|_| io::ErrorKind::FileTooLarge);
        self.compressed.clear();
        self.compressed
            .reserve(zstd::zstd_safe::compress_bound(raw.len()));
        self.compressor
            .compress_to_buffer(raw, &mut self.compressed)?;
        let block = Block {
            offset: self.end,
            stored: size(self.compressed.len())?,
            raw: size(raw.len())?,
            checksum: crc32fast::hash(&self.compressed),
        };
        self.file.write_all_at(&self.compressed, self.end)?;
        self.end += u64::from(block.stored);
        Ok(block)
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

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    pub(super) fn into_file(self) -> File {
        self.file
    }
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
        raw.clear();
        raw.reserve(block.raw as usize);
        self.decompressor
            .decompress_to_buffer(&self.compressed, raw)?;
        if raw.len() != block.raw as usize {
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
            reader.read(writer.file(), block, &mut raw).unwrap();
            assert_eq!(&raw, expected);
        }
        writer.file().write_all_at(b"?", blocks[2].offset).unwrap();
        let error = reader
            .read(writer.file(), &blocks[2], &mut raw)
            .unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
}
