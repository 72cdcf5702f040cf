//! What stands in the way of a run.

use super::Explain;
use super::kafka::other_assignor;
use crate::cli::names::Names;
use crate::config::Setting;
use crate::pipeline::check::{CheckError, CheckWarning};
use crate::text::with_causes;

impl Explain for CheckError {
    fn sentence(&self, names: Names<'_>) -> String {
        match self {
            Self::Build(error) => error.sentence(names),
            Self::Group(error) => error.sentence(names),
            _ => with_causes(self),
        }
    }

    fn hint(&self, names: Names<'_>) -> Option<String> {
        Some(match self {
            Self::Build(error) => return error.hint(names),
            Self::Group(error) => return error.hint(names),
            Self::Listed { .. } => {
                "the file may be of another cluster, or the records there were deleted meanwhile"
                    .to_owned()
            }
            Self::Hidden { .. } => format!(
                "ask for the right to describe and read it, or check {} and {}",
                names.of(Setting::Prefix),
                names.of(Setting::ObjectTypes)
            ),
            Self::Unreadable { refusal, .. } if refusal.is_missing_right() => format!(
                "the account may see the topic, and not read it: ask for the right, or leave {} out where it is a \
                 privileged topic",
                names.of(Setting::Privileged)
            ),
            Self::Unreadable { .. } => return None,
            Self::Silent { .. } => {
                "the brokers name other addresses than those that you gave: this machine has to reach each of them"
                    .to_owned()
            }
            Self::GroupRight { .. } => format!(
                "ask for the right to read with this group, or check {}: where access is limited it begins with the \
                 user's name and a hyphen",
                names.of(Setting::GroupId)
            ),
            Self::OtherMembers { .. } => other_assignor(names),
            Self::OutOfRange { source, .. } => {
                let partition = source.first()?;
                format!(
                    "records were deleted, or the topic was made again: `journal-host offsets reset --topic {}:{} \
                     --to earliest{}` goes on at the first record that is left",
                    partition.topic,
                    partition.number,
                    names.run_output()
                )
            }
            Self::GroupAhead { .. } => format!(
                "name the output that has the rows before that, or say where a new one starts: {}",
                names.with(Setting::From, "earliest")
            ),
            Self::NoOffset { .. } => format!(
                "check {}, or leave `auto.offset.reset` out to start at the first record",
                names.of(Setting::GroupId)
            ),
        })
    }
}

impl Explain for CheckWarning {
    fn hint(&self, names: Names<'_>) -> Option<String> {
        Some(match self {
            Self::Created { .. } => format!(
                "it gets one partition, and the account needs the right to create it; without {} its absence ends the run",
                names.of(Setting::CreateTopics)
            ),
            Self::LeftOut(_) => format!("{} reads them", names.of(Setting::Privileged)),
            Self::NoLeader { .. } => "a run waits until their brokers are back".to_owned(),
            Self::Members { .. } => format!(
                "a run shares the work with them; choose another {} to read everything",
                names.of(Setting::GroupId)
            ),
            Self::UnknownRights { .. } | Self::OfTopics(_) => return None,
            Self::IdleWorkers { .. } => {
                format!("lower {}: the others stay idle", names.of(Setting::Workers))
            }
            Self::HasContent { .. } => format!(
                "a run into a database or Parquet files that ended early goes on; otherwise {} adds rows all the same, and {} removes the earlier ones",
                names.of(Setting::Append),
                names.of(Setting::Overwrite)
            ),
            Self::HalfLine { .. } => {
                "a run cuts the half line off if a crash left it, and refuses the file otherwise"
                    .to_owned()
            }
            Self::Held { .. } => "a run starts once that process has ended".to_owned(),
        })
    }
}
