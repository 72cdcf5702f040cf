//! One row for each key.

use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashTable};
use rmp::encode;

use crate::column::{Cell, Merging};
use crate::{Fault, Kind, LatestBy, Merge, Row, Shape, Span, Value, bytes, key};

/// A state of a table to roll back to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Savepoint {
    rows: usize,
    changes: usize,
    learned: usize,
}

/// One row for each key, in the order of their first occurrence.
#[derive(Debug)]
pub struct Table {
    shape: Arc<Shape>,
    columns: Vec<Merging>,
    /// The columns that keep the latest values.
    latest: Vec<LatestBy>,
    /// The number of columns whose type is not known yet.
    unknown: usize,
    /// The columns in the order in which their types became known.
    learned: Vec<usize>,
    hasher: DefaultHashBuilder,
    /// Indices into `rows`, by the hash of the key.
    index: HashTable<u32>,
    key_cache: KeyCache,
    /// Whether every column is a sum.
    only_sums: bool,
    rows: Vec<Head>,
    /// The concatenated keys of the rows.
    keys: Vec<u8>,
    /// The concatenated columns of the rows.
    cells: Vec<Cell>,
    changes: Changes,
    /// Bytes on the heap of all cells, including the saved ones.
    outside_bytes: usize,
}

/// A row without its key and columns.
#[derive(Clone, Copy, Debug)]
struct Head {
    key_start: u32,
    key_end: u32,
    /// The value of `Changes::stretch` at the last change of the row.
    stretch: u32,
}

/// A row that changed.
#[derive(Clone, Copy, Debug)]
struct Change {
    index: u32,
    /// The previous value of its only column, if it was an unsigned sum. Otherwise its columns are the last cells.
    sum: Option<u64>,
}

/// The previous values of changed rows, oldest first.
#[derive(Debug, Default)]
struct Changes {
    rows: Vec<Change>,
    /// The concatenated columns of the rows without a saved sum.
    cells: Vec<Cell>,
    /// Counts savepoints and rollbacks. Between two of them only the first change of a row is saved.
    stretch: u32,
    /// Rows from this index on are newer than the last savepoint, and a rollback drops them.
    first_new: usize,
}

impl Table {
    /// An empty table of rows of this shape.
    #[must_use]
    pub fn new(shape: Arc<Shape>) -> Self {
        let merging = |column: &crate::Column| Merging {
            merge: column.merge,
            // The row accepts only integers for a sum.
            kind: (column.merge == Merge::Sum).then_some(Kind::Integer),
        };
        let columns: Vec<_> = shape.columns.iter().map(merging).collect();
        Self {
            unknown: columns
                .iter()
                .filter(|column| column.kind.is_none())
                .count(),
            only_sums: columns.iter().all(|column| column.merge == Merge::Sum),
            columns,
            latest: shape.latest(),
            shape,
            learned: Vec::new(),
            hasher: DefaultHashBuilder::default(),
            index: HashTable::new(),
            key_cache: KeyCache::default(),
            rows: Vec::new(),
            keys: Vec::new(),
            cells: Vec::new(),
            changes: Changes::default(),
            outside_bytes: 0,
        }
    }

