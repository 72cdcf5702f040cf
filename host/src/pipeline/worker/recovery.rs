//! What a worker does after the processor failed.
//!
//! Everything since the last checkpoint is dropped with the instance, and the records since then are processed again on
//! a fresh one, up to the call that failed. After a checkpoint there, the records of that call, which are kept, are
//! processed again: if they pass now, that was it. If they fail, they are halved, with a checkpoint after each part that
//! passes, until the record stands alone that fails by itself. A `checkpoint` that fails makes the records since the
//! last one the range: each call of them is checkpointed by itself, and one that fails is halved.
//!
//! Where a failure ends the run, nothing of this is checkpointed: the record is only looked for, on instances whose rows
//! are dropped.
//!
//! The worker polls between any two calls. What the group wants, or a request to stop, ends the recovery at once: what
//! is checkpointed stays, and the rest is read again, by this worker or another one.

mod parts;
mod search;

use std::mem;
use std::time::{Duration, Instant};

use super::confirmation::{LAST_PAUSE, Pause};
use super::start::Arriving;
use super::{OnFailure, POLL_WAIT, Worker};
use crate::journal::batch::Batches;
use crate::journal::offsets::{Offsets, Partition};
use crate::pipeline::failure::{CallRanges, RecordPosition, WorkerError};
use crate::sandbox::CallError;
use crate::source::{BatchLimits, Event};
use crate::text::with_causes;

/// The pause before the first repetition that the processor asks for, which doubles up to [`LONGEST_RETRY`].
const FIRST_RETRY: Duration = Duration::from_millis(if cfg!(test) { 1 } else { 1000 });
const LONGEST_RETRY: Duration = Duration::from_secs(30);

/// What is known while a worker recovers.
#[derive(Debug, Default)]
pub(super) struct Recovery {
    /// The position while kept records are processed; that of the source before and after.
    position: Option<Offsets>,
    /// Records that were processed since the last checkpoint.
    done: usize,
    /// Repetitions that the processor asked for.
    retries: u32,
}

/// A call that failed.
struct Failed {
    error: CallError,
    call: &'static str,
    /// The records of the call. None for a `checkpoint` after several calls.
    kept: Option<Batches>,
    /// The positions before the call and after it.
    before: Offsets,
    after: Offsets,
}

impl Failed {
    fn ranges(&self) -> CallRanges {
        let kept = self.kept.as_ref();
        kept.map_or_else(CallRanges::none, |kept| CallRanges::of(kept.as_slice()))
    }

    /// Whether one record was in the call, which then is at fault.
    fn is_one_record(&self) -> bool {
        let is_one = self.kept.as_ref().is_some_and(|kept| kept.records() == 1);
        is_one && self.call == "process" && is_about_records(&self.error)
    }

    /// The error of the run. It names the record if the call had only one.
    fn into_error(self) -> WorkerError {
        match self.kept.as_ref().and_then(|kept| kept.find(0)) {
            Some((batch, index)) if self.is_one_record() => WorkerError::Record {
                record: Box::new(RecordPosition::of(batch, index)),
                source: self.error,
            },
            _ => WorkerError::Call {
                call: self.call,
                ranges: self.ranges(),
                source: self.error,
            },
        }
    }
}

/// Whether the processor failed on records, and is not only asked to end.
fn is_about_records(error: &CallError) -> bool {
    !matches!(error, CallError::Interrupted | CallError::Poisoned)
}

/// How a step of the recovery went.
enum Step {
    Done,
    /// Something else has to be done first, by the usual loop.
    Left,
    Failed(CallError),
}

/// How processing the records again went that came before a failed call.
enum Replay {
    Done,
    Left,
    Failed(Failed),
}

impl Worker {
    /// Whether the worker recovers from this error. Some are not about the processor's work. Where a failure ends the run,
    /// there is no time for it when the run is to end.
    pub(super) fn handles(&self, error: &CallError) -> bool {
        is_about_records(error)
            && self.recovery.is_none()
            && match self.settings.failure.on_failure {
                OnFailure::Count => false,
                OnFailure::Stop => !self.settings.stop.requested(),
                OnFailure::Skip | OnFailure::DeadLetter => true,
            }
    }

