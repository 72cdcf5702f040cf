//! One worker's loop: poll, process, checkpoint, commit.
//!
//! A worker is *clean*, or it has one *unconfirmed* checkpoint: its rows are durable and its offsets are not known to
//! be committed. No second checkpoint is made durable before that is confirmed, so that a crash repeats at most one
//! checkpoint of each worker.

mod assignment;
mod checkpoint_log;
mod checkpointing;
mod confirmation;
mod courtesy;
mod failures;
mod passes;
mod recovery;
mod settings;
mod start;
#[cfg(test)]
mod tests;
mod uncommitted;
mod waiting;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

pub(crate) use self::settings::{
    Deadlines, Ended, FailurePolicy, Finished, OnFailure, WorkerSettings,
};
pub(crate) use self::start::StartRules;

use self::confirmation::{LAST_PAUSE, Pause};
use self::passes::Pass;
use self::recovery::Recovery;
use self::start::Arriving;
use self::uncommitted::Uncommitted;
use self::waiting::Waiting;
use super::checkpoint::{Sinks, Unconfirmed};
use super::end::{EndTracker, Reached};
use super::failure::WorkerError;
use super::failure::held::HeldFailures;
use super::processor::Process;
use crate::journal::batch::Batches;
use crate::journal::offsets::{OffsetStore, Offsets, Partition, Position};
use crate::journal::topic_note;
use crate::kafka::Membership;
use crate::observe::progress::WorkerProgress;
use crate::sandbox::CallError;
use crate::sink::dead_letters::LetterSink;
use crate::sink::{Sink, SinkError};
use crate::source::{BatchLimits, Event, Source, SourceError, TopicIdentity};

/// How long one poll waits for records: also how late a signal is noticed by an idle worker.
const POLL_WAIT: Duration = Duration::from_millis(100);
/// How often the end is looked for while records come, and how often what remains is shown.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What a worker works with.
pub(crate) struct WorkerParts {
    /// Where records come from.
    pub source: Box<dyn Source>,
    /// Where positions are kept, unless a sink keeps them.
    pub store: Box<dyn OffsetStore>,
    /// The processor, started and bound to its rows.
    pub processor: Box<dyn Process>,
    /// The sinks, by the numbers that the rows were bound with.
    pub sinks: Vec<Box<dyn Sink>>,
    /// Where dead letters are written to.
    pub letters: Option<Box<dyn LetterSink>>,
    /// The membership that the source reads under, for sinks that commit with it.
    pub membership: Option<Arc<Membership>>,
    /// The end of every partition that held a record when the run started, for a run that stops there.
    pub ends: Option<Offsets>,
    /// The worker's counters.
    pub counters: Arc<WorkerProgress>,
    /// The worker's number in its process.
    pub number: usize,
}

/// One source and one processor, with everything between.
pub(crate) struct Worker {
    source: Box<dyn Source>,
    store: Box<dyn OffsetStore>,
    processor: Box<dyn Process>,
    sinks: Sinks,
    membership: Option<Arc<Membership>>,
    end: Option<EndTracker>,
    /// For a run that reads everything again and again.
    pass: Option<Pass>,
    counters: Arc<WorkerProgress>,
    number: usize,
    settings: WorkerSettings,
    batches: Batches,
    /// The checkpointed position of each assigned partition.
    durable: Offsets,
    /// What is committed beside the position of each partition, where there is something.
    notes: BTreeMap<Partition, String>,
    /// Partitions that come and whose positions are not known yet.
    arriving: Option<Arriving>,
    unconfirmed: Option<Unconfirmed>,
    /// Whether the group has not confirmed yet what a sink committed.
    courtesy_is_due: bool,
    /// What went before it was confirmed.
    uncommitted: Uncommitted,
    /// Whether a `process` call returned since the last checkpoint.
    processed: bool,
    /// Records that failed since the last checkpoint.
    failures: HeldFailures,
    /// What is done about a failed call, while that is done.
    recovery: Option<Recovery>,
    /// Where a call failed whose records were not kept but are read once more, in a run that a failure ends.
    read_again: Option<Offsets>,
    /// Records of the quota that were claimed since the last checkpoint.
    claimed: usize,
    checkpointed: Instant,
    looked: Instant,
    confirmation_pause: Pause,
    waiting: Waiting,
    commit_waits: Waiting,
}

