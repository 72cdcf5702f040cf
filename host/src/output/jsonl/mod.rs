//! JSON lines: one line a row, appended to files or written to standard output.
//!
//! The [`Places`] that the outputs are bound to are opened once a process; each worker has a sink of
//! its own, which holds its lines until the checkpoint and appends them whole.

mod binding;
mod place;
mod transcode;
mod writer;

use std::sync::Arc;

use self::binding::Binding;
pub use self::place::OpenError;
use self::writer::Writer;
pub use self::writer::survive_size_limits;
use super::{Output, RowError, Sink, SinkError};

/// Memory for lines that is kept from one checkpoint to the next, in bytes for each place: enough
/// for the usual checkpoint, which is due at 16 MiB.
const KEPT_CAPACITY: usize = 32 << 20;

/// The places that the outputs of a run are bound to.
#[derive(Debug)]
pub struct Places {
    writer: Arc<Writer>,
    call_bytes: usize,
}

impl Places {
    /// Opens and locks the places that `bindings` name, each `[NAME=]FILE`; `-` is standard output.
    ///
    /// An output without a binding goes where the binding without a name says, and to standard
    /// output when there is none. Two names of one file are one place, and where several outputs
    /// share a place, each line says whose it is.
    ///
    /// `call_bytes` is how much JSON one call into the processor may make.
    ///
    /// # Errors
    /// When the bindings do not fit the outputs, or a place cannot be opened or locked.
    pub fn open(
        bindings: &[String],
        outputs: &[Output],
        call_bytes: usize,
    ) -> Result<Self, OpenError> {
        let bindings: Vec<_> = bindings
            .iter()
            .map(|text| Binding::parse(text))
            .collect::<Result<_, _>>()?;
        let writer = Arc::new(Writer::open(outputs, &bindings)?);
        Ok(Self { writer, call_bytes })
    }

    /// The sink of one more worker.
    #[must_use]
    pub fn sink(&self) -> Box<dyn Sink> {
        Box::new(Jsonl::new(Arc::clone(&self.writer), self.call_bytes))
    }
}

/// The lines of one worker for one place.
#[derive(Debug, Default)]
struct Lines {
    bytes: Vec<u8>,
    /// Where the lines of calls that returned well end.
    kept: usize,
}

/// The JSON lines sink of one worker.
#[derive(Debug)]
struct Jsonl {
    writer: Arc<Writer>,
    /// For each place of the writer.
    lines: Vec<Lines>,
    /// The most JSON that one call may make, in bytes.
    call_bytes: usize,
}

impl Jsonl {
    /// A sink that holds nothing yet.
    fn new(writer: Arc<Writer>, call_bytes: usize) -> Self {
        let lines = (0..writer.places()).map(|_| Lines::default()).collect();
        Self {
            writer,
            lines,
            call_bytes,
        }
    }
}

impl Sink for Jsonl {
    fn emit(&mut self, output: usize, rows: &[u8], row_ends: &[u32]) -> Result<(), RowError> {
        let Some(route) = self.writer.route(output) else {
            return Err(RowError::UnknownOutput {
                output,
                declared: self.writer.outputs(),
            });
        };
        let of_call = |lines: &Lines| lines.bytes.len() - lines.kept;
        let room = self
            .call_bytes
            .saturating_sub(self.lines.iter().map(of_call).sum());
        let lines = &mut self.lines[route.place].bytes;
        let before = lines.len();
        let written = append_rows(
            route,
            rows,
            row_ends,
            lines,
            before.saturating_add(room),
            self.call_bytes,
        );
        if written.is_err() {
            lines.truncate(before);
        }
        written
    }

    fn keep(&mut self) {
        for lines in &mut self.lines {
            lines.kept = lines.bytes.len();
        }
    }

    fn take_back(&mut self) {
        for lines in &mut self.lines {
            lines.bytes.truncate(lines.kept);
        }
    }

    fn discard(&mut self) {
        for lines in &mut self.lines {
            lines.bytes.clear();
            lines.bytes.shrink_to(KEPT_CAPACITY);
            lines.kept = 0;
        }
    }

    fn held_bytes(&self) -> usize {
        self.lines.iter().map(|lines| lines.bytes.len()).sum()
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        // Lines of a call that has not returned do not belong to the checkpoint.
        self.take_back();
        let lines: Vec<_> = self
            .lines
            .iter()
            .map(|lines| lines.bytes.as_slice())
            .collect();
        self.writer.append(&lines)?;
        self.discard();
        Ok(())
    }
}

fn append_rows(
    route: &writer::Route,
    rows: &[u8],
    row_ends: &[u32],
    lines: &mut Vec<u8>,
    most: usize,
    limit: usize,
) -> Result<(), RowError> {
    let bad_ends = || RowError::BadEnds {
        output: route.output.clone(),
    };
    let mut start = 0;
    for (index, &end) in row_ends.iter().enumerate() {
        let end = end as usize;
        let row = rows.get(start..end).ok_or_else(bad_ends)?;
        start = end;
        lines.extend_from_slice(&route.before);
        transcode::row(row, lines, most).map_err(|flaw| {
            let output = route.output.clone();
            if flaw.is_too_much() {
                return RowError::TooMuch { output, limit };
            }
            RowError::BadRow {
                output,
                row: index,
                reason: flaw.to_string(),
            }
        })?;
        lines.extend_from_slice(route.after);
    }
    if start == rows.len() {
        Ok(())
    } else {
        Err(bad_ends())
    }
}

#[cfg(test)]
mod tests;
