//! Sorts more records than memory takes: sorted runs go to a file, and are merged.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::io;
use std::path::{Path, PathBuf};
use std::vec;

use super::blocks::{BlockReader, BlockWriter};

/// The order of records: that of the row that they belong to, then their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) row: u64,
    pub(super) order: u64,
    pub(super) sequence: u64,
}

/// The bytes of a key and of the length of its payload in a run.
const HEADER: usize = 28;
/// The limits of a block of a run. A longer one takes fewer reads, and a merge has one of each run in memory.
const BLOCK: (usize, usize) = (512, 256 << 10);
/// Counted for each run that is merged: its block, and as much again for compressed blocks, which are as long at most.
const BLOCKS_IN_MEMORY: usize = 2;
/// Offsets of payloads are kept in 32 bits.
const MOST_MEMORY: usize = 1 << 31;

/// A record in memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    key: Key,
    offset: u32,
    length: u32,
}

/// Takes records in any order.
pub(super) struct Sorter {
    folder: PathBuf,
    memory: usize,
    records: Vec<Record>,
    payloads: Vec<u8>,
    spilled: Option<Runs>,
    /// The records that were pushed, and the bytes of their payloads.
    pushed: [u64; 2],
}

/// Sorted runs in a file.
struct Runs {
    writer: BlockWriter,
    runs: Vec<Run>,
}

/// Where a run is: its blocks follow each other.
#[derive(Clone, Copy, Debug, Default)]
struct Run {
    from: u64,
    to: u64,
    /// The size of its largest block in memory. A record that is larger than a block has one of its own.
    largest: usize,
}

/// Gives sorted records back.
pub(super) enum Sorted {
    Memory {
        records: vec::IntoIter<Record>,
        payloads: Vec<u8>,
    },
    Merged(Box<Merge>),
}

impl Sorter {
    /// One that needs about this much memory at most, and writes to a folder.
    pub(super) fn new(folder: &Path, memory: usize) -> Self {
        Self {
            folder: folder.to_owned(),
            memory: memory.min(MOST_MEMORY),
            records: Vec::new(),
            payloads: Vec::new(),
            spilled: None,
            pushed: [0, 0],
        }
    }

    pub(super) fn push(&mut self, key: Key, payload: &[u8]) -> io::Result<()> {
        let taken = self.payloads.len() + self.records.len() * size_of::<Record>();
        if taken + payload.len() + size_of::<Record>() > self.memory && !self.records.is_empty() {
            self.spill()?;
        }
        if self.records.capacity() == 0 {
            self.reserve();
        }
        let too_large = |_| io::Error::from(io::ErrorKind::FileTooLarge);
        self.records.push(Record {
            key,
            offset: u32::try_from(self.payloads.len()).map_err(too_large)?,
            length: u32::try_from(payload.len()).map_err(too_large)?,
        });
        self.payloads.extend_from_slice(payload);
        self.pushed[0] += 1;
        self.pushed[1] += payload.len() as u64;
        Ok(())
    }

    /// The number of records.
    pub(super) fn records(&self) -> u64 {
        self.pushed[0]
    }

    /// The bytes of all payloads.
    pub(super) fn bytes(&self) -> u64 {
        self.pushed[1]
    }

    /// Takes addresses for all records at once: buffers that grow are copied, and are in memory twice meanwhile. Pages that
    /// are not written to take no memory.
    fn reserve(&mut self) {
        self.records.reserve(self.memory / size_of::<Record>() / 2);
        self.payloads.reserve(self.memory);
    }

    fn spill(&mut self) -> io::Result<()> {
        self.records.sort_unstable_by_key(|record| record.key);
        let runs = match &mut self.spilled {
            Some(runs) => runs,
            none => none.insert(Runs::create(&self.folder)?),
        };
        let mut run = RunWriter::new(block_bytes(self.memory), &runs.writer);
        for record in self.records.drain(..) {
            let payload = payload_of(&self.payloads, record);
            run.push(&mut runs.writer, record.key, payload)?;
        }
        runs.runs.push(run.finish(&mut runs.writer)?);
        self.payloads.clear();
        // A record may have been larger than the memory.
        self.payloads.shrink_to(self.memory);
        Ok(())
    }

