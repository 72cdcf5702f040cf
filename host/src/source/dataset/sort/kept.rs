//! A file with the rows of a relation in the order of their main table, which is kept for later runs.
//!
//! It has blocks of records, an index of the blocks, and a trailer. A record is the number of the row of the main table, as
//! the difference from the one before it in the block, the length of what follows, the beginning of the identifier, and the
//! packed cells. All numbers are little-endian.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::blocks::{Block, BlockReader, BlockWriter};
use super::cells::{Cells, SortedRow};
use super::temporary;
use crate::source::dataset::error::Error;
use crate::source::dataset::folder::is_missing;
use crate::source::dataset::table::Relation;

/// The last bytes of a file; another layout gets another number.
const MAGIC: &[u8; 8] = b"jh-rows1";
/// The digest of the tables, the numbers of rows and of those left out, the block of the index, a checksum of all these, and
/// the magic bytes.
const TRAILER: usize = CHECKED + 4 + MAGIC.len();
const CHECKED: usize = DIGEST + NUMBERS + BLOCK;
const NUMBERS: usize = 3 * 8;
/// The bytes at the beginning of the identifier that each record keeps. They show rows that were sorted of other files.
pub(super) const TAG: usize = 4;
/// The length of a digest.
pub(super) const DIGEST: usize = 16;
/// The bytes of a block in the index: offset, two lengths and the checksum.
const BLOCK: usize = 20;
/// The same with the number of the first row.
const ENTRY: usize = 8 + BLOCK;
/// The limits of the length of a block, in memory.
const RAW: (usize, usize) = (128 << 10, 1 << 30);
/// The memory of a block in the index. The index grows while it is made, and is copied where it is written and read.
const INDEX_MEMORY: usize = 4 * ENTRY;
/// The bytes of the row and the length of a record.
const HEADER: usize = 8;

/// Writes a file.
pub(super) struct Writer {
    blocks: BlockWriter,
    block_bytes: usize,
    raw: Vec<u8>,
    /// The row of the first record of the block, and of the last one.
    first: u64,
    last: u64,
    index: Vec<u8>,
    rows: u64,
}

/// Rows that a file does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::source::dataset) struct LeftOut {
    /// Rows that belong to no row of the main table.
    pub(super) unmatched: u64,
    /// Rows that were there before.
    pub(super) repeated: u64,
}

/// A file that is complete.
#[derive(Debug)]
pub(in crate::source::dataset) struct Kept {
    path: PathBuf,
    file: File,
    relation: Relation,
    digest: String,
    left_out: LeftOut,
    bytes: u64,
    /// Blocks with their first rows.
    blocks: Vec<(u64, Block)>,
}

/// Reads a file, from a row of the main table on.
pub(in crate::source::dataset) struct Reader {
    kept: Arc<Kept>,
    blocks: BlockReader,
    /// The index of the next block.
    next_block: usize,
    raw: Vec<u8>,
    at: usize,
    /// The row of the record before, in the block.
    row: u64,
    cells: Cells,
}

impl Writer {
    pub(super) fn create(folder: &Path) -> io::Result<Self> {
        Ok(Self {
            blocks: BlockWriter::create(folder)?,
            block_bytes: RAW.0,
            raw: Vec::new(),
            first: 0,
            last: 0,
            index: Vec::new(),
            rows: 0,
        })
    }

    /// Says how many records will come, with how many bytes in all: the more there are, the longer are blocks.
    pub(super) fn expect(&mut self, records: u64, bytes: u64, memory: usize) {
        let headers = records.saturating_mul(HEADER as u64);
        self.block_bytes = block_bytes(bytes.saturating_add(headers), memory);
    }

    /// Adds a record, whose row is not before that of the last one.
    pub(super) fn push(&mut self, row: u64, packed: &[u8]) -> io::Result<()> {
        let ends = self.raw.len() + HEADER + packed.len() > self.block_bytes;
        // Differences have 32 bits.
        let is_far = row - self.last > u64::from(u32::MAX);
        if !self.raw.is_empty() && (ends || is_far) {
            self.end_block()?;
        }
        if self.raw.is_empty() {
            self.raw.reserve_exact(self.block_bytes);
            self.first = row;
            self.last = row;
        }
        let too_large = |_| io::Error::from(io::ErrorKind::FileTooLarge);
        let difference = u32::try_from(row - self.last).map_err(too_large)?;
        let length = u32::try_from(packed.len()).map_err(too_large)?;
        self.raw.extend_from_slice(&difference.to_le_bytes());
        self.raw.extend_from_slice(&length.to_le_bytes());
        self.raw.extend_from_slice(packed);
        self.last = row;
        self.rows += 1;
        Ok(())
    }

