//! A source and a sink that tell a meter of their work, and are otherwise those that they stand before.

use std::time::Duration;

use crate::journal::batch::Batches;
use crate::observe::meter::{Meter, Stage};
use crate::sink::{RowError, Sink, SinkError};
use crate::source::{Event, Source, SourceError, Wait};

/// A source whose taking is metered.
pub(super) struct MeteredSource<S> {
    pub(super) source: S,
    pub(super) meter: Meter,
}

impl<S: Source> Source for MeteredSource<S> {
    fn take(&mut self, batches: &mut Batches, wait: Duration) -> Result<Event, SourceError> {
        let source = &mut self.source;
        self.meter
            .within(Stage::Take, || source.take(batches, wait))
    }

    fn commit(&mut self, wait: Wait) -> Result<(), SourceError> {
        self.source.commit(wait)
    }

    fn keep_alive(&mut self) -> Result<bool, SourceError> {
        self.source.keep_alive()
    }

    fn release(&mut self) -> Result<(), SourceError> {
        self.source.release()
    }

    fn close(&mut self) {
        self.source.close();
    }
}

/// A sink whose work is metered: [`Stage::Emit`] while the guest waits for it, [`Stage::Sink`] otherwise.
pub(super) struct MeteredSink {
    pub(super) sink: Box<dyn Sink>,
    pub(super) meter: Meter,
}

impl Sink for MeteredSink {
    fn emit(&mut self, output: usize, rows: &[u8], row_ends: &[u32]) -> Result<(), RowError> {
        let sink = &mut self.sink;
        self.meter
            .within(Stage::Emit, || sink.emit(output, rows, row_ends))
    }

    fn check(&mut self, output: usize, place: usize, row: &[u8]) -> Result<(), RowError> {
        self.sink.check(output, place, row)
    }

    fn emit_merged(
        &mut self,
        output: usize,
        rows: &[u8],
        row_ends: &[u32],
    ) -> Result<(), RowError> {
        self.sink.emit_merged(output, rows, row_ends)
    }

    fn keep(&mut self) {
        self.meter.within(Stage::Sink, || self.sink.keep());
    }

    fn rollback_call(&mut self) {
        self.sink.rollback_call();
    }

    fn discard(&mut self) {
        self.sink.discard();
    }

    fn held_bytes(&self) -> usize {
        self.sink.held_bytes()
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        self.meter.within(Stage::Sink, || self.sink.flush())
    }
}
