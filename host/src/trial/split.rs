//! A source that hands its records out in other batches.

use std::task::Poll;
use std::time::{Duration, Instant};

use crate::journal::batch::Batches;
use crate::journal::offsets::{Offsets, Partition, Remaining, Start};
use crate::source::{BatchLimits, Event, Source, SourceError};

/// Numbers that look random and follow from a seed (xorshift).
#[derive(Clone, Debug)]
pub(super) struct Numbers(u64);

impl Numbers {
    pub(super) fn of(seed: u64) -> Self {
        // It must not be zero, and seeds that are close must not begin alike.
        Self((seed ^ 0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9) | 1)
    }

    /// A number from 1 to `most`.
    pub(super) fn up_to(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let most = u64::try_from(most.max(1)).unwrap_or(u64::MAX);
        usize::try_from(self.0 % most).map_or(usize::MAX, |number| number + 1)
    }
}

/// A source whose polls bring fewer records than they may.
pub(super) struct SplitSource {
    pub(super) source: Box<dyn Source>,
    pub(super) numbers: Numbers,
}

impl Source for SplitSource {
    fn poll(
        &mut self,
        into: &mut Batches,
        mut limits: BatchLimits,
        until: Option<&Offsets>,
        wait: Duration,
    ) -> Result<Event, SourceError> {
        if limits.records > 0 {
            limits.records = self.numbers.up_to(limits.records);
        }
        self.source.poll(into, limits, until, wait)
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
        self.source.close(others_end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_from_the_seed_and_stay_in_their_range() {
        let of = |seed| {
            let mut numbers = Numbers::of(seed);
            (0..100).map(|_| numbers.up_to(10)).collect::<Vec<_>>()
        };
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
        for number in 1..=10 {
            assert!(of(3).contains(&number), "{number}");
        }
        assert!(of(3).iter().all(|number| (1..=10).contains(number)));
    }
}
