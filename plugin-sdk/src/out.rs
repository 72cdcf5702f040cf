//! Collects rows and rejections, and hands them to the host.

mod appending;
mod buffer;
mod column;
mod fields;
mod key;
mod merging;
mod pieces;
mod records;
mod removing;

use std::panic::Location;

use journal_aggregate::{Shape, bytes};
use journal_rows::RowTypes;
use serde::Serialize;

use self::buffer::{Buffer, Rows};
pub(crate) use self::pieces::Host;
use self::pieces::{Crossed, PIECE_BYTES};
use self::records::{LostRow, Outer};
pub(crate) use self::removing::Order;
use crate::batch::Record;
use crate::model::ObjectRow;
use crate::{Failure, RecordError, WholeObject};

/// When the buffers hold more bytes than this, they are handed to the host after the current record.
const FLUSH_BYTES: usize = 1 << 20;

/// What [`Out`] needs to know about an output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OutputPlan {
    pub(crate) name: String,
    /// The key and columns of an aggregate output; `None` for an append output.
    pub(crate) shape: Option<Shape>,
    /// The order of an upsert.
    pub(crate) order: Option<Order>,
    /// The types of its rows, if they have some.
    pub(crate) types: Option<RowTypes>,
}

impl OutputPlan {
    /// An append output without types.
    pub(crate) fn untyped(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            shape: None,
            order: None,
            types: None,
        }
    }
}

/// A rejected record, as the host expects it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rejection {
    pub(crate) batch: u32,
    pub(crate) index: u32,
    pub(crate) reason: String,
}

/// Receives what a processor writes: rows and rejections.
///
/// ```
/// use journal_plugin_sdk::{Out, RecordError};
/// use serde::Serialize;
///
/// #[derive(Serialize)]
/// struct Row<'a> {
///     url: &'a str,
/// }
///
/// fn write(out: &mut Out, url: &str) -> Result<(), RecordError> {
///     out.emit(&Row { url })
/// }
/// ```
pub struct Out {
    outputs: Vec<Buffer>,
    rejections: Vec<Rejection>,
    host: Box<dyn Host>,
    /// Bytes in all buffers.
    pending_bytes: usize,
    /// The number of the current record, which shows a buffer whether its savepoint belongs to this record.
    record: u64,
    /// Whether a record is open. It may still be rejected, so its rows stay here, or the host takes them back.
    in_record: bool,
    /// Rows of the open record that the host has already.
    crossed: Crossed,
    /// Open records around the current one, the innermost last.
    outer: Vec<Outer>,
    /// The first failure of this call. The call returns it even if the processor ignored it.
    failure: Option<Failure>,
    /// The first row of the current record that cannot be serialized: the record must be rejected.
    lost_row: Option<LostRow>,
    /// The first such row that was emitted outside of a record; cleared when the processor rejects a record.
    lost_outside: Option<LostRow>,
}

impl Out {
    pub(crate) fn new(outputs: Vec<OutputPlan>, host: Box<dyn Host>) -> Self {
        Self {
            outputs: outputs.into_iter().map(Buffer::new).collect(),
            rejections: Vec::new(),
            host,
            pending_bytes: 0,
            record: 0,
            in_record: false,
            crossed: Crossed::default(),
            outer: Vec::new(),
            failure: None,
            lost_row: None,
            lost_outside: None,
        }
    }

