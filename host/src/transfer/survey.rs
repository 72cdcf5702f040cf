//! What the topics have to fit, before any is created: of a recording, a first pass finds it, and damage as well.

use std::collections::BTreeMap;
use std::path::Path;

use journal_recording::{Format, MAX_TOPICS, Reader};

use super::error::{Error, Incomplete, Interruption};
use crate::journal::offsets::Remaining;
use crate::observe::progress::WorkerProgress;
use crate::pipeline::stop::Stop;
use crate::source::Source as _;
use crate::source::local::LocalSource;

/// The number of records after which the progress is shown and a signal is noticed.
pub(super) const LOOK_EVERY: u64 = 1024;

/// What a recording or another source holds.
#[derive(Debug)]
pub(super) struct Survey {
    pub(super) format: Format,
    pub(super) topics: BTreeMap<String, Seen>,
    pub(super) records: u64,
}

/// What it holds of one topic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// One more than the largest partition that was recorded; 0 where none was.
    pub(super) partitions: u32,
    /// Bytes of the largest record; 0 where that is not known.
    pub(super) largest: usize,
}

impl Survey {
    /// What a source says of itself. It may be too large for two passes, so that a record that a topic does not take is found
    /// when it is sent.
    pub(super) fn of_source(source: &mut LocalSource) -> Self {
        let topics = source.topics();
        let names = topics.iter().map(|topic| topic.name.clone());
        let mut topics: BTreeMap<String, Seen> =
            names.map(|name| (name, Seen::default())).collect();
        for partition in source.starts().into_keys() {
            if let Some(seen) = topics.get_mut(&*partition.topic) {
                seen.partitions = seen.partitions.max(partition.number.saturating_add(1));
            }
        }
        Self {
            format: Format::Frames,
            topics,
            records: match source.remaining() {
                Remaining::Records(records) => records,
                _ => 0,
            },
        }
    }

    /// Reads the whole recording, whose records have up to `most` bytes.
    ///
    /// # Errors
    /// When it cannot be read or is damaged.
    pub(super) fn of(
        path: &Path,
        most: usize,
        counters: &WorkerProgress,
        stop: &Stop,
    ) -> Result<Self, Error> {
        let metadata = path.metadata().ok();
        if metadata.as_ref().is_some_and(|file| !file.is_file()) {
            return Err(Error::ReadOnce(path.to_owned()));
        }
        let mut reader = Reader::open(path)?;
        reader.set_limit(most);
        let total = metadata.map_or(0, |file| file.len());
        let listed = reader.topics().map(<[String]>::to_vec);
        let mut survey = Self {
            format: reader.format(),
            topics: BTreeMap::new(),
            records: 0,
        };
        for topic in listed.iter().flatten() {
            survey.topics.insert(topic.clone(), Seen::default());
        }
        while let Some(frame) = reader.next_frame()? {
            let bytes = frame.key.len() + frame.value.map_or(0, <[u8]>::len);
            survey.records += 1;
            if !survey.topics.contains_key(frame.topic) {
                if listed.is_some() {
                    return Err(Error::UnlistedTopic(frame.topic.to_owned()));
                }
                if survey.topics.len() == MAX_TOPICS {
                    return Err(Error::TooManyTopics(MAX_TOPICS));
                }
                let topic = frame.topic.to_owned();
                survey.topics.insert(topic, Seen::default());
            }
            if let Some(seen) = survey.topics.get_mut(frame.topic) {
                let needed = frame.partition.map_or(0, |last| last.saturating_add(1));
                seen.partitions = seen.partitions.max(needed);
                seen.largest = seen.largest.max(bytes);
            }
            if survey.records.is_multiple_of(LOOK_EVERY) {
                counters.add(LOOK_EVERY, 0);
                counters.show_remaining(Remaining::Bytes {
                    read: reader.bytes_read(),
                    total,
                });
                if stop.requested() {
                    return Err(Error::from(Box::new(Incomplete::Produced {
                        interruption: Interruption::Signal,
                        records: survey.records,
                        confirmed: 0,
                        unanswered: 0,
                    })));
                }
            }
        }
        Ok(survey)
    }
}
