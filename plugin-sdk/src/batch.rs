//! The records that one read brought.

use std::error::Error;
use std::fmt::{self, Display, Formatter};

use serde::Deserialize;

use crate::{Failure, Object, Out, RecordError};

/// The columns of one batch, as they came from the host: those that the plan did not ask for are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RawBatch {
    pub(crate) object_type: String,
    pub(crate) privileged: bool,
    pub(crate) records: u32,
    pub(crate) values: Vec<u8>,
    pub(crate) value_ends: Vec<u32>,
    pub(crate) keys: Vec<u8>,
    pub(crate) key_ends: Vec<u32>,
    pub(crate) partitions: Vec<u32>,
    pub(crate) offsets: Vec<u64>,
    pub(crate) timestamps: Vec<i64>,
}

/// All that one read brought: one [`Batch`] for each object type.
///
/// Most processors go through it with [`each`](Self::each). Those that handle errors themselves iterate:
///
/// ```
/// use journal_plugin_sdk::{Batches, Out};
///
/// fn process(batches: &Batches<'_>, out: &mut Out) {
///     for batch in batches {
///         for record in batch.records() {
///             if record.value_len() > 1_000_000 {
///                 out.reject(&record, "larger than a megabyte");
///             }
///         }
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Batches<'a> {
    batches: &'a [RawBatch],
}

impl<'a> Batches<'a> {
    pub(crate) fn new(batches: &'a [RawBatch]) -> Self {
        Self { batches }
    }

    /// Handles every record with `handle`.
    ///
    /// Where it answers with a rejection (`?` on any error, or [`reject!`](crate::reject)), that record
    /// alone is refused: the rows that it had emitted are taken back, and the next record follows. Inside of
    /// another `each`, what was emitted is also taken back when the outer record is refused.
    ///
    /// # Errors
    /// When `handle` answers with a [`Failure`]: the rows of that record are taken back, and no other follows.
    pub fn each<F>(&self, out: &mut Out, mut handle: F) -> Result<(), Failure>
    where
        F: FnMut(Record<'a>, &mut Out) -> Result<(), RecordError>,
    {
        for batch in self {
            for record in batch.records() {
                record.handle_with(out, |out| handle(record, out))?;
            }
        }
        Ok(())
    }

    /// The batches, one for each object type.
    #[must_use]
    pub fn iter(&self) -> BatchIter<'a> {
        BatchIter {
            batches: self.batches.iter(),
            place: 0,
        }
    }

    /// The number of records in all batches.
    #[must_use]
    pub fn records(&self) -> usize {
        self.iter().map(|batch| batch.len()).sum()
    }
}

impl<'a> IntoIterator for &Batches<'a> {
    type Item = Batch<'a>;
    type IntoIter = BatchIter<'a>;

    fn into_iter(self) -> BatchIter<'a> {
        self.iter()
    }
}

/// Iterates over batches; made by [`Batches::iter`].
#[derive(Clone, Debug)]
pub struct BatchIter<'a> {
    batches: std::slice::Iter<'a, RawBatch>,
    place: u32,
}

impl<'a> Iterator for BatchIter<'a> {
    type Item = Batch<'a>;

    fn next(&mut self) -> Option<Batch<'a>> {
        let raw = self.batches.next()?;
        let place = self.place;
        self.place += 1;
        Some(Batch { raw, place })
    }
}

/// Records of one object type, in the order of their partitions' offsets.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    raw: &'a RawBatch,
    place: u32,
}

impl<'a> Batch<'a> {
    /// The object type, such as `revision`.
    #[must_use]
    pub fn object_type(&self) -> &'a str {
        &self.raw.object_type
    }

    /// Whether the records come from a privileged topic, and so are not anonymised.
    #[must_use]
    pub fn privileged(&self) -> bool {
        self.raw.privileged
    }

    /// The number of records, tombstones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.raw.records as usize
    }

    /// Whether there is no record.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.raw.records == 0
    }

    /// The size of all values together, in bytes.
    ///
    /// # Panics
    /// When the plan asks neither for values nor for their ends.
    #[must_use]
    pub fn value_bytes(&self) -> u64 {
        self.value_ends().last().copied().unwrap_or(0).into()
    }

    /// How many records have no value.
    ///
    /// # Panics
    /// When the plan asks neither for values nor for their ends.
    #[must_use]
    pub fn tombstones(&self) -> usize {
        let ends = self.value_ends();
        let first = usize::from(ends.first() == Some(&0));
        first + ends.windows(2).filter(|pair| pair[0] == pair[1]).count()
    }

    /// The records.
    #[must_use]
    pub fn records(&self) -> Records<'a> {
        Records {
            raw: self.raw,
            batch: self.place,
            next: 0,
        }
    }

    fn value_ends(&self) -> &'a [u32] {
        if self.raw.value_ends.is_empty() && !self.is_empty() {
            missing("value-ends");
        }
        &self.raw.value_ends
    }
}

/// Iterates over the records of a batch; made by [`Batch::records`].
#[derive(Clone, Debug)]
pub struct Records<'a> {
    raw: &'a RawBatch,
    batch: u32,
    next: u32,
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    #[inline]
    fn next(&mut self) -> Option<Record<'a>> {
        if self.next == self.raw.records {
            return None;
        }
        let index = self.next;
        self.next += 1;
        Some(Record {
            raw: self.raw,
            batch: self.batch,
            index,
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = (self.raw.records - self.next) as usize;
        (left, Some(left))
    }
}

impl ExactSizeIterator for Records<'_> {}

