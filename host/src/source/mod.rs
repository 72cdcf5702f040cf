//! Where records come from: a Kafka cluster or a recording.

pub mod recording;

use std::time::Duration;

use crate::journal::batch::Batches;

/// What a source has to tell the worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The batches hold records to process.
    Records,
    /// Nothing came in time.
    Idle,
    /// This worker has no record left, and others of the run may: a checkpoint now lets them know.
    Drained,
    /// Partitions are about to go to another worker: checkpoint, commit, then [`Source::release`].
    Revoking,
    /// Partitions are gone already: drop everything since the last checkpoint, then
    /// [`Source::release`].
    Lost,
    /// No record is left that this run should read.
    End,
}

/// What one `process` call may be made of.
#[derive(Clone, Copy, Debug)]
pub struct BatchLimits {
    /// Records at the most.
    pub records: usize,
    /// Bytes of keys and values at the most; a record above that goes alone.
    pub bytes: usize,
    /// The guest's memory, of which one record may take half.
    pub memory_limit_bytes: usize,
}

impl BatchLimits {
    /// Bytes of key and value of the largest record that is handed out.
    #[must_use]
    pub fn largest_record(&self) -> usize {
        self.memory_limit_bytes / 2
    }
}

/// How long a commit may keep the worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Send it and go on; its result is looked at later.
    No,
    /// Until the result is known, up to the source's own limit.
    Confirmed,
}

/// A stream of records with a position in it.
///
/// The position advances in two steps: [`take`](Self::take) hands records out, and
/// [`commit`](Self::commit) makes the position durable behind all that was processed. Whatever was
/// taken and not committed comes again after a restart.
pub trait Source {
    /// Fills `batches`, which is empty, with what comes within `wait`. Taking again says that the
    /// records taken before were processed well.
    ///
    /// # Errors
    /// What ends the run: passing transient_errors are waited out inside.
    fn take(&mut self, batches: &mut Batches, wait: Duration) -> Result<Event, SourceError>;

    /// Makes the position durable behind everything processed: the outputs of all of it are
    /// durable already. The records taken last count as processed.
    ///
    /// # Errors
    /// What ends the run, or, with [`Wait::Confirmed`], a commit that was not confirmed.
    fn commit(&mut self, wait: Wait) -> Result<(), SourceError>;

    /// Tells the outside that the worker is alive, between two calls that take long. False means
    /// that the records since the last checkpoint are another worker's now, as
    /// [`Event::Lost`] does.
    ///
    /// # Errors
    /// What ends the run.
    fn keep_alive(&mut self) -> Result<bool, SourceError> {
        Ok(true)
    }

    /// Answers [`Event::Revoking`] and [`Event::Lost`]: the partitions go.
    ///
    /// # Errors
    /// What ends the run.
    fn release(&mut self) -> Result<(), SourceError>;

    /// Leaves, without committing anything more. Called once, last, whether or not the run went well.
    fn close(&mut self);
}

/// Why a source cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The recording.
    #[error(transparent)]
    Recording(#[from] recording::Error),
    /// The Kafka cluster.
    #[error(transparent)]
    Kafka(#[from] crate::kafka::Error),
}
