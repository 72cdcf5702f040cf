//! Sources that are no cluster: they are read from the first record to the last one, without a consumer group, by one
//! worker or, where they can be divided, by several.
//!
//! To add one, add a variant of [`Local`] and a module beside this one with a [`Sequence`].

use std::path::PathBuf;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use super::dataset::{Dataset, Folder};
use super::git::{Git, Repository};
use super::recording::{self, Recording};
use super::{BatchLimits, Event, Source, SourceError};
use crate::journal::batch::{Batches, RecordRef, Topic};
use crate::journal::offsets::{Offsets, Partition, Remaining, Start};
use crate::journal::topics::Subscription;
use crate::privacy::{Guard, NotPushed, Privacy};

/// What is read.
#[derive(Clone, Debug)]
pub(crate) enum Local {
    /// A journal in files, which are read one after another.
    Recordings(Vec<PathBuf>),
    /// A git repository, which is open already: that starts programs, and a process that is confined cannot.
    Git(Arc<Repository>),
    /// A dataset, whose files are listed.
    Dataset(Arc<Folder>),
}

/// The part of a source that one of several processes reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Share {
    /// Its number, from 0.
    pub index: usize,
    /// How many there are.
    pub of: usize,
}

impl Share {
    /// All of the source.
    pub(crate) const WHOLE: Self = Self { index: 0, of: 1 };

    /// The parts of this share, of those of all shares.
    pub(super) fn pick<T>(self, parts: Vec<T>) -> Vec<T> {
        let own = parts.into_iter().skip(self.index).step_by(self.of.max(1));
        own.collect()
    }
}

/// A source that is no cluster, and which of its records are read.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// The source.
    pub local: Local,
    /// Which of its topics are read.
    pub subscription: Subscription,
    /// Whether tombstones are handed out.
    pub tombstones: bool,
    /// What is held back, if anything is.
    pub privacy: Option<Arc<Privacy>>,
    /// Bytes of key and value of the largest record: a larger one is refused before it is read.
    pub largest_record: usize,
}

/// What such a source reads: records one after the other. The position is the number of those that were read or passed
/// over.
pub(crate) trait Sequence: Send {
    /// The name of the files or of the folder, for messages.
    fn name(&self) -> String;

    /// The topics that are read.
    fn topics(&self) -> Vec<Arc<Topic>>;

    /// The names of the topics that it has and that are not read, where it knows them.
    fn other_topics(&self) -> Vec<&str> {
        Vec::new()
    }

    /// Fills `into` within the limits with what the guard lets through, and with no record from the position `end` on.
    ///
    /// # Errors
    /// When it cannot be read.
    fn fill(
        &mut self,
        into: &mut Batches,
        limits: BatchLimits,
        end: Option<u64>,
        guard: Option<&mut Guard>,
    ) -> Result<Event, SourceError>;

    /// The position after the last record that was handed out or passed over.
    fn position(&self) -> u64;

    /// The position of the first record.
    fn first(&self) -> u64 {
        0
    }

    /// Goes to this position; what was read ahead is dropped.
    ///
    /// # Errors
    /// When it cannot be read, or not again.
    fn go_to(&mut self, position: u64) -> Result<(), SourceError>;

    /// Refuses a source that can only be read once.
    ///
    /// # Errors
    /// When it cannot be read again.
    fn check_rereading(&self) -> Result<(), SourceError> {
        Ok(())
    }

    /// What is left to read.
    fn remaining(&self) -> Remaining;

    /// The partitions whose offsets a checkpoint holds: those of the records, or one that stands for the files or the folder
    /// of one worker, in which an offset is a position.
    fn partitions(&self) -> Vec<Partition>;

    /// Goes to the first records, which begin at the offset of each partition, or at its beginning where there is none.
    ///
    /// # Errors
    /// When it cannot be read, or not again.
    fn start_at(&mut self, offsets: &Offsets) -> Result<(), SourceError> {
        let start = self.position_of(offsets);
        self.go_to(start.unwrap_or_else(|| self.first()))
    }

    /// The offsets at a position.
    fn offsets(&self, position: u64) -> Offsets {
        let partitions = self.partitions().into_iter();
        partitions.map(|partition| (partition, position)).collect()
    }