    /// The bytes that were written so far.
    pub(super) fn spilled_bytes(&self) -> u64 {
        let spilled = self.spilled.as_ref();
        spilled.map_or(0, |runs| runs.writer.bytes())
    }

    /// Sorts all. `pass` is called with the number of records that another pass over a part of them has written.
    pub(super) fn finish(mut self, pass: &mut dyn FnMut(u64)) -> io::Result<Sorted> {
        if self.spilled.is_none() {
            self.records.sort_unstable_by_key(|record| record.key);
            return Ok(Sorted::Memory {
                records: self.records.into_iter(),
                payloads: self.payloads,
            });
        }
        if !self.records.is_empty() {
            self.spill()?;
        }
        let Self {
            folder,
            memory,
            spilled,
            records,
            payloads,
            ..
        } = self;
        // The blocks of the runs take their memory.
        drop((records, payloads));
        let mut runs = match spilled {
            Some(runs) => runs,
            None => Runs::create(&folder)?,
        };
        while together(&runs.runs, memory) < runs.runs.len() {
            runs = runs.merged(&folder, memory, pass)?;
        }
        Ok(Sorted::Merged(Box::new(Merge::of(
            runs.writer,
            &runs.runs,
        )?)))
    }
}

/// The length of blocks, so that many runs can be merged at once.
fn block_bytes(memory: usize) -> usize {
    (memory / 128).clamp(BLOCK.0, BLOCK.1)
}

/// The number of runs, from the first one on, that are merged at once: a block of each is in memory. Two are at least.
fn together(runs: &[Run], memory: usize) -> usize {
    let mut bytes = 0_usize;
    let fit = runs.iter().take_while(|run| {
        bytes = bytes.saturating_add(BLOCKS_IN_MEMORY * run.largest);
        bytes <= memory
    });
    fit.count().max(2)
}

fn payload_of(payloads: &[u8], record: Record) -> &[u8] {
    let from = record.offset as usize;
    payloads
        .get(from..from + record.length as usize)
        .unwrap_or_default()
}

impl Runs {
    fn create(folder: &Path) -> io::Result<Self> {
        Ok(Self {
            writer: BlockWriter::create(folder)?,
            runs: Vec::new(),
        })
    }

    /// Merges runs so that there are fewer: some at a time, into another file.
    fn merged(self, folder: &Path, memory: usize, pass: &mut dyn FnMut(u64)) -> io::Result<Self> {
        let mut merged = Self::create(folder)?;
        let mut writer = self.writer;
        let mut rest = &self.runs[..];
        while !rest.is_empty() {
            let (some, others) = rest.split_at(together(rest, memory).min(rest.len()));
            rest = others;
            let mut merge = Merge::of(writer, some)?;
            let mut run = RunWriter::new(block_bytes(memory), &merged.writer);
            while let Some((key, payload)) = merge.next()? {
                run.push(&mut merged.writer, key, payload)?;
                pass(1);
            }
            merged.runs.push(run.finish(&mut merged.writer)?);
            writer = merge.writer;
        }
        Ok(merged)
    }
}

/// Writes a run to the end of a file.
struct RunWriter {
    block_bytes: usize,
    raw: Vec<u8>,
    run: Run,
}

impl RunWriter {
    fn new(block_bytes: usize, writer: &BlockWriter) -> Self {
        let end = writer.bytes();
        Self {
            block_bytes,
            raw: Vec::new(),
            run: Run {
                from: end,
                to: end,
                largest: 0,
            },
        }
    }

    fn push(&mut self, writer: &mut BlockWriter, key: Key, payload: &[u8]) -> io::Result<()> {
        if self.raw.len() + HEADER + payload.len() > self.block_bytes {
            self.end_block(writer)?;
        }
        for number in [key.row, key.order, key.sequence] {
            self.raw.extend_from_slice(&number.to_le_bytes());
        }
        let length = u32::try_from(payload.len()).map_err(|_| io::ErrorKind::FileTooLarge)?;
        self.raw.extend_from_slice(&length.to_le_bytes());
        self.raw.extend_from_slice(payload);
        Ok(())
    }

