//! Batches: records gathered into columns, one batch for each object type.
//!
//! No type of rdkafka or wasmtime appears here, so that every stage can name a batch.

use std::ops::Range;
use std::sync::Arc;

/// The columns that the plan asked for.
///
/// Keys, partitions and offsets are always gathered, because the host names records by them; these flags say which
/// columns are passed to the guest, and whether values are copied at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "one flag for each column of the contract"
)]
pub struct Columns {
    /// The values themselves; implies `value_ends`.
    pub values: bool,
    /// Where each value ends, which is enough to know sizes and tombstones.
    pub value_ends: bool,
    /// Keys and where each ends.
    pub keys: bool,
    /// Kafka partitions.
    pub partitions: bool,
    /// Offsets in their partitions.
    pub offsets: bool,
    /// Milliseconds since 1970.
    pub timestamps: bool,
}

impl Columns {
    /// No column.
    pub const NONE: Self = Self {
        values: false,
        value_ends: false,
        keys: false,
        partitions: false,
        offsets: false,
        timestamps: false,
    };

    /// Every column.
    pub const ALL: Self = Self {
        values: true,
        value_ends: true,
        keys: true,
        partitions: true,
        offsets: true,
        timestamps: true,
    };
}

/// A topic of the journal that is read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Topic {
    /// The topic's full name.
    pub name: String,
    /// The object type, which follows the prefix in the name.
    pub object_type: String,
    /// Whether its records are not anonymised.
    pub privileged: bool,
}

/// A record to be added to a batch, borrowed from the source's buffer.
#[derive(Clone, Copy, Debug)]
pub struct RecordRef<'a> {
    /// The Kafka partition.
    pub partition: u32,
    /// The offset in the partition.
    pub offset: u64,
    /// Milliseconds since 1970, -1 where unknown.
    pub timestamp_ms: i64,
    /// The key, empty where the record has none.
    pub key: &'a [u8],
    /// The value; empty for a tombstone.
    pub value: &'a [u8],
}

/// A record that is removed from a batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Removed {
    /// Its index in the batch.
    pub(crate) index: usize,
    /// The size of its value, which may not be gathered.
    pub(crate) value_bytes: u32,
}

/// Records of one topic, gathered into columns.
///
/// Invariant: `partitions`, `offsets` and `key_ends` have one entry for each record; so do `value_ends` and
/// `timestamps` where the plan asked for them, and otherwise they are empty.
#[derive(Debug)]
pub struct Batch {
    /// The topic of the records.
    pub topic: Arc<Topic>,
    /// Values end to end; empty when only their ends were asked for.
    pub values: Vec<u8>,
    /// Where each value ends, in bytes.
    pub value_ends: Vec<u32>,
    /// Keys end to end.
    pub keys: Vec<u8>,
    /// Where each key ends, in bytes.
    pub key_ends: Vec<u32>,
    /// The partition of each record.
    pub partitions: Vec<u32>,
    /// The offset of each record.
    pub offsets: Vec<u64>,
    /// The time of each record, in milliseconds since 1970.
    pub timestamps: Vec<i64>,
    /// Bytes of the values, gathered or not.
    value_bytes: u32,
}

impl Batch {
    /// An empty batch for `topic`.
    #[must_use]
    pub fn new(topic: Arc<Topic>) -> Self {
        Self {
            topic,
            values: Vec::new(),
            value_ends: Vec::new(),
            keys: Vec::new(),
            key_ends: Vec::new(),
            partitions: Vec::new(),
            offsets: Vec::new(),
            timestamps: Vec::new(),
            value_bytes: 0,
        }
    }

    /// The number of records.
    #[must_use]
    pub fn records(&self) -> usize {
        self.offsets.len()
    }

    /// The key of the record at `index`, if there is such a record.
    #[must_use]
    pub fn key(&self, index: usize) -> Option<&[u8]> {
        let end = *self.key_ends.get(index)? as usize;
        let start = match index {
            0 => 0,
            _ => *self.key_ends.get(index - 1)? as usize,
        };
        self.keys.get(start..end)
    }

    /// The value of the record at `index`: none for a tombstone, and where values are not gathered.
    #[must_use]
    pub fn value(&self, index: usize) -> Option<&[u8]> {
        let end = *self.value_ends.get(index)? as usize;
        let start = start_of(&self.value_ends, index) as usize;
        self.values
            .get(start..end)
            .filter(|value| !value.is_empty())
    }

