//! The rate and the lag of a run over time.

use std::collections::VecDeque;
use std::time::Duration;

use super::progress::Progress;

/// The samples of the last minute, one a second.
const RECENT: usize = 61;
/// The samples of the whole run; the interval between them doubles when there are this many.
const KEPT: usize = 240;
/// The interval between two samples at first.
const EVERY: Duration = Duration::from_secs(1);
/// The seconds over which the present rate is measured.
const RATE_OVER: usize = 10;

/// What is known at one time.
#[derive(Clone, Copy, Debug)]
struct Sample {
    at: Duration,
    objects: u64,
    /// What is left: records, or bytes of a file.
    left: Option<u64>,
}

/// The past of a run.
#[derive(Debug)]
pub(crate) struct History {
    recent: VecDeque<Sample>,
    all: Vec<Sample>,
    every: Duration,
}

impl Default for History {
    fn default() -> Self {
        Self {
            recent: VecDeque::new(),
            all: Vec::new(),
            every: EVERY,
        }
    }
}

impl History {
    /// Adds what the progress says now. It may be called more often than samples are kept.
    pub(crate) fn look(&mut self, progress: &Progress) {
        let left = progress
            .part_done()
            .map(|(part, whole)| whole.saturating_sub(part));
        self.add(progress.elapsed(), progress.objects(), left);
    }

    /// Adds what is known at this time since the start, if the last sample is a second old.
    fn add(&mut self, at: Duration, objects: u64, left: Option<u64>) {
        let sample = Sample { at, objects, left };
        if self.recent.back().is_some_and(|last| at < last.at + EVERY) {
            return;
        }
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(sample);
        if self
            .all
            .last()
            .is_some_and(|last| at < last.at + self.every)
        {
            return;
        }
        if self.all.len() == KEPT {
            let mut index = 0;
            self.all.retain(|_| {
                index += 1;
                index % 2 == 1
            });
            self.every *= 2;
        }
        self.all.push(sample);
    }

    /// Objects per second over the last seconds.
    pub(crate) fn rate(&self) -> Option<u64> {
        let last = self.recent.back()?;
        let first = self
            .recent
            .iter()
            .rev()
            .nth(RATE_OVER.min(self.recent.len() - 1))?;
        per_second(
            last.objects.saturating_sub(first.objects),
            last.at.saturating_sub(first.at),
        )
    }

    /// The time until nothing is left, if it goes on as in the last minute.
    pub(crate) fn time_left(&self) -> Option<Duration> {
        let mut known = self.recent.iter().filter(|sample| sample.left.is_some());
        let (first, last) = (known.next()?, known.next_back()?);
        let left = last.left?;
        let done = first.left?.checked_sub(left).filter(|&done| done > 0)?;
        let elapsed = last.at.saturating_sub(first.at).as_millis();
        let milliseconds = u128::from(left) * elapsed / u128::from(done);
        Some(Duration::from_millis(
            u64::try_from(milliseconds).unwrap_or(u64::MAX),
        ))
    }

    /// Objects per second over the whole run.
    pub(crate) fn rates(&self) -> Vec<u64> {
        let pairs = self.all.windows(2);
        pairs
            .filter_map(|pair| {
                per_second(
                    pair[1].objects.saturating_sub(pair[0].objects),
                    pair[1].at.saturating_sub(pair[0].at),
                )
            })
            .collect()
    }

    /// What was left over the whole run.
    pub(crate) fn lags(&self) -> Vec<u64> {
        self.all.iter().filter_map(|sample| sample.left).collect()
    }
}

fn per_second(count: u64, time: Duration) -> Option<u64> {
    let milliseconds = time.as_millis();
    if milliseconds == 0 {
        return None;
    }
    u64::try_from(u128::from(count) * 1000 / milliseconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lag_that_falls_has_an_end_and_one_that_grows_has_none() {
        let mut history = History::default();
        assert_eq!(history.time_left(), None);
        for second in 0..10 {
            history.add(
                Duration::from_secs(second),
                second * 100,
                Some(1900 - second * 100),
            );
            history.add(Duration::from_secs(second), 9, Some(9));
        }
        assert_eq!(history.rate(), Some(100));
        assert_eq!(history.time_left(), Some(Duration::from_secs(10)));
        let mut history = History::default();
        for second in 0..10 {
            history.add(Duration::from_secs(second), 0, Some(second));
        }
        assert_eq!(history.time_left(), None);
    }

    #[test]
    fn past_of_a_long_run_keeps_its_beginning_and_a_bounded_number_of_samples() {
        let mut history = History::default();
        for second in 0..100_000 {
            history.add(Duration::from_secs(second), second, None);
        }
        assert!(history.all.len() <= KEPT && history.all.len() > KEPT / 3);
        assert_eq!(history.all[0].at, Duration::ZERO);
        assert!(history.rates().iter().all(|&rate| rate == 1));
    }
}
