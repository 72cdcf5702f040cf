//! JSON lines: one line a row, appended to files or written to standard output.
//!
//! The [`Destinations`] that the outputs are bound to are opened once a process; each worker has a sink of
//! its own, which holds its lines until the checkpoint and appends them whole.

mod binding;
mod hexadecimal;
mod place;
mod rfc3339;
mod transcode;
mod writer;

use std::sync::Arc;

use self::binding::Binding;
pub use self::place::OpenError;
use self::writer::Writer;
pub use self::writer::survive_size_limits;
use super::files::{Files, SystemFiles};
use super::{Output, RowError, Sink, SinkError};

/// Memory for lines that is kept from one checkpoint to the next, in bytes for each place: enough
/// for the usual checkpoint, which is due at 16 MiB.
const KEPT_CAPACITY: usize = 32 << 20;

/// glibc maps whatever is larger than 32 MiB from the system and gives it back whole when it is freed. Of a smaller
/// buffer that is freed and asked for again small things take pieces, and then it is made anew beside them.
const MAPPED_BYTES: usize = 33 << 20;

/// Memory for rows that are only checked, kept from one to the next, in bytes.
const KEPT_SCRATCH: usize = 1 << 16;

/// The places that the outputs of a run are bound to.
#[derive(Debug)]
pub struct Destinations {
    writer: Arc<Writer>,
    call_bytes: usize,
    /// The most lines that a sink ever holds, in bytes, where that is known.
    most_bytes: Option<usize>,
}

impl Destinations {
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
        let files: Arc<dyn Files> = Arc::new(SystemFiles);
        Self::open_with(&files, bindings, outputs, call_bytes)
    }

    /// The same, where `files` takes the durable steps.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub fn open_with(
        files: &Arc<dyn Files>,
        bindings: &[String],
        outputs: &[Output],
        call_bytes: usize,
    ) -> Result<Self, OpenError> {
        let bindings: Vec<_> = bindings
            .iter()
            .map(|text| Binding::parse(text))
            .collect::<Result<_, _>>()?;
        let writer = Arc::new(Writer::open(files, outputs, &bindings)?);
        Ok(Self {
            writer,
            call_bytes,
            most_bytes: None,
        })
    }

    /// The same where memory is bounded: no sink will ever hold more than `bytes`. Room for them is asked for at
    /// once, which costs nothing before it is used; growing step by step would leave what it grew from behind in the
    /// allocator, which is as much again. Nothing is kept from one checkpoint to the next.
    #[must_use]
    pub fn bounded(self, bytes: usize) -> Self {
        Self {
            most_bytes: Some(bytes),
            ..self
        }
    }

    /// The sink of one more worker.
    #[must_use]
    pub fn sink(&self) -> Box<dyn Sink> {
        let sink = Jsonl::new(Arc::clone(&self.writer), self.call_bytes);
        Box::new(Jsonl {
            most_bytes: self.most_bytes,
            ..sink
        })
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
    /// The most lines that there ever are, in bytes, where that is known.
    most_bytes: Option<usize>,
    /// For rows that are only checked.
    scratch: Vec<u8>,
}

impl Jsonl {
    /// A sink that holds nothing yet.
    fn new(writer: Arc<Writer>, call_bytes: usize) -> Self {
        let lines = (0..writer.places()).map(|_| Lines::default()).collect();
        Self {
            writer,
            lines,
            call_bytes,
            most_bytes: None,
            scratch: Vec::new(),
        }
    }

    /// Appends the lines of rows that may take `room` bytes, or none of them.
    fn append(
        &mut self,
        output: usize,
        rows: &[u8],
        row_ends: &[u32],
        room: usize,
    ) -> Result<(), RowError> {
        let route = route(&self.writer, output)?;
        let lines = &mut self.lines[route.place].bytes;
        if let (0, Some(most)) = (lines.capacity(), self.most_bytes) {
            lines.reserve_exact(most.max(MAPPED_BYTES));
        }
        let before = lines.len();
        let most = before.saturating_add(room);
        let written = append_rows(route, rows, row_ends, lines, most, self.call_bytes);
        if written.is_err() {
            lines.truncate(before);
        }
        written
    }
}

impl Sink for Jsonl {
    fn emit(&mut self, output: usize, rows: &[u8], row_ends: &[u32]) -> Result<(), RowError> {
        let of_call = |lines: &Lines| lines.bytes.len() - lines.kept;
        let made = self.lines.iter().map(of_call).sum();
        self.append(output, rows, row_ends, self.call_bytes.saturating_sub(made))
    }

    fn check(&mut self, output: usize, place: usize, row: &[u8]) -> Result<(), RowError> {
        let route = route(&self.writer, output)?;
        self.scratch.clear();
        self.scratch.shrink_to(KEPT_SCRATCH);
        transcode::row(row, &mut self.scratch, self.call_bytes)
            .map_err(|flaw| row_error(route, place, &flaw, self.call_bytes))
    }

    fn emit_merged(
        &mut self,
        output: usize,
        rows: &[u8],
        row_ends: &[u32],
    ) -> Result<(), RowError> {
        self.append(output, rows, row_ends, usize::MAX)
    }

    fn keep(&mut self) {
        for lines in &mut self.lines {
            lines.kept = lines.bytes.len();
        }
    }

    fn rollback_call(&mut self) {
        for lines in &mut self.lines {
            lines.bytes.truncate(lines.kept);
        }
    }

    fn discard(&mut self) {
        let kept = self.most_bytes.map_or(KEPT_CAPACITY, |_| 0);
        for lines in &mut self.lines {
            lines.bytes.clear();
            lines.bytes.shrink_to(kept);
            lines.kept = 0;
        }
    }

    fn held_bytes(&self) -> usize {
        self.lines.iter().map(|lines| lines.bytes.len()).sum()
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        // Lines of a call that has not returned do not belong to the checkpoint.
        self.rollback_call();
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

fn route(writer: &Writer, output: usize) -> Result<&writer::Route, RowError> {
    let declared = writer.outputs();
    let route = writer.route(output);
    route.ok_or(RowError::UnknownOutput { output, declared })
}

fn row_error(
    route: &writer::Route,
    place: usize,
    flaw: &transcode::Flaw,
    limit: usize,
) -> RowError {
    let output = route.output.clone();
    if flaw.is_too_much() {
        return RowError::TooMuch { output, limit };
    }
    RowError::BadRow {
        output,
        row: place,
        reason: flaw.to_string(),
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
        transcode::row(row, lines, most).map_err(|flaw| row_error(route, index, &flaw, limit))?;
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