impl Worker {
    /// A worker that has nothing assigned yet.
    #[must_use]
    pub(crate) fn new(parts: WorkerParts, settings: WorkerSettings) -> Self {
        let now = Instant::now();
        Self {
            source: parts.source,
            store: parts.store,
            processor: parts.processor,
            sinks: Sinks::new(parts.sinks, parts.letters, parts.number),
            membership: parts.membership,
            end: parts.ends.map(EndTracker::new),
            pass: settings.reads_again.then(Pass::default),
            counters: parts.counters,
            number: parts.number,
            batches: Batches::new(settings.columns),
            settings,
            durable: Offsets::new(),
            notes: BTreeMap::new(),
            arriving: None,
            unconfirmed: None,
            courtesy_is_due: false,
            uncommitted: Uncommitted::default(),
            processed: false,
            failures: HeldFailures::default(),
            recovery: None,
            read_again: None,
            claimed: 0,
            checkpointed: now,
            looked: now,
            confirmation_pause: Pause::default(),
            waiting: Waiting::saying_after(waiting::OTHERS_SAY_AFTER),
            commit_waits: Waiting::saying_after(waiting::EVERY),
        }
    }

    /// Works until the data or the run ends. The source is left in any case, which comes after it. After an error
    /// nothing since the last checkpoint is written or committed.
    pub(crate) fn run(mut self) -> Finished {
        let result = self.consume();
        self.counters.show_ended();
        let result = match result {
            Err(WorkerError::Sink(SinkError::ReaderGone)) => Ok(Ended::ReaderGone),
            Ok(ended) => self.check_uncommitted().map(|()| ended),
            Err(WorkerError::Call {
                call,
                ranges,
                source: CallError::Interrupted,
            }) => Err(self.interrupted(call, ranges)),
            Err(WorkerError::Source(SourceError::Kafka(error))) if error.is_outage() => {
                Err(self.cut_off(error.into()))
            }
            result => result,
        };
        self.settings.quota.give_back(self.claimed);
        if !matches!(result, Ok(Ended::EndOfData)) {
            // Before leaving, which waits for the workers that leave together with this one.
            self.settings.stop.request();
        }
        if let Err(error) = &result {
            let happenings = self.settings.progress.happenings();
            happenings.show_failure(&error.with_causes());
        }
        if let Err(error) = &result
            && self.settings.leaves_a_group
        {
            // Leaving may take long, and the run ends only after it.
            tracing::error!("{}: leaving the group", error.with_causes());
        }
        self.wait_for_the_last_commit(&result);
        self.wait_for_courtesy(&result);
        let (source, stop) = (self.source, self.settings.stop);
        let leave = Box::new(move || source.close(stop.others_end()));
        Finished { result, leave }
    }

    fn consume(&mut self) -> Result<Ended, WorkerError> {
        loop {
            self.counters.show_turn();
            if self.settings.stop.requested() {
                if !self.finish()? {
                    tracing::warn!(
                        "the group took the partitions away from this worker: what it did since the last checkpoint \
                         is dropped"
                    );
                }
                return Ok(Ended::Stopped);
            }
            if self.settings.reopen.take() {
                self.reopen_outputs();
            }
            self.start_arrived()?;
            self.batches.clear();
            if let Some(kept) = self.settings.kept_batches_bytes {
                self.batches.keep_at_most(kept);
            }
            let ended = match self.poll()? {
                Event::Records => {
                    self.process()?;
                    self.looked.elapsed() >= LOOK_EVERY && self.look_for_the_end()?
                }
                Event::Damaged(damage) => {
                    let (records, bytes) = (self.batches.records(), self.batches.bytes());
                    self.counters.add(records as u64, bytes as u64);
                    self.take_damaged(damage)?;
                    self.looked.elapsed() >= LOOK_EVERY && self.look_for_the_end()?
                }
                Event::Idle => self.look_for_the_end()?,
                Event::End => self.finish()?,
                Event::Assigned(partitions) => {
                    self.arriving = Some(Arriving::new(partitions));
                    false
                }
                Event::Revoking(partitions) => {
                    self.revoke(&partitions)?;
                    false
                }
                Event::Lost(partitions) => {
                    self.handle_lost(&partitions)?;
                    false
                }
            };
            if ended {
                return Ok(Ended::EndOfData);
            }
            // Before more is read, so that the rows that waited for the confirmation are bounded.
            self.look_for_confirmation()?;
            self.look_for_courtesy();
            if self.checkpoint_is_due() {
                self.checkpoint_if_clean()?;
            }
        }
    }

    /// A failure ends no run here: the next checkpoint fails as well, unless that changes before.
    fn reopen_outputs(&mut self) {
        match self.sinks.reopen() {
            Ok(()) => tracing::info!("SIGHUP: every output file is open under its name"),
            Err(error) => {
                let error = WorkerError::from(error).with_causes();
                tracing::error!("SIGHUP: the next checkpoint will end the run: {error}");
            }
        }
    }

