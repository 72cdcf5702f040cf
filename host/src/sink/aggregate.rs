//! Aggregate outputs: rows with the same key become one before they reach the sink.
//!
//! A plugin merges what one call emits. This stage, one a worker, merges all calls between two checkpoints, and
//! hands the sink one row for each key when it flushes. Rows of other outputs pass.

use std::mem;
use std::sync::Arc;

use journal_aggregate::{Fault, Row, Savepoint, Shape, Table};

use super::{Kind, Output, RowError, Sink, SinkError};

/// Rows reach the sink in chunks of about this many bytes.
const CHUNK_BYTES: usize = 1 << 20;

/// Memory for rows that is kept from one checkpoint to the next, in bytes for each output: enough for the usual
/// checkpoint, which is due at 16 MiB.
const KEPT_BYTES: usize = 32 << 20;

/// Puts the stage before a worker's sink, where the plan has aggregate outputs. `call_bytes` is how much more one
/// call into the processor may make the merged rows take.
#[must_use]
pub fn before(sink: Box<dyn Sink>, outputs: &[Output], call_bytes: usize) -> Box<dyn Sink> {
    stage(sink, outputs, call_bytes, Accounting::USUAL)
}

/// The same where memory is bounded: what merged rows take counts with the JSON that they become at the checkpoint,
/// while they are still there, and nothing is kept from one checkpoint to the next.
#[must_use]
pub fn tightly_before(sink: Box<dyn Sink>, outputs: &[Output], call_bytes: usize) -> Box<dyn Sink> {
    stage(
        sink,
        outputs,
        call_bytes / Accounting::BOUNDED.times,
        Accounting::BOUNDED,
    )
}

fn stage(
    sink: Box<dyn Sink>,
    outputs: &[Output],
    call_bytes: usize,
    accounting: Accounting,
) -> Box<dyn Sink> {
    let outputs: Vec<_> = outputs.iter().map(Merging::of).collect();
    if outputs.iter().all(Option::is_none) {
        return sink;
    }
    Box::new(Aggregate {
        sink,
        outputs,
        call_bytes,
        accounting,
    })
}

/// How strictly memory is counted.
#[derive(Clone, Copy)]
struct Accounting {
    /// A byte of merged rows counts as this many bytes that are held.
    times: usize,
    /// Memory for rows that is kept from one checkpoint to the next, in bytes for each output.
    kept_bytes: usize,
}

impl Accounting {
    /// The JSON is not counted: few rows become much longer by it.
    const USUAL: Self = Self {
        times: 1,
        kept_bytes: KEPT_BYTES,
    };
    /// A byte of a text is six in JSON where it has to be escaped, beside that in the table.
    const BOUNDED: Self = Self {
        times: 7,
        kept_bytes: 0,
    };
}

/// The stage of one worker.
struct Aggregate {
    sink: Box<dyn Sink>,
    /// For each output of the plan, where it is an aggregate.
    outputs: Vec<Option<Merging>>,
    call_bytes: usize,
    accounting: Accounting,
}

/// The rows of one output since the last checkpoint.
struct Merging {
    name: String,
    shape: Arc<Shape>,
    table: Table,
    row: Row,
    /// What was there before the call at work.
    before_call: Savepoint,
    /// The bytes of that.
    bytes_before_call: usize,
    /// Bytes that the names take in each row that the sink gets, about.
    names_bytes: usize,
}

impl Merging {
    fn of(output: &Output) -> Option<Self> {
        let Kind::Aggregate(shape) = &output.kind else {
            return None;
        };
        let mut table = Table::new(Arc::clone(shape));
        Some(Self {
            name: output.name.clone(),
            before_call: table.savepoint(),
            bytes_before_call: 0,
            // With the quotes, the colon and the comma of JSON.
            names_bytes: shape.names().map(|name| name.len() + 4).sum(),
            row: Row::new(Arc::clone(shape)),
            shape: Arc::clone(shape),
            table,
        })
    }

    /// Merges the rows of one `emit`. What the sink could not represent is found here, so that nothing is left to
    /// go wrong at the checkpoint.
    fn merge(
        &mut self,
        output: usize,
        rows: &[u8],
        row_ends: &[u32],
        most: usize,
        sink: &mut dyn Sink,
    ) -> Result<(), Refused> {
        let mut start = 0;
        for (place, &end) in row_ends.iter().enumerate() {
            let end = end as usize;
            let row = rows.get(start..end).ok_or(Refused::Ends)?;
            start = end;
            let fault = |fault| Refused::Row { place, fault };
            self.row.read(row).map_err(fault)?;
            let is_new = self.table.merge(&self.row).map_err(fault)?;
            // Integers under a known key can be represented in any case.
            if is_new || self.row.is_more_than_integers() {
                sink.check(output, place, row).map_err(Refused::Sink)?;
            }
            if self.table.bytes() > most {
                return Err(Refused::TooMuch);
            }
        }
        if start == rows.len() {
            Ok(())
        } else {
            Err(Refused::Ends)
        }
    }

