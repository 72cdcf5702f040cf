//! Writes a recording, or a source that is no cluster, to topics.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use journal_recording::{Frame, Reader};

use super::error::{Error, Incomplete, Interruption};
use super::left_out::LeftOut;
use super::passed::record_of;
use super::record::{Ended, Part, TakeFrames};
use super::survey::{LOOK_EVERY, Survey};
use super::targets::{self, Target};
use super::{figures, local, with_progress};
use crate::journal::offsets::Remaining;
use crate::journal::topics::{ObjectTypes, Privileged, Subscription};
use crate::kafka::{Answers, Catalog, NewRecord, NewTopics, Producer, Settings};
use crate::observe::progress::{Progress, WorkerProgress};
use crate::pipeline::stop::Stop;
use crate::privacy::{Guard, Privacy};
use crate::source::local::{Local, LocalSource};
use crate::source::{Damage, Source as _};
use crate::text::plural;

/// How long one look for answers waits once everything is sent.
const ANSWER_WAIT: Duration = Duration::from_millis(10);
/// How long the answers to records that were sent are waited for after a failure or a signal.
const LAST_ANSWERS: Duration = Duration::from_secs(10);
/// The interval of the lines that say that the brokers are waited for.
const SAY_EVERY: Duration = Duration::from_secs(30);

/// Where the records come from.
#[derive(Clone, Debug)]
pub(crate) enum Input {
    /// A recording, which is read twice.
    Recording(PathBuf),
    /// Another source, which is read once.
    Local(Local),
}

impl Default for Input {
    fn default() -> Self {
        Self::Recording(PathBuf::new())
    }
}

/// What is written, and how.
#[derive(Clone, Debug, Default)]
pub(crate) struct ProduceOptions {
    /// Where the records come from.
    pub(crate) input: Input,
    /// The prefix of the topics, if it is not that of the recording.
    pub(crate) prefix: Option<String>,
    /// The prefix of topics of a recording that has only object types, and of a source that is no recording.
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

    /// All records of a source.
    fn part(&self) -> Part {
        Part {
            subscription: Subscription {
                prefix: self.default_prefix.clone(),
                object_types: ObjectTypes::Any,
                privileged: Privileged::No,
                ignores_missing: true,
                partitions: Vec::new(),
            },
            partitions: Vec::new(),
            from: None,
            until: None,
            // Records pass a guard when they are sent.
            privacy: None,
            max_records: None,
            max_records_per_topic: None,
        }
    }
}

/// What is copied, looked through as far as that is done before.
enum Reading<'a> {
    Recording(&'a Path),
    Source(Box<LocalSource>, Part),
}

/// Writes all records to topics, which are created where they do not exist, and waits until the brokers have confirmed
/// each of them.
///
/// # Errors
/// When the records cannot be read, do not fit the topics, or not every one was confirmed.
pub(crate) fn produce(
    settings: &Settings,
    options: &ProduceOptions,
    stop: &Stop,
) -> Result<(), Error> {
    settings.check_for_producer()?;
    let mut catalog = Catalog::fetch(settings)?;
    let most = settings.max_message_bytes();
    let (survey, reading) = match &options.input {
        Input::Recording(path) => {
            stop.begin();
            let survey = with_progress("checking", |counters| {
                Survey::of(path, most, counters, stop)
            })?;
            (survey, Reading::Recording(path))
        }
        Input::Local(source) => {
            let part = options.part();
            // A signal ends the sorting of tables at once.
            let mut source = local::open(source.clone(), &part)?;
            stop.begin();
            let survey = Survey::of_source(&mut source);
            (survey, Reading::Source(Box::new(source), part))
        }
    };
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
    let mut left_out = LeftOut::default();
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
            damaged: &mut left_out,
        };
        copy.all(reading)
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
    let left_out = left_out.text();
    tracing::info!("{figures}{held_back}{left_out}, all confirmed, in {all}, {new} of them new");
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

/// Sends the records of a source, and looks at the brokers' answers from time to time.
struct Sending<'c, 'a> {
    copy: &'c mut Copy<'a>,
    read: u64,
    /// The records that the source had at the start, where that is known.
    left: Option<u64>,
}

impl Sending<'_, '_> {
    fn count(&mut self) -> Result<(), Ended> {
        self.read += 1;
        if !self.read.is_multiple_of(LOOK_EVERY) {
            return Ok(());
        }
        self.copy.producer.poll(Duration::ZERO);
        let left = self.left.map(|left| left.saturating_sub(self.read));
        let remaining = left.map_or(Remaining::Unknown, Remaining::Records);
        self.copy.counters.show_remaining(remaining);
        self.copy.look().map_err(Ended::Early)
    }
}

impl TakeFrames for Sending<'_, '_> {
    fn take(&mut self, frame: &Frame<'_>) -> Result<bool, Ended> {
        let is_sent = self.copy.one(frame).map_err(Ended::Early)?;
        self.count()?;
        Ok(is_sent)
    }

    /// No consumer could tell it from a whole one.
    fn take_damaged(&mut self, frame: &Frame<'_>, damage: &Damage) -> Result<bool, Ended> {
        // What is held back is not named either.
        if self.copy.passes(frame).map_err(Ended::Early)? {
            self.copy.damaged.leave_out(damage);
        }
        self.count()?;
        Ok(false)
    }
}

/// The pass that writes.
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
    /// Damaged records, which are left out.
    damaged: &'a mut LeftOut,
}

impl Copy<'_> {
    fn all(&mut self, reading: Reading<'_>) -> Result<Answers, Interruption> {
        let records = match reading {
            Reading::Recording(path) => self.recording(path)?,
            Reading::Source(source, part) => self.source(*source, &part)?,
        };
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

    /// Sends the records of a recording. Returns how many.
    fn recording(&mut self, path: &Path) -> Result<u64, Interruption> {
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
        Ok(records)
    }

    /// Sends the records of another source. Returns how many.
    fn source(&mut self, mut source: LocalSource, part: &Part) -> Result<u64, Interruption> {
        let topics = source.topics();
        let left = match source.remaining() {
            Remaining::Records(records) => Some(records),
            _ => None,
        };
        let stop = self.stop;
        let mut sending = Sending {
            copy: self,
            read: 0,
            left,
        };
        // What the brokers have confirmed is counted, and not what was read.
        let read = Progress::new(1, &[]).worker(0);
        let copied = local::copy(source, &topics, part, &mut sending, &read, stop);
        match copied.ended {
            Ok(()) => {}
            Err(Ended::Early(interruption)) => return Err(interruption),
            Err(Ended::Failed(error)) => return Err(Interruption::Source(error)),
        }
        Ok(copied.records)
    }

    /// Sends a record. False if it is held back.
    fn one(&mut self, frame: &Frame<'_>) -> Result<bool, Interruption> {
        let mut guard = self.guard.take();
        let sent = self.send(frame, guard.as_mut());
        self.guard = guard;
        sent
    }

    /// Whether a record is not held back.
    fn passes(&mut self, frame: &Frame<'_>) -> Result<bool, Interruption> {
        let (Some(guard), Some(target)) = (&mut self.guard, self.targets.get(frame.topic)) else {
            return Ok(true);
        };
        let admitted = guard.admit(&target.source, record_of(frame));
        Ok(admitted.map_err(Interruption::HeldBack)?.is_some())
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
