//! Records, whose rows can be rolled back, and records inside records.

use std::panic::Location;

use super::Out;
use super::buffer::Savepoint;
use crate::RecordError;

/// A row that cannot be serialized.
pub(super) struct LostRow {
    pub(super) reason: String,
    pub(super) emitted_at: &'static Location<'static>,
}

/// A record that continues when the one inside it ends.
pub(super) struct Outer {
    record: u64,
    /// The savepoints of all buffers when the inner record began.
    savepoints: Vec<Savepoint>,
    lost_row: Option<LostRow>,
}

impl Out {
    /// Begins a record, possibly inside another one. Its rows can be rolled back.
    #[inline]
    pub(crate) fn begin_record(&mut self) {
        if self.in_record {
            self.suspend();
        }
        self.record += 1;
        self.in_record = true;
    }

    /// Keeps the rows of the record, unless a record around it is rejected.
    #[inline]
    pub(crate) fn end_record(&mut self) {
        self.resume();
        if !self.in_record {
            self.crossed.clear();
            self.flush_if_large();
        }
    }

    /// Returns a rejection if a row of the record cannot be serialized, whether or not the processor ignored the error.
    #[inline]
    pub(crate) fn check_lost_row(&self) -> Result<(), RecordError> {
        match &self.lost_row {
            None => Ok(()),
            Some(row) => Err(RecordError::reject(&*row.reason)),
        }
    }

    /// Discards the rows of the record.
    pub(crate) fn rollback_record(&mut self) {
        for buffer in &mut self.outputs {
            if buffer.savepoint.record == self.record {
                buffer.rollback_to_savepoint();
                buffer.count(&mut self.pending_bytes);
            }
        }
        if self.crossed.has_rows && self.outer.is_empty() {
            self.take_back_crossed();
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

    /// Continues with the record around the one that ends, if there is one.
    #[inline]
    fn resume(&mut self) {
        match self.outer.pop() {
            None => {
                self.in_record = false;
                self.lost_row = None;
            }
            Some(outer) => self.return_to(outer),
        }
    }

    #[cold]
    fn return_to(&mut self, outer: Outer) {
        for (buffer, &savepoint) in self.outputs.iter_mut().zip(&outer.savepoints) {
            if savepoint.record == outer.record {
                buffer.savepoint = savepoint;
            } else if buffer.savepoint.record == self.record {
                // The outer record has no earlier rows in this buffer, so the inner savepoint serves for both.
                buffer.savepoint.record = outer.record;
            }
        }
        self.record = outer.record;
        self.lost_row = outer.lost_row;
    }
}