    /// Bytes that wait for the checkpoint. Names are kept once, but the sink gets them with every row, so that long
    /// ones would otherwise make a checkpoint take many times what was held.
    fn held_bytes(&self, times: usize) -> usize {
        self.table.bytes() * times + self.table.len() * self.names_bytes
    }

    /// Bytes that the call at work has added.
    fn of_call(&self) -> usize {
        self.table.bytes().saturating_sub(self.bytes_before_call)
    }

    /// Begins the next call.
    fn begin_call(&mut self) {
        self.table.seal();
        self.before_call = self.table.savepoint();
        self.bytes_before_call = self.table.bytes();
    }

    fn clear(&mut self, kept_bytes: usize) {
        if self.table.bytes() > kept_bytes {
            self.table = Table::new(Arc::clone(&self.shape));
        }
        self.table.clear();
        self.begin_call();
    }

    /// Hands all rows to the sink, which may have to be told to take them back after an error.
    fn write(&self, output: usize, sink: &mut dyn Sink) -> Result<(), RowError> {
        let mut chunk = Vec::new();
        let mut ends: Vec<u32> = Vec::new();
        self.table.write(&mut chunk, |chunk| {
            let end = u32::try_from(chunk.len()).map_err(|_| RowError::BadEnds {
                output: self.name.clone(),
            })?;
            ends.push(end);
            if chunk.len() < CHUNK_BYTES {
                return Ok(());
            }
            let chunk = mem::take(chunk);
            sink.emit_merged(output, &chunk, &mem::take(&mut ends))
        })?;
        sink.emit_merged(output, &chunk, &ends)
    }
}

/// Why rows are not merged.
enum Refused {
    Ends,
    TooMuch,
    Row { place: usize, fault: Fault },
    Sink(RowError),
}

impl Refused {
    fn into_error(self, output: String, limit: usize) -> RowError {
        match self {
            Self::Ends => RowError::BadEnds { output },
            Self::TooMuch => RowError::TooMuch { output, limit },
            Self::Row { place, fault } => RowError::BadRow {
                output,
                row: place,
                reason: fault.to_string(),
            },
            Self::Sink(error) => error,
        }
    }
}

impl Aggregate {
    fn merging(&mut self) -> impl Iterator<Item = &mut Merging> {
        self.outputs.iter_mut().flatten()
    }

    /// Hands the merged rows of all outputs to the sink, or none of them.
    fn write(&mut self) -> Result<(), RowError> {
        for (output, merging) in self.outputs.iter().enumerate() {
            let Some(merging) = merging else { continue };
            if let Err(error) = merging.write(output, self.sink.as_mut()) {
                self.sink.rollback_call();
                return Err(error);
            }
        }
        self.sink.keep();
        self.clear();
        Ok(())
    }

    fn clear(&mut self) {
        let kept_bytes = self.accounting.kept_bytes;
        self.merging().for_each(|merging| merging.clear(kept_bytes));
    }
}

impl Sink for Aggregate {
    fn emit(&mut self, output: usize, rows: &[u8], row_ends: &[u32]) -> Result<(), RowError> {
        let grown: usize = self.merging().map(|merging| merging.of_call()).sum();
        let limit = self.call_bytes;
        let Some(Some(merging)) = self.outputs.get_mut(output) else {
            return self.sink.emit(output, rows, row_ends);
        };
        let most = merging.table.bytes() + limit.saturating_sub(grown);
        let merged = merging.merge(output, rows, row_ends, most, self.sink.as_mut());
        // One for each output, as large as a guest makes them, would add up.
        merging.row.shrink();
        merged.map_err(|refused| refused.into_error(merging.name.clone(), limit))
    }

    fn check(&mut self, output: usize, place: usize, row: &[u8]) -> Result<(), RowError> {
        self.sink.check(output, place, row)
    }

    fn emit_merged(&mut self, output: usize, rows: &[u8], ends: &[u32]) -> Result<(), RowError> {
        self.sink.emit_merged(output, rows, ends)
    }

    fn keep(&mut self) {
        self.merging().for_each(Merging::begin_call);
        self.sink.keep();
    }

    fn rollback_call(&mut self) {
        for merging in self.merging() {
            merging.table.rollback_to(merging.before_call);
            merging.begin_call();
        }
        self.sink.rollback_call();
    }

    fn discard(&mut self) {
        self.clear();
        self.sink.discard();
    }

    fn held_bytes(&self) -> usize {
        let merging = self.outputs.iter().flatten();
        let merging = merging.map(|merging| merging.held_bytes(self.accounting.times));
        merging.sum::<usize>() + self.sink.held_bytes()
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        // Rows of a call that has not returned do not belong to the checkpoint.
        self.rollback_call();
        self.write().map_err(|source| SinkError::Row { source })?;
        self.sink.flush()
    }
}

#[cfg(test)]
mod tests;