    /// Polls for as many records as may be processed now. No claim on the quota is held while it waits, because other
    /// workers could do nothing meanwhile.
    fn poll(&mut self) -> Result<Event, WorkerError> {
        if self.is_at_the_bound_of_held_rows() {
            // Nothing is read while they wait for the checkpoint before them. Its confirmation does not end a poll.
            let wait = self.confirmation_pause.next();
            return self.poll_for(0, wait);
        }
        self.confirmation_pause = Pause::default();
        let quota = Arc::clone(&self.settings.quota);
        let granted = quota.claim(self.settings.batch_limits.records);
        if granted == 0 {
            return self.poll_exhausted();
        }
        let wait = if quota.is_limited() {
            Duration::ZERO
        } else if self.arriving.is_some() {
            // The answer that says where they start does not end a poll.
            LAST_PAUSE
        } else {
            POLL_WAIT
        };
        let event = self.poll_for(granted, wait);
        let taken = self.batches.records();
        quota.give_back(granted - taken);
        self.claimed += taken;
        self.show_unconfirmed();
        match event? {
            Event::Idle if quota.is_limited() => self.poll_for(0, POLL_WAIT),
            event => Ok(event),
        }
    }

    /// Other workers of the process may give claims back; until then only events are served.
    fn poll_exhausted(&mut self) -> Result<Event, WorkerError> {
        if self.claimed > 0 {
            // The others learn that these will not come back.
            self.checkpoint_if_clean()?;
        }
        let is_confirmed = self.settings.quota.is_confirmed();
        // Also at the end: a loss that waits gives its claims back.
        let wait = if is_confirmed {
            Duration::ZERO
        } else {
            POLL_WAIT
        };
        match self.poll_for(0, wait)? {
            Event::Idle if is_confirmed => Ok(Event::End),
            event => Ok(event),
        }
    }

    fn poll_for(&mut self, records: usize, wait: Duration) -> Result<Event, WorkerError> {
        let limits = BatchLimits {
            records,
            ..self.settings.batch_limits
        };
        let begun = Instant::now();
        let event = self.source.poll(&mut self.batches, limits, None, wait);
        self.counters.add_polled(begun.elapsed());
        Ok(event?)
    }

    fn process(&mut self) -> Result<(), WorkerError> {
        let begun = Instant::now();
        match self.processor.process(self.batches.as_slice()) {
            Ok(rejections) => {
                self.processed = true;
                self.counters.count(&self.batches, begun.elapsed());
                self.take_rejections(&rejections)
            }
            Err(error) => self.recover_process(error),
        }
    }

    /// Whether nothing is left to read. A worker that has read its own partitions takes a checkpoint, so that the
    /// others learn of it.
    fn look_for_the_end(&mut self) -> Result<bool, WorkerError> {
        if self.looked.elapsed() >= LOOK_EVERY {
            self.looked = Instant::now();
            self.counters.show_remaining(self.source.remaining());
            self.counters.show_read_ahead(self.source.read_ahead());
            self.counters
                .show_without_brokers(self.source.without_brokers_since());
            self.counters
                .show_guest_memory(self.processor.memory_bytes());
        }
        let Some(end) = &mut self.end else {
            return self.look_for_the_next_pass().map(|()| false);
        };
        if self.arriving.is_some() {
            // Both ask the store, which answers one question at a time.
            return Ok(false);
        }
        if let Some(ends) = self.source.new_ends() {
            end.replace(ends);
        }
        let position = self.source.position();
        let store = match self.sinks.store() {
            Some(store) => store,
            None => self.store.as_mut(),
        };
        let source = &self.source;
        let counts = |partition: &Partition, position: &Position| {
            let topic = topic_note::split(&position.note).1;
            topic.is_none_or(|topic| source.topic_of(partition) == TopicIdentity::Known(topic))
        };
        match end.look(&position, store, &counts)? {
            Reached::NotYet => {
                self.waiting.over();
                Ok(false)
            }
            Reached::OwnPartitions => {
                let now = Instant::now();
                if self.waiting.is_due(now)
                    && let Poll::Ready(holders) = self.source.holders()
                {
                    let time = self.waiting.said(now);
                    let holders = holders.unwrap_or_default();
                    let static_session = self.settings.static_session;
                    let line = waiting::for_others(time, end.open(), &holders, static_session);
                    tracing::info!("{line}");
                }
                self.checkpoint_if_clean()?;
                Ok(false)
            }
            Reached::All => Ok(self.start_is_saved()? && self.finish()?),
        }
    }
}
