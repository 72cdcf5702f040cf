//! Records that fail: what is counted, logged and written of each.

use std::time::SystemTime;

use super::{OnFailure, Worker};
use crate::config::MaxFailures;
use crate::journal::batch::{Batch, Batches};
use crate::journal::failure_kind::FailureKind;
use crate::journal::key::ShownKey;
use crate::pipeline::failure::{RecordPosition, WorkerError, held};
use crate::sandbox::{CallError, Rejection};
use crate::sink::dead_letters::DeadLetter;
use crate::source::Damage;
use crate::text::with_causes;

/// How many failed records are named in the log.
const NAMED_FAILURES: u64 = 100;

/// Why a record failed.
struct Reason {
    kind: FailureKind,
    text: String,
    panic: Option<(String, String)>,
    attempt: u32,
}

impl Worker {
    /// Takes the rejections of the call whose records are in the worker's batches.
    pub(super) fn take_rejections(&mut self, rejections: &[Rejection]) -> Result<(), WorkerError> {
        if rejections.is_empty() {
            return Ok(());
        }
        let batches = self.take_batches();
        let taken = self.take_rejections_of(batches.as_slice(), rejections, 1);
        self.batches = batches;
        taken
    }

    /// Takes the one record of the worker's batches, which its source found damaged.
    pub(super) fn take_damaged(&mut self, damage: Damage) -> Result<(), WorkerError> {
        match self.settings.failure.on_failure {
            OnFailure::Stop => return Err(damage.into()),
            OnFailure::Count => self.failures.add(FailureKind::Damaged, None),
            OnFailure::Skip | OnFailure::DeadLetter => {
                let batches = self.take_batches();
                let reason = Reason {
                    kind: FailureKind::Damaged,
                    text: damage.to_string(),
                    panic: None,
                    attempt: 0,
                };
                let failed = batches.find(0);
                let failed = failed.map(|(batch, index)| self.fail_record(batch, index, reason));
                self.batches = batches;
                failed.transpose()?;
            }
        }
        Ok(())
    }

    /// Takes the worker's batches, which have to be put back.
    fn take_batches(&mut self) -> Batches {
        let empty = Batches::new(self.settings.columns);
        std::mem::replace(&mut self.batches, empty)
    }

    /// Takes the rejections of a call with these batches.
    pub(super) fn take_rejections_of(
        &mut self,
        batches: &[Batch],
        rejections: &[Rejection],
        attempt: u32,
    ) -> Result<(), WorkerError> {
        for rejection in rejections {
            let batch = &batches[rejection.batch];
            match self.settings.failure.on_failure {
                OnFailure::Stop => {
                    return Err(WorkerError::Rejected {
                        record: RecordPosition::of(batch, rejection.index),
                        reason: rejection.reason.clone(),
                    });
                }
                OnFailure::Count => self.failures.add(FailureKind::Rejected, None),
                OnFailure::Skip | OnFailure::DeadLetter => {
                    let reason = Reason {
                        kind: FailureKind::Rejected,
                        text: rejection.reason.clone(),
                        panic: None,
                        attempt,
                    };
                    self.fail_record(batch, rejection.index, reason)?;
                }
            }
        }
        Ok(())
    }

    /// Passes a record over that fails by itself.
    pub(super) fn pass_over(
        &mut self,
        batch: &Batch,
        index: usize,
        error: &CallError,
        attempt: u32,
    ) -> Result<(), WorkerError> {
        let panic = match error {
            CallError::Panicked { message, location } => Some((message.clone(), location.clone())),
            _ => None,
        };
        let reason = Reason {
            kind: held::kind_of(error),
            text: with_causes(error),
            panic,
            attempt,
        };
        self.fail_record(batch, index, reason)
    }

    fn fail_record(
        &mut self,
        batch: &Batch,
        index: usize,
        reason: Reason,
    ) -> Result<(), WorkerError> {
        let record = RecordPosition::of(batch, index);
        self.log_failure(&record, &reason.text);
        let (kind, text) = (reason.kind, reason.text.clone());
        let happenings = self.settings.progress.happenings();
        happenings.add_failed(record.failed(kind.name(), &text));
        let letter = self.letter(batch, index, reason);
        self.failures.add(kind, letter);
        self.check_failures(kind, record, text)
    }