/// One record of the journal, borrowed from its batch.
///
/// Reading a column that the plan did not ask for panics and names the column.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    raw: &'a RawBatch,
    batch: u32,
    index: u32,
}

impl<'a> Record<'a> {
    /// The object type, such as `revision`.
    #[inline]
    #[must_use]
    pub fn object_type(&self) -> &'a str {
        &self.raw.object_type
    }

    /// Whether it comes from a privileged topic, and so is not anonymised.
    #[inline]
    #[must_use]
    pub fn privileged(&self) -> bool {
        self.raw.privileged
    }

    /// The key, as it is in the journal: most often msgpack.
    #[inline]
    #[must_use]
    pub fn key(&self) -> &'a [u8] {
        let range = range(&self.raw.key_ends, self.index, "keys");
        self.raw.keys.get(range).unwrap_or_else(|| missing("keys"))
    }

    /// The value, as it is in the journal: a msgpack map; empty for a tombstone.
    #[inline]
    #[must_use]
    pub fn value(&self) -> &'a [u8] {
        let range = range(&self.raw.value_ends, self.index, "values");
        self.raw
            .values
            .get(range)
            .unwrap_or_else(|| missing("values"))
    }

    /// The size of the value in bytes.
    #[inline]
    #[must_use]
    pub fn value_len(&self) -> usize {
        range(&self.raw.value_ends, self.index, "value-ends").len()
    }

    /// Whether it has no value: its key was deleted.
    #[inline]
    #[must_use]
    pub fn is_tombstone(&self) -> bool {
        self.value_len() == 0
    }

    /// The Kafka partition.
    #[inline]
    #[must_use]
    pub fn partition(&self) -> u32 {
        cell(&self.raw.partitions, self.index, "partitions")
    }

    /// The offset in the partition.
    #[inline]
    #[must_use]
    pub fn offset(&self) -> u64 {
        cell(&self.raw.offsets, self.index, "offsets")
    }

    /// The record's time, in milliseconds since 1970-01-01T00:00:00Z, where the journal has one.
    #[inline]
    #[must_use]
    pub fn timestamp_ms(&self) -> Option<i64> {
        match cell(&self.raw.timestamps, self.index, "timestamps") {
            -1 => None,
            timestamp => Some(timestamp),
        }
    }

    /// Decodes the value. What `T` borrows, it borrows from the batch.
    ///
    /// # Errors
    /// When the record is a tombstone or its value is not a `T`.
    #[inline]
    pub fn decode<T: Deserialize<'a>>(&self) -> Result<T, DecodeError> {
        decode(self.value()).map_err(|cause| DecodeError {
            what: "value",
            cause,
        })
    }

    /// Decodes the key. What `T` borrows, it borrows from the batch.
    ///
    /// # Errors
    /// When the record has no key or its key is not a `T`.
    #[inline]
    pub fn decode_key<T: Deserialize<'a>>(&self) -> Result<T, DecodeError> {
        decode(self.key()).map_err(|cause| DecodeError { what: "key", cause })
    }

    /// The object in the value, typed by the record's object type and read lazily.
    ///
    /// # Errors
    /// When the record is a tombstone.
    #[inline]
    pub fn object(&self) -> Result<Object<'a>, RecordError> {
        match self.value() {
            [] => Err(RecordError::reject("the record has no value")),
            value => Ok(Object::of_record(
                self.object_type(),
                value,
                self.privileged(),
            )?),
        }
    }

    /// Has the record handled: an error takes back what `handle` emitted, and refuses the record or fails.
    #[inline]
    pub(crate) fn handle_with(
        &self,
        out: &mut Out,
        handle: impl FnOnce(&mut Out) -> Result<(), RecordError>,
    ) -> Result<(), Failure> {
        out.begin_record();
        match handle(out) {
            Ok(()) => out.end_record(),
            Err(RecordError::Reject(reason)) => {
                out.take_back();
                out.reject(self, reason);
            }
            Err(RecordError::Fail(failure)) => {
                out.take_back();
                return Err(failure);
            }
        }
        Ok(())
    }

    /// The batch in the call and the record in the batch.
    pub(crate) fn place(&self) -> (u32, u32) {
        (self.batch, self.index)
    }
}

#[inline]
fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Option<rmp_serde::decode::Error>> {
    if bytes.is_empty() {
        return Err(None);
    }
    rmp_serde::from_slice(bytes).map_err(Some)
}

/// A key or value is not what the processor decodes it to.
#[derive(Debug)]
pub struct DecodeError {
    what: &'static str,
    /// Nothing where there was nothing to decode.
    cause: Option<rmp_serde::decode::Error>,
}

impl Display for DecodeError {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self.cause {
            Some(_) => write!(formatter, "the {} cannot be decoded", self.what),
            None => write!(formatter, "the record has no {}", self.what),
        }
    }
}

impl Error for DecodeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_ref().map(|cause| cause as _)
    }
}

/// Where the entry at `index` lies in a column of bytes.
#[inline]
fn range(ends: &[u32], index: u32, column: &str) -> std::ops::Range<usize> {
    let index = index as usize;
    let Some(&end) = ends.get(index) else {
        missing(column)
    };
    let start = if index == 0 { 0 } else { ends[index - 1] };
    start as usize..end as usize
}

#[inline]
fn cell<T: Copy>(column: &[T], index: u32, name: &str) -> T {
    match column.get(index as usize) {
        Some(&cell) => cell,
        None => missing(name),
    }
}

#[cold]
#[inline(never)]
fn missing(column: &str) -> ! {
    panic!("the column `{column}` was not asked for: name it in the plan's columns")
}

#[cfg(test)]
mod tests;