    /// The number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The approximate number of bytes in use.
    #[inline]
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.keys.len()
            + self.rows.len() * (size_of::<Head>() + 2 * size_of::<u32>())
            + self.changes.rows.len() * size_of::<Change>()
            + (self.cells.len() + self.changes.cells.len()) * size_of::<Cell>()
            + self.outside_bytes
    }

    /// Merges a finished row of the same shape. Returns whether its key is new.
    ///
    /// # Errors
    /// If a value has another type than the column, a sum leaves the range of 64 bits, or the table is full. The row then
    /// has no effect.
    #[inline]
    pub fn merge(&mut self, row: &Row) -> Result<bool, Fault> {
        let slot = KeyCache::slot(&row.key);
        if let Some(index) = self.recent_index(slot, &row.key)
            && self.add(index, row)
        {
            return Ok(false);
        }
        self.merge_any(row, slot)
    }

    /// Merges a row that has no fast path in [`merge`](Self::merge).
    fn merge_any(&mut self, row: &Row, slot: usize) -> Result<bool, Fault> {
        let hash = self.hash(&row.key);
        let known = self.find(&row.key, hash);
        self.check(row, known)?;
        let index = match known {
            Some(index) => {
                self.note_change(index);
                index
            }
            None => self.append(row, hash)?,
        };
        self.key_cache.set(slot, index);
        let width = self.columns.len();
        let cells = &mut self.cells[index * width..][..width];
        // Before their orders are merged.
        for latest in &self.latest {
            let (more, less) = latest.merge(cells, &row.values, &row.texts);
            self.outside_bytes = (self.outside_bytes + more).saturating_sub(less);
        }
        for ((column, cell), &value) in self.columns.iter().zip(cells).zip(&row.values) {
            let (more, less) = column.merge(cell, value, &row.texts);
            self.outside_bytes = (self.outside_bytes + more).saturating_sub(less);
        }
        if self.unknown > 0 {
            self.learn_kinds(row);
        }
        Ok(known.is_none())
    }

    /// The row of a key, if the key is the last one in its slot of the cache.
    #[inline]
    fn recent_index(&self, slot: usize, key: &[u8]) -> Option<usize> {
        let index = self.key_cache.0[slot] as usize;
        // The row may have been dropped since, and the index reused.
        let head = self.rows.get(index)?;
        bytes::same(head.key(&self.keys), key).then_some(index)
    }

    /// Adds the columns of a row to those at `index`, if all are unsigned sums that stay in their range.
    #[inline]
    fn add(&mut self, index: usize, row: &Row) -> bool {
        if !self.only_sums {
            return false;
        }
        let range = index * self.columns.len()..(index + 1) * self.columns.len();
        let fits = |(cell, value): (&Cell, &Value<Span>)| match (cell, value) {
            (Cell::Unsigned(sum), Value::Unsigned(more)) => sum.checked_add(*more).is_some(),
            _ => false,
        };
        if !self.cells[range.clone()].iter().zip(&row.values).all(fits) {
            return false;
        }
        self.note_change(index);
        for pair in self.cells[range].iter_mut().zip(&row.values) {
            if let (Cell::Unsigned(sum), Value::Unsigned(more)) = pair {
                *sum = sum.wrapping_add(*more);
            }
        }
        true
    }

    /// Appends each row to `rows` as a msgpack map in the order of the shape, and calls `written` after each. Stops if
    /// `written` returns an error.
    ///
    /// # Errors
    /// The error of `written`.
    pub fn write<E>(
        &self,
        rows: &mut Vec<u8>,
        mut written: impl FnMut(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        for index in 0..self.rows.len() {
            self.write_row(index, rows);
            written(rows)?;
        }
        Ok(())
    }

    /// Discards all rows and savepoints, and keeps the memory.
    pub fn clear(&mut self) {
        self.index.clear();
        self.rows.clear();
        self.keys.clear();
        self.cells.clear();
        self.forget_kinds(0);
        self.changes.clear();
        self.changes.stretch = 0;
        self.outside_bytes = 0;
    }

    fn hash(&self, key: &[u8]) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(key);
        hasher.finish()
    }

    #[inline]
    fn find(&self, key: &[u8], hash: u64) -> Option<usize> {
        let is_it = |&index: &u32| bytes::same(self.rows[index as usize].key(&self.keys), key);
        self.index.find(hash, is_it).map(|&index| index as usize)
    }

    /// Checks that every value of the row can be merged into the row at `index`, or into a new one.
    #[inline]
    fn check(&self, row: &Row, index: Option<usize>) -> Result<(), Fault> {
        let width = self.columns.len();
        let cells = index.map_or(&[][..], |index| &self.cells[index * width..][..width]);
        for (at, (column, &value)) in self.columns.iter().zip(&row.values).enumerate() {
            let cell = cells.get(at);
            if column.merge == Merge::Sum {
                // The row accepts only integers for a sum.
                if cell.is_none_or(|cell| cell.sum(value).is_some()) {
                    continue;
                }
                return Err(Fault::Overflow {
                    column: self.shape.columns[at].name.clone(),
                    key: key::text(&row.key),
                });
            }
            if let Some((found, before)) = column.other_kind(value) {
                let column = self.shape.columns[at].name.clone();
                return Err(Fault::OtherKind {
                    column,
                    found,
                    before,
                });
            }
        }
        Ok(())
    }

    fn append(&mut self, row: &Row, hash: u64) -> Result<usize, Fault> {
        let index = self.rows.len();
        let number = u32::try_from(index).map_err(|_| Fault::Full)?;
        let key_start = u32::try_from(self.keys.len()).map_err(|_| Fault::Full)?;
        let key_end = u32::try_from(self.keys.len() + row.key.len()).map_err(|_| Fault::Full)?;
        self.keys.extend_from_slice(&row.key);
        self.rows.push(Head {
            key_start,
            key_end,
            stretch: self.changes.stretch,
        });
        let empty = std::iter::repeat_with(|| Cell::Nothing);
        self.cells.extend(empty.take(self.columns.len()));
        let (hasher, rows, keys) = (&self.hasher, &self.rows, &self.keys);
        self.index.insert_unique(hash, number, |&index| {
            let mut hasher = hasher.build_hasher();
            hasher.write(rows[index as usize].key(keys));
            hasher.finish()
        });
        Ok(index)
    }

    #[cold]
    fn learn_kinds(&mut self, row: &Row) {
        for (at, (column, value)) in self.columns.iter_mut().zip(&row.values).enumerate() {
            if column.kind.is_none() && value.kind().is_some() {
                column.kind = value.kind();
                self.learned.push(at);
                self.unknown -= 1;
            }
        }
    }

    fn forget_kinds(&mut self, kept: usize) {
        for column in self.learned.drain(kept.min(self.learned.len())..) {
            self.columns[column].kind = None;
            self.unknown += 1;
        }
    }

    fn write_row(&self, index: usize, row: &mut Vec<u8>) {
        let width = self.columns.len();
        let fields = u32::try_from(self.shape.key.len() + width).unwrap_or(u32::MAX);
        // Writing to memory does not fail.
        drop(encode::write_map_len(row, fields));
        let mut parts = journal_msgpack::Cursor::new(self.rows[index].key(&self.keys));
        for name in &self.shape.key {
            drop(encode::write_str(row, name));
            row.extend_from_slice(parts.value().unwrap_or(&[0xc0]));
        }
        let cells = &self.cells[index * width..][..width];
        for (column, cell) in self.shape.columns.iter().zip(cells) {
            drop(encode::write_str(row, &column.name));
            cell.write(row);
        }
    }
}

