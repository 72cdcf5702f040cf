//! Writes a part of a journal to a recording.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use journal_recording::Frame;

use super::error::{Error, Incomplete, Interruption};
use super::output::NewRecording;
use super::ranges::{self, Bound, Finder, PartitionChoice, Range};
use super::{figures, with_progress};
use crate::journal::batch::Topic;
use crate::journal::offsets::{Offsets, Partition, Remaining};
use crate::journal::topics::Subscription;
use crate::kafka::{self, Catalog, Message, PartitionEvent, Settings, SliceReader};
use crate::observe::progress::WorkerProgress;
use crate::pipeline::stop::Stop;

/// Messages of one read.
const READ: usize = 1000;
/// How long one read waits.
const READ_WAIT: Duration = Duration::from_millis(100);

/// What is recorded.
#[derive(Clone, Debug)]
pub(crate) struct RecordOptions {
    /// The file.
    pub(crate) output: PathBuf,
    /// The topics.
    pub(crate) subscription: Subscription,
    /// The partitions; all of them if empty.
    pub(crate) partitions: Vec<PartitionChoice>,
    /// Where each partition begins; at its first record if absent.
    pub(crate) from: Option<Bound>,
    /// Where each partition ends; after its last record at the start of the command if absent.
    pub(crate) until: Option<Bound>,
    /// The most records in all.
    pub(crate) max_records: Option<u64>,
    /// The most records of each topic.
    pub(crate) max_records_per_topic: Option<u64>,
}

impl RecordOptions {
    /// Whether they name a part of a cluster by its partitions or positions.
    pub(super) fn names_a_part(&self) -> bool {
        !self.partitions.is_empty() || self.from.is_some() || self.until.is_some()
    }
}

/// Writes a part of a journal to a recording, with the partition, offset and timestamp of each record. It joins no group
/// and commits nothing.
///
/// # Errors
/// When the journal cannot be read to the end of that part, or the recording cannot be written.
pub(crate) fn record(
    settings: &Settings,
    options: &RecordOptions,
    stop: &Stop,
) -> Result<(), Error> {
    settings.check(Duration::ZERO)?;
    let catalog = Catalog::fetch(settings)?;
    let topics = options.subscription.choose(catalog.names());
    let topics = topics.map_err(|error| kafka::Error::Topics {
        brokers: settings.brokers.clone(),
        error,
    })?;
    let chosen = ranges::partitions(&topics, &options.partitions, |topic| {
        catalog.partitions(topic)
    })?;
    let ranges = ranges::ranges(chosen, options.from, options.until, &catalog)?;
    let names: Vec<&str> = topics.iter().map(|topic| topic.name.as_str()).collect();
    let started = Instant::now();
    let output = NewRecording::create(&options.output, &names)?;
    let wanted = wanted(&ranges, topics.len(), options);
    let done = with_progress("recording", |counters| {
        let mut copy = Copy {
            finder: Finder::new(&ranges),
            open: ranges.len(),
            ranges,
            topics: topics.into_iter().map(|topic| (topic, 0)).collect(),
            options,
            output,
            counters,
            records: 0,
            bytes: 0,
            wanted,
        };
        let ended = copy.all(settings, stop);
        copy.finish(ended)
    })?;
    log_done(&done, &options.output, started);
    Ok(())
}

/// What a whole recording holds.
pub(super) struct Done {
    pub(super) records: u64,
    pub(super) bytes: u64,
    /// Bytes of the file.
    pub(super) size: u64,
}

/// Logs what a command that ended well has written.
pub(super) fn log_done(done: &Done, path: &Path, started: Instant) {
    let figures = figures(done.records, done.bytes, started);
    let (size, path) = (done.size, path.display());
    tracing::info!("{figures}, in {size} bytes of `{path}`");
}

/// The number of records that the ranges hold at most, within the limits.
fn wanted(ranges: &[Range], topics: usize, options: &RecordOptions) -> u64 {
    let mut held = vec![0_u64; topics];
    for range in ranges {
        held[range.topic] += range.end - range.next;
    }
    let most = options.max_records_per_topic.unwrap_or(u64::MAX);
    let all: u64 = held.into_iter().map(|held| held.min(most)).sum();
    all.min(options.max_records.unwrap_or(u64::MAX))
}

/// Why recording ended before all ranges did.
enum Ended {
    /// The file cannot be written.
    Output(Error),
    /// What was read so far is a valid recording.
    Early(Interruption),
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
    topics: Vec<(Topic, u64)>,
    options: &'a RecordOptions,
    output: NewRecording,
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

    /// Writes what was read.
    fn take(&mut self, reader: &mut SliceReader) -> Result<(), Ended> {
        let before = (self.records, self.bytes);
        while let Some(message) = reader.front() {
            if self.records >= self.wanted {
                break;
            }
            let step = match message.event() {
                Some(event) => self.event(reader, &event)?,
                None => self.one(message).map_err(Ended::Output)?,
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

    /// Writes a record, unless it is outside of its range.
    fn one(&mut self, message: Message<'_>) -> Result<Step, Error> {
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
        self.output.write(&Frame {
            topic: &of_topic.name,
            key,
            value: (!message.is_tombstone()).then_some(value),
            partition: u32::try_from(number).ok(),
            offset: Some(offset),
            timestamp_ms: (timestamp_ms != -1).then_some(timestamp_ms),
        })?;
        *count += 1;
        self.records += 1;
        self.bytes += (key.len() + value.len()) as u64;
        Ok(if self.options.max_records_per_topic == Some(*count) {
            Step::EndOfTopic(topic)
        } else if is_last {
            Step::EndOf(index)
        } else {
            Step::Done
        })
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

    /// Completes the recording, also if it ended early: what was read is worth keeping.
    fn finish(self, ended: Result<(), Ended>) -> Result<Done, Error> {
        let (records, bytes) = (self.records, self.bytes);
        let done = |size| Done {
            records,
            bytes,
            size,
        };
        match ended {
            Ok(()) => self.output.finish().map(done),
            Err(Ended::Output(error)) => Err(error),
            // Without a record there is nothing worth a file.
            Err(Ended::Early(Interruption::Kafka(error))) if records == 0 => Err(error.into()),
            Err(Ended::Early(interruption)) => {
                if records > 0 {
                    self.output.finish()?;
                }
                Err(Error::from(Box::new(Incomplete::Recorded {
                    interruption,
                    path: self.options.output.clone(),
                    records,
                    wanted: Some(self.wanted),
                })))
            }
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