    /// The position of offsets; none where they do not say it.
    fn position_of(&self, offsets: &Offsets) -> Option<u64> {
        let own = self.partitions();
        own.iter().find_map(|own| offsets.get(own).copied())
    }

    /// Tells the data of the source from others, whose offsets are not its own, without reading it whole. None where nothing
    /// does: what is reached in a repository, and in which order, may change with each ref. That of a dataset is text.
    fn data_digest(&self) -> Option<Vec<u8>> {
        None
    }
}

/// Adds a record to the batches, unless the guard holds it back.
///
/// # Errors
/// When the record cannot be let through, or is larger than one may be: `too_large` names it.
pub(super) fn push(
    into: &mut Batches,
    topic: &Arc<Topic>,
    record: RecordRef<'_>,
    limits: BatchLimits,
    guard: Option<&mut Guard>,
    too_large: impl FnOnce(usize) -> SourceError,
) -> Result<(), SourceError> {
    let bytes = record.key.len() + record.value.len();
    let largest = limits.largest_record();
    let pushed = match guard {
        Some(guard) => guard.push(into, topic, record, largest),
        None if bytes > largest => Err(NotPushed::TooLarge(bytes)),
        None => into.push(topic, record).map_err(NotPushed::Batch),
    };
    pushed.map_err(|not_pushed| match not_pushed {
        NotPushed::Refused(refused) => refused.into(),
        NotPushed::Batch(error) => error.into(),
        NotPushed::TooLarge(bytes) => too_large(bytes),
    })
}

/// What a [`Sequence::fill`] brought that has come to the end or not.
pub(super) fn filled(into: &Batches, ended: bool) -> Event {
    match (into.is_empty(), ended) {
        (false, _) => Event::Records,
        (true, false) => Event::Idle,
        (true, true) => Event::End,
    }
}

/// A source that is no cluster, once it is open.
pub(crate) struct LocalSource {
    sequence: Box<dyn Sequence>,
    /// Holds records back, where that is asked for.
    guard: Option<Guard>,
    /// The name of its files or its folder.
    name: String,
    /// Whether the worker has answered that it reads the source.
    assigned: bool,
    /// The position before the last poll that handed something out.
    before: u64,
}

impl LocalSource {
    /// The source of these records.
    pub(super) fn new(sequence: Box<dyn Sequence>, guard: Option<Guard>) -> Self {
        Self {
            name: sequence.name(),
            before: sequence.first(),
            sequence,
            guard,
            assigned: false,
        }
    }

    /// The name of its files or its folder.
    #[must_use]
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The topics that are read.
    #[must_use]
    pub(crate) fn topics(&self) -> Vec<Arc<Topic>> {
        self.sequence.topics()
    }

    /// The positions before its first records.
    #[must_use]
    pub(crate) fn starts(&self) -> Offsets {
        let first = self.sequence.first();
        let partitions = self.sequence.partitions().into_iter();
        partitions.map(|partition| (partition, first)).collect()
    }

    /// What an operator has to know about topics that are there and not read.
    #[must_use]
    pub(crate) fn left_out(&self, subscription: &Subscription) -> Option<String> {
        let read = self.sequence.topics();
        let read = read.iter().map(|topic| topic.name.as_str());
        subscription.left_out(read.chain(self.sequence.other_topics()))
    }

    /// Refuses a source that can only be read once.
    ///
    /// # Errors
    /// When it cannot be read again.
    pub(crate) fn check_rereading(&self) -> Result<(), SourceError> {
        self.sequence.check_rereading()
    }

    /// Reads from the first record, without a worker that says so.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn begin(&mut self) -> Result<(), SourceError> {
        self.assign(&Offsets::new())
    }

    /// Tells the data of the source from others, if anything does.
    #[must_use]
    pub(crate) fn data_digest(&self) -> Option<Vec<u8>> {
        self.sequence.data_digest()
    }
}

