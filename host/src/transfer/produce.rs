//! Writes a recording to topics.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use journal_recording::{Frame, Reader};

use super::error::{Error, Incomplete, Interruption};
use super::passed::record_of;
use super::survey::{LOOK_EVERY, Survey};
use super::targets::{self, Target};
use super::{figures, with_progress};
use crate::journal::offsets::Remaining;
use crate::kafka::{Answers, Catalog, NewRecord, NewTopics, Producer, Settings};
use crate::observe::progress::WorkerProgress;
use crate::pipeline::stop::Stop;
use crate::privacy::{Guard, Privacy};
use crate::text::plural;

/// How long one look for answers waits once everything is sent.
const ANSWER_WAIT: Duration = Duration::from_millis(10);
/// How long the answers to records that were sent are waited for after a failure or a signal.
const LAST_ANSWERS: Duration = Duration::from_secs(10);
/// The interval of the lines that say that the brokers are waited for.
const SAY_EVERY: Duration = Duration::from_secs(30);

/// What is written, and how.
#[derive(Clone, Debug, Default)]
pub(crate) struct ProduceOptions {
    /// The recording.
    pub(crate) recording: PathBuf,
    /// The prefix of the topics, if it is not that of the recording.
    pub(crate) prefix: Option<String>,
    /// The prefix of topics of a recording that has only object types.
    pub(crate) default_prefix: String,
    /// The number of partitions of new topics.
    pub(crate) partitions: Option<u32>,
    /// The number of replicas of new topics; that of the brokers if absent.
    pub(crate) replication_factor: Option<u16>,
    /// Whether each record goes to its recorded partition, instead of one that follows from its key.
    pub(crate) keep_partitions: bool,
    /// What is held back, if anything is.
    pub(crate) privacy: Option<Arc<Privacy>>,
    /// Whether topics that hold records may be added to.
    pub(crate) append: bool,
}

impl ProduceOptions {
    /// Whether names are removed.
    pub(super) fn anonymises(&self) -> bool {
        self.privacy
            .as_ref()
            .is_some_and(|privacy| privacy.anonymises())
    }
}

/// Writes all records of a recording to topics, which are created where they do not exist, and waits until the brokers
/// have confirmed each of them.
///
/// # Errors
/// When the recording cannot be read, does not fit the topics, or not every record was confirmed.
pub(crate) fn produce(
    settings: &Settings,
    options: &ProduceOptions,
    stop: &Stop,
) -> Result<(), Error> {
    settings.check_for_producer()?;
    let mut catalog = Catalog::fetch(settings)?;
    let path = &options.recording;
    let most = settings.max_message_bytes();
    let survey = with_progress("checking", |counters| {
        Survey::of(path, most, counters, stop)
    })?;
    let targets = targets::choose(&survey, options, &catalog, most)?;
    let new: Vec<(String, u32)> = targets
        .values()
        .filter(|target| target.is_new && !target.is_left_out)
        .map(|target| (target.name.clone(), target.partitions))
        .collect();
    catalog.create(&NewTopics {
        topics: &new,
        replication_factor: options.replication_factor,
        may_exist: false,
    })?;
    let started = Instant::now();
    let producer = Producer::start(settings)?;
    let answers = with_progress("writing", |counters| {
        let mut copy = Copy {
            producer: &producer,
            targets: &targets,
            guard: options.privacy.as_ref().map(Guard::new),
            keep_partitions: options.keep_partitions,
            counters,
            stop,
            shown: Answers::default(),
            last_answer: Instant::now(),
            said: Instant::now(),
        };
        copy.all(path)
            .map_err(|interruption| incomplete(&producer, survey.records, interruption))
    })?;
    if answers.restamped > 0 {
        tracing::warn!(
            "{} with a new timestamp: the topics are set to `message.timestamp.type=LogAppendTime`",
            plural(answers.restamped, "record")
        );
    }
    let figures = figures(answers.confirmed, answers.bytes, started);
    let written = targets
        .values()
        .filter(|target| !target.is_left_out)
        .count();
    let (all, new) = (plural(written, "topic"), new.len());
    let held_back = options.privacy.as_ref();
    let held_back = held_back.map_or_else(String::new, |privacy| privacy.counts().text());
    tracing::info!("{figures}{held_back}, all confirmed, in {all}, {new} of them new");
    Ok(())
}

