//! The journals that the subjects read: many copies of one real history, on a real broker and in a file.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use journal_recording::{Frame, Writer};
use journal_tests::kafka::Journal;
use journal_tests::{Broker, Prefix, paths, run};

use crate::answer::Answer;

/// The recording has 21,896 records; this gives two million.
pub(crate) const REPETITIONS: u32 = 92;
/// The recording has 21,896 records; this gives more than 200,000, which Python reads.
pub(crate) const FEW_REPETITIONS: u32 = 10;
/// The partitions of a topic.
pub(crate) const PARTITIONS: i32 = 8;
/// The partitions of a topic in the journal with many partitions.
pub(crate) const MANY_PARTITIONS: i32 = 64;

/// The workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// Counts objects by type.
    Counts,
    /// Reads all fields of each object, and counts those that have a value.
    Fields,
    /// Counts revisions by month, and files in directories by extension.
    Months,
    /// Writes one row for each revision.
    Rows,
}

/// Copies of the history under one prefix.
pub(crate) struct Topics {
    pub(crate) prefix: Prefix,
    pub(crate) repetitions: u32,
}

/// One of the loaded journals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// Two million records.
    Large,
    /// Two hundred thousand.
    Few,
    /// Two million in topics of many partitions.
    ManyPartitions,
}

/// The broker with all journals.
pub(crate) struct Loaded {
    pub(crate) broker: Broker,
    journal: Journal,
    large: Topics,
    few: Topics,
    many_partitions: Topics,
}

impl Work {
    pub(crate) fn reads(self, object_type: &str) -> bool {
        match self {
            Self::Counts | Self::Fields => true,
            Self::Months => matches!(object_type, "revision" | "directory"),
            Self::Rows => object_type == "revision",
        }
    }

    /// The plugin for this workload.
    ///
    /// # Panics
    /// When only scripts have it.
    pub(crate) fn plugin(self) -> &'static str {
        match self {
            Self::Counts => "count-objects",
            Self::Fields => unreachable!("no plugin counts fields"),
            Self::Months => "months-and-extensions",
            Self::Rows => "list-revisions",
        }
    }
}

impl Loaded {
    /// Starts a broker and loads the journals.
    pub(crate) fn new() -> Self {
        let journal = Journal::read(&paths::repository().join("recordings/ripgrep.journal.zst"));
        let broker = Broker::start();
        let load = |name: &str, partitions, repetitions| {
            let prefix = Prefix::new(name);
            eprintln!("loading {repetitions} times the history into {partitions} partitions");
            broker.load(&prefix, &journal, partitions, repetitions);
            Topics {
                prefix,
                repetitions,
            }
        };
        Self {
            large: load("large", PARTITIONS, REPETITIONS),
            few: load("few", PARTITIONS, FEW_REPETITIONS),
            many_partitions: load("many", MANY_PARTITIONS, REPETITIONS),
            broker,
            journal,
        }
    }

    /// One of the journals.
    pub(crate) fn topics(&self, which: Which) -> &Topics {
        match which {
            Which::Large => &self.large,
            Which::Few => &self.few,
            Which::ManyPartitions => &self.many_partitions,
        }
    }

    /// The number of records that a workload reads in one repetition.
    pub(crate) fn records(&self, work: Work) -> u64 {
        let read = self
            .journal
            .seen_by(false)
            .filter(|record| work.reads(&record.object_type));
        read.count() as u64
    }

    /// The value of a record of this object type, as anyone may read it.
    pub(crate) fn a_value(&self, object_type: &str) -> Vec<u8> {
        let found = self
            .journal
            .seen_by(false)
            .filter(|record| record.object_type == object_type)
            .find_map(|record| record.value.clone());
        found.expect("the history has objects of this type")
    }

    /// The topics that a workload reads.
    pub(crate) fn names(&self, work: Work, topics: &Topics) -> Vec<String> {
        let types: BTreeSet<&str> = self
            .journal
            .seen_by(false)
            .map(|record| record.object_type.as_str())
            .filter(|object_type| work.reads(object_type))
            .collect();
        types
            .into_iter()
            .map(|object_type| topics.prefix.topic(object_type))
            .collect()
    }

    /// The expected counts by type for one repetition, counted from the records.
    pub(crate) fn counts(&self) -> Answer {
        let counts = self.journal.counts(false, 1).into_iter();
        counts
            .map(|(object_type, sums)| (object_type, sums.objects))
            .collect()
    }

    /// Writes the repeated history to a recording.
    pub(crate) fn write_recording(&self) -> PathBuf {
        let path = run::folder("compare").join("large.journal.zst");
        write(&self.journal, &path);
        path
    }
}

fn write(journal: &Journal, path: &Path) {
    let topics: Vec<String> = journal
        .records
        .iter()
        .map(|record| format!("swh.journal.objects.{}", record.object_type))
        .collect();
    let names: BTreeSet<&str> = topics.iter().map(String::as_str).collect();
    let mut writer = Writer::create(path, &Vec::from_iter(names)).expect("a folder of ours");
    for _ in 0..REPETITIONS {
        for (record, topic) in journal.records.iter().zip(&topics) {
            let frame = Frame {
                topic,
                key: &record.key,
                value: record.value.as_deref(),
                partition: None,
                offset: None,
                timestamp_ms: None,
            };
            writer.write(&frame).expect("there is room");
        }
    }
    writer.finish().expect("there is room");
}
