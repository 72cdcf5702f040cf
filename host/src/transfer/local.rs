//! Reads a part of a source that is no cluster, for a recording or for people.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use journal_recording::{Frame, MAX_RECORD_BYTES};

use super::error::{Error, Interruption};
use super::record::{self, Copied, Ended, Part, TakeFrames};
use crate::journal::batch::{Batch, Batches, Columns, Topic};
use crate::observe::progress::WorkerProgress;
use crate::pipeline::stop::Stop;
use crate::source::local::{self, Local, LocalSource};
use crate::source::{BatchLimits, Damage, Event, Source};

/// One record at a time, so that records of different topics keep their order.
const LIMITS: BatchLimits = BatchLimits {
    records: 1,
    bytes: usize::MAX,
    memory_limit_bytes: 2 * MAX_RECORD_BYTES,
};

/// Writes records of a source that is no cluster to a recording at `path`.
///
/// # Errors
/// When the source cannot be read to its end, the options name a part of a cluster, or the recording cannot be written.
pub(crate) fn record_local(
    local: Local,
    part: &Part,
    path: &Path,
    stop: &Stop,
) -> Result<(), Error> {
    if part.names_a_part() {
        return Err(Error::NoPartOfACluster);
    }
    let source = open(local, part)?;
    // Opening may take long, and a signal ends it at once.
    stop.begin();
    let topics = source.topics();
    let read: Vec<&Topic> = topics.iter().map(|topic| &**topic).collect();
    record::write(&read, part, path, |output, counters| {
        copy(source, &topics, part, output, counters, stop)
    })
}

/// Opens the source, and chooses the topics of the part.
///
/// # Errors
/// When it cannot be read, or lacks the topics.
pub(super) fn open(local: Local, part: &Part) -> Result<LocalSource, Error> {
    let source = local::Options {
        local,
        subscription: part.subscription.clone(),
        tombstones: true,
        // Frames pass a guard after they are read.
        privacy: None,
        largest_record: LIMITS.largest_record(),
    };
    Ok(source.open()?)
}

/// Reads the source from its beginning, until there are as many records as the part may have. Partitions and positions
/// of the part are ignored.
pub(super) fn copy(
    source: LocalSource,
    topics: &[Arc<Topic>],
    part: &Part,
    output: &mut dyn TakeFrames,
    counters: &WorkerProgress,
    stop: &Stop,
) -> Copied {
    let mut copy = Copy {
        source,
        topics: topics.iter().map(|topic| (&*topic.name, 0)).collect(),
        part,
        output,
        counters,
        records: 0,
        bytes: 0,
    };
    let ended = copy.all(stop);
    Copied {
        records: copy.records,
        bytes: copy.bytes,
        wanted: None,
        ended,
    }
}

struct Copy<'a> {
    source: LocalSource,
    /// Each topic with the number of its records so far.
    topics: Vec<(&'a str, u64)>,
    part: &'a Part,
    output: &'a mut dyn TakeFrames,
    counters: &'a WorkerProgress,
    records: u64,
    bytes: u64,
}

impl Copy<'_> {
    /// Reads to the end.
    fn all(&mut self, stop: &Stop) -> Result<(), Ended> {
        let mut batches = Batches::new(Columns::ALL);
        self.source.begin().map_err(Error::from)?;
        while !self.is_enough() {
            if stop.requested() {
                return Err(Ended::Early(Interruption::Signal));
            }
            batches.clear();
            if self.step(&mut batches)? {
                break;
            }
        }
        Ok(())
    }

    /// Hands over what one poll brings. True at the end.
    fn step(&mut self, batches: &mut Batches) -> Result<bool, Ended> {
        let polled = self.source.poll(batches, LIMITS, None, Duration::ZERO);
        match polled.map_err(Error::from)? {
            Event::Records => self.take_all(batches, None)?,
            Event::Damaged(damage) => self.take_all(batches, Some(&damage))?,
            Event::End => return Ok(true),
            Event::Idle | Event::Assigned(_) | Event::Revoking(_) | Event::Lost(_) => {}
        }
        Ok(false)
    }

    fn take_all(&mut self, batches: &Batches, damage: Option<&Damage>) -> Result<(), Ended> {
        for batch in batches.as_slice() {
            self.take(batch, damage)?;
        }
        self.counters.show_remaining(self.source.remaining());
        Ok(())
    }

    /// Whether there are as many records as were asked for.
    fn is_enough(&self) -> bool {
        let most = self.part.max_records_per_topic;
        let is_full = |(_, count): &(_, u64)| most.is_some_and(|most| *count >= most);
        let most = self.part.max_records;
        most.is_some_and(|most| self.records >= most) || self.topics.iter().all(is_full)
    }

    /// Hands over the one record of a batch, which may be damaged.
    fn take(&mut self, batch: &Batch, damage: Option<&Damage>) -> Result<(), Ended> {
        let most = self.part.max_records_per_topic;
        let topic = self.topics.iter_mut();
        let topic = topic.filter(|(name, _)| *name == batch.topic.name);
        let Some((_, count)) = topic.last() else {
            return Ok(());
        };
        if most.is_some_and(|most| *count >= most) {
            return Ok(());
        }
        let timestamp_ms = batch.timestamps.first().copied().unwrap_or(-1);
        let frame = Frame {
            topic: &batch.topic.name,
            key: &batch.keys,
            value: (!batch.values.is_empty()).then_some(&batch.values),
            partition: batch.partitions.first().copied(),
            offset: batch.offsets.first().copied(),
            timestamp_ms: (timestamp_ms != -1).then_some(timestamp_ms),
        };
        let is_taken = match damage {
            None => self.output.take(&frame)?,
            Some(damage) => self.output.take_damaged(&frame, damage)?,
        };
        let bytes = (batch.keys.len() + batch.values.len()) as u64;
        if is_taken {
            *count += 1;
            self.records += 1;
        }
        self.bytes += bytes;
        self.counters.add(1, bytes);
        Ok(())
    }
}
