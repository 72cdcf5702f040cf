//! Gives each row of a relation the numbers of the rows of the main table that it belongs to, and sorts by them.
//!
//! The identifiers of the main table are in memory. Where they do not fit, both tables are divided by the identifiers, and
//! one part after another is.

use std::hash::{DefaultHasher, Hasher};
use std::io;
use std::path::{Path, PathBuf};

use super::cells;
use super::external::{Key, Sorted, Sorter};
use super::ids::{ID_MEMORY, Id, Ids};
use super::kept::{LeftOut, TAG, Writer};
use super::partitions::{Division, Partitions};
use super::progress::Progress;
use super::repeated::{OF_ONE_ROW, Repeated};
use crate::source::dataset::error::Error;
use crate::source::dataset::file::Rows;
use crate::source::dataset::row::Row as _;
use crate::source::dataset::table::{Main, Relation};

/// The limits of the blocks of a part.
const BLOCK: (usize, usize) = (1 << 10, 256 << 10);

/// What is sorted, and where.
pub(super) struct Join<'a> {
    pub(super) main: Main,
    /// The files of the main table, with their rows.
    pub(super) mains: Vec<(&'a Path, u64)>,
    pub(super) relation: Relation,
    pub(super) files: Vec<PathBuf>,
    pub(super) folder: &'a Path,
    /// The bytes of memory.
    pub(super) memory: usize,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Done {
    /// Rows that were written.
    pub(super) rows: u64,
    /// Rows that were not.
    pub(super) left_out: LeftOut,
    /// Bytes of temporary files, without those of the result.
    pub(super) spilled: u64,
}

/// A relation's row without its cells: the order among those of its object, and the number of all rows before it.
type Numbers = [u64; 2];

/// The memory of the identifiers.
fn memory_of_ids(memory: usize) -> usize {
    memory / 4
}

/// A sum of numbers that nobody has checked.
pub(super) fn total(numbers: impl Iterator<Item = u64>) -> u64 {
    numbers.fold(0, u64::saturating_add)
}

/// The number of parts of a main table with this many rows.
pub(super) fn parts(memory: usize, rows: u64) -> usize {
    let rows = usize::try_from(rows).unwrap_or(usize::MAX);
    let needed = rows.saturating_mul(ID_MEMORY);
    let fits = memory_of_ids(memory).max(1);
    if needed <= fits {
        return 1;
    }
    // Parts are about as large as each other.
    needed.div_ceil(fits / 2).max(2)
}

impl Join<'_> {
    /// Sorts the relation into `writer`.
    pub(super) fn run(&self, writer: &mut Writer, progress: &mut Progress) -> Result<Done, Error> {
        let rows = total(self.mains.iter().map(|(_, rows)| *rows));
        let parts = parts(self.memory, rows);
        if parts > self.memory / 2 / BLOCK.0 {
            return Err(Error::TooManyRows {
                table: self.main.name(),
                relation: self.relation.name(),
            });
        }
        let mut done = Done::default();
        let sorter = Sorter::new(self.folder, self.memory / 2);
        let sorter = if parts == 1 {
            self.join_at_once(rows, sorter, progress, &mut done)?
        } else {
            self.join_by_parts(parts, sorter, progress, &mut done)?
        };
        done.spilled += sorter.spilled_bytes();
        writer.expect(sorter.records(), sorter.bytes(), self.memory);
        let in_order = sorter.finish(&mut |rows| {
            progress.expect(rows);
            progress.add(rows);
        });
        let in_order = in_order.map_err(|source| self.cannot(source))?;
        self.write(in_order, writer, progress, &mut done)?;
        Ok(done)
    }

    fn join_at_once(
        &self,
        rows: u64,
        mut sorter: Sorter,
        progress: &mut Progress,
        done: &mut Done,
    ) -> Result<Sorter, Error> {
        let mut ids = Vec::with_capacity(usize::try_from(rows).unwrap_or_default());
        self.each_id(progress, |id, row| {
            ids.push((id, row));
            Ok(())
        })?;
        let ids = Ids::new(ids);
        self.each_row(progress, |id, numbers, packed| {
            let is_matched = self.push(&mut sorter, &ids, id, numbers, packed)?;
            done.left_out.unmatched += u64::from(!is_matched);
            Ok(())
        })?;
        Ok(sorter)
    }

    fn join_by_parts(
        &self,
        parts: usize,
        mut sorter: Sorter,
        progress: &mut Progress,
        done: &mut Done,
    ) -> Result<Sorter, Error> {
        let cannot = |source| self.cannot(source);
        let division = Division::new(parts);
        let block_bytes = (self.memory / 2 / parts).clamp(BLOCK.0, BLOCK.1);
        let create = || Partitions::create(self.folder, &division, block_bytes).map_err(cannot);
        let mut ids = create()?;
        self.each_id(progress, |id, row| ids.push(&id, [row, 0], &[]))?;
        ids.finish().map_err(cannot)?;
        let mut rows = create()?;
        self.each_row(progress, |id, numbers, packed| {
            rows.push(id, numbers, packed)
        })?;
        rows.finish().map_err(cannot)?;
        done.spilled += ids.bytes() + rows.bytes();
        for part in 0..parts {
            self.check_part(&ids, part)?;
            let records = usize::try_from(ids.records(part)).unwrap_or_default();
            let mut of_part = Vec::with_capacity(records);
            let take = |id: &Id, [row, _]: Numbers, _: &[u8]| {
                of_part.push((*id, row));
                Ok::<(), io::Error>(())
            };
            ids.each(part, take).map_err(cannot)?;
            let of_part = Ids::new(of_part);
            let take = |id: &Id, numbers, packed: &[u8]| {
                let is_matched = self.push(&mut sorter, &of_part, id, numbers, packed)?;
                done.left_out.unmatched += u64::from(!is_matched);
                progress.add(1);
                Ok::<(), io::Error>(())
            };
            rows.each(part, take).map_err(cannot)?;
        }
        Ok(sorter)
    }

    /// Refuses a part that is far larger than the others, which only happens where few identifiers are in many rows.
    fn check_part(&self, ids: &Partitions, part: usize) -> Result<(), Error> {
        let memory = ids.records(part).saturating_mul(ID_MEMORY as u64);
        if memory > self.memory as u64 / 2 {
            return Err(Error::RepeatedIds {
                table: self.main.name(),
                relation: self.relation.name(),
            });
        }
        Ok(())
    }

    /// Goes over the identifiers of the main table, with the numbers of their rows in all files.
    fn each_id(
        &self,
        progress: &mut Progress,
        mut take: impl FnMut(Id, u64) -> io::Result<()>,
    ) -> Result<(), Error> {
        let columns = &self.main.columns()[..1];
        let mut before = 0;
        for (path, count) in &self.mains {
            let mut rows = Rows::open(path, columns, 0)?;
            while rows.has_row()? {
                // A row without an identifier is an error once it is read, and nothing belongs to it.
                if let Some(id) = id(&rows, columns[0].name) {
                    take(id, before + rows.row()).map_err(|source| self.cannot(source))?;
                }
                rows.advance();
                progress.add(1);
            }
            before += count;
        }
        Ok(())
    }

    /// Goes over the rows of the relation.
    fn each_row(
        &self,
        progress: &mut Progress,
        mut take: impl FnMut(&Id, Numbers, &[u8]) -> io::Result<()>,
    ) -> Result<(), Error> {
        let columns = self.relation.columns();
        let name = columns[0].name;
        let mut packed = Vec::new();
        let mut sequence = 0;
        for (file, path) in (OF_ONE_ROW + 1..).zip(&self.files) {
            let mut rows = Rows::open(path, columns, 0)?;
            while rows.has_row()? {
                let id = id(&rows, name);
                let id = id.ok_or_else(|| rows.wrong(name, "is no hash in hexadecimal digits"))?;
                packed.clear();
                packed.extend_from_slice(&id[..TAG]);
                cells::pack(&rows, self.relation, &mut packed)?;
                let order = self.order(&rows, file, &packed);
                take(&id, [order, sequence], &packed).map_err(|source| self.cannot(source))?;
                sequence += 1;
                rows.advance();
                progress.add(1);
            }
        }
        Ok(())
    }

    /// The order among the rows of an object. Rows that are the same follow each other, so that one of them is dropped: merged
    /// files may have objects twice. The rows of extra headers have no order but that of the table's files.
    fn order(&self, rows: &Rows, file: u64, packed: &[u8]) -> u64 {
        match self.relation {
            Relation::RevisionExtraHeaders => file,
            Relation::RevisionHistory => {
                let rank = rows.integer("parent_rank").flatten().unwrap_or_default();
                // The least number comes first.
                rank.cast_unsigned() ^ (1 << 63)
            }
            Relation::DirectoryEntry | Relation::SnapshotBranch => {
                let mut hash = DefaultHasher::new();
                hash.write(packed);
                hash.finish()
            }
        }
    }

    /// Adds a row for each row of the main table that it belongs to. False where there is none.
    fn push(
        &self,
        sorter: &mut Sorter,
        ids: &Ids,
        id: &Id,
        [order, sequence]: Numbers,
        packed: &[u8],
    ) -> io::Result<bool> {
        let has_one_row = || ids.rows(id).nth(1).is_none();
        let order = match self.relation {
            Relation::RevisionExtraHeaders if has_one_row() => OF_ONE_ROW,
            _ => order,
        };
        let mut is_matched = false;
        for row in ids.rows(id) {
            let key = Key {
                row,
                order,
                sequence,
            };
            sorter.push(key, packed)?;
            is_matched = true;
        }
        Ok(is_matched)
    }

    fn write(
        &self,
        mut in_order: Sorted,
        writer: &mut Writer,
        progress: &mut Progress,
        done: &mut Done,
    ) -> Result<(), Error> {
        let mut repeated = Repeated::of(self.relation);
        while let Some((key, packed)) = in_order.next().map_err(|source| self.cannot(source))? {
            progress.add(1);
            if repeated.leaves_out(key, packed) {
                done.left_out.repeated += 1;
                continue;
            }
            writer
                .push(key.row, packed)
                .map_err(|source| self.cannot(source))?;
            done.rows += 1;
        }
        Ok(())
    }

    fn cannot(&self, source: io::Error) -> Error {
        let folder = self.folder.to_owned();
        Error::Temporary { folder, source }
    }
}

fn id(rows: &Rows, column: &str) -> Option<Id> {
    let mut id = [0; 20];
    const_hex::decode_to_slice(rows.text(column).flatten()?, &mut id).ok()?;
    Some(id)
}
