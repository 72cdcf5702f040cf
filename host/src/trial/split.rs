//! A source that hands its records out in other batches.

use crate::source::local::LocalSource;
use crate::source::polled::Polled;
use crate::source::{BatchLimits, Source};

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

/// The source, whose polls bring fewer records than they may.
pub(super) fn split(source: LocalSource, mut numbers: Numbers) -> impl Source {
    Polled::by(
        source,
        move |source: &mut LocalSource, into, mut limits: BatchLimits, until, wait| {
            if limits.records > 0 {
                limits.records = numbers.up_to(limits.records);
            }
            source.poll(into, limits, until, wait)
        },
    )
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
