//! Waiting for the confirmation of what was committed.

use std::thread;
use std::time::{Duration, Instant};

use super::Worker;
use crate::journal::offsets::Confirmation;
use crate::pipeline::failure::{CallRanges, WorkerError};

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
    /// Everything that was sent is committed.
    Confirmed,
    /// The records belong to another worker now.
    Lost,
    /// Neither came in time.
    TimedOut,
}

impl Worker {
    /// Looks whether the unconfirmed checkpoint is confirmed by now.
    pub(super) fn look_for_confirmation(&mut self) -> Result<(), WorkerError> {
        let Some(unconfirmed) = &mut self.unconfirmed else {
            return Ok(());
        };
        match self.store.check()? {
            Confirmation::Pending => {}
            Confirmation::Refused(reason) => unconfirmed.refusal = Some(reason),
            Confirmation::Confirmed | Confirmation::Idle => {
                tracing::debug!("confirmed {} records", unconfirmed.records());
                self.unconfirmed = None;
                self.show_unconfirmed();
            }
        }
        Ok(())
    }

    /// Shows how many records of the group come again if the process ends now.
    pub(super) fn show_unconfirmed(&self) {
        if !self.settings.leaves_a_group {
            return;
        }
        let sent = self.unconfirmed.as_ref();
        let sent = sent.map_or(0, super::Unconfirmed::records);
        self.counters.show_unconfirmed(sent + self.claimed as u64);
    }

    /// Whether the time to end leaves none for commits.
    pub(super) fn is_out_of_time(&self) -> bool {
        let end = self.settings.stop.commits_end();
        end.is_some_and(|end| Instant::now() >= end)
    }

    /// Waits until nothing is unconfirmed, up to `end`, and no longer than a request to stop allows.
    pub(super) fn wait_for_confirmation(&mut self, end: Instant) -> Result<Waited, WorkerError> {
        let mut pause = Pause::default();
        loop {
            self.look_for_confirmation()?;
            if self.unconfirmed.is_none() {
                return Ok(Waited::Confirmed);
            }
            if !self.source.keep_alive()? {
                return Ok(Waited::Lost);
            }
            if Instant::now() >= end || self.is_out_of_time() {
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
    /// has them again.
    pub(super) fn finish(&mut self) -> Result<bool, WorkerError> {
        let start = Instant::now();
        let end = start + self.settings.deadlines.finish;
        if self.wait_for_confirmation(end)? != Waited::Confirmed {
            return Err(self.not_confirmed(start));
        }
        if !self.checkpoint()? {
            return Ok(false);
        }
        if self.wait_for_confirmation(end)? != Waited::Confirmed {
            return Err(self.not_confirmed(start));
        }
        Ok(true)
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

    pub(super) fn not_confirmed(&self, start: Instant) -> WorkerError {
        WorkerError::NotConfirmed {
            seconds: start.elapsed().as_secs(),
            reason: self.unconfirmed_reason(),
            records: self.unconfirmed_records(),
        }
    }
}
