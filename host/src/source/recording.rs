//! Records from a recording: a journal in a file, read once from its beginning to its end.

mod error;
mod topics;

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use journal_recording::{Frame, Reader};

pub use self::error::Error;
use self::topics::{Topics, Wanted};
use super::{BatchLimits, Event, Source, SourceError, Wait};
use crate::journal::batch::{Batches, RecordRef};
use crate::observe::progress::Share;
use crate::pipeline::quota::RecordQuota;
use crate::sandbox::ObjectTypes;

/// Frames that one [`Source::take`] passes over at most, so that a worker that wants few of them
/// looks up now and then.
const FRAMES_A_TAKE: usize = 100_000;

/// What is read, and how it is cut into calls.
#[derive(Clone, Debug)]
pub struct Options {
    /// The recording.
    pub path: PathBuf,
    /// What the names of its topics begin with: `swh.journal.objects`.
    pub prefix: String,
    /// Whether a privileged topic is preferred to the public one; without this it is never read.
    pub privileged: bool,
    /// The object types to read.
    pub object_types: ObjectTypes,
    /// Whether tombstones are wanted.
    pub tombstones: bool,
    /// What one `process` call may be made of.
    pub limits: BatchLimits,
}

/// A recording as a [`Source`]. Its position cannot be committed: it is read once.
pub struct Recording {
    reader: Reader<File>,
    topics: Topics,
    options: Options,
    quota: Arc<RecordQuota>,
    /// Records handed out whose claims are not confirmed.
    unconfirmed: usize,
    share: Arc<Share>,
}

/// What became of a frame.
enum Step {
    Taken,
    PassedOver,
    /// It begins the next call.
    Full,
    End,
}

impl Recording {
    /// Opens the recording and chooses its topics; `share` is told how much of it is read.
    ///
    /// Without a header the whole file is read once before, to know the topics.
    ///
    /// # Errors
    /// When it cannot be read, or lacks the topics.
    pub fn open(
        options: Options,
        quota: Arc<RecordQuota>,
        share: Arc<Share>,
    ) -> Result<Self, Error> {
        let reader = Reader::open(&options.path)?;
        let size = options
            .path
            .metadata()
            .ok()
            .filter(std::fs::Metadata::is_file);
        let bytes = size.map(|metadata| metadata.len());
        let names = match reader.topics() {
            Some(names) => names.to_vec(),
            None if bytes.is_none() => {
                return Err(Error::ReadOnce {
                    place: reader.name().clone(),
                });
            }
            None => Reader::open(&options.path)?.count()?.into_keys().collect(),
        };
        let wanted = Wanted {
            prefix: &options.prefix,
            object_types: &options.object_types,
            privileged: options.privileged,
        };
        share.total.store(bytes.unwrap_or(0), Ordering::Relaxed);
        let topics = Topics::choose(&names, reader.format(), &wanted, reader.name())?;
        Ok(Self {
            reader,
            topics,
            options,
            quota,
            unconfirmed: 0,
            share,
        })
    }

    fn fill(&mut self, batches: &mut Batches) -> Result<Event, Error> {
        let claimed = self.quota.claim(self.options.limits.records);
        let filled = self.fill_with(claimed, batches);
        let taken = batches.records();
        self.quota.give_back(claimed - taken);
        self.unconfirmed += taken;
        let read = self.reader.bytes_read();
        self.share.read.store(read, Ordering::Relaxed);
        filled
    }

    /// Fills `batches` with up to `records`.
    fn fill_with(&mut self, records: usize, batches: &mut Batches) -> Result<Event, Error> {
        let mut ended = records == 0;
        for _ in 0..FRAMES_A_TAKE {
            if batches.records() == records {
                break;
            }
            match self.step(batches)? {
                Step::Taken | Step::PassedOver => {}
                Step::Full => break,
                Step::End => {
                    ended = true;
                    break;
                }
            }
        }
        Ok(match (batches.is_empty(), ended) {
            (false, _) => Event::Records,
            (true, false) => Event::Idle,
            (true, true) => Event::End,
        })
    }

    fn step(&mut self, batches: &mut Batches) -> Result<Step, Error> {
        let Some(frame) = self.reader.next_frame()? else {
            return Ok(Step::End);
        };
        let Some((topic, ordinal)) = self.topics.find(frame.topic) else {
            let topic = frame.topic.to_owned();
            return Err(Error::UnlistedTopic {
                place: self.reader.name().clone(),
                topic,
            });
        };
        let record = record(&frame, ordinal);
        let wanted = topic.filter(|_| self.options.tombstones || !record.value.is_empty());
        let Some(topic) = wanted else {
            self.topics.count();
            return Ok(Step::PassedOver);
        };
        let bytes = record.key.len() + record.value.len();
        if bytes > self.options.limits.largest_record() {
            return Err(Error::RecordTooLarge {
                topic: topic.name.clone(),
                partition: record.partition,
                offset: record.offset,
                bytes,
                memory_limit_bytes: self.options.limits.memory_limit_bytes,
            });
        }
        if !batches.is_empty() && batches.bytes() + bytes > self.options.limits.bytes {
            self.reader.put_back();
            return Ok(Step::Full);
        }
        batches.push(topic, record)?;
        self.topics.count();
        Ok(Step::Taken)
    }
}

/// A frame as a record; `ordinal` stands in for an offset that was not recorded.
fn record<'a>(frame: &Frame<'a>, ordinal: u64) -> RecordRef<'a> {
    RecordRef {
        partition: frame.partition.unwrap_or(0),
        offset: frame.offset.unwrap_or(ordinal),
        timestamp_ms: frame.timestamp_ms.unwrap_or(-1),
        key: frame.key,
        value: frame.value.unwrap_or_default(),
    }
}

impl Source for Recording {
    fn take(&mut self, batches: &mut Batches, _wait: Duration) -> Result<Event, SourceError> {
        Ok(self.fill(batches)?)
    }

    fn commit(&mut self, _wait: Wait) -> Result<(), SourceError> {
        self.quota.confirm(std::mem::take(&mut self.unconfirmed));
        Ok(())
    }

    fn release(&mut self) -> Result<(), SourceError> {
        Ok(())
    }

    fn close(&mut self) {
        self.quota.give_back(std::mem::take(&mut self.unconfirmed));
    }
}

#[cfg(test)]
mod tests;
