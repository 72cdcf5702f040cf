//! What all workers of a run have in common.

use std::sync::Arc;
use std::time::Duration;

use super::start::StartRules;
use crate::config::MaxFailures;
use crate::journal::batch::Columns;
use crate::observe::progress::Progress;
use crate::pipeline::failure::WorkerError;
use crate::pipeline::quota::RecordQuota;
use crate::pipeline::reopen::Reopen;
use crate::pipeline::stop::Stop;
use crate::sink::dead_letters::RunIdentity;
use crate::source::BatchLimits;

/// What happens to a record that the processor rejects or fails on, or that its source finds damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnFailure {
    /// The run ends, and nothing since the last checkpoint counts.
    Stop,
    /// It is named in the log, counted and passed over.
    Skip,
    /// The same, and it becomes a dead letter.
    DeadLetter,
    /// If it is rejected or damaged, it is counted and passed over, and nothing is logged. A call that fails ends the run.
    Count,
}

/// What happens when the processor fails.
#[derive(Clone, Debug)]
pub(crate) struct FailurePolicy {
    /// What happens to the record.
    pub on_failure: OnFailure,
    /// How often a call is repeated because the processor asks for it.
    pub retries: u32,
    /// How many records may fail.
    pub max_failures: Option<MaxFailures>,
    /// What dead letters say about the run.
    pub run: Option<Arc<RunIdentity>>,
}

impl FailurePolicy {
    /// Nothing is repeated, and what fails is treated like this.
    pub(crate) fn only(on_failure: OnFailure) -> Self {
        Self {
            on_failure,
            retries: 0,
            max_failures: None,
            run: None,
        }
    }
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
    /// What happens when the processor fails.
    pub failure: FailurePolicy,
    /// Where partitions without a committed position start.
    pub start: StartRules,
    /// Whether all records are read again from the first, each time that the ends are reached.
    pub reads_again: bool,
    /// Limits on waiting.
    pub deadlines: Deadlines,
    /// Whether closing the source leaves a group, which may take long.
    pub leaves_a_group: bool,
    /// How long the group keeps the partitions of a member that is away, where members are static.
    pub static_session: Option<Duration>,
    /// The records that the process may still process.
    pub quota: Arc<RecordQuota>,
    /// The request to end.
    pub stop: Stop,
    /// The request to open the outputs again.
    pub reopen: Reopen,
    /// The counters of the run.
    pub progress: Arc<Progress>,
}