    /// A copy of some of its records.
    fn part(&self, range: Range<usize>) -> Self {
        let (keys, key_ends) = part_of(&self.keys, &self.key_ends, &range);
        let (values, value_ends) = part_of(&self.values, &self.value_ends, &range);
        let timestamps = self.timestamps.get(range.clone()).unwrap_or_default();
        Self {
            topic: Arc::clone(&self.topic),
            value_bytes: value_ends.last().copied().unwrap_or(0),
            values,
            value_ends,
            keys,
            key_ends,
            partitions: self.partitions[range.clone()].to_vec(),
            offsets: self.offsets[range].to_vec(),
            timestamps: timestamps.to_vec(),
        }
    }

    /// Removes records; their indexes grow.
    fn remove(&mut self, removed: &[Removed]) {
        remove_bytes(&mut self.values, &mut self.value_ends, removed);
        remove_bytes(&mut self.keys, &mut self.key_ends, removed);
        remove_entries(&mut self.partitions, removed);
        remove_entries(&mut self.offsets, removed);
        remove_entries(&mut self.timestamps, removed);
        for removed in removed {
            self.value_bytes = self.value_bytes.saturating_sub(removed.value_bytes);
        }
    }

    /// The capacity of its larger buffers, in bytes.
    fn capacity(&self) -> usize {
        self.values.capacity() + self.keys.capacity()
    }

    fn clear(&mut self) {
        self.values.clear();
        self.value_ends.clear();
        self.keys.clear();
        self.key_ends.clear();
        self.partitions.clear();
        self.offsets.clear();
        self.timestamps.clear();
        self.value_bytes = 0;
    }

    fn push(&mut self, record: RecordRef<'_>, columns: Columns) -> Result<(), TooLarge> {
        let bytes = u32::try_from(record.value.len()).map_err(|_| TooLarge)?;
        let value_bytes = self.value_bytes.checked_add(bytes).ok_or(TooLarge)?;
        let key_end = u32::try_from(self.keys.len() + record.key.len()).map_err(|_| TooLarge)?;
        self.value_bytes = value_bytes;
        if columns.values {
            self.values.extend_from_slice(record.value);
        }
        if columns.values || columns.value_ends {
            self.value_ends.push(value_bytes);
        }
        self.keys.extend_from_slice(record.key);
        self.key_ends.push(key_end);
        self.partitions.push(record.partition);
        self.offsets.push(record.offset);
        if columns.timestamps {
            self.timestamps.push(record.timestamp_ms);
        }
        Ok(())
    }
}

/// Where the entry at `index` begins, in bytes.
fn start_of(ends: &[u32], index: usize) -> u32 {
    let before = index.checked_sub(1).and_then(|before| ends.get(before));
    before.copied().unwrap_or(0)
}

/// Removes entries of a column that may be empty, which is then not gathered.
fn remove_entries<T>(column: &mut Vec<T>, removed: &[Removed]) {
    let mut removed = removed.iter().map(|removed| removed.index).peekable();
    let mut index = 0;
    column.retain(|_| {
        let is_kept = removed.next_if_eq(&index).is_none();
        index += 1;
        is_kept
    });
}

/// Removes entries of a column of bytes. The bytes, or the ends too, may not be gathered.
fn remove_bytes(bytes: &mut Vec<u8>, ends: &mut Vec<u32>, removed: &[Removed]) {
    let is_gathered = !bytes.is_empty();
    let mut removed = removed.iter().map(|removed| removed.index).peekable();
    let (mut index, mut begin, mut kept) = (0, 0, 0);
    ends.retain_mut(|end| {
        let entry = begin..*end as usize;
        begin = entry.end;
        let is_kept = removed.next_if_eq(&index).is_none();
        index += 1;
        if is_kept {
            let bytes_after = kept + entry.len();
            if is_gathered && entry.start != kept {
                bytes.copy_within(entry, kept);
            }
            kept = bytes_after;
            // It is no greater than the end that it replaces.
            *end = u32::try_from(kept).unwrap_or(u32::MAX);
        }
        is_kept
    });
    if is_gathered {
        bytes.truncate(kept);
    }
}

/// Some entries of a column of bytes, and where each of them ends. Both are empty where they are not gathered.
fn part_of(bytes: &[u8], ends: &[u32], range: &Range<usize>) -> (Vec<u8>, Vec<u32>) {
    let first = start_of(ends, range.start);
    let ends: Vec<u32> = ends.get(range.clone()).map_or_else(Vec::new, |ends| {
        ends.iter().map(|end| end - first).collect()
    });
    let end = first + ends.last().copied().unwrap_or(0);
    let part = bytes.get(first as usize..end as usize);
    (part.unwrap_or_default().to_vec(), ends)
}

/// A batch whose ends no longer fit 32 bits. The batch limits are far lower.
#[derive(Debug, thiserror::Error)]
#[error("a batch holds more than 4 GiB")]
pub struct TooLarge;

