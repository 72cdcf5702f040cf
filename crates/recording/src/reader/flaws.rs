//! What is wrong with a recording, as errors that name it and where in it that is.

use std::io::{self, Read};

use journal_msgpack::{Cursor, Head};

use super::{MAX_RECORD_BYTES, MAX_TOPICS, Reader};
use crate::error::Error;
use crate::input::Needed;
use crate::layout::topic_of_part;
use crate::topic::shown;
use crate::writer::MAX_OVERHEAD_BYTES;

/// The most bytes before a text, binary data or the members of an array, and those of a number.
const MAX_HEAD_BYTES: usize = 9;

impl<R: Read> Reader<R> {
    pub(super) fn read_error(&self, source: io::Error) -> Error {
        Error::Read {
            recording: self.recording.clone(),
            source,
        }
    }

    pub(super) fn not_a_recording(&self, reason: &'static str) -> Error {
        Error::NotARecording {
            recording: self.recording.clone(),
            reason,
        }
    }

    pub(super) fn cut_short(&self) -> Error {
        Error::CutShort {
            recording: self.recording.clone(),
            records: self.records,
            bytes: self.input.consumed(),
        }
    }

    pub(super) fn damaged(&self, reason: &'static str) -> Error {
        Error::Damaged {
            recording: self.recording.clone(),
            records: self.records,
            bytes: self.input.consumed(),
            reason,
        }
    }

    pub(super) fn bad_topic_name(&self, name: &[u8]) -> Error {
        Error::BadTopicName {
            recording: self.recording.clone(),
            name: shown(name),
        }
    }

    pub(super) fn too_many_topics(&self) -> Error {
        Error::TooManyTopics {
            recording: self.recording.clone(),
            limit: MAX_TOPICS,
        }
    }

    pub(super) fn large_header(&self) -> Error {
        self.not_a_recording("begins with a header of more than 1 MiB")
    }

    /// A record of at least this many bytes. Nothing can be read after it.
    pub(super) fn too_large(&mut self, bytes: usize) -> Error {
        let topic = topic_of_part(self.input.available());
        let (partition, offset) = self.skim_position().unwrap_or_default();
        Error::TooLarge {
            recording: self.recording.clone(),
            records: self.records,
            topic,
            partition,
            offset,
            bytes,
            limit: match self.limit {
                MAX_RECORD_BYTES => MAX_RECORD_BYTES,
                limit => limit - MAX_OVERHEAD_BYTES,
            },
        }
    }
}

impl<R: Read> Reader<R> {
    /// The partition and the offset of the record at hand, which come after its value. The bytes before them are passed
    /// over and take no memory.
    fn skim_position(&mut self) -> Option<(Option<u32>, Option<u64>)> {
        if self.skim_head()? != Head::Array(6) {
            return None;
        }
        let mut most = MAX_RECORD_BYTES;
        for _ in ["topic", "key", "value"] {
            if let Head::Str(length) | Head::Bin(length) = self.skim_head()? {
                let length = length as usize;
                most = most.checked_sub(length)?;
                self.skim(length)?;
            }
        }
        let mut number = || match self.skim_head()? {
            Head::Uint(number) => Some(Some(number)),
            Head::Nil => Some(None),
            _ => None,
        };
        let (partition, offset) = (number()?, number()?);
        Some((
            partition.and_then(|number| u32::try_from(number).ok()),
            offset,
        ))
    }

    fn skim_head(&mut self) -> Option<Head> {
        while self.input.available().len() < MAX_HEAD_BYTES {
            if !self.input.fill(Needed::Exactly(MAX_HEAD_BYTES)).ok()? {
                break;
            }
        }
        let mut cursor = Cursor::new(self.input.available());
        let head = cursor.head().ok()?;
        let length = cursor.offset();
        self.input.consume(length);
        Some(head)
    }

    fn skim(&mut self, mut length: usize) -> Option<()> {
        loop {
            let passed = length.min(self.input.available().len());
            self.input.consume(passed);
            length -= passed;
            if length == 0 {
                return Some(());
            }
            if !self.input.fill(Needed::Exactly(1)).ok()? {
                return None;
            }
        }
    }
}
