//! Records divided by their identifiers, so that a part of the main table's identifiers fits into memory.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::Path;

use super::blocks::{BlockReader, BlockWriter};
use super::ids::Id;

/// The bytes of a record without its payload.
const HEADER: usize = 40;
/// The offset at the beginning of a block.
const LINK: usize = 8;
/// What the first block of a part has in the place of the offset of the block before it.
const NONE: u64 = u64::MAX;

/// Which part an identifier belongs to. The keys of the hash are random: nobody can make identifiers that all fall into
/// one part.
#[derive(Clone, Debug, Default)]
pub(super) struct Division {
    hashes: RandomState,
    pub(super) parts: usize,
}

impl Division {
    pub(super) fn new(parts: usize) -> Self {
        Self {
            hashes: RandomState::new(),
            parts: parts.max(1),
        }
    }

    fn of(&self, id: &Id) -> usize {
        let hash = self.hashes.hash_one(id) % self.parts as u64;
        usize::try_from(hash).unwrap_or_default()
    }
}

/// Records, each with its identifier, in a file.
pub(super) struct Partitions {
    division: Division,
    writer: BlockWriter,
    block_bytes: usize,
    parts: Vec<Part>,
}

/// A part: each of its blocks begins with the offset of the one before it, so that memory does not grow with them.
#[derive(Debug, Default)]
struct Part {
    raw: Vec<u8>,
    /// Where its last block begins.
    last: Option<u64>,
    records: u64,
}

impl Partitions {
    pub(super) fn create(
        folder: &Path,
        division: &Division,
        block_bytes: usize,
    ) -> io::Result<Self> {
        Ok(Self {
            division: division.clone(),
            writer: BlockWriter::create(folder)?,
            block_bytes,
            parts: (0..division.parts).map(|_| Part::default()).collect(),
        })
    }

    /// Adds a record.
    pub(super) fn push(&mut self, id: &Id, numbers: [u64; 2], payload: &[u8]) -> io::Result<()> {
        let part = &mut self.parts[self.division.of(id)];
        let bytes = HEADER + payload.len();
        if part.raw.len() + bytes > self.block_bytes {
            part.end_block(&mut self.writer, self.block_bytes)?;
        }
        if part.raw.is_empty() {
            part.raw.reserve_exact(self.block_bytes.max(LINK + bytes));
            let before = part.last.unwrap_or(NONE);
            part.raw.extend_from_slice(&before.to_le_bytes());
        }
        part.raw.extend_from_slice(id);
        for number in numbers {
            part.raw.extend_from_slice(&number.to_le_bytes());
        }
        let length = u32::try_from(payload.len()).map_err(|_| io::ErrorKind::FileTooLarge)?;
        part.raw.extend_from_slice(&length.to_le_bytes());
        part.raw.extend_from_slice(payload);
        part.records += 1;
        // Each part may have a record that is larger than a block: together they would take any memory.
        if part.raw.len() > self.block_bytes {
            part.end_block(&mut self.writer, self.block_bytes)?;
        }
        Ok(())
    }

    /// Writes what is in memory.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        for part in &mut self.parts {
            part.end_block(&mut self.writer, 0)?;
        }
        Ok(())
    }

    /// The bytes that were written.
    pub(super) fn bytes(&self) -> u64 {
        self.writer.bytes()
    }

    pub(super) fn records(&self, part: usize) -> u64 {
        self.parts.get(part).map_or(0, |part| part.records)
    }

    /// Goes over the records of a part, block by block from the last one to the first one.
    pub(super) fn each<E: From<io::Error>>(
        &self,
        part: usize,
        mut take: impl FnMut(&Id, [u64; 2], &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut reader = BlockReader::new()?;
        let mut raw = Vec::new();
        let mut next = self.parts.get(part).and_then(|part| part.last);
        while let Some(offset) = next {
            let damaged = || io::Error::from(io::ErrorKind::InvalidData);
            reader.read_framed(&self.writer, offset, &mut raw)?;
            let (before, mut rest) = raw.split_first_chunk::<LINK>().ok_or_else(damaged)?;
            let before = u64::from_le_bytes(*before);
            next = (before != NONE).then_some(before);
            if next.is_some_and(|before| before >= offset) {
                return Err(damaged().into());
            }
            while !rest.is_empty() {
                let (record, after) = record(rest).ok_or_else(damaged)?;
                take(record.id, record.numbers, record.payload)?;
                rest = after;
            }
        }
        Ok(())
    }
}