    fn end_block(&mut self, writer: &mut BlockWriter) -> io::Result<()> {
        if !self.raw.is_empty() {
            writer.add_framed(&self.raw)?;
            self.run.largest = self.run.largest.max(self.raw.len());
            self.raw.clear();
            self.raw.shrink_to(self.block_bytes);
        }
        Ok(())
    }

    fn finish(mut self, writer: &mut BlockWriter) -> io::Result<Run> {
        self.end_block(writer)?;
        self.run.to = writer.bytes();
        Ok(self.run)
    }
}

/// Runs that are read together.
pub(super) struct Merge {
    writer: BlockWriter,
    reader: BlockReader,
    sources: Vec<Source>,
    /// The least key of each run that has one, with the index of the run.
    heads: BinaryHeap<Reverse<(Key, usize)>>,
    /// Whether the first of them was handed out.
    is_taken: bool,
}

/// A run that is read.
struct Source {
    /// Where its next block begins, and where its last one ends.
    at: u64,
    end: u64,
    raw: Vec<u8>,
    /// Where its next record begins.
    next: usize,
    /// Where the payload of the current record begins.
    payload: usize,
}

impl Merge {
    fn of(writer: BlockWriter, runs: &[Run]) -> io::Result<Self> {
        let source = |run: &Run| Source {
            at: run.from,
            end: run.to,
            raw: Vec::new(),
            next: 0,
            payload: 0,
        };
        let mut merge = Self {
            writer,
            reader: BlockReader::new()?,
            sources: runs.iter().map(source).collect(),
            heads: BinaryHeap::new(),
            is_taken: false,
        };
        for (index, source) in merge.sources.iter_mut().enumerate() {
            if let Some(key) = source.advance(&mut merge.reader, &merge.writer)? {
                merge.heads.push(Reverse((key, index)));
            }
        }
        Ok(merge)
    }

    fn next(&mut self) -> io::Result<Option<(Key, &[u8])>> {
        if self.is_taken
            && let Some(mut head) = self.heads.peek_mut()
        {
            let index = head.0.1;
            match self.sources[index].advance(&mut self.reader, &self.writer)? {
                Some(key) => head.0.0 = key,
                None => drop(PeekMut::pop(head)),
            }
        }
        self.is_taken = true;
        Ok(self.heads.peek().map(|Reverse((key, index))| {
            let source = &self.sources[*index];
            (*key, &source.raw[source.payload..source.next])
        }))
    }
}

impl Source {
    /// Goes on to the next record.
    fn advance(&mut self, reader: &mut BlockReader, from: &BlockWriter) -> io::Result<Option<Key>> {
        if self.next >= self.raw.len() {
            if self.at >= self.end {
                // A run at its end gives its memory back.
                self.raw = Vec::new();
                self.next = 0;
                self.payload = 0;
                return Ok(None);
            }
            self.at = reader.read_framed(from, self.at, &mut self.raw)?;
            self.next = 0;
        }
        let damaged = || io::Error::from(io::ErrorKind::InvalidData);
        let rest = self.raw.get(self.next..).unwrap_or_default();
        let (header, rest) = rest.split_first_chunk::<HEADER>().ok_or_else(damaged)?;
        let number = |at: usize| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&header[at..at + 8]);
            u64::from_le_bytes(bytes)
        };
        let length = [header[24], header[25], header[26], header[27]];
        let length = u32::from_le_bytes(length) as usize;
        if length > rest.len() {
            return Err(damaged());
        }
        self.payload = self.next + HEADER;
        self.next = self.payload + length;
        Ok(Some(Key {
            row: number(0),
            order: number(8),
            sequence: number(16),
        }))
    }
}