    /// Emits a row to the plan's only output.
    ///
    /// The rows of a large record are handed to the host while its closure runs, so that they do not fill the memory: emit
    /// each row when you have it, instead of collecting rows. They are taken back if the record is rejected.
    ///
    /// A row is anything that serializes to a map, such as a struct or a `BTreeMap<String, _>`. Use
    /// [`Bytes`](crate::Bytes), [`Id`](crate::Id) and [`Timestamp`](crate::Timestamp) for bytes, ids and times: a plain
    /// `Vec<u8>` becomes a list of numbers.
    ///
    /// # Errors
    /// The call fails if the plan does not declare exactly one output, if that output is an aggregate, or if the row is
    /// not a map. The record is rejected if the row cannot be serialized. Both happen even if you ignore the error.
    ///
    /// ```
    /// # use journal_plugin_sdk::{Batches, Bytes, Failure, Id, Out, Timestamp};
    /// # fn process(batches: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
    /// #[derive(serde::Serialize)]
    /// struct Row<'a> {
    ///     id: Id,
    ///     message: Bytes<'a>,
    ///     date: Option<Timestamp>,
    /// }
    ///
    /// batches.each_revision(out, |revision, out| {
    ///     out.emit(&Row {
    ///         id: revision.id()?,
    ///         message: revision.message()?.unwrap_or_default().into(),
    ///         date: revision.date()?.and_then(|date| date.timestamp()),
    ///     })
    /// })
    /// # }
    /// ```
    #[inline]
    #[track_caller]
    pub fn emit<R: Serialize + ?Sized>(&mut self, row: &R) -> Result<(), RecordError> {
        if self.outputs.len() == 1 {
            self.push(0, row)
        } else {
            Err(self.not_one_output())
        }
    }

    /// Emits a whole object to the plan's only output: a row with its `object_type`, and all its fields in `object`.
    ///
    /// The object is a [`Record`](crate::Record), or a view such as [`Revision`](crate::Revision). Bytes that people read are
    /// text, identifiers are hexadecimal digits, times are RFC 3339; the README of the plugin `print-objects` has all
    /// rules. Every object is `Serialize`, so a row of your own can have one as a field.
    ///
    /// # Errors
    /// As for [`emit`](Self::emit). The record is rejected, too, if its value is not one msgpack document.
    ///
    /// ```
    /// # use journal_plugin_sdk::{Batches, Failure, Out};
    /// # fn process(batches: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
    /// batches.each(out, |record, out| out.emit_object(&record))
    /// # }
    /// ```
    #[inline]
    #[track_caller]
    pub fn emit_object(&mut self, object: &impl WholeObject) -> Result<(), RecordError> {
        if object.msgpack().is_empty() {
            return Err(RecordError::reject("the record has no value"));
        }
        self.emit(&ObjectRow::new(object))
    }

    /// Emits a row to the output of this name. See [`emit`](Self::emit).
    ///
    /// # Errors
    /// The call fails if the plan does not declare this output, if the output is an aggregate, or if the row is not a
    /// map. The record is rejected if the row cannot be serialized. Both happen even if you ignore the error.
    ///
    /// ```
    /// # use journal_plugin_sdk::{Batches, Failure, Out};
    /// # fn process(batches: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
    /// // The plan is `Plan::new(["release"]).output("signed", "").output("unsigned", "")`.
    /// batches.each_release(out, |release, out| {
    ///     let message = release.message()?.unwrap_or_default();
    ///     let is_signed = message.windows(3).any(|bytes| bytes == b"PGP");
    ///     let row = std::collections::BTreeMap::from([("id", release.id()?)]);
    ///     out.emit_to(if is_signed { "signed" } else { "unsigned" }, &row)
    /// })
    /// # }
    /// ```
    #[inline]
    #[track_caller]
    pub fn emit_to<R: Serialize + ?Sized>(
        &mut self,
        output: &str,
        row: &R,
    ) -> Result<(), RecordError> {
        match self.index_of(output) {
            Some(index) => self.push(index, row),
            None => Err(self.undeclared(output)),
        }
    }