/// Waits a little for the answers to what was sent, and counts.
fn incomplete(producer: &Producer, records: u64, interruption: Interruption) -> Error {
    producer.abandon();
    let started = Instant::now();
    while producer.unanswered() > 0 && started.elapsed() < LAST_ANSWERS {
        producer.poll(ANSWER_WAIT);
    }
    Error::from(Box::new(Incomplete::Produced {
        interruption,
        records,
        confirmed: producer.answers().confirmed,
        unanswered: producer.unanswered(),
    }))
}

/// The second pass over the recording, which writes.
struct Copy<'a> {
    producer: &'a Producer,
    targets: &'a BTreeMap<String, Target>,
    guard: Option<Guard>,
    keep_partitions: bool,
    counters: &'a WorkerProgress,
    stop: &'a Stop,
    /// What the progress line shows.
    shown: Answers,
    last_answer: Instant,
    said: Instant,
}

impl Copy<'_> {
    fn all(&mut self, path: &Path) -> Result<Answers, Interruption> {
        let mut reader = Reader::open(path).map_err(Interruption::Recording)?;
        let total = path.metadata().map_or(0, |metadata| metadata.len());
        let (mut records, mut read) = (0_u64, 0_u64);
        while let Some(frame) = reader.next_frame().map_err(Interruption::Recording)? {
            records += u64::from(self.one(&frame)?);
            read += 1;
            if read.is_multiple_of(LOOK_EVERY) {
                self.producer.poll(Duration::ZERO);
                self.look()?;
                let bytes = reader.bytes_read();
                self.counters
                    .show_remaining(Remaining::Bytes { read: bytes, total });
            }
        }
        tracing::debug!("{records} records are sent");
        while self.producer.unanswered() > 0 {
            self.producer.poll(ANSWER_WAIT);
            self.look()?;
        }
        self.look()?;
        if self.shown.confirmed != records {
            let reason = self.producer.last_error().unwrap_or_default();
            return Err(Interruption::Dropped(reason));
        }
        Ok(self.shown.clone())
    }

    /// Sends a record. False if it is held back.
    fn one(&mut self, frame: &Frame<'_>) -> Result<bool, Interruption> {
        let mut guard = self.guard.take();
        let sent = self.send(frame, guard.as_mut());
        self.guard = guard;
        sent
    }

    fn send(&mut self, frame: &Frame<'_>, guard: Option<&mut Guard>) -> Result<bool, Interruption> {
        let Some(target) = self.targets.get(frame.topic) else {
            // The file was changed between the two passes.
            return Err(Interruption::Changed(frame.topic.to_owned()));
        };
        if target.is_left_out {
            return Ok(false);
        }
        let mut value = frame.value;
        if let Some(guard) = guard {
            let admitted = guard.admit(&target.source, record_of(frame));
            match admitted.map_err(Interruption::HeldBack)? {
                Some(admitted) => value = value.map(|_| admitted.value),
                None => return Ok(false),
            }
        }
        let recorded = frame.partition.filter(|_| self.keep_partitions);
        let record = NewRecord {
            topic: &target.name,
            partition: recorded,
            key: frame.key,
            value,
            timestamp_ms: frame.timestamp_ms,
            headers: &[],
        };
        while !self.producer.send(&record).map_err(Interruption::Refused)? {
            self.look()?;
        }
        Ok(true)
    }

    /// Looks at the brokers' answers and for a signal.
    fn look(&mut self) -> Result<(), Interruption> {
        let answers = self.producer.answers();
        if let Some(failure) = self.producer.failure() {
            return Err(Interruption::Failed(failure));
        }
        if let Some(refusal) = answers.refusal {
            return Err(Interruption::Refused(refusal));
        }
        if self.stop.requested() {
            return Err(Interruption::Signal);
        }
        if answers.confirmed > self.shown.confirmed {
            self.last_answer = Instant::now();
            self.counters.add(
                answers.confirmed - self.shown.confirmed,
                answers.bytes - self.shown.bytes,
            );
        } else if self.last_answer.elapsed() >= SAY_EVERY && self.said.elapsed() >= SAY_EVERY {
            self.said = Instant::now();
            let seconds = self.last_answer.elapsed().as_secs();
            let reason = self.producer.last_error().unwrap_or_default();
            tracing::warn!("no record was confirmed for {seconds} s: {reason}");
        }
        self.shown = answers;
        Ok(())
    }
}
