//! Where records come from: a Kafka cluster, a recording, a git repository, a dataset and others that are read without a
//! cluster.

#[cfg(feature = "dataset")]
pub(crate) mod dataset;
#[cfg(not(feature = "dataset"))]
#[path = "dataset_missing.rs"]
pub(crate) mod dataset;
mod encoder;
pub(crate) mod git;
pub(crate) mod kafka;
pub(crate) mod local;
pub(crate) mod polled;
pub(crate) mod recording;
mod times;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::task::Poll;
use std::time::{Duration, Instant};

use crate::journal::batch::{Batches, TooLarge};
use crate::journal::holders::Holder;
use crate::journal::offsets::{Offsets, Partition, ReadAhead, Remaining, Start};

/// What one [`Source::poll`] brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// The batches hold records to process.
    Records,
    /// The batches hold one record, and its object is damaged: no processor sees it.
    #[cfg_attr(
        not(feature = "dataset"),
        allow(dead_code, reason = "only a dataset is verified while it is read")
    )]
    Damaged(Damage),
    /// Nothing came in time.
    Idle,
    /// These partitions come: answer with [`Source::assign`] once their positions are known. Other partitions go on
    /// meanwhile.
    Assigned(Vec<Partition>),
    /// These partitions are about to go to another worker: checkpoint, commit, then [`Source::release`].
    Revoking(Vec<Partition>),
    /// These partitions are gone already, and another worker may read them: drop everything since the last checkpoint,
    /// then [`Source::release`].
    Lost(Vec<Partition>),
    /// No record is left, and none will come.
    End,
}

/// An object whose content does not have the identifier that its source gives it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the object `{swhid}` in row {row} of `{}` is damaged: its content has another identifier",
    file.display()
)]
pub(crate) struct Damage {
    /// Its identifier.
    pub(crate) swhid: String,
    /// The file that it was read from.
    pub(crate) file: PathBuf,
    /// Its row in the file.
    pub(crate) row: u64,
}

/// Limits on what one poll may bring.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BatchLimits {
    /// The most records. With 0 a poll serves events and reads ahead, and hands nothing out.
    pub records: usize,
    /// The most bytes of keys and values; a record above that comes alone.
    pub bytes: usize,
    /// The guest's memory, of which one record may take half.
    pub memory_limit_bytes: usize,
}

impl BatchLimits {
    /// Bytes of key and value of the largest record that is handed out.
    #[must_use]
    pub(crate) fn largest_record(&self) -> usize {
        self.memory_limit_bytes / 2
    }
}

/// A stream of records with a position in each of its partitions.
///
/// A source knows what was handed out and nothing of what is durable: the worker says where to start, and where to go
/// back to.
pub(crate) trait Source: Send {
    /// Fills `into`, which is empty, with what comes within `wait`. It hands nothing out from the offsets of `until`
    /// on, so that a replay stops exactly before a range.
    ///
    /// # Errors
    /// What ends the run: errors that pass are waited out inside.
    fn poll(
        &mut self,
        into: &mut Batches,
        limits: BatchLimits,
        until: Option<&Offsets>,
        wait: Duration,
    ) -> Result<Event, SourceError>;

    /// The position of each assigned partition after everything that was handed out or passed over.
    fn position(&self) -> Offsets;

    /// The position of each assigned partition before the poll that handed these batches out, which was the last one
    /// that handed anything out.
    fn position_before(&self, batches: &Batches) -> Offsets;

    /// Looks up where `start` is in each partition. A question that has no answer yet is asked again.
    ///
    /// # Errors
    /// What no waiting mends.
    fn resolve(&mut self, of: &[Partition], start: Start) -> Result<Poll<Offsets>, SourceError>;

    /// Answers [`Event::Assigned`]: its partitions start here.
    ///
    /// # Errors
    /// What ends the run.
    fn assign(&mut self, start: &Offsets) -> Result<(), SourceError>;