    fn end_block(&mut self) -> io::Result<()> {
        let block = self.blocks.add(&self.raw)?;
        self.raw.clear();
        self.index.extend_from_slice(&self.first.to_le_bytes());
        self.index.extend_from_slice(&written(&block));
        Ok(())
    }

    /// Ends the file, and gives it its name.
    pub(super) fn finish(
        mut self,
        digest: &str,
        left_out: LeftOut,
        path: &Path,
    ) -> io::Result<u64> {
        if !self.raw.is_empty() {
            self.end_block()?;
        }
        let index = self.blocks.add(&self.index)?;
        let mut trailer = Vec::with_capacity(TRAILER);
        trailer.extend_from_slice(digest.as_bytes());
        for number in [self.rows, left_out.unmatched, left_out.repeated] {
            trailer.extend_from_slice(&number.to_le_bytes());
        }
        trailer.extend_from_slice(&written(&index));
        trailer.extend_from_slice(&crc32fast::hash(&trailer).to_le_bytes());
        trailer.extend_from_slice(MAGIC);
        self.blocks.add_plain(&trailer)?;
        let bytes = self.blocks.bytes();
        temporary::publish(self.blocks.into_file(), path)?;
        Ok(bytes)
    }
}

/// The length of blocks, so that their index takes a small part of the memory. Where that part is too small, a block, of which
/// a reader has one, and the index are about as large as each other.
fn block_bytes(bytes: u64, memory: usize) -> usize {
    let most_blocks = (memory / 16 / INDEX_MEMORY).max(1) as u64;
    let balanced = bytes.saturating_mul(INDEX_MEMORY as u64).isqrt();
    let needed = bytes.div_ceil(most_blocks).min(balanced);
    usize::try_from(needed)
        .unwrap_or(usize::MAX)
        .clamp(RAW.0, RAW.1)
}

fn written(block: &Block) -> [u8; BLOCK] {
    let mut bytes = [0; BLOCK];
    bytes[..8].copy_from_slice(&block.offset.to_le_bytes());
    for (at, number) in [(8, block.stored), (12, block.raw), (16, block.checksum)] {
        bytes[at..at + 4].copy_from_slice(&number.to_le_bytes());
    }
    bytes
}

fn block(bytes: &[u8]) -> Option<Block> {
    let number = |at: usize| {
        let bytes = bytes.get(at..)?.first_chunk::<4>()?;
        Some(u32::from_le_bytes(*bytes))
    };
    Some(Block {
        offset: u64::from_le_bytes(*bytes.first_chunk::<8>()?),
        stored: number(8)?,
        raw: number(12)?,
        checksum: number(16)?,
    })
}

impl Kept {
    /// Opens a file; none where there is no such file.
    ///
    /// # Errors
    /// When it cannot be read, or is damaged.
    pub(super) fn open(
        path: &Path,
        relation: Relation,
        digest: &str,
    ) -> Result<Option<Arc<Self>>, Error> {
        let cannot = |source| {
            let file = path.to_owned();
            Error::Open { file, source }
        };
        let file = match File::open(path) {
            // Making the folder says what is wrong with it.
            Err(error) if is_missing(&error) => return Ok(None),
            file => file.map_err(cannot)?,
        };
        let metadata = file.metadata().map_err(cannot)?;
        let is_own = [0, rustix::process::geteuid().as_raw()].contains(&metadata.uid());
        if !is_own || metadata.mode() & 0o022 != 0 {
            return Err(Error::KeptByOthers(path.to_owned()));
        }
        let bytes = metadata.len();
        let found = index(&file, bytes, digest).ok_or_else(|| Error::Kept(path.to_owned()))?;
        let (left_out, blocks) = found;
        Ok(Some(Arc::new(Self {
            path: path.to_owned(),
            file,
            relation,
            digest: digest.to_owned(),
            left_out,
            bytes,
            blocks,
        })))
    }

    /// What it was made of.
    pub(in crate::source::dataset) fn digest(&self) -> &str {
        &self.digest
    }

    /// What it does not have of the table.
    pub(in crate::source::dataset) fn left_out(&self) -> LeftOut {
        self.left_out
    }

    pub(in crate::source::dataset) fn relation(&self) -> Relation {
        self.relation
    }

