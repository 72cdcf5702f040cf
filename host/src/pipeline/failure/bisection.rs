//! Finds the records of a failed call that make it fail, part by part.

use std::ops::Range;
use std::time::Duration;

/// The least part of the deadline that a part gets.
const LEAST_SHARE: u32 = 10;

/// The parts of a call that are still to be processed, in the order of its records. The first part is the whole call.
#[derive(Debug)]
pub(crate) struct Bisection {
    /// The last one is next.
    parts: Vec<Range<usize>>,
}

/// What a failed part means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Its halves come next.
    Split,
    /// This record fails by itself.
    Alone(usize),
}

impl Bisection {
    /// All records of a call.
    #[must_use]
    pub(crate) fn new(records: usize) -> Self {
        let whole = 0..records;
        Self {
            parts: if records > 0 { vec![whole] } else { Vec::new() },
        }
    }

    /// The part that is to be processed now.
    #[must_use]
    pub(crate) fn next(&self) -> Option<Range<usize>> {
        self.parts.last().cloned()
    }

    /// The part was processed.
    pub(crate) fn passed(&mut self) {
        self.parts.pop();
    }

    /// The part failed. A record that fails by itself is over; parts that are left follow it.
    pub(crate) fn failed(&mut self) -> Verdict {
        let Some(Range { start, end }) = self.parts.pop() else {
            return Verdict::Split;
        };
        if end - start <= 1 {
            return Verdict::Alone(start);
        }
        let middle = start + (end - start) / 2;
        self.parts.push(middle..end);
        self.parts.push(start..middle);
        Verdict::Split
    }
}

/// The deadline of a part of a call: its share of the call's, and at least a tenth of it. A single record has all of it,
/// as it would have in a call of its own.
#[must_use]
pub(crate) fn deadline_of(deadline: Duration, part: usize, records: usize) -> Duration {
    if part <= 1 || part >= records {
        return deadline;
    }
    let [part, records] = [part, records].map(|count| u32::try_from(count).unwrap_or(u32::MAX));
    let share = deadline.saturating_mul(part) / records;
    share.max(deadline / LEAST_SHARE)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a bisection with these poison records; returns the good records and the poison in order, and the attempts.
    fn run(records: usize, poison: &[usize]) -> (Vec<usize>, Vec<usize>, usize) {
        let mut bisection = Bisection::new(records);
        let (mut good, mut alone, mut attempts) = (Vec::new(), Vec::new(), 0);
        while let Some(part) = bisection.next() {
            attempts += 1;
            if !poison.iter().any(|one| part.contains(one)) {
                good.extend(part);
                bisection.passed();
            } else if let Verdict::Alone(one) = bisection.failed() {
                alone.push(one);
            }
        }
        (good, alone, attempts)
    }

    #[test]
    fn every_record_is_passed_or_alone_once_and_in_order() {
        for records in 0..40 {
            for poison in [vec![], vec![0], vec![records / 2], vec![1, 7, 8, 39]] {
                let poison: Vec<_> = poison.into_iter().filter(|&one| one < records).collect();
                let (good, alone, _) = run(records, &poison);
                assert_eq!(alone, poison);
                let expected: Vec<_> = (0..records).filter(|one| !poison.contains(one)).collect();
                assert_eq!(good, expected);
            }
        }
    }

    #[test]
    fn call_that_passes_now_takes_one_attempt_and_one_poison_record_some_twenty() {
        assert_eq!(run(1000, &[]).2, 1);
        assert!(run(1000, &[613]).2 <= 21);
    }

    #[test]
    fn part_has_its_share_of_the_deadline_and_a_single_record_has_all_of_it() {
        let deadline = Duration::from_secs(30);
        let seconds = |part| deadline_of(deadline, part, 1000).as_secs();
        assert_eq!(
            [1000, 500, 250, 100, 2, 1].map(seconds),
            [30, 15, 7, 3, 3, 30]
        );
        assert_eq!(deadline_of(deadline, 1, 1), deadline);
    }
}
