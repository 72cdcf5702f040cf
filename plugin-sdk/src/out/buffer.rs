//! The buffer of one output, with a savepoint for the current record.

use journal_aggregate::Savepoint as MergeSavepoint;

use super::appending::{Appending, Length};
use super::merging::Merging;
use super::{Order, OutputPlan};
use crate::{Failure, RecordError};

/// The rows of one output that the host does not have yet.
pub(super) struct Buffer {
    pub(super) name: String,
    /// The order of an upsert.
    pub(super) order: Option<Order>,
    pub(super) rows: Rows,
    pub(super) savepoint: Savepoint,
    /// The bytes of this buffer that are included in `Out::pending_bytes`.
    pub(super) counted: usize,
}

pub(super) enum Rows {
    /// For an append output.
    Appending(Appending),
    /// For an aggregate output.
    Merging(Box<Merging>),
}

/// What a buffer held before the first row of a record.
#[derive(Clone, Copy)]
pub(super) struct Savepoint {
    pub(super) record: u64,
    pub(super) held: Held,
}

#[derive(Clone, Copy)]
pub(super) enum Held {
    Appending(Length),
    Merging(MergeSavepoint),
}

impl Buffer {
    pub(super) fn new(output: OutputPlan) -> Self {
        let rows = match output.shape {
            None => Rows::Appending(Appending::default()),
            Some(shape) => Rows::Merging(Box::new(Merging::new(shape))),
        };
        Self {
            name: output.name,
            order: output.order,
            rows,
            savepoint: Savepoint {
                record: 0,
                held: Held::Appending(Length::default()),
            },
            counted: 0,
        }
    }

    /// Sets the savepoint before the first row of a record. `alone` means that no other record is open around it.
    #[inline]
    pub(super) fn begin(&mut self, record: u64, alone: bool) {
        if self.savepoint.record != record {
            let held = self.now(alone);
            self.savepoint = Savepoint { record, held };
        }
    }

    /// What the buffer holds now. `alone` means that no other record is open around the current one.
    #[inline]
    pub(super) fn now(&mut self, alone: bool) -> Held {
        match &mut self.rows {
            Rows::Appending(appending) => Held::Appending(appending.length()),
            Rows::Merging(merging) => Held::Merging(merging.savepoint(alone)),
        }
    }

    /// Discards what was written since the savepoint.
    pub(super) fn rollback_to_savepoint(&mut self) {
        match (&mut self.rows, self.savepoint.held) {
            (Rows::Appending(appending), Held::Appending(length)) => appending.cut(length),
            (Rows::Merging(merging), Held::Merging(savepoint)) => merging.rollback_to(savepoint),
            // A savepoint is made by its own buffer.
            _ => {}
        }
    }

    /// Updates this buffer's part of the pending bytes.
    #[inline]
    pub(super) fn count(&mut self, pending_bytes: &mut usize) {
        let bytes = match &self.rows {
            Rows::Appending(appending) => appending.bytes(),
            Rows::Merging(merging) => merging.bytes(),
        };
        *pending_bytes = *pending_bytes - self.counted + bytes;
        self.counted = bytes;
    }

    pub(super) fn clear(&mut self) {
        match &mut self.rows {
            Rows::Appending(appending) => appending.clear(),
            Rows::Merging(merging) => merging.clear(),
        }
        self.counted = 0;
    }

    #[cold]
    pub(super) fn not_for(&self, method: &str, what: &str) -> RecordError {
        Failure::fatal(format!(
            "`{method}` cannot write to the output `{}`, which is {what}",
            self.name
        ))
        .into()
    }
}
