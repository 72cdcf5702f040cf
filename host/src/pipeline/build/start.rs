//! Where the group of a run starts.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use super::BuildError;
use crate::config::{self, StartFrom};
use crate::journal::offset_file::OffsetFile;
use crate::journal::offsets::{Offsets, Partition, Start};
use crate::journal::start::StartTime;
use crate::kafka::{self, Cluster};
use crate::pipeline::StartRules;
use crate::source::SourceError;

/// Where partitions start that are asked to start there at this time, or the offset file that says it.
pub(crate) fn start_at(from: &StartFrom, now: SystemTime) -> Result<Start, &Path> {
    match from {
        StartFrom::Earliest => Ok(Start::Earliest),
        StartFrom::Latest => Ok(Start::Latest),
        StartFrom::Time(time) => Ok(time_start(*time)),
        StartFrom::Ago(span) => {
            let time = now.checked_sub(*span);
            Ok(time_start(time.unwrap_or(SystemTime::UNIX_EPOCH)))
        }
        StartFrom::OffsetFile(path) => Err(path),
    }
}

fn time_start(time: SystemTime) -> Start {
    Start::Time(StartTime::from(time).ms())
}

/// The start that the settings ask for.
#[derive(Clone, Debug)]
pub(crate) struct AskedStart {
    /// None where a partition without a committed offset ends the run.
    pub(crate) of_group: Option<Start>,
    /// The positions of the offset file.
    pub(crate) listed: Offsets,
    /// Whether the host's own setting asks for it: librdkafka's is known to apply to new groups only.
    pub(crate) explicit: bool,
    /// The value of librdkafka's setting, where it does not apply because of the host's own.
    pub(crate) unused: Option<String>,
}

/// The value of librdkafka's setting for the start, unless it says the same.
fn unused(kafka: &config::Kafka, from: &StartFrom) -> Option<String> {
    let mut settings = kafka.connection.settings.iter();
    let (_, value) = settings.find(|(key, _)| key == "auto.offset.reset")?;
    let is_same = match from {
        StartFrom::Earliest => ["earliest", "smallest", "beginning"].contains(&value.as_str()),
        StartFrom::Latest => ["latest", "largest", "end"].contains(&value.as_str()),
        _ => false,
    };
    (!is_same).then(|| value.clone())
}

impl AskedStart {
    /// Reads the settings and the offset file. `now` is the time at which the process started.
    ///
    /// # Errors
    /// When a setting is wrong, or the file cannot be used.
    pub(crate) fn of(kafka: &config::Kafka, now: SystemTime) -> Result<Self, BuildError> {
        let mut listed = Offsets::new();
        let start = match kafka.from.as_ref().map(|from| start_at(from, now)) {
            None => super::cluster_settings(&kafka.connection)
                .start()
                .map_err(SourceError::from)?,
            Some(Ok(start)) => Some(start),
            Some(Err(path)) => {
                listed = OffsetFile::read(path)?.offsets;
                Some(Start::Earliest)
            }
        };
        let of_group = match start {
            // A later run has to start where this one did, so `latest` is a time.
            Some(Start::Latest) => Some(time_start(now)),
            other => other,
        };
        Ok(Self {
            of_group,
            listed,
            explicit: kafka.from.is_some(),
            unused: kafka.from.as_ref().and_then(|from| unused(kafka, from)),
        })
    }

    /// What to log where both settings of the start are given, maybe one of them in a file.
    pub(super) fn overruled(&self) -> Option<String> {
        let unused = self.unused.as_ref()?;
        Some(format!(
            "`auto.offset.reset={unused}` is set and does not apply: the start is set as well, and comes first"
        ))
    }

    /// The rules by which partitions start.
    pub(super) fn rules(&self, cluster: &Cluster) -> Result<StartRules, BuildError> {
        Ok(StartRules {
            of_group: self.of_group,
            is_explicit: self.explicit,
            listed: Arc::new(self.listed_in(cluster)?),
            partitions: cluster.partitions(),
        })
    }

    /// The positions of the offset file for the topics that the run reads.
    fn listed_in(&self, cluster: &Cluster) -> Result<Offsets, BuildError> {
        let listed = self.listed_among(&cluster.read_partitions().collect())?;
        if listed.is_empty() {
            return Ok(listed);
        }
        match cluster.check_positions(&listed) {
            Ok(()) => Ok(listed),
            Err(error @ kafka::Error::OutOfRange { .. }) => Err(BuildError::ListedOffset(error)),
            Err(error) => Err(SourceError::from(error).into()),
        }
    }

    /// The positions of the offset file for the topics that the run reads, which have these partitions.
    ///
    /// # Errors
    /// When the file names none of the topics, or a partition that a topic does not have.
    pub(crate) fn listed_among(
        &self,
        partitions: &BTreeSet<&Partition>,
    ) -> Result<Offsets, BuildError> {
        if self.listed.is_empty() {
            return Ok(Offsets::new());
        }
        let topics: BTreeSet<&str> = partitions.iter().map(|known| &*known.topic).collect();
        let mut listed = self.listed.clone();
        listed.retain(|partition, _| topics.contains(&*partition.topic));
        if let Some(other) = listed.keys().find(|listed| !partitions.contains(listed)) {
            return Err(BuildError::ListedPartition(other.clone()));
        }
        if listed.is_empty() {
            return Err(BuildError::NothingListed);
        }
        Ok(listed)
    }
}