    /// Whether a failure ends the run now.
    fn is_over(&self) -> bool {
        self.settings.failure.on_failure == OnFailure::Stop && self.settings.stop.requested()
    }

    /// The position after the last record that was processed.
    pub(super) fn position(&self) -> Offsets {
        let own = self.recovery.as_ref();
        let own = own.and_then(|recovery| recovery.position.clone());
        own.unwrap_or_else(|| self.source.position())
    }

    /// The rows of these claims are durable.
    pub(super) fn confirm_claims(&mut self) {
        let done = match &mut self.recovery {
            Some(recovery) => mem::take(&mut recovery.done).min(self.claimed),
            None => self.claimed,
        };
        self.claimed -= done;
        self.settings.quota.confirm(done);
    }

    /// Recovers from a `process` that failed on the worker's batches.
    pub(super) fn recover_process(&mut self, error: CallError) -> Result<(), WorkerError> {
        let handles = self.handles(&error);
        let failed = self.keep("process", error);
        if handles {
            self.recover(failed)
        } else {
            Err(failed.into_error())
        }
    }

    /// Recovers from a `checkpoint` that failed.
    pub(super) fn recover_checkpoint(&mut self, error: CallError) -> Result<(), WorkerError> {
        let failed = self.failed_checkpoint(error);
        self.recover(failed)
    }

    fn failed_checkpoint(&self, error: CallError) -> Failed {
        let position = self.position();
        Failed {
            error,
            call: "checkpoint",
            kept: None,
            before: position.clone(),
            after: position,
        }
    }

    /// Keeps the records of the call at work.
    fn keep(&mut self, call: &'static str, error: CallError) -> Failed {
        let empty = Batches::new(self.settings.columns);
        Failed {
            error,
            call,
            before: self.source.position_before(&self.batches),
            after: self.source.position(),
            kept: Some(mem::replace(&mut self.batches, empty)),
        }
    }

    fn recover(&mut self, failed: Failed) -> Result<(), WorkerError> {
        let ends_the_run = self.settings.failure.on_failure == OnFailure::Stop;
        if ends_the_run && self.read_again.as_ref() == Some(&failed.before) {
            return Err(failed.into_error());
        }
        self.recovery = Some(Recovery::default());
        let recovered = self.repeat(failed);
        // Also after an error, which the last commit is waited for.
        let position = self.position();
        let recovery = self.recovery.take().unwrap_or_default();
        recovered?;
        self.processor.share_deadline(1, 1);
        self.processor.set_repeating(false);
        self.batches.clear();
        if recovery.position.is_some() {
            self.source.rewind(&position)?;
        }
        // The records of the others are read and claimed again.
        let not_done = self.claimed.saturating_sub(recovery.done);
        self.claimed -= not_done;
        self.settings.quota.give_back(not_done);
        self.show_unconfirmed();
        Ok(())
    }

