//! Waiting for the confirmation of what was committed.

use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use super::checkpoint_log::{self, CheckpointId};
use super::{Ended, Worker, waiting};
use crate::journal::offsets::Confirmation;
use crate::pipeline::failure::{CallRanges, WorkerError};
use crate::source::SourceError;
use crate::text::plural;

/// The first pause between two looks at a confirmation, which doubles up to [`LAST_PAUSE`]: brokers nearby answer
/// within a few milliseconds.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
pub(super) const LAST_PAUSE: Duration = Duration::from_millis(20);

/// The pauses between looks at a confirmation.
#[derive(Debug)]
pub(super) struct Pause(Duration);

impl Default for Pause {
    fn default() -> Self {
        Self(FIRST_PAUSE)
    }
}

impl Pause {
    pub(super) fn next(&mut self) -> Duration {
        let longer = (self.0 * 2).min(LAST_PAUSE);
        std::mem::replace(&mut self.0, longer)
    }
}

/// How waiting for a confirmation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waited {
    /// What was sent is committed, or what was asked is answered.
    Confirmed,
    /// The records belong to another worker now.
    Lost,
    /// Neither came in time.
    TimedOut,
}

impl Worker {
    /// Looks whether the unconfirmed checkpoint is confirmed by now.
    pub(super) fn look_for_confirmation(&mut self) -> Result<(), WorkerError> {
        self.counters.show_turn();
        if self.unconfirmed.is_none() {
            return Ok(());
        }
        let confirmation = self.deciding_store().check()?;
        if !matches!(confirmation, Confirmation::Confirmed | Confirmation::Idle) {
            self.say_that_a_commit_waits();
        }
        let Some(unconfirmed) = &mut self.unconfirmed else {
            return Ok(());
        };
        match confirmation {
            Confirmation::Pending => {}
            Confirmation::Refused(reason) => unconfirmed.refusal = Some(reason),
            Confirmation::Confirmed | Confirmation::Idle => {
                checkpoint_log::is_confirmed(
                    CheckpointId {
                        worker: self.number,
                        number: unconfirmed.number,
                    },
                    &unconfirmed.from,
                    &unconfirmed.to,
                );
                self.unconfirmed = None;
                self.commit_waits.over();
                self.counters.show_confirmed();
                self.show_unconfirmed();
            }
        }
        Ok(())
    }

    /// Logs now and then how long a commit has not been confirmed, and whom the group may wait for.
    fn say_that_a_commit_waits(&mut self) {
        let now = Instant::now();
        if !self.commit_waits.is_due(now) {
            return;
        }
        let Poll::Ready(holders) = self.source.holders() else {
            return;
        };
        let records = self
            .unconfirmed
            .as_ref()
            .map_or(0, super::Unconfirmed::records);
        let reason = self.unconfirmed_reason();
        let members = holders.map_or_else(String::new, |holders| {
            format!(". The group has {}", waiting::members(&holders))
        });
        tracing::info!(
            "the last commit has not been confirmed for {} s ({reason}): if the process ends before that, {} will come \
             again{members}",
            self.commit_waits.said(now).as_secs(),
            plural(records, "record")
        );
    }

    /// Shows how many records of the group come again if the process ends now.
    pub(super) fn show_unconfirmed(&self) {
        if !self.settings.leaves_a_group {
            return;
        }
        let sent = self.unconfirmed.as_ref();
        let sent = sent.map_or(0, super::Unconfirmed::records);
        // Rows whose partitions went before the answer came are in the outputs, too.
        let records = sent + self.claimed as u64 + self.uncommitted.records();
        self.counters.show_unconfirmed(records);
    }

    /// Whether the time to end leaves none for commits.
    pub(super) fn is_out_of_time(&self) -> bool {
        let end = self.settings.stop.commits_end();
        end.is_some_and(|end| Instant::now() >= end)
    }

    /// Waits until nothing is unconfirmed, up to `end`, and no longer than a request to stop allows.
    pub(super) fn wait_for_confirmation(&mut self, end: Instant) -> Result<Waited, WorkerError> {
        self.wait_until(Some(end), |worker| {
            worker.look_for_confirmation()?;
            Ok(worker.unconfirmed.is_none())
        })
    }

    /// Waits until `is_done` says so, up to `end` if there is one, and no longer than a request to stop allows.
    /// Meanwhile it shows that the worker is alive.
    pub(super) fn wait_until(
        &mut self,
        end: Option<Instant>,
        mut is_done: impl FnMut(&mut Self) -> Result<bool, WorkerError>,
    ) -> Result<Waited, WorkerError> {
        let mut pause = Pause::default();
        loop {
            if is_done(self)? {
                return Ok(Waited::Confirmed);
            }
            if !self.source.keep_alive()? {
                return Ok(Waited::Lost);
            }
            if end.is_some_and(|end| Instant::now() >= end) || self.is_out_of_time() {
                return Ok(Waited::TimedOut);
            }
            thread::sleep(pause.next());
        }
    }

