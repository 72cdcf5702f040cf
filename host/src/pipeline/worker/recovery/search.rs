//! The record that fails, where a failure ends the run.

use std::time::Duration;

use super::{Failed, Step};
use crate::pipeline::failure::{RecordPosition, WorkerError};
use crate::pipeline::worker::Worker;
use crate::sandbox::CallError;

impl Worker {
    /// Repeats a failed call where a failure ends the run. If it passes now, the run goes on. The answer is the failure
    /// of a call that is to be repeated once more.
    pub(super) fn try_again(&mut self, mut failed: Failed) -> Result<Option<Failed>, WorkerError> {
        let Some(kept) = failed.kept.take() else {
            if failed.call == "process" {
                return Ok(None);
            }
            return match self.checkpoint_when_clean()? {
                Step::Done | Step::Left => Ok(None),
                Step::Failed(error) => {
                    failed.error = error;
                    self.again_or_over(failed)
                }
            };
        };
        if !self.look_around(Duration::ZERO)? {
            return Ok(None);
        }
        match self.call(kept.as_slice())? {
            Ok(rejections) => {
                self.processed = true;
                let records = kept.records();
                self.count_processed(&kept, &(0..records));
                let recovery = self.recovery_mut();
                recovery.done += records;
                recovery.position = Some(failed.after);
                self.take_rejections_of(kept.as_slice(), &rejections, 2)?;
                Ok(None)
            }
            Err(error) => {
                failed.error = error;
                failed.kept = Some(kept);
                self.again_or_over(failed)
            }
        }
    }

    fn again_or_over(&mut self, failed: Failed) -> Result<Option<Failed>, WorkerError> {
        let most = self.settings.failure.retries;
        let is_retry = matches!(failed.error, CallError::Retry { .. });
        if is_retry && self.recovery_mut().retries < most {
            return Ok(Some(failed));
        }
        Err(self.find(failed)?)
    }

    /// Looks for a record that fails by itself, without any effect. The number of calls is bounded by the number of
    /// times that the records can be halved.
    fn find(&mut self, mut failed: Failed) -> Result<WorkerError, WorkerError> {
        if failed.is_one_record() {
            return Ok(failed.into_error());
        }
        let Some(kept) = failed.kept.take() else {
            return Ok(failed.into_error());
        };
        let records = kept.records();
        let mut part = 0..records;
        let mut error = None;
        while error.is_none() && self.look_around(Duration::ZERO)? {
            let is_alone = part.len() == 1;
            let half = part.start..part.start + part.len().div_ceil(2);
            self.drop_rows()?;
            self.processor.share_deadline(half.len(), records);
            match (self.call(&kept.part(&half))?, is_alone) {
                (Err(found), true) => error = Some(found),
                // It is not one record alone that fails.
                (Ok(_), true) => break,
                (Err(_), false) => part = half,
                (Ok(_), false) => part.start = half.end,
            }
        }
        let (Some((batch, index)), Some(source)) = (kept.find(part.start), error) else {
            failed.kept = Some(kept);
            return Ok(failed.into_error());
        };
        Ok(WorkerError::Record {
            record: Box::new(RecordPosition::of(batch, index)),
            source,
        })
    }
}
