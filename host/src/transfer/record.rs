//! Reads a part of a journal, for a recording or for people.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use journal_recording::Frame;

use super::error::{Error, Incomplete, Interruption};
use super::output::NewRecording;
use super::passed::{Passed, shown};
use super::ranges::{self, Bound, Finder, PartitionChoice, Range};
use super::{figures, with_progress};
use crate::journal::batch::Topic;
use crate::journal::offsets::{Offsets, Partition, Remaining};
use crate::journal::topics::Subscription;
use crate::kafka::{self, Catalog, Message, PartitionEvent, Settings, SliceReader};
use crate::observe::progress::WorkerProgress;
use crate::pipeline::stop::Stop;
use crate::privacy::Privacy;
use crate::source::Damage;

/// Messages of one read.
const READ: usize = 1000;
/// How long one read waits.
const READ_WAIT: Duration = Duration::from_millis(100);

/// Which part of a journal, or of another source, is read.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    /// The topics.
    pub(crate) subscription: Subscription,
    /// The partitions; all of them if empty.
    pub(crate) partitions: Vec<PartitionChoice>,
    /// Where each partition begins; at its first record if absent.
    pub(crate) from: Option<Bound>,
    /// Where each partition ends; after its last record at the start of the command if absent.
    pub(crate) until: Option<Bound>,
    /// What is held back, if anything is.
    pub(crate) privacy: Option<Arc<Privacy>>,
    /// The most records that are taken in all.
    pub(crate) max_records: Option<u64>,
    /// The most records that are taken of each topic.
    pub(crate) max_records_per_topic: Option<u64>,
}

