//! Where the group of a run starts.

use std::sync::Arc;
use std::time::SystemTime;

use super::BuildError;
use crate::config;
use crate::journal::offsets::Start;
use crate::journal::start::StartTime;
use crate::kafka::Cluster;
use crate::pipeline::StartRules;
use crate::source::SourceError;

/// The start that the settings ask for.
#[derive(Clone, Debug)]
pub(super) struct AskedStart {
    /// None where a partition without a committed offset ends the run.
    of_group: Option<Start>,
}

impl AskedStart {
    /// Reads the settings. `now` is the time at which the process started.
    pub(super) fn of(kafka: &config::Kafka, now: SystemTime) -> Result<Self, BuildError> {
        let of_group = super::cluster_settings(kafka).start();
        let of_group = match of_group.map_err(SourceError::from)? {
            // A later run has to start where this one did, so `latest` is a time.
            Some(Start::Latest) => Some(Start::Time(StartTime::from(now).ms())),
            other => other,
        };
        Ok(Self { of_group })
    }

    /// The rules by which partitions start.
    pub(super) fn rules(&self, cluster: &Cluster) -> StartRules {
        StartRules {
            of_group: self.of_group,
            listed: Arc::default(),
            partitions: cluster.partitions(),
        }
    }
}
