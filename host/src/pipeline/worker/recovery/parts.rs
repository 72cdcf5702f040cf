//! The records of a failed call, part by part.

use std::ops::Range;
use std::time::Duration;

use super::Step;
use crate::journal::batch::{Batch, Batches};
use crate::journal::offsets::{Offsets, Partition};
use crate::pipeline::failure::bisection::{Bisection, Verdict};
use crate::pipeline::failure::{CallRanges, WorkerError};
use crate::pipeline::worker::Worker;
use crate::sandbox::{CallError, Rejection};

impl Worker {
    /// Processes the records of a failed call part by part, with a checkpoint after each part.
    pub(super) fn bisect(
        &mut self,
        kept: &Batches,
        before: Offsets,
        after: &Offsets,
    ) -> Result<(), WorkerError> {
        let records = kept.records();
        let mut bisection = Bisection::new(records);
        let mut passed = before;
        // The call that failed was the first attempt.
        let mut attempt = 1;
        self.recovery_mut().position = Some(passed.clone());
        while let Some(part) = bisection.next() {
            if !self.look_around(Duration::ZERO)? {
                return Ok(());
            }
            attempt += 1;
            self.processor.share_deadline(part.len(), records);
            let next = if part.end == records {
                after.clone()
            } else {
                position_after(&passed, kept, &part)
            };
            let error = match self.process_part(kept, &part, &next, attempt)? {
                Step::Done => {
                    passed = next;
                    bisection.passed();
                    continue;
                }
                Step::Left => return Ok(()),
                Step::Failed(error) => error,
            };
            self.drop_rows()?;
            self.recovery_mut().position = Some(passed.clone());
            if matches!(error, CallError::Retry { .. }) && self.may_retry() {
                if !self.wait_to_retry()? {
                    return Ok(());
                }
                continue;
            }
            let Verdict::Alone(index) = bisection.failed() else {
                continue;
            };
            if let Some((batch, index)) = kept.find(index) {
                self.pass_over(batch, index, &error, attempt)?;
                // The next record that fails has lines of its own, which may read the same.
                self.processor.set_repeating(false);
                self.count_processed(kept, &part);
            }
            let recovery = self.recovery_mut();
            recovery.done += 1;
            recovery.position = Some(next.clone());
            match self.checkpoint_when_clean()? {
                Step::Done => passed = next,
                Step::Left | Step::Failed(_) => return Ok(()),
            }
            attempt = 1;
        }
        Ok(())
    }

    /// Processes a part and takes a checkpoint after it.
    fn process_part(
        &mut self,
        kept: &Batches,
        part: &Range<usize>,
        next: &Offsets,
        attempt: u32,
    ) -> Result<Step, WorkerError> {
        let copied;
        let batches = if part.len() == kept.records() {
            kept.as_slice()
        } else {
            copied = kept.part(part);
            &copied
        };
        let rejections = match self.call(batches)? {
            Ok(rejections) => rejections,
            Err(error) => return Ok(Step::Failed(error)),
        };
        self.take_rejections_of(batches, &rejections, attempt)?;
        self.processed = true;
        self.recovery_mut().done += part.len();
        self.recovery_mut().position = Some(next.clone());
        let step = self.checkpoint_when_clean()?;
        if matches!(step, Step::Done) {
            self.count_processed(kept, part);
        }
        Ok(step)
    }

    /// Calls `process`. The outer error ends the run.
    pub(super) fn call(
        &mut self,
        batches: &[Batch],
    ) -> Result<Result<Vec<Rejection>, CallError>, WorkerError> {
        match self.processor.process(batches) {
            Err(error @ (CallError::Interrupted | CallError::Poisoned)) => Err(WorkerError::Call {
                call: "process",
                ranges: CallRanges::of(batches),
                source: error,
            }),
            done => Ok(done),
        }
    }

    pub(super) fn count_processed(&mut self, kept: &Batches, part: &Range<usize>) {
        let bytes = kept.bytes() * part.len() / kept.records().max(1);
        self.counters.add(part.len() as u64, bytes as u64);
    }
}

/// The position after a part of some records. A source whose positions are not offsets of the records has none within
/// them.
fn position_after(before: &Offsets, kept: &Batches, part: &Range<usize>) -> Offsets {
    let mut after = before.clone();
    for index in part.clone() {
        let Some((batch, index)) = kept.find(index) else {
            break;
        };
        let partition = Partition {
            topic: batch.topic.name.as_str().into(),
            number: batch.partitions[index],
        };
        if let Some(next) = after.get_mut(&partition) {
            *next = batch.offsets[index] + 1;
        }
    }
    after
}