/// Savepoints.
impl Table {
    /// A savepoint of the current state.
    pub fn savepoint(&mut self) -> Savepoint {
        self.changes.stretch += 1;
        self.changes.first_new = self.rows.len();
        Savepoint {
            rows: self.rows.len(),
            changes: self.changes.rows.len(),
            learned: self.learned.len(),
        }
    }

    /// Makes all rows final. Earlier savepoints become invalid.
    pub fn seal(&mut self) {
        let freed: usize = self.changes.cells.iter().map(Cell::outside_bytes).sum();
        self.outside_bytes = self.outside_bytes.saturating_sub(freed);
        self.changes.clear();
        self.changes.stretch += 1;
    }

    /// Restores the state at the savepoint.
    pub fn rollback_to(&mut self, savepoint: Savepoint) {
        let width = self.columns.len();
        while self.changes.rows.len() > savepoint.changes {
            let Some(Change { index, sum }) = self.changes.rows.pop() else {
                break;
            };
            let cells = &mut self.cells[index as usize * width..][..width];
            if let Some(sum) = sum {
                cells[0] = Cell::Unsigned(sum);
                continue;
            }
            let before = self.changes.cells.len() - width;
            for (cell, before) in cells.iter_mut().zip(self.changes.cells.drain(before..)) {
                self.outside_bytes = self.outside_bytes.saturating_sub(cell.outside_bytes());
                *cell = before;
            }
        }
        self.drop_rows(savepoint.rows);
        self.forget_kinds(savepoint.learned);
        self.changes.stretch += 1;
        self.changes.first_new = savepoint.rows;
    }