    fn log_failure(&self, record: &RecordPosition, reason: &str) {
        let before = self.settings.progress.count_named();
        let what = match self.settings.failure.on_failure {
            OnFailure::DeadLetter => "a dead letter",
            _ => "skipped",
        };
        if before < NAMED_FAILURES {
            if what == "skipped" {
                tracing::warn!("skipped {record}: {reason}");
            } else {
                tracing::warn!("{record} becomes {what}: {reason}");
            }
        } else if before == NAMED_FAILURES {
            tracing::warn!("more records were skipped: they are counted and no longer named");
        }
    }

    fn letter(&self, batch: &Batch, index: usize, reason: Reason) -> Option<DeadLetter> {
        let policy = &self.settings.failure;
        if policy.on_failure != OnFailure::DeadLetter {
            return None;
        }
        let run = policy.run.clone()?;
        let key = batch.key(index).unwrap_or_default();
        let timestamp = batch.timestamps.get(index).copied();
        Some(DeadLetter {
            topic: batch.topic.name.clone(),
            read_as: batch.topic.public_counterpart(),
            partition: batch.partitions[index],
            offset: batch.offsets[index],
            timestamp_ms: timestamp.filter(|&time| time >= 0),
            object_type: batch.topic.object_type.clone(),
            id: ShownKey::new(key).id(),
            key: key.to_vec(),
            value: batch.value(index).map(<[u8]>::to_vec),
            kind: reason.kind,
            reason: reason.text,
            panic: reason.panic,
            attempt: reason.attempt,
            time: humantime::format_rfc3339_millis(SystemTime::now()).to_string(),
            run,
        })
    }

    /// Fails if more records failed than may fail.
    fn check_failures(
        &self,
        kind: FailureKind,
        record: RecordPosition,
        reason: String,
    ) -> Result<(), WorkerError> {
        let Some(limit) = self.settings.failure.max_failures else {
            return Ok(());
        };
        let failures = self.settings.progress.failures() + self.failures.records();
        let records = self.settings.progress.objects().max(failures);
        let is_call = !matches!(kind, FailureKind::Rejected | FailureKind::Damaged);
        if limit.allows(failures, records, is_call) {
            return Ok(());
        }
        Err(WorkerError::TooManyFailures {
            failures,
            records,
            limit,
            record: Box::new(record),
            reason,
        })
    }

    /// The failures since the last checkpoint took effect.
    pub(super) fn count_failures(&mut self) {
        let progress = &self.settings.progress;
        for (kind, records) in self.failures.kinds() {
            progress.count_failures(kind, records);
        }
        progress.count_dead_letters(self.failures.letters().len() as u64);
        self.failures.clear();
    }
}

impl MaxFailures {
    /// Whether so many of these records may fail. A share is looked at once a thousand records were processed; failed
    /// calls, each of which costs several others, are counted as if so many had been from the beginning.
    fn allows(self, failures: u64, records: u64, is_call: bool) -> bool {
        const FIRST: u64 = 1000;
        match self {
            Self::Records(most) => failures <= most,
            Self::Percent(_) if records < FIRST && !is_call => true,
            Self::Percent(percent) => {
                let share = u128::from(records.max(FIRST)) * u128::from(percent.hundredths());
                u128::from(failures) * 10_000 <= share
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn share_of_failures_counts_after_a_thousand_records_and_for_calls_as_if_so_many_had_been() {
        let one: MaxFailures = "1%".parse().unwrap();
        for (failures, records, is_call, allowed) in [
            (500, 999, false, true),
            (10, 1000, false, true),
            (11, 1000, false, false),
            (10, 20, true, true),
            (11, 20, true, false),
            (20, 2000, true, true),
            (21, 2000, true, false),
        ] {
            assert_eq!(
                one.allows(failures, records, is_call),
                allowed,
                "{failures} of {records}"
            );
        }
        let two: MaxFailures = "2".parse().unwrap();
        assert!(two.allows(2, 2, true) && !two.allows(3, 1_000_000, false));
        let all: MaxFailures = "100%".parse().unwrap();
        assert!(all.allows(5000, 5000, true));
    }
}
