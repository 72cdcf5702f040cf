//! Records from recordings: a journal in files, which are read one after another from the first record to the last one.
//!
//! The position is the number of frames before it, of all files together: offsets may be missing from frames, and nothing
//! vouches for their order. Several workers divide the files by the indexes of their chunks, and each of them reads frames
//! that follow each other.

mod division;
mod error;
mod files;
mod identity;
mod topics;

use std::path::PathBuf;
use std::sync::Arc;

use journal_recording::{Format, Frame, RecordingName};

use self::division::{Share, Undivided, divide};
pub(crate) use self::error::Error;
use self::files::{Content, Files};
pub(crate) use self::files::{is_standard_input, shown};
use self::identity::identity;
use self::topics::Topics;
use super::local::{Sequence, filled, push};
use super::{BatchLimits, Event, SourceError};
use crate::journal::batch::{Batches, RecordRef, Topic};
use crate::journal::offsets::{Partition, Remaining};
use crate::journal::topics::Subscription;
use crate::privacy::Guard;
use crate::text::plural;

/// Frames that one poll passes over at most, so that a worker that wants few of them looks up now and then.
const FRAMES_A_POLL: usize = 100_000;

/// What is read.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// The files, in the order in which they are read; `-` is standard input.
    pub files: Vec<PathBuf>,
    /// Which of their topics are read.
    pub subscription: Subscription,
    /// Whether tombstones are handed out.
    pub tombstones: bool,
    /// Bytes of key and value of the largest record: a larger one is refused before it is read.
    pub largest_record: usize,
}

/// The records of recordings.
pub(crate) struct Recording {
    files: Files,
    topics: Topics,
    options: Options,
    /// Whether the format is that of frames, which may have offsets.
    has_frames: bool,
    /// All files together, and the number of the part, where several workers read.
    partition: Partition,
    /// The position of the first frame.
    first: u64,
    /// The position.
    frames: u64,
}

/// What one step did with a frame.
enum Step {
    Taken,
    PassedOver,
    /// It begins the next call.
    Full,
    End,
}

impl Recording {
    /// Opens the recordings and chooses their topics.
    ///
    /// One without a header is read once before, to know the topics.
    ///
    /// # Errors
    /// When they cannot be read, or lack the topics.
    pub(crate) fn open(options: Options) -> Result<Self, Error> {
        let (files, Content { names, format }) =
            Files::open(&options.files, options.largest_record)?;
        let topics = Topics::choose(&names, format, &options.subscription);
        let topics = topics.map_err(|error| Error::Topics {
            recording: match &options.files[..] {
                [_] => files.current().clone(),
                all => RecordingName::file(shown(all).as_ref()),
            },
            error,
        })?;
        let partition = Partition {
            topic: shown(&options.files).into(),
            number: 0,
        };
        Ok(Self {
            files,
            topics,
            options,
            has_frames: format == Format::Frames,
            partition,
            first: 0,
            frames: 0,
        })
    }

