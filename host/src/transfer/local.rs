//! Writes records of a source that is no cluster to a recording.

use std::task::Poll;
use std::time::{Duration, Instant};

use journal_recording::{Frame, MAX_RECORD_BYTES};

use super::error::{Error, Incomplete, Interruption};
use super::output::NewRecording;
use super::record::{Done, RecordOptions, log_done};
use super::with_progress;
use crate::journal::batch::{Batch, Batches, Columns};
use crate::journal::offsets::Start;
use crate::observe::progress::WorkerProgress;
use crate::pipeline::stop::Stop;
use crate::source::local::{self, Local};
use crate::source::{BatchLimits, Event, Source};

/// One record at a time, so that records of different topics keep their order.
const LIMITS: BatchLimits = BatchLimits {
    records: 1,
    bytes: usize::MAX,
    memory_limit_bytes: 2 * MAX_RECORD_BYTES,
};

/// Writes records of a source that is no cluster to a recording.
///
/// # Errors
/// When the source cannot be read to its end, the options name a part of a cluster, or the recording cannot be written.
pub(crate) fn record_local(
    local: Local,
    options: &RecordOptions,
    stop: &Stop,
) -> Result<(), Error> {
    if options.names_a_part() {
        return Err(Error::NoPartOfACluster);
    }
    let source = local::Options {
        local,
        subscription: options.subscription.clone(),
        tombstones: true,
        largest_record: LIMITS.largest_record(),
    };
    let source = source.open()?;
    let topics = source.topics();
    let names: Vec<&str> = topics.iter().map(|topic| topic.name.as_str()).collect();
    let started = Instant::now();
    let output = NewRecording::create(&options.output, &names)?;
    let done = with_progress("recording", |counters| {
        let mut copy = Copy {
            source: source.into_source(),
            topics: names.iter().map(|name| (*name, 0)).collect(),
            options,
            output,
            counters,
            records: 0,
            bytes: 0,
        };
        let ended = copy.all(stop);
        copy.finish(ended)
    })?;
    log_done(&done, &options.output, started);
    Ok(())
}

struct Copy<'a> {
    source: Box<dyn Source>,
    /// Each topic with the number of its records so far.
    topics: Vec<(&'a str, u64)>,
    options: &'a RecordOptions,
    output: NewRecording,
    counters: &'a WorkerProgress,
    records: u64,
    bytes: u64,
}

impl Copy<'_> {
    /// Copies to the end. True if a signal ended it before.
    fn all(&mut self, stop: &Stop) -> Result<bool, Error> {
        let mut batches = Batches::new(Columns::ALL);
        while !self.is_enough() {
            if stop.requested() {
                return Ok(true);
            }
            batches.clear();
            match self
                .source
                .poll(&mut batches, LIMITS, None, Duration::ZERO)?
            {
                Event::Assigned(all) => {
                    if let Poll::Ready(start) = self.source.resolve(&all, Start::Earliest)? {
                        self.source.assign(&start)?;
                    }
                }
                Event::Records => {
                    for batch in batches.as_slice() {
                        self.write(batch)?;
                    }
                    self.counters.show_remaining(self.source.remaining());
                }
                Event::End => break,
                Event::Idle | Event::Revoking(_) | Event::Lost(_) => {}
            }
        }
        Ok(false)
    }

    /// Whether there are as many records as were asked for.
    fn is_enough(&self) -> bool {
        let most = self.options.max_records_per_topic;
        let is_full = |(_, count): &(_, u64)| most.is_some_and(|most| *count >= most);
        let most = self.options.max_records;
        most.is_some_and(|most| self.records >= most) || self.topics.iter().all(is_full)
    }

    /// Writes the one record of a batch.
    fn write(&mut self, batch: &Batch) -> Result<(), Error> {
        let most = self.options.max_records_per_topic;
        let topic = self.topics.iter_mut();
        let topic = topic.filter(|(name, _)| *name == batch.topic.name);
        let Some((_, count)) = topic.last() else {
            return Ok(());
        };
        if most.is_some_and(|most| *count >= most) {
            return Ok(());
        }
        let timestamp_ms = batch.timestamps.first().copied().unwrap_or(-1);
        self.output.write(&Frame {
            topic: &batch.topic.name,
            key: &batch.keys,
            value: (!batch.values.is_empty()).then_some(&batch.values),
            partition: batch.partitions.first().copied(),
            offset: batch.offsets.first().copied(),
            timestamp_ms: (timestamp_ms != -1).then_some(timestamp_ms),
        })?;
        *count += 1;
        let bytes = (batch.keys.len() + batch.values.len()) as u64;
        self.records += 1;
        self.bytes += bytes;
        self.counters.add(1, bytes);
        Ok(())
    }

    /// Completes the recording. What was read before a signal is worth keeping.
    fn finish(self, ended: Result<bool, Error>) -> Result<Done, Error> {
        let was_stopped = ended?;
        let (records, bytes) = (self.records, self.bytes);
        let path = &self.options.output;
        let is_kept = records > 0 || !was_stopped;
        let size = if is_kept { self.output.finish()? } else { 0 };
        if was_stopped {
            return Err(Error::from(Box::new(Incomplete::Recorded {
                interruption: Interruption::Signal,
                path: path.clone(),
                records,
                wanted: None,
            })));
        }
        Ok(Done {
            records,
            bytes,
            size,
        })
    }
}
