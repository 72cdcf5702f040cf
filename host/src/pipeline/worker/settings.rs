//! What all workers of a run have in common.

use std::sync::Arc;
use std::time::Duration;

use crate::journal::batch::Columns;
use crate::journal::offsets::Start;
use crate::observe::progress::Progress;
use crate::pipeline::failure::WorkerError;
use crate::pipeline::quota::RecordQuota;
use crate::pipeline::stop::Stop;
use crate::source::BatchLimits;

/// What happens to a record that the processor rejects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnBadRecord {
    /// The run ends, and nothing since the last checkpoint counts.
    Stop,
    /// It is named in the log, counted and passed over.
    Skip,
    /// It is counted and passed over, and nothing is logged.
    Count,
}

/// How a worker ended, from the most ordinary way on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ended {
    /// There was nothing left to read.
    EndOfData,
    /// It was asked to.
    Stopped,
    /// The reader of its output went away.
    ReaderGone,
}

/// A worker that has nothing left to do but to leave its group.
pub(crate) struct Finished {
    /// How it ended.
    pub result: Result<Ended, WorkerError>,
    /// Leaves the group, which may take long.
    pub leave: Box<dyn FnOnce()>,
}

impl Finished {
    /// Leaves the group, and returns how the worker ended.
    ///
    /// # Errors
    /// What ended the run.
    pub(crate) fn leave(self) -> Result<Ended, WorkerError> {
        (self.leave)();
        self.result
    }
}

impl From<Result<Ended, WorkerError>> for Finished {
    /// A worker that has no group to leave.
    fn from(result: Result<Ended, WorkerError>) -> Self {
        let leave = Box::new(|| ());
        Self { result, leave }
    }
}

/// How long a worker waits for what others have to answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadlines {
    /// For the commits before partitions are given up.
    pub revoke: Duration,
    /// For the commits at the end of the run, unless a request to stop leaves less time.
    pub finish: Duration,
}

impl Deadlines {
    /// Those of a run that has nobody to wait for.
    pub(crate) const NONE: Self = Self {
        revoke: Duration::ZERO,
        finish: Duration::ZERO,
    };
}

/// What all workers of a run have in common.
#[derive(Clone)]
pub(crate) struct WorkerSettings {
    /// The columns of the plan.
    pub columns: Columns,
    /// Limits on one call.
    pub batch_limits: BatchLimits,
    /// Held rows from here on make a checkpoint due, in bytes.
    pub held_bytes: usize,
    /// Memory that batches may keep from one call to the next, in bytes; any where it is absent.
    pub kept_batches_bytes: Option<usize>,
    /// The longest time between two checkpoints; without it, only the end and the bound of held rows make one.
    pub checkpoint_interval: Option<Duration>,
    /// What happens to rejected records.
    pub on_bad_record: OnBadRecord,
    /// Where partitions without a committed position start; none where such a partition ends the run.
    pub start: Option<Start>,
    /// What is committed with each position.
    pub note: String,
    /// Limits on waiting.
    pub deadlines: Deadlines,
    /// Whether closing the source leaves a group, which may take long.
    pub leaves_a_group: bool,
    /// The records that the process may still process.
    pub quota: Arc<RecordQuota>,
    /// The request to end.
    pub stop: Stop,
    /// The counters of the run.
    pub progress: Arc<Progress>,
}
