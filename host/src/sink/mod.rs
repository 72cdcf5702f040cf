//! Where rows go: the sinks that an operator binds the processor's outputs to.

pub mod aggregate;
pub mod files;
pub mod jsonl;

use std::sync::Arc;

use journal_aggregate::Shape;

/// An output as the plan declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// The name that the processor emits to and the operator binds.
    pub name: String,
    /// What becomes of its rows.
    pub kind: Kind,
    /// What a row means, for people.
    pub summary: Option<String>,
}

/// What becomes of the rows of an output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Each one is written.
    Append,
    /// Those with the same key become one, until they are written at a checkpoint.
    Aggregate(Arc<Shape>),
}

/// One worker's way into the sinks: it holds what the processor emits until a checkpoint.
///
/// Rows pass through three states. *Emitted* rows belong to a call that has not returned:
/// [`rollback_call`](Self::rollback_call) drops them, [`keep`](Self::keep) makes them *held*. Held rows
/// wait for the checkpoint: [`flush`](Self::flush) makes them durable, [`discard`](Self::discard)
/// drops them.
pub trait Sink: Send {
    /// Takes rows of the call at work: msgpack maps, end to end, and where each ends.
    ///
    /// # Errors
    /// When a row cannot be represented, or the ends do not fit the rows.
    fn emit(&mut self, output: usize, rows: &[u8], row_ends: &[u32]) -> Result<(), RowError>;

    /// Says whether [`emit`](Self::emit) could take this row alone; `place` is its place in the `emit` that
    /// brought it.
    ///
    /// # Errors
    /// When the row cannot be represented.
    fn check(&mut self, output: usize, place: usize, row: &[u8]) -> Result<(), RowError>;

    /// Takes rows that the host itself made of those of many calls: like [`emit`](Self::emit), but without the
    /// bound on what one call may make.
    ///
    /// # Errors
    /// When a row cannot be represented, or the ends do not fit the rows.
    fn emit_merged(&mut self, output: usize, rows: &[u8], row_ends: &[u32])
    -> Result<(), RowError>;

    /// The call returned well: its rows are held.
    fn keep(&mut self);

    /// The call failed: its rows are dropped, those held barrier_guard.
    fn rollback_call(&mut self);

    /// Drops all rows, held or not.
    fn discard(&mut self);

    /// Bytes held in memory.
    fn held_bytes(&self) -> usize;

    /// Makes all held rows durable, whole or not at all.
    ///
    /// # Errors
    /// When they could not be written; what was written of them is taken back.
    fn flush(&mut self) -> Result<(), SinkError>;
}

/// A row that the processor should not have emitted.
#[derive(Debug, thiserror::Error)]
pub enum RowError {
    /// The index of the output is not one of the plan's.
    #[error("it emitted to output {output}, but its plan has {declared}")]
    UnknownOutput {
        /// What the processor named.
        output: usize,
        /// How many there are.
        declared: usize,
    },
    /// The ends are not ascending, or do not end where the rows do.
    #[error("the ends of the rows emitted to `{output}` do not fit the rows")]
    BadEnds {
        /// The output's name.
        output: String,
    },
    /// The call has made more of the sink's own encoding than a call may.
    #[error("its rows take more than {limit} bytes in `{output}`")]
    TooMuch {
        /// The output's name.
        output: String,
        /// The most that one call may make, in bytes.
        limit: usize,
    },
    /// A row is not what a row must be.
    #[error("row {row} of those emitted to `{output}` {reason}")]
    BadRow {
        /// The output's name.
        output: String,
        /// The place of the row in the `emit` call.
        row: usize,
        /// What is wrong, as the rest of a sentence: `is not a map`.
        reason: String,
    },
}

/// Rows that could not be made durable.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The reader of a pipe went away: the run ends quietly.
    #[error("the reader of the output went away")]
    ReaderGone,
    /// Writing failed; the place is as it was before.
    #[error("cannot write to {place}")]
    Write {
        /// The file, or `standard output`.
        place: String,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// Rows that were merged cannot be represented, although each one before could; nothing was written.
    #[error("merged rows cannot be written")]
    Row {
        /// What is wrong with them.
        #[source]
        source: RowError,
    },
}

impl SinkError {
    /// The way out, where there is one.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        use std::io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        let Self::Write { source, .. } = self else {
            return None;
        };
        matches!(source.kind(), StorageFull | QuotaExceeded | FileTooLarge).then(|| {
            "make room and run again: nothing of this checkpoint was written or committed"
                .to_owned()
        })
    }
}
