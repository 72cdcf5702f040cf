//! The rows of an aggregate output: rows with the same key are merged until the checkpoint.
//!
//! A plugin merges what one call emits; here the calls between two checkpoints are merged.

use std::sync::Arc;

use journal_aggregate::{Fault, Row, Savepoint, Shape, Table};

use super::RowLimits;
use crate::journal::plan::{Kind, Output};

/// Memory for merged rows that is kept from one checkpoint to the next, in bytes for each output: enough for the
/// usual checkpoint, which is due at 16 MiB.
const KEPT_BYTES: usize = 32 << 20;

/// A byte of a text is six in JSON where it has to be escaped, beside that in the table.
const TIMES_WITH_ENCODING: usize = 7;

/// How strictly the memory of merged rows is counted.
#[derive(Clone, Copy)]
pub(super) struct Accounting {
    /// A byte of merged rows counts as this many bytes that are held.
    pub(super) times: usize,
    /// Memory for rows that is kept from one checkpoint to the next, in bytes for each output.
    pub(super) kept_bytes: usize,
    /// Bytes by which one call may make the merged rows grow.
    pub(super) call_bytes: usize,
}

impl Accounting {
    /// Where memory is limited, merged rows count together with the encoding that they become at the checkpoint,
    /// while they are still there. Elsewhere the encoding is not counted: few rows grow much by it.
    pub(super) fn of(limits: RowLimits) -> Self {
        match limits.most_bytes {
            None => Self {
                times: 1,
                kept_bytes: KEPT_BYTES,
                call_bytes: limits.call_bytes,
            },
            Some(_) => Self {
                times: TIMES_WITH_ENCODING,
                kept_bytes: 0,
                call_bytes: limits.call_bytes / TIMES_WITH_ENCODING,
            },
        }
    }
}

/// The rows of one aggregate output since the last checkpoint.
pub(super) struct Merging {
    shape: Arc<Shape>,
    table: Table,
    row: Row,
    /// The state before the call at work.
    before_call: Savepoint,
    /// The bytes of that state.
    bytes_before_call: usize,
    /// The state at the savepoint of the call at work.
    savepoint: Savepoint,
    /// Bytes that the names take in each encoded row, about.
    names_bytes: usize,
    /// Whether the columns have types, some of which do not take every integer.
    is_typed: bool,
}

impl Merging {
    /// None for an output of another kind.
    pub(super) fn of(output: &Output) -> Option<Self> {
        let Kind::Aggregate(shape) = &output.kind else {
            return None;
        };
        let mut table = Table::new(Arc::clone(shape));
        let before_call = table.savepoint();
        Some(Self {
            before_call,
            savepoint: before_call,
            bytes_before_call: 0,
            // With the quotes, the colon and the comma of JSON.
            names_bytes: shape.names().map(|name| name.len() + 4).sum(),
            row: Row::new(Arc::clone(shape)),
            is_typed: output.row.is_some(),
            shape: Arc::clone(shape),
            table,
        })
    }

    /// Merges one row. Answers whether the row has to be checked by its encoder: what cannot be encoded is found now,
    /// so that nothing is left to go wrong at the checkpoint.
    pub(super) fn merge(&mut self, row: &[u8]) -> Result<bool, Fault> {
        self.row.read(row)?;
        let is_new = self.table.merge(&self.row)?;
        // Integers under a known key can be encoded in any case; the small ones have every type of integers.
        Ok(is_new
            || if self.is_typed {
                self.row.is_more_than_small_integers()
            } else {
                self.row.is_more_than_integers()
            })
    }

    /// The number of merged rows.
    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    /// Bytes of the merged rows.
    pub(super) fn bytes(&self) -> usize {
        self.table.bytes()
    }

    /// Bytes that wait for the checkpoint. Names are kept once, but every encoded row has them: without them a
    /// checkpoint of rows with long names would take many times what was held.
    pub(super) fn held_bytes(&self, times: usize) -> usize {
        self.table.bytes() * times + self.table.len() * self.names_bytes
    }

    /// Bytes that the call at work has added.
    pub(super) fn call_bytes(&self) -> usize {
        self.table.bytes().saturating_sub(self.bytes_before_call)
    }

    /// Gives back the memory of a large row.
    pub(super) fn shrink(&mut self) {
        self.row.shrink();
    }

    /// Begins the next call: the rows of the one before are held.
    pub(super) fn begin_call(&mut self) {
        self.table.seal();
        self.before_call = self.table.savepoint();
        self.savepoint = self.before_call;
        self.bytes_before_call = self.table.bytes();
    }

    /// Remembers the rows of the call at work.
    pub(super) fn savepoint(&mut self) {
        self.savepoint = self.table.savepoint();
    }

    /// Drops the rows of the call at work since its savepoint.
    pub(super) fn rollback_to_savepoint(&mut self) {
        self.table.rollback_to(self.savepoint);
    }

    /// Drops the rows of the call at work.
    pub(super) fn rollback_call(&mut self) {
        self.table.rollback_to(self.before_call);
        self.begin_call();
    }

    /// Drops all rows.
    pub(super) fn clear(&mut self, kept_bytes: usize) {
        if self.table.bytes() > kept_bytes {
            self.table = Table::new(Arc::clone(&self.shape));
        }
        self.table.clear();
        self.begin_call();
    }

    /// Calls `take` with each merged row as a msgpack map, in the order in which the keys came first.
    pub(super) fn each<E>(&self, mut take: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        self.table.write(&mut Vec::new(), |row| {
            let taken = take(row);
            row.clear();
            taken
        })
    }
}