    /// The same for several workers, each of which reads a part of the recordings. There is one part for one worker where
    /// a recording has no index, and no more parts than chunks.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub(crate) fn open_divided(options: Options, workers: usize) -> Result<Vec<Self>, Error> {
        let whole = Self::open(options)?;
        let shown = shown(&whole.options.files);
        if !whole.has_frames {
            tracing::info!("one worker reads `{shown}`: streams have no index");
            return Ok(vec![whole]);
        }
        let shares = match divide(&whole.options.files, workers) {
            Ok(shares) => shares,
            Err(Undivided::NoIndex(recording)) => {
                tracing::info!(
                    "one worker reads `{shown}`: {recording} has no index; `journal-host record` makes a copy with one"
                );
                return Ok(vec![whole]);
            }
            Err(Undivided::Damaged(recording, reason)) => {
                tracing::warn!(
                    "one worker reads `{shown}`: the index of {recording} is damaged: it {reason}"
                );
                return Ok(vec![whole]);
            }
            Err(Undivided::Failed(error)) => return Err(error),
        };
        if shares.len() < workers {
            let chunks = plural(shares.len(), "chunk");
            tracing::info!("`{shown}` has {chunks}, each of which one worker reads");
        }
        let part = |(number, share): (u32, Share)| {
            Ok(Self {
                files: Files::of_parts(share.parts, whole.options.largest_record)?,
                topics: whole.topics.clone(),
                options: whole.options.clone(),
                has_frames: true,
                partition: Partition {
                    number,
                    ..whole.partition.clone()
                },
                first: share.first_record,
                frames: share.first_record,
            })
        };
        (0..).zip(shares).map(part).collect()
    }

    fn step(
        &mut self,
        into: &mut Batches,
        limits: BatchLimits,
        guard: Option<&mut Guard>,
    ) -> Result<Step, SourceError> {
        let are_chunks = self.files.are_chunks();
        let Some(frame) = self.files.reader().next_frame().map_err(Error::from)? else {
            let has_more = self.files.advance()?;
            return Ok(if has_more {
                Step::PassedOver
            } else {
                Step::End
            });
        };
        let Some((topic, ordinal)) = self.topics.find(frame.topic) else {
            let topic = frame.topic.to_owned();
            let recording = self.files.current().clone();
            return Err(Error::UnlistedTopic { recording, topic }.into());
        };
        if are_chunks && frame.offset.is_none() {
            // Its index among all records is not known here, and only an index that lies covers such a record.
            return Err(self.files.wrong_index().into());
        }
        let record = record(&frame, ordinal);
        let wanted = topic.filter(|_| self.options.tombstones || !record.value.is_empty());
        let Some(topic) = wanted else {
            self.pass();
            return Ok(Step::PassedOver);
        };
        let bytes = record.key.len() + record.value.len();
        if !into.is_empty() && into.bytes() + bytes > limits.bytes {
            self.files.reader().put_back();
            return Ok(Step::Full);
        }
        let too_large = |bytes| {
            let error = Error::RecordTooLarge {
                topic: topic.name.clone(),
                partition: record.partition,
                offset: record.offset,
                bytes,
                memory_limit_bytes: limits.memory_limit_bytes,
            };
            error.into()
        };
        push(into, topic, record, limits, guard, too_large)?;
        self.pass();
        Ok(Step::Taken)
    }

    /// The frame read last is done.
    fn pass(&mut self) {
        self.topics.count();
        self.frames += 1;
    }

    /// Reads to this frame, from the beginning of the first file if the frame was read already.
    fn read_to(&mut self, frames: u64) -> Result<(), Error> {
        if frames < self.frames {
            self.files.start_over()?;
            self.topics.start_over();
            self.frames = self.first;
        }
        while self.frames < frames {
            let Some(frame) = self.files.reader().next_frame()? else {
                if self.files.advance()? {
                    continue;
                }
                break;
            };
            // The topic is looked up so that its records are counted.
            if self.topics.find(frame.topic).is_some() {
                self.topics.count();
            }
            self.frames += 1;
        }
        Ok(())
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

impl Sequence for Recording {
    fn name(&self) -> String {
        shown(&self.options.files)
    }

    fn topics(&self) -> Vec<Arc<Topic>> {
        self.topics.read().cloned().collect()
    }

    fn other_topics(&self) -> Vec<&str> {
        self.topics.unread().collect()
    }

    fn fill(
        &mut self,
        into: &mut Batches,
        limits: BatchLimits,
        end: Option<u64>,
        mut guard: Option<&mut Guard>,
    ) -> Result<Event, SourceError> {
        let mut ended = false;
        for _ in 0..FRAMES_A_POLL {
            let is_enough = into.records() == limits.records;
            if is_enough || end.is_some_and(|end| self.frames >= end) {
                break;
            }
            match self.step(into, limits, guard.as_deref_mut())? {
                Step::Taken | Step::PassedOver => {}
                Step::Full => break,
                Step::End => {
                    ended = true;
                    break;
                }
            }
        }
        Ok(filled(into, ended))
    }

    fn position(&self) -> u64 {
        self.frames
    }

    fn first(&self) -> u64 {
        self.first
    }

    fn go_to(&mut self, position: u64) -> Result<(), SourceError> {
        Ok(self.read_to(position)?)
    }

    fn check_rereading(&self) -> Result<(), SourceError> {
        Ok(self.files.check_rereading()?)
    }

    fn partitions(&self) -> Vec<Partition> {
        vec![self.partition.clone()]
    }

    fn remaining(&self) -> Remaining {
        let (read, total) = self.files.progress();
        Remaining::Bytes { read, total }
    }

    fn data_digest(&self) -> Option<Vec<u8>> {
        identity(&self.options.files)
    }
}

#[cfg(test)]
mod tests;
