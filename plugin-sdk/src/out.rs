//! Rows on their way to the host.

mod appending;
mod column;
mod fields;
mod key;
mod merging;

use std::panic::Location;

use journal_aggregate::{Savepoint as MergeSavepoint, Shape, bytes};
use serde::Serialize;

use self::appending::{Appending, Length};
use self::merging::Merging;
use crate::batch::Record;
use crate::{Failure, RecordError};

/// Buffers above this many bytes are handed to the host between two records.
const FLUSH_BYTES: usize = 1 << 20;

/// Takes the rows of one output: its place in the plan, the rows end to end, where each ends.
pub(crate) type Deliver = Box<dyn FnMut(u32, &[u8], &[u32])>;

/// An output as a processor writes to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OutputPlan {
    pub(crate) name: String,
    /// What the rows look like that are merged, where they are.
    pub(crate) shape: Option<Shape>,
}

/// A record that the processor refuses, as the host wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rejection {
    pub(crate) batch: u32,
    pub(crate) index: u32,
    pub(crate) reason: String,
}

/// Where a processor writes: the rows that it emits and the records that it refuses.
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
    deliver: Deliver,
    /// Bytes in all buffers.
    pending_bytes: usize,
    /// Counts the records that were begun, so that a buffer knows whether its savepoint is of this one.
    record: u64,
    /// While a record may still be refused, nothing is handed to the host.
    may_take_back: bool,
    /// Records that are open while another one is handled inside of them, the innermost last.
    outer: Vec<Outer>,
    /// The first failure that the processor may have ignored: at its end the call fails with it.
    failure: Option<Failure>,
    /// The first row of the innermost open record that cannot be serialized: the record must be refused for it.
    lost_row: Option<LostRow>,
    /// The first such row that was emitted while no record was open, until a record is refused.
    lost_outside: Option<LostRow>,
}

/// A row that cannot be serialized.
struct LostRow {
    reason: String,
    emitted_at: &'static Location<'static>,
}

/// A record that goes on when the one inside of it has ended.
struct Outer {
    record: u64,
    /// The savepoints of all buffers when the inner record began.
    savepoints: Vec<Savepoint>,
    lost_row: Option<LostRow>,
}

/// The rows of one output that the host does not have yet.
struct Buffer {
    name: String,
    rows: Rows,
    savepoint: Savepoint,
    /// What it has of the pending bytes.
    counted: usize,
}

enum Rows {
    /// For an append output.
    Appending(Appending),
    /// For an aggregate output.
    Merging(Box<Merging>),
}

/// What a buffer held when a record wrote to it for the first time.
#[derive(Clone, Copy)]
struct Savepoint {
    record: u64,
    held: Held,
}

#[derive(Clone, Copy)]
enum Held {
    Appending(Length),
    Merging(MergeSavepoint),
}

impl Out {
    pub(crate) fn new(outputs: Vec<OutputPlan>, deliver: Deliver) -> Self {
        Self {
            outputs: outputs.into_iter().map(Buffer::new).collect(),
            rejections: Vec::new(),
            deliver,
            pending_bytes: 0,
            record: 0,
            may_take_back: false,
            outer: Vec::new(),
            failure: None,
            lost_row: None,
            lost_outside: None,
        }
    }

