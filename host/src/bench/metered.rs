//! A source and a sink whose work is metered.

use std::task::Poll;
use std::time::{Duration, Instant};

use crate::journal::batch::Batches;
use crate::journal::offsets::{OffsetStore, Offsets, Partition, Remaining, Start};
use crate::observe::meter::{Meter, Stage};
use crate::sink::{Checkpoint, Committed, Sink, SinkError};
use crate::source::local::LocalSource;
use crate::source::{BatchLimits, Event, Source, SourceError};

/// A source whose polls are metered.
pub(super) struct MeteredSource {
    pub(super) source: LocalSource,
    pub(super) meter: Meter,
}

impl Source for MeteredSource {
    fn poll(
        &mut self,
        into: &mut Batches,
        limits: BatchLimits,
        until: Option<&Offsets>,
        wait: Duration,
    ) -> Result<Event, SourceError> {
        let source = &mut self.source;
        self.meter
            .within(Stage::Take, || source.poll(into, limits, until, wait))
    }

    fn position(&self) -> Offsets {
        self.source.position()
    }

    fn position_before(&self, batches: &Batches) -> Offsets {
        self.source.position_before(batches)
    }

    fn resolve(&mut self, of: &[Partition], start: Start) -> Result<Poll<Offsets>, SourceError> {
        self.source.resolve(of, start)
    }

    fn assign(&mut self, start: &Offsets) -> Result<(), SourceError> {
        self.source.assign(start)
    }

    fn rewind(&mut self, to: &Offsets) -> Result<(), SourceError> {
        self.source.rewind(to)
    }

    fn release(&mut self) -> Result<(), SourceError> {
        self.source.release()
    }

    fn keep_alive(&mut self) -> Result<bool, SourceError> {
        self.source.keep_alive()
    }

    fn remaining(&mut self) -> Remaining {
        self.source.remaining()
    }

    fn close(self: Box<Self>, others_end: Option<Instant>) {
        Box::new(self.source).close(others_end);
    }
}

/// A sink whose work is metered.
pub(super) struct MeteredSink {
    pub(super) sink: Box<dyn Sink>,
    pub(super) meter: Meter,
}

impl Sink for MeteredSink {
    fn offsets(&mut self) -> Option<&mut dyn OffsetStore> {
        self.sink.offsets()
    }

    fn commit(&mut self, checkpoint: &Checkpoint<'_>) -> Result<Committed, SinkError> {
        let sink = &mut self.sink;
        self.meter.within(Stage::Sink, || sink.commit(checkpoint))
    }
}
