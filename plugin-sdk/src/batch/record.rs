//! One record: its key, its value and its metadata.

use std::error::Error;
use std::fmt::{self, Display, Formatter};

use serde::Deserialize;

use super::{RawBatch, missing};
use crate::{Failure, Object, Out, RecordError};

/// One record of the journal, borrowed from its batch.
///
/// Reading a column that the plan does not ask for panics.
///
/// ```
/// use journal_plugin_sdk::Record;
///
/// fn describe(record: &Record<'_>) -> String {
///     format!("{} {}@{}", record.object_type(), record.partition(), record.offset())
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    pub(super) raw: &'a RawBatch,
    pub(super) batch: u32,
    pub(super) index: u32,
}

impl<'a> Record<'a> {
    /// The object type, such as `revision`.
    ///
    /// ```
    /// # use journal_plugin_sdk::Record;
    /// fn is_from_git(record: &Record<'_>) -> bool {
    ///     ["directory", "revision", "release"].contains(&record.object_type())
    /// }
    /// ```
    #[inline]
    #[must_use]
    pub fn object_type(&self) -> &'a str {
        &self.raw.object_type
    }

    /// Whether the record comes from a privileged topic, which is not anonymised.
    ///
    /// ```
    /// # use journal_plugin_sdk::Record;
    /// fn kind(record: &Record<'_>) -> &'static str {
    ///     if record.privileged() { "with names" } else { "anonymised" }
    /// }
    /// ```
    #[inline]
    #[must_use]
    pub fn privileged(&self) -> bool {
        self.raw.privileged
    }

    /// The bytes of the key, which are usually msgpack.
    ///
    /// ```
    /// # use journal_plugin_sdk::{Bytes, Record};
    /// fn key_in_hex(record: &Record<'_>) -> String {
    ///     Bytes::from(record.key()).to_string()
    /// }
    /// ```
    #[inline]
    #[must_use]
    #[track_caller]
    pub fn key(&self) -> &'a [u8] {
        let range = range(&self.raw.key_ends, self.index, "keys");
        match self.raw.keys.get(range) {
            Some(key) => key,
            None => missing("keys"),
        }
    }

    /// The bytes of the value: a msgpack map, or empty for a tombstone.
    ///
    /// ```
    /// # use journal_plugin_sdk::{Raw, Record};
    /// fn has_metadata(record: &Record<'_>) -> bool {
    ///     Raw::new(record.value()).get("metadata").is_some_and(|metadata| !metadata.is_nil())
    /// }
    /// ```
    #[inline]
    #[must_use]
    #[track_caller]
    pub fn value(&self) -> &'a [u8] {
        let range = range(&self.raw.value_ends, self.index, "values");
        match self.raw.values.get(range) {
            Some(value) => value,
            None => missing("values"),
        }
    }

    /// The size of the value in bytes.
    ///
    /// ```
    /// # use journal_plugin_sdk::Record;
    /// fn is_large(record: &Record<'_>) -> bool {
    ///     record.value_len() > 1_000_000
    /// }
    /// ```
    #[inline]
    #[must_use]
    #[track_caller]
    pub fn value_len(&self) -> usize {
        range(&self.raw.value_ends, self.index, "value-ends").len()
    }

    /// Whether the record has no value, which means that its key was deleted.
    ///
    /// ```
    /// # use journal_plugin_sdk::{Batches, Failure, Out};
    /// # fn process(batches: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
    /// batches.each(out, |record, _| {
    ///     if record.is_tombstone() {
    ///         return Ok(()); // Only a plan that asks for tombstones gets here.
    ///     }
    ///     let object = record.object()?;
    /// #   let _ = object;
    ///     Ok(())
    /// })
    /// # }
    /// ```
    #[inline]
    #[must_use]
    #[track_caller]
    pub fn is_tombstone(&self) -> bool {
        self.value_len() == 0
    }

    /// The Kafka partition.
    ///
    /// ```
    /// # use journal_plugin_sdk::Record;
    /// fn position(record: &Record<'_>) -> (u32, u64) {
    ///     (record.partition(), record.offset())
    /// }
    /// ```
    #[inline]
    #[must_use]
    #[track_caller]
    pub fn partition(&self) -> u32 {
        cell(&self.raw.partitions, self.index, "partitions")
    }

    /// The offset in the Kafka partition.
    ///
    /// ```
    /// # use journal_plugin_sdk::Record;
    /// fn is_the_first(record: &Record<'_>) -> bool {
    ///     record.offset() == 0
    /// }
    /// ```
    #[inline]
    #[must_use]
    #[track_caller]
    pub fn offset(&self) -> u64 {
        cell(&self.raw.offsets, self.index, "offsets")
    }

    /// The record's timestamp in milliseconds since 1970-01-01T00:00:00Z, if it has one.
    ///
    /// ```
    /// # use journal_plugin_sdk::{Record, Timestamp};
    /// fn written_at(record: &Record<'_>) -> Option<Timestamp> {
    ///     record.timestamp_ms().map(Timestamp::from_millis)
    /// }
    /// ```
    #[inline]
    #[must_use]
    #[track_caller]
    pub fn timestamp_ms(&self) -> Option<i64> {
        match cell(&self.raw.timestamps, self.index, "timestamps") {
            -1 => None,
            timestamp => Some(timestamp),
        }
    }

    /// Decodes the value. `T` may borrow from the batch.
    ///
    /// # Errors
    /// If the record is a tombstone or its value is not a `T`.
    ///
    /// ```
    /// # use journal_plugin_sdk::{Batches, Failure, Out};
    /// # fn process(batches: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
    /// #[derive(serde::Deserialize, serde::Serialize)]
    /// struct Origin<'a> {
    ///     url: &'a str,
    /// }
    /// batches.each(out, |record, out| {
    ///     let origin: Origin<'_> = record.decode()?;
    ///     out.emit(&origin)
    /// })
    /// # }
    /// ```
    #[inline]
    #[track_caller]
    pub fn decode<T: Deserialize<'a>>(&self) -> Result<T, DecodeError> {
        decode(self.value()).map_err(|cause| DecodeError {
            what: "value",
            cause,
        })
    }

    /// Decodes the key. `T` may borrow from the batch.
    ///
    /// # Errors
    /// If the record has no key or its key is not a `T`.
    ///
    /// ```
    /// # use journal_plugin_sdk::{Batches, Failure, Out};
    /// # fn process(batches: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
    /// batches.each(out, |record, out| {
    ///     let id: journal_plugin_sdk::Id = record.decode_key()?;
    ///     out.emit(&std::collections::BTreeMap::from([("id", id)]))
    /// })
    /// # }
    /// ```
    #[inline]
    #[track_caller]
    pub fn decode_key<T: Deserialize<'a>>(&self) -> Result<T, DecodeError> {
        decode(self.key()).map_err(|cause| DecodeError { what: "key", cause })
    }

    /// A lazy view of the object in the value, of the type that the record's object type names.
    ///
    /// # Errors
    /// If the record is a tombstone.
    ///
    /// ```
    /// # use journal_plugin_sdk::{Batches, Failure, Object, Out, info};
    /// # fn process(batches: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
    /// batches.each(out, |record, _| {
    ///     match record.object()? {
    ///         Object::Revision(revision) => info!("{} of {:?}", revision.id()?, revision.date()?),
    ///         Object::Release(release) => info!("{} of {:?}", release.id()?, release.date()?),
    ///         _ => {}
    ///     }
    ///     Ok(())
    /// })
    /// # }
    /// ```
    #[inline]
    #[track_caller]
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

    /// Calls `handle` for the record. If it returns an error, rolls back its rows and rejects the record or fails.
    #[inline]
    pub(crate) fn handle_with(
        &self,
        out: &mut Out,
        handle: impl FnOnce(&mut Out) -> Result<(), RecordError>,
    ) -> Result<(), Failure> {
        out.begin_record();
        match handle(out).and_then(|()| out.check_lost_row()) {
            Ok(()) => out.end_record(),
            Err(RecordError::Reject(reason)) => {
                out.rollback_record();
                out.refuse(self, reason);
            }
            Err(RecordError::Fail(failure)) => {
                out.rollback_record();
                out.note_failure(&failure);
                return Err(failure);
            }
        }
        Ok(())
    }

    /// The index of the batch in the call, and of the record in the batch.
    pub(crate) fn indices(&self) -> (u32, u32) {
        (self.batch, self.index)
    }
}