    /// Goes back to these positions; what was read ahead is dropped.
    ///
    /// # Errors
    /// When the source cannot be read again, or what ends the run.
    fn rewind(&mut self, to: &Offsets) -> Result<(), SourceError>;

    /// Answers [`Event::Revoking`] and [`Event::Lost`]: the partitions go.
    ///
    /// # Errors
    /// What ends the run.
    fn release(&mut self) -> Result<(), SourceError>;

    /// Shows the outside that the worker is alive, between two calls that take long. False means that a loss is
    /// waiting, which the next poll answers: the records since the last checkpoint belong to another worker now.
    ///
    /// # Errors
    /// What ends the run.
    fn keep_alive(&mut self) -> Result<bool, SourceError> {
        Ok(true)
    }

    /// What is left to read.
    fn remaining(&mut self) -> Remaining {
        Remaining::Unknown
    }

    /// What was read ahead of the records that were handed out, a few seconds ago at most; none where nothing says it.
    fn read_ahead(&self) -> Option<ReadAhead> {
        None
    }

    /// Since when no broker has been connected; none while one is, and where there are no brokers.
    fn without_brokers_since(&self) -> Option<Instant> {
        None
    }

    /// The ends at which a run stops, if they changed: a topic was deleted, or deleted and created again.
    fn new_ends(&mut self) -> Option<Offsets> {
        None
    }

    /// The members of the group, for a line that says what is waited for; none where nobody can know them.
    fn holders(&mut self) -> Poll<Option<Vec<Holder>>> {
        Poll::Ready(None)
    }

    /// The topic that a partition belongs to: as long as the partition is assigned, the one that its records were read
    /// from, and otherwise the one that exists now.
    fn topic_of(&self, _partition: &Partition) -> TopicIdentity {
        TopicIdentity::Unknown
    }

    /// Leaves, without committing anything. Called last, whether or not the run went well. Other workers are waited for
    /// until `others_end`, if there is such a time.
    fn close(self: Box<Self>, _others_end: Option<Instant>) {}
}

/// The positions before the poll that handed these batches out, of a source whose partitions are those of the records.
#[must_use]
pub(crate) fn before_records(mut position: Offsets, batches: &Batches) -> Offsets {
    for batch in batches.as_slice() {
        let mut seen = BTreeSet::new();
        for (&number, &offset) in batch.partitions.iter().zip(&batch.offsets) {
            if seen.insert(number) {
                let topic = batch.topic.name.as_str().into();
                position.insert(Partition { topic, number }, offset);
            }
        }
    }
    position
}

/// Tells a topic from one that was created under the same name after it was deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TopicIdentity {
    /// Nothing says it.
    Unknown,
    /// No other topic has this number.
    Known(u128),
    /// The topic, or this partition of it, was deleted.
    Gone,
}

impl TopicIdentity {
    /// Whether this topic was deleted since: `now` is another one, or none.
    pub(crate) fn was_deleted(self, now: Self) -> bool {
        match (self, now) {
            (_, Self::Gone) => true,
            (Self::Known(before), Self::Known(now)) => before != now,
            _ => false,
        }
    }
}

/// Why a source cannot go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceError {
    /// The recording.
    #[error(transparent)]
    Recording(#[from] recording::Error),
    /// The git repository.
    #[error(transparent)]
    Git(#[from] git::Error),
    /// The dataset.
    #[error(transparent)]
    Dataset(#[from] dataset::Error),
    /// A source has fewer parts than processes are to read it.
    #[error("nothing is left for share {} of {}: the source has too few parts", .0.index + 1, .0.of)]
    EmptyShare(local::Share),
    /// The limits of a batch are set too high.
    #[error(transparent)]
    Batch(#[from] TooLarge),
    /// A record cannot be let through.
    #[error(transparent)]
    Refused(#[from] crate::privacy::Refused),
    /// The Kafka cluster.
    #[error(transparent)]
    Kafka(#[from] crate::kafka::Error),
}
