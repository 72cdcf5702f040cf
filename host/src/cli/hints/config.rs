//! Settings that contradict each other.

use super::Explain;
use crate::cli::names::Names;
use crate::config::{ConfigError, Setting};

impl Explain for ConfigError {
    fn sentence(&self, names: Names<'_>) -> String {
        match *self {
            Self::NoPlugin => "no plugin is named".to_owned(),
            Self::NoSource => format!(
                "{} or {} is required",
                names.of(Setting::Recording),
                names.of(Setting::Brokers)
            ),
            Self::NoCluster | Self::NoBrokers => {
                format!("{} is required", names.of(Setting::Brokers))
            }
            Self::Incomplete { missing, given } => {
                format!("{} is required with {}", names.of(missing), names.of(given))
            }
            Self::TwoSources { kafka } => format!(
                "{} cannot be used with {}",
                names.of(kafka),
                names.of(Setting::Recording)
            ),
            Self::NotInPhases { setting } => format!(
                "{} does not go with {}",
                names.of(setting),
                names.of(Setting::Phases)
            ),
            Self::PublicMetrics { address } => format!(
                "{} can be reached from other machines",
                names.with(Setting::Metrics, address)
            ),
            Self::NoDeadLetters => format!(
                "{} needs {}",
                names.with(Setting::OnFailure, "dead-letter"),
                names.of(Setting::DeadLetters)
            ),
            Self::UnusedDeadLetters => format!(
                "{} needs {}",
                names.of(Setting::DeadLetters),
                names.with(Setting::OnFailure, "dead-letter")
            ),
            Self::SeveralWorkers => format!(
                "{} above 1 does not go with {}",
                names.of(Setting::Workers),
                names.of(Setting::Recording)
            ),
        }
    }

    fn hint(&self, names: Names<'_>) -> Option<String> {
        match self {
            Self::NoPlugin => Some("name its `.wasm` file".to_owned()),
            Self::NoSource => Some(format!(
                "{} reads a recording, {} with {} a Kafka cluster",
                names.of(Setting::Recording),
                names.of(Setting::Brokers),
                names.of(Setting::GroupId)
            )),
            Self::NoCluster => Some(format!(
                "{} with {} names the consumer group of a Kafka cluster",
                names.of(Setting::Brokers),
                names.of(Setting::GroupId)
            )),
            Self::NoBrokers => Some("name the bootstrap brokers of a Kafka cluster".to_owned()),
            Self::PublicMetrics { .. } => Some(format!(
                "name a port alone to serve this machine, or allow it with {}: what is shown there needs no password",
                names.of(Setting::MetricsPublic)
            )),
            Self::SeveralWorkers => Some(format!(
                "a recording is read by one worker: leave {} out",
                names.of(Setting::Workers)
            )),
            Self::NotInPhases { setting } => Some(format!(
                "stages are read to the end of their topics, and the run ends after the last one: leave {} out",
                names.of(*setting)
            )),
            Self::TwoSources {
                kafka: Setting::From,
            } => Some(
                "a recording is read from its first record; `journal-host record` makes one of a part of a journal"
                    .to_owned(),
            ),
            Self::NoDeadLetters => {
                Some("it takes a file that failed records are appended to".to_owned())
            }
            Self::UnusedDeadLetters | Self::Incomplete { .. } | Self::TwoSources { .. } => None,
        }
    }

    fn is_wrong_use(&self) -> bool {
        true
    }
}
