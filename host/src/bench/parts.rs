//! The parts of the CPU time of a round.

use serde::Serialize;

use crate::observe::meter::{Reading, Stage};

/// CPU time by part, in nanoseconds of one round or of one object. The parts of a round add up to its total.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Parts<T> {
    /// Reading the recording: decompressing it and finding its records.
    pub source: T,
    /// Choosing records and copying them into columns.
    pub gather: T,
    /// Passing from the host to the guest and back.
    pub boundary: T,
    /// The guest's code.
    pub guest: T,
    /// Encoding or merging rows while they are emitted.
    pub emit: T,
    /// What the sink does between calls and at a checkpoint.
    pub sink: T,
    /// Everything else.
    pub rest: T,
}

impl Parts<u64> {
    /// The parts of a meter's reading, where reading the recording alone took `reading` nanoseconds.
    pub(super) fn of(meter: &Reading, reading: u64) -> Self {
        let take = meter.of(Stage::Take);
        // By chance, reading alone may take longer than reading and gathering.
        let source = reading.min(take);
        Self {
            source,
            gather: take - source,
            boundary: meter.of(Stage::Boundary),
            guest: meter.of(Stage::Guest),
            emit: meter.of(Stage::Emit),
            sink: meter.of(Stage::Sink),
            rest: meter.of(Stage::Rest),
        }
    }

    /// The sum of all parts.
    #[must_use]
    pub(crate) fn total(&self) -> u64 {
        self.list().into_iter().map(|(_, part)| part).sum()
    }

    /// One value for each part, made by `get`.
    pub(super) fn each<U>(mut get: impl FnMut(fn(&Parts<u64>) -> u64) -> U) -> Parts<U> {
        Parts {
            source: get(|parts| parts.source),
            gather: get(|parts| parts.gather),
            boundary: get(|parts| parts.boundary),
            guest: get(|parts| parts.guest),
            emit: get(|parts| parts.emit),
            sink: get(|parts| parts.sink),
            rest: get(|parts| parts.rest),
        }
    }
}

impl<T: Copy> Parts<T> {
    /// The parts with their names, in the order in which a record passes through them.
    #[must_use]
    pub(crate) fn list(&self) -> [(&'static str, T); 7] {
        [
            ("source", self.source),
            ("gather", self.gather),
            ("boundary", self.boundary),
            ("guest", self.guest),
            ("emit", self.emit),
            ("sink", self.sink),
            ("rest", self.rest),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::meter::Meter;

    #[test]
    fn parts_add_up_to_what_the_meter_shows_however_long_reading_alone_took() {
        let meter = Meter::new();
        meter.within(Stage::Take, || {
            std::hint::black_box((0..100_000_u64).fold(0, |a, b| a ^ b))
        });
        meter.within(Stage::Guest, || ());
        let reading = meter.read();
        let take = reading.of(Stage::Take);
        for (alone, source) in [(0, 0), (take / 2, take / 2), (u64::MAX, take)] {
            let parts = Parts::of(&reading, alone);
            assert_eq!((parts.source, parts.gather), (source, take - source));
            assert_eq!(parts.total(), reading.total());
        }
    }
}