    /// Merges a row into the aggregate output of this name. Rows with the same key become one, as its
    /// [`Aggregate`](crate::Aggregate) says.
    ///
    /// A row is a struct or a map with exactly the fields of the key and the columns, in any order. The merged rows are
    /// handed to the host at the end of the call, and the host merges those of all calls until the checkpoint. So a
    /// processor that only merges is [`stateless`](crate::Plan::stateless).
    ///
    /// # Errors
    /// The call fails if the plan does not declare this output, if the output is not an aggregate, if the row does not
    /// match the plan, or if a sum leaves the range of 64 bits. The record is rejected if the row cannot be serialized.
    /// Both happen even if you ignore the error.
    ///
    /// ```
    /// # use journal_plugin_sdk::{Batches, Failure, Out};
    /// # fn process(batches: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
    /// // The plan is `Plan::new(["origin"]).aggregate("origins", "", Aggregate::by(["host"]).sum("count"))`.
    /// #[derive(serde::Serialize)]
    /// struct Row<'a> {
    ///     host: &'a str,
    ///     count: u64,
    /// }
    ///
    /// batches.each_origin(out, |origin, out| {
    ///     let host = origin.url()?.split('/').nth(2).unwrap_or("");
    ///     out.merge("origins", &Row { host, count: 1 })
    /// })
    /// # }
    /// ```
    #[inline]
    #[track_caller]
    pub fn merge<R: Serialize + ?Sized>(
        &mut self,
        output: &str,
        row: &R,
    ) -> Result<(), RecordError> {
        let Some(index) = self.index_of(output) else {
            return Err(self.undeclared(output));
        };
        let buffer = &mut self.outputs[index];
        buffer.begin(self.record, self.outer.is_empty());
        let Rows::Merging(merging) = &mut buffer.rows else {
            let error = buffer.not_for("merge", "an append output: use `emit_to`");
            return Err(self.note_refused(error));
        };
        match merging.merge(&buffer.name, row) {
            Ok(is_new) => {
                // A row with a known key adds nothing to the size of the buffer.
                if is_new {
                    self.grow(index);
                }
                Ok(())
            }
            Err(error) => Err(self.note_refused(error)),
        }
    }

    #[inline]
    fn index_of(&self, output: &str) -> Option<usize> {
        let is_it = |buffer: &Buffer| bytes::same(buffer.name.as_bytes(), output.as_bytes());
        self.outputs.iter().position(is_it)
    }

    /// Rejects a record. The operator sees the reason.
    ///
    /// Rows that were emitted for the record are kept. To discard them, return the rejection from the closure of
    /// [`Batches::each`](crate::Batches::each) instead.
    ///
    /// ```
    /// # use journal_plugin_sdk::{Batches, Failure, Out};
    /// # fn process(batches: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
    /// for batch in batches {
    ///     for record in batch.records() {
    ///         if record.value_len() > 1_000_000 {
    ///             out.reject(&record, "larger than a megabyte");
    ///         }
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn reject(&mut self, record: &Record<'_>, reason: impl Into<String>) {
        *self.lost() = None;
        self.refuse(record, reason.into());
    }

    /// Adds a rejection. If the record is rejected already, the first reason is kept.
    pub(crate) fn refuse(&mut self, record: &Record<'_>, reason: String) {
        let (batch, index) = record.indices();
        self.note_rejection(batch, index, reason);
    }

    fn note_rejection(&mut self, batch: u32, index: u32, reason: String) {
        let found = self
            .rejections
            .binary_search_by_key(&(batch, index), |other| (other.batch, other.index));
        if let Err(position) = found {
            let rejection = Rejection {
                batch,
                index,
                reason,
            };
            self.rejections.insert(position, rejection);
        }
    }

    #[track_caller]
    fn push<R: Serialize + ?Sized>(&mut self, index: usize, row: &R) -> Result<(), RecordError> {
        let buffer = &mut self.outputs[index];
        buffer.begin(self.record, self.outer.is_empty());
        let Rows::Appending(appending) = &mut buffer.rows else {
            let error = buffer.not_for("emit", "an aggregate: use `merge`");
            return Err(self.note_refused(error));
        };
        match appending.push(&buffer.name, row) {
            Ok(()) => {
                self.grow(index);
                Ok(())
            }
            Err(error) => Err(self.note_refused(error)),
        }
    }

    /// Updates the size of the buffers after a row was added.
    #[inline]
    fn grow(&mut self, index: usize) {
        self.outputs[index].count(&mut self.pending_bytes);
        if self.pending_bytes > FLUSH_BYTES {
            self.hand_over();
        }
    }