    pub(in crate::source::dataset) fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// What was left out, and blocks with their first rows; none where the file is damaged.
fn index(file: &File, bytes: u64, digest: &str) -> Option<(LeftOut, Vec<(u64, Block)>)> {
    let mut trailer = [0; TRAILER];
    let end = bytes.checked_sub(TRAILER as u64)?;
    file.read_exact_at(&mut trailer, end).ok()?;
    let (checked, rest) = trailer.split_at(CHECKED);
    let (checksum, magic) = rest.split_at(4);
    if magic != MAGIC || checksum != crc32fast::hash(checked).to_le_bytes() {
        return None;
    }
    let (said, rest) = checked.split_at(DIGEST);
    let (numbers, of_index) = rest.split_at(NUMBERS);
    let of_index = block(of_index)?;
    let number = |at: usize| {
        let bytes = numbers.get(at..)?.first_chunk::<8>()?;
        Some(u64::from_le_bytes(*bytes))
    };
    let left_out = LeftOut {
        unmatched: number(8)?,
        repeated: number(16)?,
    };
    let index_end = of_index.offset.checked_add(u64::from(of_index.stored))?;
    if said != digest.as_bytes() || index_end != end {
        return None;
    }
    let mut index = Vec::new();
    BlockReader::new()
        .and_then(|mut reader| reader.read(file, &of_index, &mut index))
        .ok()?;
    let entry = |entry: &[u8]| {
        let row = u64::from_le_bytes(*entry.first_chunk::<8>()?);
        let block = block(&entry[8..])?;
        let block_end = block.offset.checked_add(u64::from(block.stored))?;
        (block_end <= of_index.offset).then_some((row, block))
    };
    let mut blocks = Vec::with_capacity(index.len() / ENTRY);
    for bytes in index.chunks_exact(ENTRY) {
        blocks.push(entry(bytes)?);
    }
    Some((left_out, blocks))
}

impl Reader {
    /// Begins at a row of the main table.
    pub(in crate::source::dataset) fn open(kept: &Arc<Kept>, row: u64) -> Result<Self, Error> {
        // Records of the row may begin at the end of the block before the first one that begins with it.
        let next_block = kept.blocks.partition_point(|(first, _)| *first < row);
        let next_block = next_block.saturating_sub(1);
        let blocks = BlockReader::new().map_err(|source| Error::Open {
            file: kept.path.clone(),
            source,
        })?;
        Ok(Self {
            kept: Arc::clone(kept),
            blocks,
            next_block,
            raw: Vec::new(),
            at: 0,
            row: 0,
            cells: Cells::default(),
        })
    }

    /// The next record of a row of the main table, whose number never decreases. None where the row has no more.
    pub(in crate::source::dataset) fn next_of(
        &mut self,
        row: u64,
    ) -> Result<Option<SortedRow<'_>>, Error> {
        let damaged = |kept: &Kept| Error::Kept(kept.path.clone());
        loop {
            if self.at >= self.raw.len() && !self.next_block(row)? {
                return Ok(None);
            }
            let (found, from, to) = self.header().ok_or_else(|| damaged(&self.kept))?;
            if found > row {
                return Ok(None);
            }
            self.row = found;
            self.at = to;
            if found < row {
                continue;
            }
            let of_record = self.raw[from..to].split_first_chunk::<TAG>();
            let Some((tag, packed)) = of_record.filter(|(_, packed)| self.cells.read(packed))
            else {
                return Err(damaged(&self.kept));
            };
            return Ok(Some(SortedRow {
                file: &self.kept.path,
                tag: *tag,
                columns: self.kept.relation.columns(),
                packed,
                cells: &self.cells,
            }));
        }
    }

    /// Reads the next block, unless it begins after a row.
    fn next_block(&mut self, row: u64) -> Result<bool, Error> {
        let Some((first, block)) = self.kept.blocks.get(self.next_block) else {
            return Ok(false);
        };
        if *first > row {
            return Ok(false);
        }
        self.blocks
            .read(&self.kept.file, block, &mut self.raw)
            .map_err(|_| Error::Kept(self.kept.path.clone()))?;
        self.row = *first;
        self.at = 0;
        self.next_block += 1;
        Ok(true)
    }