    /// Processes the records since the last checkpoint again, and then those of the call that failed.
    fn repeat(&mut self, mut failed: Failed) -> Result<(), WorkerError> {
        let ends_the_run = self.settings.failure.on_failure == OnFailure::Stop;
        let mut is_careful = failed.call == "checkpoint" && !ends_the_run;
        loop {
            warn_of(&failed);
            let is_retry = matches!(failed.error, CallError::Retry { .. });
            self.roll_back(&failed.before)?;
            if self.has_to_leave() {
                return Ok(());
            }
            if is_retry && self.may_retry() && !self.wait_to_retry()? {
                return Ok(());
            }
            // A record that is larger than usual batches is read again, so that there are not two of them.
            let most_bytes = self.settings.batch_limits.bytes;
            let is_large = |kept: &Batches| kept.bytes() > most_bytes;
            let replays = !is_at(&self.source.position(), &failed.before);
            if replays && failed.kept.as_ref().is_some_and(is_large) {
                failed.kept = None;
                self.read_again = Some(failed.before.clone());
            }
            match self.replay(&failed.before, is_careful)? {
                Replay::Done => {}
                Replay::Left => return Ok(()),
                Replay::Failed(other) if ends_the_run => return Err(other.into_error()),
                Replay::Failed(other) => {
                    // Where it fails differs from time to time.
                    is_careful = true;
                    failed = other;
                    continue;
                }
            }
            if ends_the_run {
                let Some(again) = self.try_again(failed)? else {
                    return Ok(());
                };
                failed = again;
                continue;
            }
            self.recovery_mut().position = Some(failed.before.clone());
            match self.checkpoint_when_clean()? {
                Step::Done => {}
                Step::Left => return Ok(()),
                Step::Failed(error) => {
                    is_careful = true;
                    failed.error = error;
                    failed.call = "checkpoint";
                    continue;
                }
            }
            let Some(kept) = failed.kept else {
                return Ok(());
            };
            return self.bisect(&kept, failed.before, &failed.after);
        }
    }

    /// Starts a fresh instance, drops everything since the last checkpoint, and goes back to it. Claims are kept.
    ///
    /// If nothing was done since then, the source stays after the failed call, whose records are kept: what is
    /// before them is the position all the same, so that no checkpoint passes them over.
    fn roll_back(&mut self, before: &Offsets) -> Result<(), WorkerError> {
        // A failed record that waits for its checkpoint is dropped as well, and no call was processed with it.
        let must_rewind = self.processed || self.failures.records() > 0;
        self.drop_rows()?;
        self.recovery_mut().position = (!must_rewind).then(|| before.clone());
        if let Some(end) = &mut self.end {
            end.start_over();
        }
        if must_rewind {
            self.source.rewind(&self.durable)?;
        }
        Ok(())
    }

    fn drop_rows(&mut self) -> Result<(), WorkerError> {
        self.processor.restart()?;
        self.processor.set_repeating(true);
        self.processed = false;
        self.failures.clear();
        self.recovery_mut().done = 0;
        Ok(())
    }

    fn recovery_mut(&mut self) -> &mut Recovery {
        self.recovery.get_or_insert_default()
    }

    /// Processes again what comes before these positions. Carefully, there is a checkpoint after each call.
    fn replay(&mut self, until: &Offsets, is_careful: bool) -> Result<Replay, WorkerError> {
        while !is_at(&self.source.position(), until) {
            if self.has_to_leave() {
                return Ok(Replay::Left);
            }
            self.counters.show_turn();
            self.batches.clear();
            let limits = self.settings.batch_limits;
            let polled = self
                .source
                .poll(&mut self.batches, limits, Some(until), POLL_WAIT);
            match polled? {
                Event::Records => {}
                Event::Damaged(damage) => {
                    self.recovery_mut().done += self.batches.records();
                    self.take_damaged(damage)?;
                    self.look_for_confirmation()?;
                    continue;
                }
                Event::Idle => {
                    self.look_for_confirmation()?;
                    continue;
                }
                Event::End => return Ok(Replay::Done),
                event => {
                    self.note(event);
                    return Ok(Replay::Left);
                }
            }
            match self.processor.process(self.batches.as_slice()) {
                Ok(rejections) => {
                    self.processed = true;
                    self.recovery_mut().done += self.batches.records();
                    self.take_rejections(&rejections)?;
                }
                Err(error) => {
                    let failed = self.keep("process", error);
                    return self.failed_again(failed);
                }
            }
            self.look_for_confirmation()?;
            let is_due = self.unconfirmed.is_none() && self.checkpoint_is_due();
            if !is_careful && !is_due {
                continue;
            }
            match self.checkpoint_when_clean()? {
                Step::Done => {}
                Step::Left => return Ok(Replay::Left),
                Step::Failed(error) if is_careful => {
                    return Ok(Replay::Failed(self.keep("checkpoint", error)));
                }
                Step::Failed(error) => return Ok(Replay::Failed(self.failed_checkpoint(error))),
            }
        }
        Ok(Replay::Done)
    }