    /// Emits a row to the plan's only output.
    ///
    /// A row is anything that serializes to a map: a struct, a `BTreeMap<String, _>`. For bytes, ids and
    /// times use [`Bytes`](crate::Bytes), [`Id`](crate::Id) and [`Timestamp`](crate::Timestamp): a plain
    /// `Vec<u8>` becomes a list of numbers.
    ///
    /// # Errors
    /// When the plan declares no output or several, when that is an aggregate, or when the row is not a map, the
    /// whole call fails; when the row cannot be serialized, the record is refused. Both happen even if you ignore the
    /// error.
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
        let emitted = if self.outputs.len() == 1 {
            self.push(0, row)
        } else {
            Err(self.not_one_output())
        };
        match emitted {
            Ok(()) => Ok(()),
            Err(error) => Err(self.note_refused(error)),
        }
    }

    /// Emits a row to the output of this name. See [`emit`](Self::emit).
    ///
    /// # Errors
    /// When the plan does not declare this output or it is an aggregate, or when the row is not a map, the whole
    /// call fails; when the row cannot be serialized, the record is refused. Both happen even if you ignore the error.
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
        let emitted = match self.place(output) {
            Ok(place) => self.push(place, row),
            Err(error) => Err(error),
        };
        match emitted {
            Ok(()) => Ok(()),
            Err(error) => Err(self.note_refused(error)),
        }
    }

    /// Merges a row into the aggregate output of this name: with all other rows that have the same key it becomes
    /// one, as [`Aggregate`](crate::Aggregate) says.
    ///
    /// A row is a struct, or a map, with exactly the fields of the key and the columns, in any order. What was
    /// merged in a call is handed to the host at its end, and nothing is held from one call to the next: a
    /// processor that only merges is [`stateless`](crate::Plan::stateless). The host merges on, until the
    /// checkpoint.
    ///
    /// # Errors
    /// When the plan does not declare this output or it is no aggregate, when the row is not as the plan says, or
    /// when a sum leaves the range of 64 bits, the whole call fails; when the row cannot be serialized, the record
    /// is refused. Both happen even if you ignore the error.
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
        match self.merge_row(output, row) {
            Ok(()) => Ok(()),
            Err(error) => Err(self.note_refused(error)),
        }
    }

    #[inline]
    fn merge_row<R: Serialize + ?Sized>(
        &mut self,
        output: &str,
        row: &R,
    ) -> Result<(), RecordError> {
        let place = self.place(output)?;
        let buffer = &mut self.outputs[place];
        buffer.begin(self.record, self.outer.is_empty());
        let Rows::Merging(merging) = &mut buffer.rows else {
            return Err(buffer.not_for("merge", "an append output: emit to it"));
        };
        // A row whose key is known takes no more room.
        if merging.merge(&buffer.name, row)? {
            self.grow(place);
        }
        Ok(())
    }

    #[inline]
    fn place(&self, output: &str) -> Result<usize, RecordError> {
        let is_it = |buffer: &Buffer| bytes::same(buffer.name.as_bytes(), output.as_bytes());
        let place = self.outputs.iter().position(is_it);
        place.ok_or_else(|| self.undeclared(output))
    }

    /// Refuses a record, for a reason that the operator reads. Rows that were emitted for it stay: it is
    /// [`Batches::each`](crate::Batches::each) that takes them back.
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

    /// Notes a rejection, in the order of the records, which is that of most calls. The first reason counts.
    pub(crate) fn refuse(&mut self, record: &Record<'_>, reason: String) {
        let (batch, index) = record.place();
        self.note_rejection(batch, index, reason);
    }

    fn note_rejection(&mut self, batch: u32, index: u32, reason: String) {
        let place = self
            .rejections
            .binary_search_by_key(&(batch, index), |other| (other.batch, other.index));
        if let Err(place) = place {
            let rejection = Rejection {
                batch,
                index,
                reason,
            };
            self.rejections.insert(place, rejection);
        }
    }

    fn push<R: Serialize + ?Sized>(&mut self, place: usize, row: &R) -> Result<(), RecordError> {
        let buffer = &mut self.outputs[place];
        buffer.begin(self.record, self.outer.is_empty());
        let Rows::Appending(appending) = &mut buffer.rows else {
            return Err(buffer.not_for("emit", "an aggregate: `merge` into it"));
        };
        appending.push(&buffer.name, row)?;
        self.grow(place);
        Ok(())
    }

    /// Counts what a buffer has more.
    #[inline]
    fn grow(&mut self, place: usize) {
        self.outputs[place].count(&mut self.pending_bytes);
        if !self.may_take_back {
            self.flush_if_large();
        }
    }

    /// Notes that an emission was refused, in case the processor ignores the answer.
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

    /// Where a row that cannot be serialized is noted.
    fn lost(&mut self) -> &mut Option<LostRow> {
        if self.may_take_back {
            &mut self.lost_row
        } else {
            &mut self.lost_outside
        }
    }

    #[cold]
    fn undeclared(&self, output: &str) -> RecordError {
        let declared = self.declared();
        Failure::fatal(format!(
            "the plan does not declare the output `{output}`: {declared}"
        ))
        .into()
    }

    #[cold]
    fn not_one_output(&self) -> RecordError {
        let declared = self.declared();
        Failure::fatal(format!(
            "`emit` needs a plan with exactly one output: {declared}"
        ))
        .into()
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

/// How the SDK drives it.
impl Out {
    /// From here on everything that is emitted can be taken back. A record may begin inside of another one.
    #[inline]
    pub(crate) fn begin_record(&mut self) {
        if self.may_take_back {
            self.suspend();
        }
        self.record += 1;
        self.may_take_back = true;
    }

    /// What the record emitted stays, unless a record around it is refused.
    #[inline]
    pub(crate) fn end_record(&mut self) {
        self.resume();
        if !self.may_take_back {
            self.flush_if_large();
        }
    }

    /// Refuses the record where one of its rows cannot be serialized and the processor ignored it.
    #[inline]
    pub(crate) fn check_lost_row(&self) -> Result<(), RecordError> {
        match &self.lost_row {
            None => Ok(()),
            Some(row) => Err(RecordError::reject(&*row.reason)),
        }
    }

    /// Makes the call fail at its end, in case the processor ignores this failure. The first one counts.
    pub(crate) fn note_failure(&mut self, failure: &Failure) {
        self.failure.get_or_insert_with(|| failure.clone());
    }

    /// Ends the call to which the processor gave this answer, and hands the rest of the rows to the host.
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

    /// What the record emitted is forgotten.
    pub(crate) fn take_back(&mut self) {
        for buffer in &mut self.outputs {
            if buffer.savepoint.record == self.record {
                buffer.rollback_to_savepoint();
                buffer.count(&mut self.pending_bytes);
            }
        }
        self.resume();
    }

    #[cold]
    fn suspend(&mut self) {
        self.outer.push(Outer {
            record: self.record,
            savepoints: self.outputs.iter().map(|buffer| buffer.savepoint).collect(),
            lost_row: self.lost_row.take(),
        });
    }

    /// Goes back to the record around the one that ends, if there is one.
    #[inline]
    fn resume(&mut self) {
        match self.outer.pop() {
            None => {
                self.may_take_back = false;
                self.lost_row = None;
            }
            Some(outer) => self.go_on_with(outer),
        }
    }

    #[cold]
    fn go_on_with(&mut self, outer: Outer) {
        for (buffer, &savepoint) in self.outputs.iter_mut().zip(&outer.savepoints) {
            if savepoint.record == outer.record {
                buffer.savepoint = savepoint;
            } else if buffer.savepoint.record == self.record {
                // The outer record's first rows here are those of the inner one.
                buffer.savepoint.record = outer.record;
            }
        }
        self.record = outer.record;
        self.lost_row = outer.lost_row;
    }

    #[inline]
    fn flush_if_large(&mut self) {
        if self.pending_bytes > FLUSH_BYTES {
            self.flush();
        }
    }

    /// Hands all rows to the host and keeps the buffers.
    pub(crate) fn flush(&mut self) {
        for (place, buffer) in (0..).zip(&mut self.outputs) {
            let deliver = |rows: &[u8], row_ends: &[u32]| (self.deliver)(place, rows, row_ends);
            match &mut buffer.rows {
                Rows::Appending(appending) => appending.deliver(deliver),
                Rows::Merging(merging) => merging.deliver(deliver),
            }
            buffer.counted = 0;
        }
        self.pending_bytes = 0;
        // Marks are of a buffer that is no more.
        self.record += 1;
    }

    /// Forgets what a failed call left behind.
    pub(crate) fn clear(&mut self) {
        self.outputs.iter_mut().for_each(Buffer::clear);
        self.rejections.clear();
        self.pending_bytes = 0;
        self.may_take_back = false;
        self.outer.clear();
        self.failure = None;
        self.lost_row = None;
        self.lost_outside = None;
        self.record += 1;
    }

    /// The records refused in this call, each once, for the first reason given.
    pub(crate) fn take_rejections(&mut self) -> Vec<Rejection> {
        std::mem::take(&mut self.rejections)
    }
}

impl Buffer {
    fn new(output: OutputPlan) -> Self {
        let rows = match output.shape {
            None => Rows::Appending(Appending::default()),
            Some(shape) => Rows::Merging(Box::new(Merging::new(shape))),
        };
        Self {
            name: output.name,
            rows,
            savepoint: Savepoint {
                record: 0,
                held: Held::Appending(Length::default()),
            },
            counted: 0,
        }
    }

    /// Sets the savepoint when this record writes for the first time; `alone` when no other record is open.
    #[inline]
    fn begin(&mut self, record: u64, alone: bool) {
        if self.savepoint.record != record {
            let held = match &mut self.rows {
                Rows::Appending(appending) => Held::Appending(appending.length()),
                Rows::Merging(merging) => Held::Merging(merging.savepoint(alone)),
            };
            self.savepoint = Savepoint { record, held };
        }
    }

    /// Forgets what was written since the savepoint.
    fn rollback_to_savepoint(&mut self) {
        match (&mut self.rows, self.savepoint.held) {
            (Rows::Appending(appending), Held::Appending(length)) => appending.cut(length),
            (Rows::Merging(merging), Held::Merging(savepoint)) => merging.rollback_to(savepoint),
            // A savepoint is made by its own buffer.
            _ => {}
        }
    }

    /// Brings its part of the pending bytes up to date.
    #[inline]
    fn count(&mut self, pending_bytes: &mut usize) {
        let bytes = match &self.rows {
            Rows::Appending(appending) => appending.bytes(),
            Rows::Merging(merging) => merging.bytes(),
        };
        *pending_bytes = *pending_bytes - self.counted + bytes;
        self.counted = bytes;
    }

    fn clear(&mut self) {
        match &mut self.rows {
            Rows::Appending(appending) => appending.clear(),
            Rows::Merging(merging) => merging.clear(),
        }
        self.counted = 0;
    }

    #[cold]
    fn not_for(&self, method: &str, what: &str) -> RecordError {
        Failure::fatal(format!(
            "`{method}` does not go with the output `{}`, which is {what}",
            self.name
        ))
        .into()
    }
}

#[cfg(test)]
mod tests;