    /// The row of the record at the position, and where its cells are.
    fn header(&self) -> Option<(u64, usize, usize)> {
        let (difference, rest) = self.raw.get(self.at..)?.split_first_chunk::<4>()?;
        let difference = u32::from_le_bytes(*difference);
        let length = u32::from_le_bytes(*rest.first_chunk::<4>()?) as usize;
        let from = self.at + HEADER;
        let to = from.checked_add(length)?;
        (to <= self.raw.len()).then_some((self.row + u64::from(difference), from, to))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::source::dataset::row::Row as _;

    const OF: &str = "0123456789abcdef";
    const RELATION: Relation = Relation::RevisionHistory;
    const LEFT_OUT: LeftOut = LeftOut {
        unmatched: 3,
        repeated: 1 << 33,
    };

    /// A file with this many records for each row, which have their numbers.
    fn write(path: &Path, counts: &[(u64, u64)]) {
        let mut writer = Writer::create(path.parent().unwrap()).unwrap();
        for &(row, count) in counts {
            for number in 0..count {
                let mut packed = vec![0xab, 0xcd, 0, 0x12, 2, 1, b'x', 1];
                packed.extend(number.to_le_bytes());
                writer.push(row, &packed).unwrap();
            }
        }
        writer.finish(OF, LEFT_OUT, path).unwrap();
    }

    /// The numbers of the records of a row.
    fn read(reader: &mut Reader, row: u64) -> Vec<i64> {
        let mut numbers = Vec::new();
        while let Some(record) = reader.next_of(row).unwrap() {
            assert_eq!(record.text("parent_id"), Some(Some("x")));
            assert!(record.belongs_to("abcd0012ff") && !record.belongs_to("abcd0013ff"));
            numbers.push(record.integer("parent_rank").unwrap().unwrap());
        }
        numbers
    }

    #[test]
    fn rows_are_read_from_any_row_on() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.rows");
        let far = 1 << 40;
        // The records of one row take several blocks.
        let counts = [(0, 2), (1, 30_000), (3, 1), (4, 5000), (far, 1)];
        write(&path, &counts);
        let kept = Kept::open(&path, RELATION, OF).unwrap().unwrap();
        assert!(kept.blocks.len() > 5);
        assert_eq!(kept.left_out(), LEFT_OUT);
        for from in [0, 1, 2, 3, 4, 5, far, far + 1] {
            let mut reader = Reader::open(&kept, from).unwrap();
            for row in [0, 1, 2, 3, 4, 5, far, far + 1] {
                if row >= from {
                    let of_row = counts.iter().find(|(one, _)| *one == row);
                    let expected = 0..of_row.map_or(0, |(_, count)| count.cast_signed());
                    assert!(read(&mut reader, row).into_iter().eq(expected), "{row}");
                }
            }
        }
        // Records that nobody asked for are passed over.
        let mut reader = Reader::open(&kept, 0).unwrap();
        assert_eq!(read(&mut reader, 3), [0]);
    }

    #[test]
    fn index_takes_a_small_part_of_the_memory() {
        let memory = 1 << 20;
        for bytes in [0, 1 << 10, 10 << 20, 1 << 26, 1 << 30, 1 << 35] {
            let block = block_bytes(bytes, memory) as u64;
            let index = bytes.div_ceil(block) * INDEX_MEMORY as u64;
            let part = memory as u64 / 16;
            assert!(
                index <= part.max(block + INDEX_MEMORY as u64),
                "{bytes}: {index}"
            );
            assert!(
                block <= part.max(index).max(RAW.0 as u64),
                "{bytes}: {block}"
            );
            assert!(block >= RAW.0 as u64);
        }
        assert_eq!(block_bytes(10 << 20, memory), RAW.0);
        assert_eq!(block_bytes(u64::MAX, memory), RAW.1);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.rows");
        let mut writer = Writer::create(dir.path()).unwrap();
        let (records, packed) = (200_000, [0; 1000]);
        let memory = 16 * 1400 * INDEX_MEMORY;
        writer.expect(records, records * packed.len() as u64, memory);
        for row in 0..records {
            writer.push(row, &packed).unwrap();
        }
        writer.finish(OF, LEFT_OUT, &path).unwrap();
        let kept = Kept::open(&path, RELATION, OF).unwrap().unwrap();
        assert!((1300..=1420).contains(&kept.blocks.len()));
    }

    #[test]
    fn file_without_rows_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.rows");
        assert!(Kept::open(&path, RELATION, OF).unwrap().is_none());
        write(&path, &[]);
        let kept = Kept::open(&path, RELATION, OF).unwrap().unwrap();
        assert!(read(&mut Reader::open(&kept, 0).unwrap(), 5).is_empty());
    }

    #[test]
    fn file_that_others_can_write_to_is_not_used() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.rows");
        write(&path, &[(0, 1)]);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o664)).unwrap();
        let refused = Kept::open(&path, RELATION, OF);
        assert!(matches!(refused, Err(Error::KeptByOthers(_))));
    }

    #[test]
    fn damage_is_noticed_wherever_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.rows");
        write(&path, &[(0, 5000), (7, 5000)]);
        let whole = fs::read(&path).unwrap();
        let read_all = || -> Result<(), Error> {
            let kept = Kept::open(&path, RELATION, OF)?.unwrap();
            let mut reader = Reader::open(&kept, 0)?;
            for row in 0..8 {
                while reader.next_of(row)?.is_some() {}
            }
            Ok(())
        };
        read_all().unwrap();
        for at in (0..whole.len())
            .step_by(97)
            .chain(whole.len() - 50..whole.len())
        {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x55;
            fs::write(&path, damaged).unwrap();
            assert!(matches!(read_all(), Err(Error::Kept(_))), "{at}");
        }
        for length in [0, 10, whole.len() / 2, whole.len() - 1] {
            fs::write(&path, &whole[..length]).unwrap();
            assert!(matches!(read_all(), Err(Error::Kept(_))), "{length}");
        }
    }
}
