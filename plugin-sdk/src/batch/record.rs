//! One record, and what is in it.

use std::error::Error;
use std::fmt::{self, Display, Formatter};

use serde::Deserialize;

use super::{RawBatch, missing};
use crate::{Failure, Object, Out, RecordError};

/// One record of the journal, borrowed from its batch.
///
/// Reading a column that the plan did not ask for panics and names the column.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    pub(super) raw: &'a RawBatch,
    pub(super) batch: u32,
    pub(super) index: u32,
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