impl crate::model::whole::sealed::Encoded for Record<'_> {
    fn type_name(&self) -> &str {
        self.object_type()
    }

    fn msgpack(&self) -> &[u8] {
        self.value()
    }
}

#[inline]
fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Option<rmp_serde::decode::Error>> {
    if bytes.is_empty() {
        return Err(None);
    }
    rmp_serde::from_slice(bytes).map_err(Some)
}

/// The error of [`Record::decode`] and [`Record::decode_key`].
///
/// ```
/// use journal_plugin_sdk::{Id, Record};
///
/// fn id(record: &Record<'_>) -> Option<Id> {
///     match record.decode_key() {
///         Ok(id) => Some(id),
///         Err(error) => {
///             journal_plugin_sdk::warn!("{error}");
///             None
///         }
///     }
/// }
/// ```
#[derive(Debug)]
pub struct DecodeError {
    what: &'static str,
    /// `None` if there was nothing to decode.
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

/// The range of the entry at `index` in a column of bytes.
#[inline]
#[track_caller]
fn range(ends: &[u32], index: u32, column: &str) -> std::ops::Range<usize> {
    let index = index as usize;
    let Some(&end) = ends.get(index) else {
        missing(column)
    };
    let start = if index == 0 { 0 } else { ends[index - 1] };
    start as usize..end as usize
}

#[inline]
#[track_caller]
fn cell<T: Copy>(column: &[T], index: u32, name: &str) -> T {
    match column.get(index as usize) {
        Some(&cell) => cell,
        None => missing(name),
    }
}