    fn failed_again(&self, failed: Failed) -> Result<Replay, WorkerError> {
        match failed.error {
            CallError::Interrupted | CallError::Poisoned => Err(failed.into_error()),
            _ if self.is_over() => Err(failed.into_error()),
            _ => Ok(Replay::Failed(failed)),
        }
    }

    /// Whether the usual loop has something to do.
    fn has_to_leave(&self) -> bool {
        self.settings.stop.requested() || self.arriving.is_some()
    }

    /// Serves events, and shows the group that the worker is alive. False when the usual loop has something to do.
    fn look_around(&mut self, wait: Duration) -> Result<bool, WorkerError> {
        if self.has_to_leave() {
            return Ok(false);
        }
        self.counters.show_turn();
        let limits = BatchLimits {
            records: 0,
            ..self.settings.batch_limits
        };
        let position = self.source.position();
        let mut nothing = Batches::new(self.settings.columns);
        let event = self
            .source
            .poll(&mut nothing, limits, Some(&position), wait)?;
        self.look_for_confirmation()?;
        Ok(match event {
            Event::Records | Event::Damaged(_) | Event::Idle | Event::End => true,
            event => {
                self.note(event);
                false
            }
        })
    }

    /// Remembers an event that comes once; the others come again at the next poll.
    fn note(&mut self, event: Event) {
        if let Event::Assigned(partitions) = event {
            self.arriving = Some(Arriving::new(partitions));
        }
    }

    /// Waits until the checkpoint before is confirmed, and takes one.
    fn checkpoint_when_clean(&mut self) -> Result<Step, WorkerError> {
        let mut pause = Pause::default();
        while self.unconfirmed.is_some() {
            if !self.look_around(pause.next())? {
                return Ok(Step::Left);
            }
        }
        match self.checkpoint() {
            Ok(true) => Ok(Step::Done),
            Ok(false) => {
                // The records belong to another worker, which the source says at the next poll.
                let recovery = self.recovery_mut();
                if recovery.position.take().is_some() {
                    self.source.rewind(&self.durable)?;
                }
                Ok(Step::Left)
            }
            Err(WorkerError::Call {
                call,
                ranges,
                source,
            }) => {
                if !is_about_records(&source) || self.is_over() {
                    return Err(WorkerError::Call {
                        call,
                        ranges,
                        source,
                    });
                }
                Ok(Step::Failed(source))
            }
            Err(error) => Err(error),
        }
    }

    /// Whether a call that asks for it may be repeated once more.
    fn may_retry(&mut self) -> bool {
        let most = self.settings.failure.retries;
        let recovery = self.recovery_mut();
        let may = recovery.retries < most;
        recovery.retries += u32::from(may);
        may
    }

    /// Waits before a call is repeated. False when the usual loop has something to do.
    fn wait_to_retry(&mut self) -> Result<bool, WorkerError> {
        let doubled = self.recovery_mut().retries.saturating_sub(1).min(8);
        let pause = (FIRST_RETRY * (1 << doubled)).min(LONGEST_RETRY);
        tracing::info!("the call is repeated after {} s", pause.as_secs());
        let end = Instant::now() + pause;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(true);
            }
            if !self.look_around(left.min(LAST_PAUSE))? {
                return Ok(false);
            }
            std::thread::sleep(left.min(LAST_PAUSE));
        }
    }
}

fn warn_of(failed: &Failed) {
    let Failed { call, error, .. } = failed;
    let (ranges, error) = (failed.ranges(), with_causes(error));
    tracing::warn!(
        "`{call}` failed{ranges}: {error}: the records since the last checkpoint are processed again"
    );
}

/// Whether everything before these positions was handed out.
fn is_at(position: &Offsets, until: &Offsets) -> bool {
    let is_there = |(partition, next): (&Partition, &u64)| {
        position.get(partition).is_none_or(|own| own >= next)
    };
    until.iter().all(is_there)
}
