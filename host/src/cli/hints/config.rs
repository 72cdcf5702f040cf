//! Settings that contradict each other.

use super::Explain;
use crate::cli::names::Names;
use crate::config::{ConfigError, RELATIONS, Setting, SourceKind};
use crate::text::list;

impl Explain for ConfigError {
    fn sentence(&self, names: Names<'_>) -> String {
        match *self {
            Self::NoPlugin => "no plugin is named".to_owned(),
            Self::NoSource | Self::NothingToRead => {
                format!("{} is required", any_of(SourceKind::ALL, names))
            }
            Self::NothingToRepeat => format!("{} is required", any_of(repeatable(), names)),
            Self::NoCluster | Self::NoBrokers => {
                format!("{} is required", names.of(Setting::Brokers))
            }
            Self::Incomplete { missing, given } => {
                format!("{} is required with {}", names.of(missing), names.of(given))
            }
            Self::TwoSources { named, other } => format!(
                "{} cannot be used with {}",
                names.of(other),
                names.of(named)
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
            Self::AppendAndOverwrite => format!(
                "{} does not go with {}",
                names.of(Setting::Append),
                names.of(Setting::Overwrite)
            ),
            Self::OverwriteByGroup => format!(
                "{} goes with {} alone",
                names.of(Setting::Overwrite),
                names.of(Setting::Recording)
            ),
            Self::NoDeadLetters => format!(
                "{} needs {}",
                names.with(Setting::OnFailure, "dead-letter"),
                names.of(Setting::DeadLetters)
            ),
            Self::LettersWithoutCluster => format!(
                "{} names a topic, which needs {}",
                names.of(Setting::DeadLetters),
                names.of(Setting::Brokers)
            ),
            Self::UnusedDeadLetters => format!(
                "{} needs {}",
                names.of(Setting::DeadLetters),
                names.with(Setting::OnFailure, "dead-letter")
            ),
            Self::NotLeftOut => format!(
                "{} names a table that cannot be left out",
                names.of(Setting::Without)
            ),
            Self::NotShared { named } => format!(
                "{} does not go with {}",
                names.of(Setting::Share),
                names.of(named)
            ),
            Self::SeveralWorkers { named } => format!(
                "{} above 1 does not go with {}",
                names.of(Setting::Workers),
                names.of(named)
            ),
        }
    }

    fn hint(&self, names: Names<'_>) -> Option<String> {
        match self {
            Self::NoPlugin => Some("name its `.wasm` file".to_owned()),
            Self::NoSource => Some(sources(names, true)),
            Self::NothingToRead => Some(sources(names, false)),
            Self::NothingToRepeat => Some(format!(
                "{}; `journal-host record` copies a part of a Kafka cluster to a recording",
                each_of(repeatable(), names, false)
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
            Self::NotShared {
                named: Setting::Brokers,
            } => Some(format!(
                "the processes of a consumer group share its partitions by themselves: leave {} out",
                names.of(Setting::Share)
            )),
            Self::NotShared { .. } => Some(format!(
                "one worker reads all of it: leave {} out",
                names.of(Setting::Share)
            )),
            Self::SeveralWorkers { .. } => Some(format!(
                "one worker reads all of it: leave {} out",
                names.of(Setting::Workers)
            )),
            Self::NotLeftOut => Some(format!("it takes {}", list(RELATIONS))),
            Self::NotInPhases { setting } => Some(format!(
                "stages are read to the end of their topics, and the run ends after the last one: leave {} out",
                names.of(*setting)
            )),
            Self::TwoSources {
                named: Setting::Recording,
                other: Setting::From,
            } => Some(
                "a recording is read from its first record; `journal-host record` makes one of a part of a journal"
                    .to_owned(),
            ),
            Self::OverwriteByGroup => Some(
                "a consumer group goes on where it was: for a new start, use another file and another group".to_owned(),
            ),
            Self::NoDeadLetters | Self::LettersWithoutCluster => {
                Some("it takes a file that failed records are appended to".to_owned())
            }
            Self::UnusedDeadLetters
            | Self::AppendAndOverwrite
            | Self::Incomplete { .. }
            | Self::TwoSources { .. } => None,
        }
    }

    fn is_wrong_use(&self) -> bool {
        true
    }
}

/// The kinds of sources that give the same records each time that they are read.
fn repeatable() -> impl Iterator<Item = SourceKind> {
    SourceKind::ALL.into_iter().filter(|kind| kind.is_local())
}

/// The settings that name sources of these kinds, of which one is needed.
fn any_of(kinds: impl IntoIterator<Item = SourceKind>, names: Names<'_>) -> String {
    let settings = kinds.into_iter().map(|kind| names.of(kind.setting()));
    let mut settings: Vec<String> = settings.collect();
    match settings.pop() {
        Some(last) => format!("{} or {last}", settings.join(", ")),
        None => String::new(),
    }
}

/// What each kind of source is.
fn sources(names: Names<'_>, needs_a_group: bool) -> String {
    each_of(SourceKind::ALL, names, needs_a_group)
}

/// The same of these kinds.
fn each_of(
    kinds: impl IntoIterator<Item = SourceKind>,
    names: Names<'_>,
    needs_a_group: bool,
) -> String {
    let what = |kind: SourceKind| {
        let setting = names.of(kind.setting());
        match kind {
            SourceKind::Recording => format!("{setting} reads a recording"),
            SourceKind::Git => format!("{setting} a git repository"),
            SourceKind::Dataset => format!("{setting} a dataset in ORC files"),
            SourceKind::Kafka if needs_a_group => {
                let group = names.of(Setting::GroupId);
                format!("{setting} with {group} a Kafka cluster")
            }
            SourceKind::Kafka => format!("{setting} a Kafka cluster"),
        }
    };
    let each: Vec<String> = kinds.into_iter().map(what).collect();
    each.join(", ")
}