struct Record<'a> {
    id: &'a Id,
    numbers: [u64; 2],
    payload: &'a [u8],
}

/// The first record of a block, and what comes after it.
fn record(raw: &[u8]) -> Option<(Record<'_>, &[u8])> {
    let (id, rest) = raw.split_first_chunk::<20>()?;
    let (first, rest) = rest.split_first_chunk::<8>()?;
    let (second, rest) = rest.split_first_chunk::<8>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (payload, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    let numbers = [first, second].map(|number| u64::from_le_bytes(*number));
    let record = Record {
        id,
        numbers,
        payload,
    };
    Some((record, rest))
}

impl Part {
    /// Writes what is in memory, and keeps this much of the memory.
    fn end_block(&mut self, writer: &mut BlockWriter, memory: usize) -> io::Result<()> {
        if !self.raw.is_empty() {
            self.last = Some(writer.add_framed(&self.raw)?);
            self.raw.clear();
            self.raw.shrink_to(memory);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_with_the_same_identifier_are_in_the_same_part() {
        let dir = tempfile::tempdir().unwrap();
        let division = Division::new(5);
        let mut all = [(); 2].map(|()| Partitions::create(dir.path(), &division, 1000).unwrap());
        for number in 0..2000_u64 {
            let id = [u8::try_from(number % 250).unwrap(); 20];
            let payload = vec![b'x'; number.to_le_bytes()[0] as usize % 9];
            let partitions = &mut all[(number % 2) as usize];
            partitions
                .push(&id, [number, number + 1], &payload)
                .unwrap();
        }
        let mut seen = vec![None; 250];
        let mut count = 0;
        for partitions in &mut all {
            partitions.finish().unwrap();
            for part in 0..division.parts {
                let before = count;
                let take = |id: &Id, [first, second]: [u64; 2], payload: &[u8]| {
                    assert_eq!(first % 250, u64::from(id[0]));
                    assert_eq!(
                        (second, payload.len()),
                        (first + 1, first.to_le_bytes()[0] as usize % 9)
                    );
                    assert_eq!(*seen[id[0] as usize].get_or_insert(part), part);
                    count += 1;
                    Ok::<(), io::Error>(())
                };
                partitions.each(part, take).unwrap();
                assert_eq!(count - before, partitions.records(part));
            }
        }
        assert_eq!(count, 2000);
    }

    #[test]
    fn memory_of_a_part_does_not_grow_with_its_records() {
        let dir = tempfile::tempdir().unwrap();
        let block_bytes = 1000;
        let mut partitions =
            Partitions::create(dir.path(), &Division::new(1), block_bytes).unwrap();
        // Some are larger than a block, and one is so only with what comes before it.
        let payload = |number: u64| {
            let bytes = match number {
                7 => 9000,
                8 => block_bytes - HEADER,
                _ => 3,
            };
            vec![b'x'; bytes]
        };
        for number in 0..1000 {
            partitions
                .push(&[1; 20], [number, 0], &payload(number))
                .unwrap();
            let taken = partitions.parts[0].raw.capacity();
            assert!(taken <= block_bytes, "{number}: {taken}");
        }
        partitions.finish().unwrap();
        assert_eq!(partitions.parts[0].raw.capacity(), 0);
        let mut found = Vec::new();
        let take = |_: &Id, [number, _]: [u64; 2], found_payload: &[u8]| {
            assert_eq!(found_payload, payload(number));
            found.push(number);
            Ok::<(), io::Error>(())
        };
        partitions.each(0, take).unwrap();
        found.sort_unstable();
        assert!(found.into_iter().eq(0..1000));
    }
}
