//! JSON lines: one line for each row, appended to files or written to standard output.
//!
//! The [`Destinations`] that the outputs are bound to are opened once in a process. The lines of a checkpoint are
//! appended together, as they are or compressed.

mod compression;
mod dry_check;
mod encoder;
mod line_file;
mod member;
mod opened;
mod tail;
mod text_encoder;
mod writer;

use std::sync::Arc;

use journal_rows::RowTypes;

pub(super) use self::compression::{Compression, MEMORY};
pub use self::dry_check::State;
pub(super) use self::dry_check::state;
use self::encoder::LineEncoder;
pub use self::line_file::Change;
use self::line_file::LineFile;
pub use self::opened::OpenError;
use self::text_encoder::TextEncoder;
use self::writer::Writer;
pub use self::writer::survive_size_limits;
use super::binding::{Binding, Target};
use super::files::{Files, SystemFiles};
use super::{Checkpoint, Committed, Encoder, Sink, SinkError, SinkFactory, Stream};
use crate::journal::plan::{Kind, Output, Plan};

/// An encoder of rows as lines. `name` is the output's name if lines have to name their output.
pub(super) fn encoder(name: Option<&String>, row: Option<RowTypes>) -> Box<dyn Encoder> {
    Box::new(LineEncoder::new(name, row))
}

/// An encoder of texts for people, without characters that steer a terminal.
pub(super) fn text_encoder() -> Box<dyn Encoder> {
    Box::new(TextEncoder { is_cleaned: true })
}

/// The files and streams that the outputs of a run are bound to.
#[derive(Debug)]
pub struct Destinations {
    writer: Arc<Writer>,
}

impl Destinations {
    /// Opens and locks the files that `bindings` name, each `[NAME=]FILE`; `-` is standard output.
    ///
    /// An output without a binding goes to the file of the binding without a name, or to standard output if there is
    /// none. Two names of one file are one destination, and if several outputs share a destination, each line names its
    /// output.
    ///
    /// # Errors
    /// When the bindings do not fit the outputs, or a file cannot be opened or locked.
    pub fn open(bindings: &[String], outputs: &[Output]) -> Result<Self, OpenError> {
        let files: Arc<dyn Files> = Arc::new(SystemFiles);
        Self::open_with(&files, bindings, outputs)
    }

    /// As [`open`](Self::open), with `files` for the durable operations.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub fn open_with(
        files: &Arc<dyn Files>,
        bindings: &[String],
        outputs: &[Output],
    ) -> Result<Self, OpenError> {
        let bindings: Vec<_> = bindings
            .iter()
            .map(|text| Binding::parse(text))
            .collect::<Result<_, _>>()?;
        Self::bound(files, &bindings, outputs)
    }

    /// The same for bindings that name files of lines.
    pub(super) fn bound(
        files: &Arc<dyn Files>,
        bindings: &[Binding],
        outputs: &[Output],
    ) -> Result<Self, OpenError> {
        let writer = Arc::new(Writer::open(files, outputs, bindings)?);
        Ok(Self { writer })
    }
}

impl SinkFactory for Destinations {
    /// Nothing is left to do: files are locked, and what a crash left half written is removed, when they are opened.
    fn prepare(&self, _plan: &Plan) -> Result<(), SinkError> {
        Ok(())
    }

    fn encoder(&self, output: &Output) -> Box<dyn Encoder> {
        let is_shared = self.writer.is_shared(&output.name);
        // A text among rows of other outputs is a row, too.
        if output.kind == Kind::Text && !is_shared {
            return Box::new(TextEncoder {
                is_cleaned: self.writer.is_terminal(&output.name),
            });
        }
        let name = is_shared.then_some(&output.name);
        Box::new(LineEncoder::new(name, output.row_types()))
    }

    fn stream(&self, output: &Output) -> usize {
        self.writer.destination(&output.name)
    }

    fn earlier_rows(&self) -> Result<Vec<String>, SinkError> {
        Ok(self.writer.with_rows(|_| true))
    }

    fn earlier_rows_of_own(&self) -> Result<Vec<String>, SinkError> {
        Ok(self.writer.with_rows(LineFile::is_own))
    }

    fn remove_earlier_rows(&self) -> Result<(), SinkError> {
        self.writer.remove_rows()
    }

    fn sink(&self, _worker: usize) -> Result<Box<dyn Sink>, SinkError> {
        Ok(Box::new(JsonLines {
            writer: Arc::clone(&self.writer),
        }))
    }
}

/// One file that takes lines from all workers, and does not compress them.
#[derive(Clone, Debug)]
pub(crate) struct LinesOfOneFile {
    writer: Arc<Writer>,
}

impl LinesOfOneFile {
    /// Opens and locks a file, as [`Destinations::open_with`] does.
    ///
    /// # Errors
    /// When it cannot be opened or locked.
    pub(crate) fn open(files: &Arc<dyn Files>, path: &str) -> Result<Self, OpenError> {
        let lines = Output::untyped("");
        let binding = Binding {
            output: None,
            target: Target::plain_lines(path),
        };
        let writer = Writer::open(files, &[lines], &[binding])?;
        Ok(Self {
            writer: Arc::new(writer),
        })
    }

    /// Appends lines and makes them durable.
    ///
    /// # Errors
    /// When they could not be written.
    pub(crate) fn append(&self, lines: &[u8]) -> Result<(), SinkError> {
        self.writer.append(&[lines])
    }

    /// Opens the file again if it was moved or removed.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub(crate) fn reopen(&self) -> Result<(), SinkError> {
        self.writer.follow()
    }
}

/// The sink of one worker.
struct JsonLines {
    writer: Arc<Writer>,
}

impl Sink for JsonLines {
    fn reopen(&mut self) -> Result<(), SinkError> {
        self.writer.follow()
    }

    fn commit(&mut self, checkpoint: &Checkpoint<'_>) -> Result<Committed, SinkError> {
        let lines: Vec<_> = checkpoint.rows.iter().map(Stream::bytes).collect();
        self.writer.append(&lines)?;
        Ok(Committed::Done)
    }
}

#[cfg(test)]
mod tests;