    /// Saves the values of the row at `index`, unless they are saved already or the row is new.
    #[inline]
    fn note_change(&mut self, index: usize) {
        let head = &mut self.rows[index];
        if index >= self.changes.first_new || head.stretch == self.changes.stretch {
            return;
        }
        head.stretch = self.changes.stretch;
        let width = self.columns.len();
        let cells = &self.cells[index * width..][..width];
        let sum = match cells {
            [Cell::Unsigned(sum)] => Some(*sum),
            _ => None,
        };
        if sum.is_none() {
            self.outside_bytes += cells.iter().map(Cell::outside_bytes).sum::<usize>();
            self.changes.cells.extend_from_slice(cells);
        }
        // An index fits, because the table has fewer rows than that.
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        self.changes.rows.push(Change { index, sum });
    }

    fn drop_rows(&mut self, kept: usize) {
        let Some(first) = self.rows.get(kept) else {
            return;
        };
        let key_start = first.key_start as usize;
        for index in kept..self.rows.len() {
            let hash = self.hash(self.rows[index].key(&self.keys));
            let is_it = |&other: &u32| other as usize == index;
            if let Ok(entry) = self.index.find_entry(hash, is_it) {
                entry.remove();
            }
        }
        self.keys.truncate(key_start);
        self.rows.truncate(kept);
        let cells = self.cells.drain(kept * self.columns.len()..);
        let freed: usize = cells.map(|cell| cell.outside_bytes()).sum();
        self.outside_bytes = self.outside_bytes.saturating_sub(freed);
    }
}

/// A cache of the rows of recent keys, so that frequent keys are not hashed. Several keys may share a slot.
#[derive(Debug)]
struct KeyCache(Box<[u32; KeyCache::SLOTS]>);

impl KeyCache {
    /// One slot for each value of a byte: enough for frequent keys, and small enough for the CPU's cache.
    const SLOTS: usize = 256;

    /// The slot of a key, from its length and its last bytes, in which keys of one output usually differ.
    #[inline]
    fn slot(key: &[u8]) -> usize {
        let end = match (
            key.last_chunk::<8>(),
            key.last_chunk::<4>(),
            key.first_chunk::<4>(),
        ) {
            (Some(end), _, _) => u64::from_le_bytes(*end),
            // The two overlap, so they contain every byte.
            (None, Some(end), Some(start)) => {
                u64::from(u32::from_le_bytes(*end)) << 32 | u64::from(u32::from_le_bytes(*start))
            }
            _ => key.iter().fold(0, |sum, &byte| sum << 8 | u64::from(byte)),
        };
        // Multiplying by the golden ratio spreads a difference in any bit to the highest bits.
        let mixed = (end ^ key.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        usize::from(mixed.to_be_bytes()[0])
    }

    #[inline]
    fn set(&mut self, slot: usize, index: usize) {
        // An index fits, because the table has fewer rows than that.
        self.0[slot] = u32::try_from(index).unwrap_or(u32::MAX);
    }
}

impl Default for KeyCache {
    fn default() -> Self {
        Self(Box::new([u32::MAX; Self::SLOTS]))
    }
}

impl Changes {
    fn clear(&mut self) {
        self.rows.clear();
        self.cells.clear();
        // All rows count as new until there is a savepoint.
        self.first_new = 0;
    }
}

impl Head {
    #[inline]
    fn key(self, keys: &[u8]) -> &[u8] {
        &keys[self.key_start as usize..self.key_end as usize]
    }
}

#[cfg(test)]
mod tests;
