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

    fn commits_for_the_group(&self) -> bool {
        self.sink.commits_for_the_group()
    }

    fn reopen(&mut self) -> Result<(), SinkError> {
        self.sink.reopen()
    }

    fn give_up(&mut self) {
        self.sink.give_up();
    }

    fn commit(&mut self, checkpoint: &Checkpoint<'_>) -> Result<Committed, SinkError> {
        let sink = &mut self.sink;
        self.meter.within(Stage::Sink, || sink.commit(checkpoint))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::journal::offsets::Offsets;
    use crate::sink::Topics;

    /// A sink that keeps what it is asked.
    #[derive(Clone, Default)]
    struct Asked(Arc<Mutex<Vec<&'static str>>>);

    impl Asked {
        fn note(&self, request: &'static str) {
            self.0.lock().unwrap().push(request);
        }
    }

    impl Sink for Asked {
        fn offsets(&mut self) -> Option<&mut dyn OffsetStore> {
            self.note("offsets");
            None
        }

        fn commits_for_the_group(&self) -> bool {
            self.note("commits_for_the_group");
            true
        }

        fn reopen(&mut self) -> Result<(), SinkError> {
            self.note("reopen");
            Err(SinkError::ReaderGone)
        }

        fn give_up(&mut self) {
            self.note("give_up");
        }

        fn commit(&mut self, _checkpoint: &Checkpoint<'_>) -> Result<Committed, SinkError> {
            self.note("commit");
            Ok(Committed::Stale)
        }
    }

    #[test]
    fn metered_sink_passes_every_request_on() {
        let asked = Asked::default();
        let mut metered = MeteredSink {
            sink: Box::new(asked.clone()),
            meter: Meter::new(),
        };
        assert!(metered.offsets().is_none());
        assert!(metered.commits_for_the_group());
        assert!(metered.reopen().is_err());
        metered.give_up();
        let none = Offsets::new();
        let committed = metered.commit(&Checkpoint {
            worker: 0,
            number: 1,
            from: &none,
            to: &none,
            topics: &Topics::new(),
            notes: &BTreeMap::new(),
            rows: &[],
            membership: None,
        });
        assert_eq!(committed.unwrap(), Committed::Stale);
        let expected = [
            "offsets",
            "commits_for_the_group",
            "reopen",
            "give_up",
            "commit",
        ];
        assert_eq!(*asked.0.lock().unwrap(), expected);
    }
}
