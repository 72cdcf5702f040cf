//! Rows on their way to the host.

use serde::Serialize;

use crate::batch::Record;
use crate::{Failure, RecordError};

/// Buffers above this many bytes are handed to the host between two records.
const FLUSH_BYTES: usize = 1 << 20;

/// Takes the rows of one output: its place in the plan, the rows end to end, where each ends.
pub(crate) type Deliver = Box<dyn FnMut(u32, &[u8], &[u32])>;

/// A record that the processor refuses, as the host wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rejection {
    pub(crate) batch: u32,
    pub(crate) index: u32,
    pub(crate) reason: String,
}

/// Where a processor writes: the rows that it emits and the records that it refuses.
pub struct Out {
    outputs: Vec<Buffer>,
    rejections: Vec<Rejection>,
    deliver: Deliver,
    /// Bytes in all buffers.
    pending_bytes: usize,
    /// Counts the records that were begun, so that a buffer knows whether its mark is of this one.
    record: u64,
    /// While a record may still be refused, nothing is handed to the host.
    may_take_back: bool,
    /// Records that are open while another one is handled inside of them, the innermost last.
    outer: Vec<Outer>,
}

/// A record that goes on when the one inside of it has ended.
struct Outer {
    record: u64,
    /// The marks of all buffers when the inner record began.
    marks: Vec<Mark>,
}

/// The rows of one output that the host does not have yet.
struct Buffer {
    name: String,
    rows: Vec<u8>,
    row_ends: Vec<u32>,
    mark: Mark,
}

/// How much a buffer held when a record emitted to it for the first time.
#[derive(Clone, Copy, Default)]
struct Mark {
    record: u64,
    bytes: usize,
    rows: usize,
}

impl Out {
    pub(crate) fn new(names: Vec<String>, deliver: Deliver) -> Self {
        let buffer = |name| Buffer {
            name,
            rows: Vec::new(),
            row_ends: Vec::new(),
            mark: Mark::default(),
        };
        Self {
            outputs: names.into_iter().map(buffer).collect(),
            rejections: Vec::new(),
            deliver,
            pending_bytes: 0,
            record: 0,
            may_take_back: false,
            outer: Vec::new(),
        }
    }

    /// Emits a row to the plan's only output.
    ///
    /// A row is anything that serializes to a map: a struct, a `BTreeMap<String, _>`. For bytes, ids and
    /// times use [`Bytes`](crate::Bytes), [`Id`](crate::Id) and [`Timestamp`](crate::Timestamp): a plain
    /// `Vec<u8>` becomes a list of numbers.
    ///
    /// # Errors
    /// When the plan declares no output or several, or when the row is not a map, the whole call fails; when
    /// the row cannot be serialized, the record is refused.
    #[inline]
    pub fn emit<R: Serialize + ?Sized>(&mut self, row: &R) -> Result<(), RecordError> {
        if self.outputs.len() == 1 {
            self.push(0, row)
        } else {
            Err(self.not_one_output())
        }
    }

    /// Emits a row to the output of this name. See [`emit`](Self::emit).
    ///
    /// # Errors
    /// When the plan does not declare this output, or when the row is not a map, the whole call fails; when the
    /// row cannot be serialized, the record is refused.
    #[inline]
    pub fn emit_to<R: Serialize + ?Sized>(
        &mut self,
        output: &str,
        row: &R,
    ) -> Result<(), RecordError> {
        match self.outputs.iter().position(|buffer| buffer.name == output) {
            Some(place) => self.push(place, row),
            None => Err(self.undeclared(output)),
        }
    }

    /// Refuses a record, for a reason that the operator reads. Rows that were emitted for it stay: it is
    /// [`Batches::each`](crate::Batches::each) that takes them back.
    pub fn reject(&mut self, record: &Record<'_>, reason: impl Into<String>) {
        let (batch, index) = record.place();
        self.rejections.push(Rejection {
            batch,
            index,
            reason: reason.into(),
        });
    }