impl Sorted {
    /// The next record.
    pub(super) fn next(&mut self) -> io::Result<Option<(Key, &[u8])>> {
        match self {
            Self::Memory { records, payloads } => Ok(records
                .next()
                .map(|record| (record.key, payload_of(payloads, record)))),
            Self::Merged(merge) => merge.next(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(number: u64) -> String {
        number
            .to_string()
            .repeat((number.to_le_bytes()[0] % 5).into())
    }

    /// Numbers in an order that looks random, each once.
    fn shuffled(count: u64) -> impl Iterator<Item = u64> {
        (0..count).map(move |number| number.wrapping_mul(7919) % count)
    }

    fn sorted(count: u64, memory: usize) -> (Vec<(Key, Vec<u8>)>, bool, u64) {
        let dir = tempfile::tempdir().unwrap();
        let mut sorter = Sorter::new(dir.path(), memory);
        for number in shuffled(count) {
            let key = Key {
                row: number / 10,
                order: number % 10 / 2,
                sequence: number,
            };
            sorter.push(key, text(number).as_bytes()).unwrap();
        }
        let has_spilled = sorter.spilled_bytes() > 0;
        let mut passed = 0;
        let mut in_order = sorter.finish(&mut |count| passed += count).unwrap();
        let mut all = Vec::new();
        while let Some((key, payload)) = in_order.next().unwrap() {
            all.push((key, payload.to_vec()));
        }
        assert!(in_order.next().unwrap().is_none());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        (all, has_spilled, passed)
    }

    #[test]
    fn records_are_sorted_in_memory_and_by_one_or_several_passes() {
        let count = 10_007;
        let (expected, spilled, passed) = sorted(count, 1 << 20);
        assert!(!spilled && passed == 0);
        assert_eq!(expected.len() as u64, count);
        assert!(expected.is_sorted());
        for (number, (key, payload)) in (0..).zip(&expected) {
            assert_eq!(key.sequence, number);
            assert_eq!(payload, text(number).as_bytes());
        }
        let (found, spilled, passed) = sorted(count, 100 << 10);
        assert!(spilled && passed == 0 && found == expected);
        let (found, spilled, passed) = sorted(count, 4 << 10);
        assert!(spilled && passed >= 2 * count && found == expected);
    }

    #[test]
    fn record_may_be_larger_than_the_memory() {
        let dir = tempfile::tempdir().unwrap();
        let mut sorter = Sorter::new(dir.path(), 1000);
        let payload = |row: u64| vec![b'x'; 10_000 * usize::try_from(row).unwrap()];
        for row in [3, 1, 2] {
            let key = Key {
                row,
                ..Key::default()
            };
            sorter.push(key, &payload(row)).unwrap();
        }
        let mut in_order = sorter.finish(&mut |_| {}).unwrap();
        for row in 1..=3 {
            let (key, found) = in_order.next().unwrap().unwrap();
            assert!(key.row == row && found == payload(row));
        }
        assert!(in_order.next().unwrap().is_none());
    }

    #[test]
    fn runs_with_large_records_are_merged_few_at_a_time() {
        let runs = |largest: &[usize]| -> Vec<Run> {
            let run = |&largest: &usize| Run {
                largest,
                ..Run::default()
            };
            largest.iter().map(run).collect()
        };
        let memory = 1000;
        assert_eq!(together(&runs(&[100; 9]), memory), 5);
        assert_eq!(together(&runs(&[100, 300, 100, 100]), memory), 3);
        assert_eq!(together(&runs(&[9000; 4]), memory), 2);
        // Each record is larger than a block, and a run of its own.
        let dir = tempfile::tempdir().unwrap();
        let mut sorter = Sorter::new(dir.path(), 10_000);
        let payload = |row: u64| vec![row.to_le_bytes()[0]; 4000];
        for row in shuffled(20) {
            let key = Key {
                row,
                ..Key::default()
            };
            sorter.push(key, &payload(row)).unwrap();
            sorter.spill().unwrap();
        }
        let mut passed = 0;
        let mut in_order = sorter.finish(&mut |count| passed += count).unwrap();
        assert!(passed >= 20 * 3);
        for row in 0..20 {
            let (key, found) = in_order.next().unwrap().unwrap();
            assert!(key.row == row && found == payload(row));
        }
        assert!(in_order.next().unwrap().is_none());
    }

    #[test]
    fn nothing_is_sorted_too() {
        let (all, spilled, _) = sorted(0, 1000);
        assert!(all.is_empty() && !spilled);
    }
}