    /// Waits for a time, and shows meanwhile that the worker is alive. False when its records were lost.
    pub(super) fn stay_alive_for(&mut self, time: Duration) -> Result<bool, WorkerError> {
        let end = Instant::now() + time.max(FIRST_PAUSE);
        loop {
            if !self.source.keep_alive()? {
                return Ok(false);
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(true);
            }
            thread::sleep(left.min(LAST_PAUSE));
        }
    }

    /// Takes the last checkpoint and waits until it is confirmed. False when its records were lost instead: the group
    /// has them again, and may give them back to this worker.
    pub(super) fn finish(&mut self) -> Result<bool, WorkerError> {
        let start = Instant::now();
        Ok(self.is_confirmed_since(start)?
            && self.checkpoint_or_recover()?
            && self.is_confirmed_since(start)?)
    }

    fn is_confirmed_since(&mut self, start: Instant) -> Result<bool, WorkerError> {
        let end = start + self.settings.deadlines.finish;
        match self.wait_for_confirmation(end)? {
            Waited::Confirmed => return Ok(true),
            Waited::Lost if !self.settings.stop.requested() => return Ok(false),
            Waited::Lost => {
                if let Some(unconfirmed) = &mut self.unconfirmed {
                    let reason = "the group took the partitions away";
                    unconfirmed.refusal.get_or_insert_with(|| reason.to_owned());
                }
            }
            Waited::TimedOut => {}
        }
        Err(self.not_confirmed(start))
    }

    /// A run that fails, or whose reader went away, leaves the checkpoint before that committed, so that the next run
    /// does not repeat it.
    pub(super) fn wait_for_the_last_commit(&mut self, result: &Result<Ended, WorkerError>) {
        let (Some(unconfirmed), Some(limit)) = (&self.unconfirmed, self.last_wait(result)) else {
            return;
        };
        let records = unconfirmed.records();
        let waited = self.wait_for_confirmation(Instant::now() + limit);
        if !matches!(waited, Ok(Waited::Confirmed)) {
            let reason = self.unconfirmed_reason();
            tracing::warn!(
                "the last commit was not confirmed ({reason}): {} may come again",
                plural(records, "record")
            );
        }
    }

    pub(super) fn last_wait(&self, result: &Result<Ended, WorkerError>) -> Option<Duration> {
        match result {
            // It was waited for, or nobody answers.
            Ok(Ended::EndOfData | Ended::Stopped)
            | Err(
                WorkerError::NotConfirmed { .. }
                | WorkerError::Interrupted { .. }
                | WorkerError::CutOff { .. },
            ) => None,
            // Who cannot read from the brokers does not reach them with a commit.
            Err(WorkerError::Source(_) | WorkerError::Store(_)) => Some(Duration::ZERO),
            _ => Some(self.settings.deadlines.finish),
        }
    }

    /// Why the last commit is not confirmed.
    pub(super) fn unconfirmed_reason(&self) -> String {
        let unconfirmed = self.unconfirmed.as_ref();
        let refusal = unconfirmed.and_then(|unconfirmed| unconfirmed.refusal.clone());
        refusal.unwrap_or_else(|| "no answer came".to_owned())
    }

    /// The error of a call that was interrupted because the run has to end. The checkpoint before it may still be
    /// confirmed.
    pub(super) fn interrupted(&mut self, call: &'static str, ranges: CallRanges) -> WorkerError {
        let end = Instant::now() + self.settings.deadlines.finish;
        let in_a_group = self.settings.leaves_a_group;
        match self.wait_for_confirmation(end) {
            Err(error) => error,
            Ok(_) => WorkerError::Interrupted {
                call,
                ranges,
                records: in_a_group.then(|| self.unconfirmed_records()),
            },
        }
    }

    /// The error of a run whose brokers were away for too long.
    pub(super) fn cut_off(&self, error: SourceError) -> WorkerError {
        let records = self.unconfirmed_records() + self.uncommitted.records();
        WorkerError::CutOff {
            error: Box::new(error),
            records: self.settings.leaves_a_group.then_some(records),
        }
    }

    pub(super) fn not_confirmed(&self, start: Instant) -> WorkerError {
        WorkerError::NotConfirmed {
            seconds: start.elapsed().as_secs(),
            reason: self.unconfirmed_reason(),
            records: self.unconfirmed_records() + self.uncommitted.records(),
        }
    }
}