/// The batches of one `process` call: at most one for each topic.
///
/// The buffers are reused from call to call, so that a steady run allocates nothing for a record.
#[derive(Debug)]
pub struct Batches {
    columns: Columns,
    /// The first `used` batches are in use; those after them are kept for the next record of their topic.
    topics: Vec<Batch>,
    used: usize,
    records: usize,
    bytes: usize,
}

impl Batches {
    /// Empty batches; `columns` are those of the plan.
    #[must_use]
    pub fn new(columns: Columns) -> Self {
        Self {
            columns,
            topics: Vec::new(),
            used: 0,
            records: 0,
            bytes: 0,
        }
    }

    /// Removes the records and keeps the buffers.
    pub fn clear(&mut self) {
        for batch in &mut self.topics[..self.used] {
            batch.clear();
        }
        self.used = 0;
        self.records = 0;
        self.bytes = 0;
    }

    /// Frees the buffers of all topics if they take more than `bytes` together: each is as large as the largest batch
    /// that its topic ever had, and large records are rare.
    pub fn keep_at_most(&mut self, bytes: usize) {
        if self.topics.iter().map(Batch::capacity).sum::<usize>() > bytes {
            self.topics.clear();
            self.clear();
        }
    }

    /// Adds one record.
    ///
    /// # Errors
    /// When the ends of a column no longer fit 32 bits; the record is then not added.
    pub fn push(&mut self, topic: &Arc<Topic>, record: RecordRef<'_>) -> Result<(), TooLarge> {
        let index = self.index_of(topic);
        self.topics[index].push(record, self.columns)?;
        self.records += 1;
        self.bytes += record.value.len() + record.key.len();
        Ok(())
    }

    /// The index of the batch of `topic`, which is in use afterwards.
    fn index_of(&mut self, topic: &Arc<Topic>) -> usize {
        let is_it = |batch: &Batch| Arc::ptr_eq(&batch.topic, topic);
        if let Some(index) = self.topics[..self.used].iter().rposition(is_it) {
            return index;
        }
        if let Some(distance) = self.topics[self.used..].iter().position(is_it) {
            self.topics.swap(self.used, self.used + distance);
        } else {
            self.topics.push(Batch::new(Arc::clone(topic)));
            let last = self.topics.len() - 1;
            self.topics.swap(self.used, last);
        }
        self.used += 1;
        self.used - 1
    }

    /// The batch of a topic, if it has records.
    pub(crate) fn of(&self, topic: &Arc<Topic>) -> Option<&Batch> {
        let mut batches = self.as_slice().iter();
        batches.find(|batch| Arc::ptr_eq(&batch.topic, topic))
    }

    /// Removes records of a topic; their indexes grow.
    pub(crate) fn remove(&mut self, topic: &Arc<Topic>, removed: &[Removed]) {
        let is_it = |batch: &Batch| Arc::ptr_eq(&batch.topic, topic);
        let Some(index) = self.as_slice().iter().position(is_it) else {
            return;
        };
        let batch = &mut self.topics[index];
        let bytes = |batch: &Batch| batch.keys.len() + batch.value_bytes as usize;
        let (records_before, bytes_before) = (batch.records(), bytes(batch));
        batch.remove(removed);
        self.records -= records_before - batch.records();
        self.bytes -= bytes_before - bytes(batch);
        if batch.records() == 0 {
            self.topics[index..self.used].rotate_left(1);
            self.used -= 1;
        }
    }

    /// The batches of this call.
    #[must_use]
    pub fn as_slice(&self) -> &[Batch] {
        &self.topics[..self.used]
    }

    /// The batch of the record at `index`, which counts the records of all batches, and its index there.
    #[must_use]
    pub fn find(&self, mut index: usize) -> Option<(&Batch, usize)> {
        for batch in self.as_slice() {
            match index.checked_sub(batch.records()) {
                None => return Some((batch, index)),
                Some(rest) => index = rest,
            }
        }
        None
    }

    /// A copy of some records, counted over all batches.
    #[must_use]
    pub fn part(&self, range: &Range<usize>) -> Vec<Batch> {
        let mut parts = Vec::new();
        let mut before = 0;
        for batch in self.as_slice() {
            let within = |index: usize| index.clamp(before, before + batch.records()) - before;
            let own = within(range.start)..within(range.end);
            if !own.is_empty() {
                parts.push(batch.part(own));
            }
            before += batch.records();
        }
        parts
    }

    /// The columns that the plan asked for.
    #[must_use]
    pub fn columns(&self) -> Columns {
        self.columns
    }

    /// Records in all batches.
    #[must_use]
    pub fn records(&self) -> usize {
        self.records
    }

    /// Bytes of keys and values in all batches, whether or not the values are gathered.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether there are no records.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records == 0
    }
}

#[cfg(test)]
mod tests;