    /// Hands rows to the host, if their record cannot be rejected or is large.
    #[inline(never)]
    fn hand_over(&mut self) {
        if !self.in_record {
            self.flush();
        } else if self.pending_bytes > PIECE_BYTES && self.outer.is_empty() {
            self.cross();
        }
    }

    /// Remembers that a row was refused, so that it has its effect even if the processor ignores the error.
    #[cold]
    #[track_caller]
    fn note_refused(&mut self, error: RecordError) -> RecordError {
        let emitted_at = Location::caller();
        match error {
            RecordError::Fail(failure) => {
                let failure = failure.at(emitted_at);
                self.note_failure(&failure);
                RecordError::Fail(failure)
            }
            RecordError::Reject(reason) => {
                self.lost().get_or_insert_with(|| LostRow {
                    reason: reason.clone(),
                    emitted_at,
                });
                RecordError::Reject(reason)
            }
        }
    }

    /// The field that remembers a row which cannot be serialized.
    fn lost(&mut self) -> &mut Option<LostRow> {
        if self.in_record {
            &mut self.lost_row
        } else {
            &mut self.lost_outside
        }
    }

    #[cold]
    #[track_caller]
    fn undeclared(&mut self, output: &str) -> RecordError {
        let declared = self.declared();
        let reason = format!("the plan does not declare the output `{output}`: {declared}");
        self.note_refused(Failure::fatal(reason).into())
    }

    #[cold]
    #[track_caller]
    fn not_one_output(&mut self) -> RecordError {
        let declared = self.declared();
        let reason = format!("`emit` needs a plan with exactly one output: {declared}");
        self.note_refused(Failure::fatal(reason).into())
    }

    fn declared(&self) -> String {
        let names: Vec<_> = self
            .outputs
            .iter()
            .map(|buffer| format!("`{}`", buffer.name))
            .collect();
        if names.is_empty() {
            "it declares none".to_owned()
        } else {
            format!("it declares {}", names.join(", "))
        }
    }
}

/// The interface for the rest of the SDK.
impl Out {
    /// Makes the call fail even if the processor ignores this failure. The first one is reported.
    pub(crate) fn note_failure(&mut self, failure: &Failure) {
        self.failure.get_or_insert_with(|| failure.clone());
    }

    /// Ends a call: hands the remaining rows to the host, or returns the failure of the processor or of an emission.
    pub(crate) fn end_call(&mut self, answer: Result<(), Failure>) -> Result<(), Failure> {
        answer?;
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        if let Some(row) = self.lost_outside.take() {
            return Err(Failure::fatal(row.reason).at(row.emitted_at));
        }
        self.flush();
        Ok(())
    }

    #[inline]
    fn flush_if_large(&mut self) {
        if self.pending_bytes > FLUSH_BYTES {
            self.flush();
        }
    }

    /// Hands all rows to the host. The buffers keep their memory.
    pub(crate) fn flush(&mut self) {
        for (index, buffer) in (0..).zip(&mut self.outputs) {
            buffer.hand_over(|rows, row_ends| self.host.emit(index, rows, row_ends));
            buffer.clear();
        }
        self.pending_bytes = 0;
        // The savepoints refer to rows that are no longer here.
        self.record += 1;
    }

    /// Discards what a failed call has left.
    pub(crate) fn clear(&mut self) {
        self.outputs.iter_mut().for_each(Buffer::clear);
        self.rejections.clear();
        self.pending_bytes = 0;
        self.in_record = false;
        self.crossed.clear();
        self.outer.clear();
        self.failure = None;
        self.lost_row = None;
        self.lost_outside = None;
        self.record += 1;
    }

    /// The records rejected in this call, each once and with the first reason given.
    pub(crate) fn take_rejections(&mut self) -> Vec<Rejection> {
        std::mem::take(&mut self.rejections)
    }
}

#[cfg(test)]
mod tests;
