//! What has happened to a run besides its progress: that it ends or failed, and the records that failed last.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::text;

/// The number of failed records that are kept.
const KEPT: usize = 20;

/// How a run stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It works.
    #[default]
    Running,
    /// It was asked to end.
    Ending,
    /// It failed for this reason, and ends or has ended.
    Failed(String),
    /// It has ended well.
    Ended,
}

/// A record that failed and was passed over, without its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FailedRecord {
    /// The topic's whole name.
    pub(crate) topic: Arc<str>,
    /// The partition's number.
    pub(crate) partition: u32,
    /// The record's offset.
    pub(crate) offset: u64,
    /// How it failed.
    pub(crate) kind: &'static str,
    /// Why, in the words of the processor or of the host.
    pub(crate) reason: String,
}

/// What has happened to a run.
#[derive(Debug, Default)]
pub(crate) struct Happenings {
    phase: Mutex<Phase>,
    failed: Mutex<VecDeque<FailedRecord>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Happenings {
    /// How the run stands.
    pub(crate) fn phase(&self) -> Phase {
        locked(&self.phase).clone()
    }

    /// Records that the run was asked to end.
    pub(crate) fn show_ending(&self) {
        let mut phase = locked(&self.phase);
        if *phase == Phase::Running {
            *phase = Phase::Ending;
        }
    }

    /// Records why the run fails; the first reason stays.
    pub(crate) fn show_failure(&self, reason: &str) {
        let mut phase = locked(&self.phase);
        if !matches!(*phase, Phase::Failed(_)) {
            *phase = Phase::Failed(text::clean(reason, text::MESSAGE_BYTES));
        }
    }

    /// Records that the run has ended, if it did not fail.
    pub(crate) fn show_ended(&self) {
        let mut phase = locked(&self.phase);
        if !matches!(*phase, Phase::Failed(_)) {
            *phase = Phase::Ended;
        }
    }

    /// Keeps a failed record, as long as there are not too many after it.
    pub(crate) fn add_failed(&self, record: FailedRecord) {
        let mut failed = locked(&self.failed);
        if failed.len() == KEPT {
            failed.pop_front();
        }
        failed.push_back(record);
    }

    /// The records that failed last, the last one first.
    pub(crate) fn failed(&self) -> Vec<FailedRecord> {
        locked(&self.failed).iter().rev().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_failure_of_a_run_stays_to_its_end() {
        let happenings = Happenings::default();
        assert_eq!(happenings.phase(), Phase::Running);
        happenings.show_ending();
        assert_eq!(happenings.phase(), Phase::Ending);
        happenings.show_failure("one\n");
        happenings.show_failure("two");
        happenings.show_ended();
        assert_eq!(happenings.phase(), Phase::Failed("one\\n".to_owned()));
    }

    #[test]
    fn only_the_last_failed_records_are_kept() {
        let happenings = Happenings::default();
        for offset in 0..=KEPT as u64 {
            happenings.add_failed(FailedRecord {
                topic: "t".into(),
                partition: 0,
                offset,
                kind: "rejected",
                reason: String::new(),
            });
        }
        let offsets: Vec<u64> = happenings
            .failed()
            .iter()
            .map(|failed| failed.offset)
            .collect();
        assert_eq!(offsets, (1..=KEPT as u64).rev().collect::<Vec<_>>());
    }
}