/// Takes the records that are read.
pub(super) trait TakeFrames {
    /// Takes a record. False if it is none of those that are looked for, so that it does not count.
    ///
    /// # Errors
    /// When nothing more can be taken.
    fn take(&mut self, frame: &Frame<'_>) -> Result<bool, Ended>;

    /// Takes a record whose source found it damaged. False if it does not count.
    ///
    /// # Errors
    /// When nothing more can be taken.
    fn take_damaged(&mut self, frame: &Frame<'_>, damage: &Damage) -> Result<bool, Ended>;
}

impl TakeFrames for NewRecording {
    fn take(&mut self, frame: &Frame<'_>) -> Result<bool, Ended> {
        Ok(self.write(frame).map(|()| true)?)
    }

    /// No reader of a recording could tell it from a whole one.
    fn take_damaged(&mut self, _frame: &Frame<'_>, damage: &Damage) -> Result<bool, Ended> {
        self.leave_out(damage);
        Ok(false)
    }
}

impl Part {
    /// Whether they name a part of a cluster by its partitions or positions.
    pub(super) fn names_a_part(&self) -> bool {
        !self.partitions.is_empty() || self.from.is_some() || self.until.is_some()
    }
}

/// Writes a part of a journal to a recording at `path`, with the partition, offset and timestamp of each record. It joins
/// no group and commits nothing.
///
/// # Errors
/// When the journal cannot be read to the end of that part, or the recording cannot be written.
pub(crate) fn record(
    settings: &Settings,
    part: &Part,
    path: &Path,
    stop: &Stop,
) -> Result<(), Error> {
    let cluster = ClusterPart::choose(settings, part)?;
    let topics: Vec<&Topic> = cluster.topics().collect();
    write(&topics, part, path, |output, counters| {
        cluster.copy(settings, part, output, counters, stop)
    })
}

/// Writes to a recording at `path` what `copy` hands on of these topics and passes.
///
/// # Errors
/// When not all of it could be read or written.
pub(super) fn write(
    topics: &[&Topic],
    part: &Part,
    path: &Path,
    copy: impl FnOnce(&mut dyn TakeFrames, &WorkerProgress) -> Copied + Send,
) -> Result<(), Error> {
    let shown = shown(topics.iter().copied(), part);
    let names: Vec<&str> = shown.iter().map(|topic| topic.name.as_str()).collect();
    let started = Instant::now();
    let mut output = NewRecording::create(path, &names)?;
    let done = with_progress("recording", |counters| {
        let mut passed = Passed::new(part, topics.iter().copied(), &mut output);
        copy(&mut passed, counters).finish(output, path)
    })?;
    log_done(&done, part, path, started);
    Ok(())
}

/// The topics and ranges of a part of a cluster.
pub(super) struct ClusterPart {
    topics: Vec<Topic>,
    ranges: Vec<Range>,
}

impl ClusterPart {
    /// Looks up what there is of a part.
    ///
    /// # Errors
    /// When the cluster has no such part, or cannot be asked.
    pub(super) fn choose(settings: &Settings, part: &Part) -> Result<Self, Error> {
        settings.check(Duration::ZERO)?;
        let catalog = Catalog::fetch(settings)?;
        let topics = part.subscription.choose(catalog.names());
        let mut topics = topics.map_err(|error| kafka::Error::Topics {
            brokers: settings.brokers.clone(),
            error,
        })?;
        if let Some(warning) = part.subscription.left_out(catalog.names()) {
            tracing::warn!("{warning}");
        }
        let mut chosen =
            ranges::partitions(&topics, &part.partitions, |topic| catalog.partitions(topic))?;
        if !part.partitions.is_empty() {
            (topics, chosen) = ranges::only_topics_of(topics, &chosen);
        }
        let ranges = ranges::ranges(chosen, part.from, part.until, &catalog)?;
        Ok(Self { topics, ranges })
    }

    /// Its topics.
    pub(super) fn topics(&self) -> impl Iterator<Item = &Topic> {
        self.topics.iter()
    }

    /// Reads it.
    pub(super) fn copy(
        &self,
        settings: &Settings,
        part: &Part,
        output: &mut dyn TakeFrames,
        counters: &WorkerProgress,
        stop: &Stop,
    ) -> Copied {
        let wanted = wanted(&self.ranges, self.topics.len(), part);
        let mut copy = Copy {
            finder: Finder::new(&self.ranges),
            open: self.ranges.len(),
            ranges: self.ranges.clone(),
            topics: self.topics.iter().map(|topic| (topic, 0)).collect(),
            part,
            output,
            counters,
            records: 0,
            bytes: 0,
            wanted,
        };
        let ended = copy.all(settings, stop);
        Copied {
            records: copy.records,
            bytes: copy.bytes,
            wanted: Some(wanted),
            ended,
        }
    }
}

/// What was taken of a part, and why no more.
pub(super) struct Copied {
    /// The records that were taken.
    pub(super) records: u64,
    pub(super) bytes: u64,
    /// The most records that there are, if that is known.
    pub(super) wanted: Option<u64>,
    /// Why not everything was read.
    pub(super) ended: Result<(), Ended>,
}

impl Copied {
    /// Completes a recording, also if reading ended early: what was read is worth keeping.
    pub(super) fn finish(self, output: NewRecording, path: &Path) -> Result<Done, Error> {
        let Self {
            records,
            bytes,
            wanted,
            ended,
        } = self;
        let left_out = output.left_out();
        match ended {
            Ok(()) => output.finish().map(|size| Done {
                records,
                bytes,
                size,
                left_out,
            }),
            Err(Ended::Failed(error)) => Err(*error),
            // Without a record there is nothing worth a file.
            Err(Ended::Early(Interruption::Kafka(error))) if records == 0 => Err(error.into()),
            Err(Ended::Early(interruption)) => {
                if records > 0 {
                    output.finish()?;
                }
                Err(Error::from(Box::new(Incomplete::Recorded {
                    interruption,
                    path: path.to_owned(),
                    records,
                    wanted,
                })))
            }
        }
    }
}

/// What a whole recording holds.
pub(super) struct Done {
    pub(super) records: u64,
    pub(super) bytes: u64,
    /// Bytes of the file.
    pub(super) size: u64,
    /// What the log says of the damaged records that were left out.
    pub(super) left_out: String,
}

/// Logs what a command that ended well has written.
fn log_done(done: &Done, part: &Part, path: &Path, started: Instant) {
    let figures = figures(done.records, done.bytes, started);
    let left_out = &done.left_out;
    let (size, path) = (done.size, path.display());
    let held_back = part.privacy.as_ref();
    let held_back = held_back.map_or_else(String::new, |privacy| privacy.counts().text());
    tracing::info!("{figures}{held_back}{left_out}, in {size} bytes of `{path}`");
}

/// The number of records that the ranges hold at most, within the limits.
fn wanted(ranges: &[Range], topics: usize, part: &Part) -> u64 {
    let mut held = vec![0_u64; topics];
    for range in ranges {
        held[range.topic] += range.end - range.next;
    }
    let most = part.max_records_per_topic.unwrap_or(u64::MAX);
    let all: u64 = held.into_iter().map(|held| held.min(most)).sum();
    all.min(part.max_records.unwrap_or(u64::MAX))
}

/// Why reading ended before all ranges did.
pub(super) enum Ended {
    /// The source is damaged, or nothing more can be taken.
    Failed(Box<Error>),
    /// What was read so far is worth keeping.
    Early(Interruption),
}

impl From<Error> for Ended {
    fn from(error: Error) -> Self {
        Self::Failed(Box::new(error))
    }
}

impl From<kafka::Error> for Ended {
    fn from(error: kafka::Error) -> Self {
        Self::Early(Interruption::Kafka(error))
    }
}

struct Copy<'a> {
    ranges: Vec<Range>,
    finder: Finder,
    /// The number of ranges that are not at their ends.
    open: usize,
    /// Each topic with the number of its records so far.
    topics: Vec<(&'a Topic, u64)>,
    part: &'a Part,
    output: &'a mut dyn TakeFrames,
    counters: &'a WorkerProgress,
    records: u64,
    bytes: u64,
    wanted: u64,
}

/// What a message was.
enum Step {
    /// It is done with.
    Done,
    /// It was the last one of a partition, or came after it.
    EndOf(usize),
    /// It was the last one of a topic.
    EndOfTopic(usize),
}

impl Copy<'_> {
    fn all(&mut self, settings: &Settings, stop: &Stop) -> Result<(), Ended> {
        if self.open == 0 || self.wanted == 0 {
            tracing::warn!("there is no record in this part of the journal");
            return Ok(());
        }
        let from: Offsets = self
            .ranges
            .iter()
            .map(|range| (range.partition.clone(), range.next))
            .collect();
        let mut reader = SliceReader::start(settings, &from)?;
        let mut heard = Instant::now();
        while self.open > 0 && self.records < self.wanted {
            if stop.requested() {
                return Err(Ended::Early(Interruption::Signal));
            }
            for stray in reader.read(READ, READ_WAIT)? {
                self.restart(&reader, &stray)?;
            }
            if reader.front().is_some() || !reader.is_waiting() {
                heard = Instant::now();
            } else if heard.elapsed() >= settings.broker_timeout {
                let seconds = heard.elapsed().as_secs();
                return Err(Ended::Early(Interruption::Silence(seconds)));
            }
            self.take(&mut reader)?;
            self.counters
                .show_remaining(Remaining::Records(self.wanted - self.records));
        }
        Ok(())
    }

    /// Hands over what was read.
    fn take(&mut self, reader: &mut SliceReader) -> Result<(), Ended> {
        let before = (self.records, self.bytes);
        while let Some(message) = reader.front() {
            if self.records >= self.wanted {
                break;
            }
            let step = match message.event() {
                Some(event) => self.event(reader, &event)?,
                None => self.one(message)?,
            };
            reader.advance();
            match step {
                Step::Done => {}
                Step::EndOf(index) => self.close(reader, index),
                Step::EndOfTopic(topic) => {
                    let all = 0..self.ranges.len();
                    for index in all
                        .filter(|&index| self.ranges[index].topic == topic)
                        .collect::<Vec<_>>()
                    {
                        self.close(reader, index);
                    }
                }
            }
        }
        self.counters
            .add(self.records - before.0, self.bytes - before.1);
        Ok(())
    }

    /// Hands over a record, unless it is outside of its range.
    fn one(&mut self, message: Message<'_>) -> Result<Step, Ended> {
        let (handle, number) = (message.topic_handle(), message.partition());
        let found = self
            .finder
            .of_message(handle, number, || message.topic_name());
        let Some(index) = found else {
            return Ok(Step::Done);
        };
        let range = &mut self.ranges[index];
        let offset = u64::try_from(message.offset()).unwrap_or_default();
        if offset >= range.end {
            return Ok(Step::EndOf(index));
        }
        if offset < range.next {
            return Ok(Step::Done);
        }
        range.next = offset + 1;
        let (is_last, topic) = (range.next >= range.end, range.topic);
        let (key, value) = (message.key(), message.value());
        let timestamp_ms = message.timestamp_ms();
        let (of_topic, count) = &mut self.topics[topic];
        let is_taken = self.output.take(&Frame {
            topic: &of_topic.name,
            key,
            value: (!message.is_tombstone()).then_some(value),
            partition: u32::try_from(number).ok(),
            offset: Some(offset),
            timestamp_ms: (timestamp_ms != -1).then_some(timestamp_ms),
        })?;
        if is_taken {
            *count += 1;
            self.records += 1;
        }
        self.bytes += (key.len() + value.len()) as u64;
        Ok(
            if is_taken && self.part.max_records_per_topic == Some(*count) {
                Step::EndOfTopic(topic)
            } else if is_last {
                Step::EndOf(index)
            } else {
                Step::Done
            },
        )
    }

    fn event(&mut self, reader: &mut SliceReader, event: &PartitionEvent) -> Result<Step, Ended> {
        let Some(index) = self.finder.of(&event.topic, event.partition) else {
            return Ok(Step::Done);
        };
        let range = &mut self.ranges[index];
        if event.is_end() {
            // The records before it may have been removed, so the end itself is a position.
            let end = u64::try_from(event.offset).unwrap_or_default();
            range.next = range.next.max(end);
            let is_last = range.next >= range.end;
            return Ok(if is_last {
                Step::EndOf(index)
            } else {
                Step::Done
            });
        }
        if event.is_out_of_range() {
            return Err(Ended::from(kafka::Error::RecordsRemoved {
                topic: event.topic.clone(),
                partition: event.partition,
                offset: i64::try_from(range.next).unwrap_or(i64::MAX),
                reason: event.text.clone(),
            }));
        }
        reader.note(event)?;
        Ok(Step::Done)
    }

    fn restart(&self, reader: &SliceReader, partition: &Partition) -> Result<(), kafka::Error> {
        let number = i32::try_from(partition.number).unwrap_or(i32::MAX);
        match self.finder.of(&partition.topic, number) {
            Some(index) => reader.restart(partition, self.ranges[index].next),
            None => Ok(()),
        }
    }

    /// Reads no more of a range.
    fn close(&mut self, reader: &mut SliceReader, index: usize) {
        let range = &mut self.ranges[index];
        if reader.finish(&range.partition) {
            // Messages that were read already are beyond it.
            range.end = range.end.min(range.next);
            self.open -= 1;
        }
    }
}
