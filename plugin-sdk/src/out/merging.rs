//! The buffer of an aggregate output: rows merged by key.

use std::convert::Infallible;
use std::sync::Arc;

use journal_aggregate::{Row, Savepoint, Shape, Table};
use serde::Serialize;

use super::fields::{MergeError, RowSerializer};
use crate::{Failure, RecordError};

/// Rows are handed to the host in chunks of about this many bytes.
const CHUNK_BYTES: usize = 1 << 20;

/// Rows merged by key, and the row that is being added.
pub(super) struct Merging {
    table: Table,
    row: Row,
}

impl Merging {
    pub(super) fn new(shape: Shape) -> Self {
        let shape = Arc::new(shape);
        Self {
            table: Table::new(Arc::clone(&shape)),
            row: Row::new(shape),
        }
    }

    /// Merges a row. Returns whether its key is new.
    #[inline]
    pub(super) fn merge<R: Serialize + ?Sized>(
        &mut self,
        output: &str,
        row: &R,
    ) -> Result<bool, RecordError> {
        let filled = row.serialize(RowSerializer(&mut self.row));
        let merged = filled.and_then(|()| Ok(self.table.merge(&self.row)?));
        merged.map_err(|error| not_merged(output, error))
    }

    /// A savepoint of the current state. `is_final` discards all earlier savepoints.
    #[inline]
    pub(super) fn savepoint(&mut self, is_final: bool) -> Savepoint {
        if is_final {
            self.table.seal();
        }
        self.table.savepoint()
    }

    pub(super) fn rollback_to(&mut self, savepoint: Savepoint) {
        self.table.rollback_to(savepoint);
    }

    #[inline]
    pub(super) fn bytes(&self) -> usize {
        self.table.bytes()
    }

    /// Passes all rows to `deliver`, if there are any.
    pub(super) fn deliver(&self, mut deliver: impl FnMut(&[u8], &[u32])) {
        let (mut rows, mut row_ends) = (Vec::new(), Vec::new());
        let Ok(()) = self.table.write(&mut rows, |rows| {
            // A row fits into the guest's memory, which is below 4 GiB, and a chunk that large is delivered at once.
            row_ends.push(u32::try_from(rows.len()).unwrap_or(u32::MAX));
            if rows.len() > CHUNK_BYTES {
                deliver(rows, &row_ends);
                rows.clear();
                row_ends.clear();
            }
            Ok::<(), Infallible>(())
        });
        if !row_ends.is_empty() {
            deliver(&rows, &row_ends);
        }
    }

    pub(super) fn clear(&mut self) {
        self.table.clear();
    }
}

#[cold]
fn not_merged(output: &str, error: MergeError) -> RecordError {
    match error {
        MergeError::Fault(fault) => {
            Failure::fatal(format!("a row for the output `{output}` {fault}")).into()
        }
        MergeError::NotEncoded(reason) => RecordError::reject(format!(
            "a row for the output `{output}` cannot be serialized: {reason}"
        )),
    }
}