    fn push<R: Serialize + ?Sized>(&mut self, place: usize, row: &R) -> Result<(), RecordError> {
        let buffer = &mut self.outputs[place];
        let start = buffer.rows.len();
        if buffer.mark.record != self.record {
            buffer.mark = Mark {
                record: self.record,
                bytes: start,
                rows: buffer.row_ends.len(),
            };
        }
        let mut serializer = rmp_serde::Serializer::new(&mut buffer.rows).with_struct_map();
        let pushed = row.serialize(&mut serializer);
        let pushed = pushed.map_err(|error| buffer.not_encoded(&error));
        if let Err(error) = pushed.and_then(|()| buffer.end_row(start)) {
            buffer.rows.truncate(start);
            return Err(error);
        }
        self.pending_bytes += buffer.rows.len() - start;
        if !self.may_take_back {
            self.flush_if_large();
        }
        Ok(())
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

    /// What the record emitted is forgotten.
    pub(crate) fn take_back(&mut self) {
        for buffer in &mut self.outputs {
            if buffer.mark.record == self.record {
                self.pending_bytes -= buffer.rows.len() - buffer.mark.bytes;
                buffer.rows.truncate(buffer.mark.bytes);
                buffer.row_ends.truncate(buffer.mark.rows);
            }
        }
        self.resume();
    }

    #[cold]
    fn suspend(&mut self) {
        self.outer.push(Outer {
            record: self.record,
            marks: self.outputs.iter().map(|buffer| buffer.mark).collect(),
        });
    }

    /// Goes back to the record around the one that ends, if there is one.
    #[inline]
    fn resume(&mut self) {
        match self.outer.pop() {
            None => self.may_take_back = false,
            Some(outer) => self.go_on_with(&outer),
        }
    }

    #[cold]
    fn go_on_with(&mut self, outer: &Outer) {
        for (buffer, &mark) in self.outputs.iter_mut().zip(&outer.marks) {
            if mark.record == outer.record {
                buffer.mark = mark;
            } else if buffer.mark.record == self.record {
                // The outer record's first rows here are those of the inner one.
                buffer.mark.record = outer.record;
            }
        }
        self.record = outer.record;
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
            if !buffer.row_ends.is_empty() {
                (self.deliver)(place, &buffer.rows, &buffer.row_ends);
                buffer.clear();
            }
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
        self.record += 1;
    }

    /// The records refused in this call, each once, for the first reason given.
    pub(crate) fn take_rejections(&mut self) -> Vec<Rejection> {
        let mut rejections = std::mem::take(&mut self.rejections);
        rejections.sort_by_key(|rejection| (rejection.batch, rejection.index));
        rejections.dedup_by_key(|rejection| (rejection.batch, rejection.index));
        rejections
    }
}

impl Buffer {
    fn clear(&mut self) {
        self.rows.clear();
        self.row_ends.clear();
    }

    #[inline]
    fn end_row(&mut self, start: usize) -> Result<(), RecordError> {
        // The markers of msgpack's maps: fixmap, map 16 and map 32.
        if !matches!(self.rows.get(start), Some(0x80..=0x8f | 0xde | 0xdf)) {
            return Err(self.failure("is not a map: emit a struct or a map with string keys"));
        }
        let Ok(end) = u32::try_from(self.rows.len()) else {
            return Err(self.failure("does not fit into 4 GiB"));
        };
        self.row_ends.push(end);
        Ok(())
    }

    #[cold]
    fn failure(&self, what: &str) -> RecordError {
        Failure::fatal(format!("a row for the output `{}` {what}", self.name)).into()
    }

    #[cold]
    fn not_encoded(&self, error: &rmp_serde::encode::Error) -> RecordError {
        RecordError::reject(format!(
            "a row for the output `{}` cannot be serialized: {error}",
            self.name
        ))
    }
}

#[cfg(test)]
mod tests;
