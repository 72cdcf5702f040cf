//! A source and a sink whose work is metered.

use crate::journal::offsets::OffsetStore;
use crate::observe::meter::{Meter, Stage};
use crate::sink::{Checkpoint, Committed, Sink, SinkError};
use crate::source::Source;
use crate::source::local::LocalSource;
use crate::source::polled::Polled;

/// The source, whose polls are metered.
pub(super) fn metered(source: LocalSource, meter: Meter) -> impl Source {
    Polled::by(
        source,
        move |source: &mut LocalSource, into, limits, until, wait| {
            meter.within(Stage::Take, || source.poll(into, limits, until, wait))
        },
    )
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