impl Source for LocalSource {
    fn poll(
        &mut self,
        into: &mut Batches,
        limits: BatchLimits,
        until: Option<&Offsets>,
        _wait: Duration,
    ) -> Result<Event, SourceError> {
        if !self.assigned {
            return Ok(Event::Assigned(self.sequence.partitions()));
        }
        let before = self.sequence.position();
        let end = until.and_then(|until| self.sequence.position_of(until));
        if let Some(guard) = &mut self.guard {
            guard.begin();
        }
        let guard = self.guard.as_mut();
        let event = self.sequence.fill(into, limits, end, guard)?;
        if let Some(guard) = &mut self.guard {
            guard.finish(into);
        }
        if into.is_empty() {
            // All that came may have been held back.
            return Ok(match event {
                Event::Records | Event::Damaged(_) => Event::Idle,
                other => other,
            });
        }
        self.before = before;
        Ok(event)
    }

    fn position(&self) -> Offsets {
        if self.assigned {
            self.sequence.offsets(self.sequence.position())
        } else {
            Offsets::new()
        }
    }

    fn position_before(&self, _batches: &Batches) -> Offsets {
        self.sequence.offsets(self.before)
    }

    /// It is read from its beginning, whatever is asked for, or from where an output has its offsets.
    fn resolve(&mut self, of: &[Partition], _start: Start) -> Result<Poll<Offsets>, SourceError> {
        let first = self.sequence.first();
        let beginning = of.iter().map(|partition| (partition.clone(), first));
        Ok(Poll::Ready(beginning.collect()))
    }

    fn assign(&mut self, start: &Offsets) -> Result<(), SourceError> {
        self.assigned = true;
        self.sequence.start_at(start)
    }

    fn rewind(&mut self, to: &Offsets) -> Result<(), SourceError> {
        match self.sequence.position_of(to) {
            Some(position) if position != self.sequence.position() => self.sequence.go_to(position),
            _ => Ok(()),
        }
    }

    fn release(&mut self) -> Result<(), SourceError> {
        Ok(())
    }

    fn remaining(&mut self) -> Remaining {
        self.sequence.remaining()
    }
}

impl Options {
    /// Opens the source and chooses its topics.
    ///
    /// # Errors
    /// When it cannot be read, or lacks the topics.
    pub(crate) fn open(&self) -> Result<LocalSource, SourceError> {
        let sequence: Box<dyn Sequence> = match &self.local {
            Local::Recordings(files) => Box::new(Recording::open(self.recording(files))?),
            Local::Git(repository) => {
                let repository = Arc::clone(repository);
                Box::new(Git::open(repository, &self.subscription)?)
            }
            Local::Dataset(_) => {
                let mut sources = self.open_for(1, Share::WHOLE)?;
                // One worker has one part.
                return Ok(sources.remove(0));
            }
        };
        Ok(self.source(sequence))
    }

    /// The same for several workers, of which each gets a part of the share; for one where it cannot be divided.
    ///
    /// # Errors
    /// As for [`open`](Self::open), and when the share has no part.
    pub(crate) fn open_for(
        &self,
        workers: usize,
        share: Share,
    ) -> Result<Vec<LocalSource>, SourceError> {
        let all = workers.saturating_mul(share.of);
        let sources: Vec<LocalSource> = match &self.local {
            Local::Recordings(files) if all > 1 => {
                let parts = Recording::open_divided(self.recording(files), all)?;
                let source = |part| self.source(Box::new(part));
                share.pick(parts).into_iter().map(source).collect()
            }
            Local::Recordings(_) | Local::Git(_) => vec![self.open()?],
            Local::Dataset(folder) => {
                let parts = Dataset::open(folder, &self.subscription, workers, share)?;
                let source = |part| self.source(Box::new(part));
                parts.into_iter().map(source).collect()
            }
        };
        if sources.is_empty() {
            return Err(SourceError::EmptyShare(share));
        }
        Ok(sources)
    }

    fn recording(&self, files: &[PathBuf]) -> recording::Options {
        recording::Options {
            files: files.to_vec(),
            subscription: self.subscription.clone(),
            tombstones: self.tombstones,
            largest_record: self.largest_record,
        }
    }

    fn source(&self, sequence: Box<dyn Sequence>) -> LocalSource {
        let guard = self.privacy.as_ref().map(Guard::new);
        LocalSource::new(sequence, guard)
    }
}
