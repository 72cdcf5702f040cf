//! Offsets of a group that cannot be shown or changed.

use std::fmt::Write;

use super::Explain;
use crate::cli::names::Names;
use crate::cli::offsets::OffsetsError;
use crate::config::Setting;
use crate::journal::group_offsets::Unknown;
use crate::journal::offset_file::OffsetFileError;
use crate::journal::topics::TopicError;
use crate::kafka::{self, GroupError};
use crate::sink::sqlite::SqliteError;
use crate::sink::{BindError, SinkError};
use crate::text::{list_like, with_causes};

impl Explain for OffsetsError {
    fn sentence(&self, names: Names<'_>) -> String {
        match self {
            Self::Kafka(error) | Self::Group(GroupError::Kafka(error)) => error.sentence(names),
            Self::Output(BindError::Open(error)) => error.sentence(names),
            Self::Output(BindError::Sink(error)) => error.sentence(names),
            _ => with_causes(self),
        }
    }

    fn hint(&self, names: Names<'_>) -> Option<String> {
        Some(match self {
            Self::Kafka(kafka::Error::Topics {
                error: TopicError::NoTopic { .. },
                ..
            }) => format!(
                "check {} and {}, or name topics with `--topic`",
                names.of(Setting::ObjectTypes),
                names.of(Setting::Prefix)
            ),
            Self::Kafka(error) => return error.hint(names),
            Self::Group(error) => return error.hint(names),
            Self::Output(BindError::Sink(SinkError::Sqlite(SqliteError::Held { .. }))) => {
                "nothing was changed: stop that process first, it goes on from its own positions".to_owned()
            }
            Self::Output(BindError::Open(error)) => return error.hint(names),
            Self::Output(BindError::Sink(error)) => return error.hint(names),
            Self::Missing {
                can_be_created: true,
                ..
            } => format!(
                "check {}, or name topics with {} or `--topic` to commit offsets for a new group",
                names.of(Setting::GroupId),
                names.of(Setting::ObjectTypes)
            ),
            Self::Missing { .. } => format!(
                "check {}: a group exists once it has a member or has committed an offset",
                names.of(Setting::GroupId)
            ),
            Self::NothingCommitted {
                narrowed: false, ..
            } => format!(
                "name topics with {} or `--topic`",
                names.of(Setting::ObjectTypes)
            ),
            Self::NothingCommitted { .. } | Self::Save { .. } | Self::Print(_) => return None,
            Self::HasMembers { members, .. } => {
                let mut hint = "stop them first; a member that was killed stays until its session has timed out:"
                    .to_owned();
                for member in members {
                    let _written = write!(hint, "\n  {member}");
                }
                hint
            }
            Self::Unknown {
                unknown: Unknown::Topic { topic },
                topics,
                ..
            } => {
                let shown = topics.iter().map(String::as_str);
                format!(
                    "it may not exist, or the account may not see it; the topics there are: {}",
                    list_like(shown.filter(|name| !name.starts_with("__")), topic)
                )
            }
            Self::Unknown { .. } => "name partitions that exist".to_owned(),
            Self::File(OffsetFileError::Read { .. }) => {
                "name a file that `journal-host offsets save` or upstream's client wrote".to_owned()
            }
            Self::WhereTo(OffsetFileError::Read { .. }) => {
                "an offset file is what `journal-host offsets save` writes; a time is written as \
                 `2026-01-31T12:00:00Z`, in UTC"
                    .to_owned()
            }
            Self::File(OffsetFileError::Content { .. })
            | Self::WhereTo(OffsetFileError::Content { .. }) => {
                "each line has a topic, a partition and an offset, separated by tabs, or begins with `#`".to_owned()
            }
            Self::NotInFile { .. } => format!(
                "check {} and `--topic`, or leave them out",
                names.of(Setting::ObjectTypes)
            ),
            Self::OutOfRange { source, .. } => {
                let partition = source.first()?;
                format!(
                    "records were deleted, or the topic was made again: correct the line, or remove it and run \
                     `journal-host offsets reset --topic {}:{} --to earliest`",
                    partition.topic, partition.number
                )
            }
        })
    }

    fn is_wrong_use(&self) -> bool {
        match self {
            Self::Kafka(error) | Self::Group(GroupError::Kafka(error)) => error.is_wrong_use(),
            Self::File(_) | Self::WhereTo(_) | Self::Output(BindError::Open(_)) => true,
            _ => false,
        }
    }
}

impl Explain for GroupError {
    fn hint(&self, names: Names<'_>) -> Option<String> {
        Some(match self {
            Self::Kafka(error) => return error.hint(names),
            Self::NoLeader { .. } => "a broker is down: try again when it is back".to_owned(),
            Self::InUse { .. } => "nothing was changed: stop its members first".to_owned(),
            Self::Refused { refused, all, .. } if refused < all => {
                "the other offsets were changed; `journal-host offsets show` shows them".to_owned()
            }
            Self::Refused { .. } if self.is_missing_right() => {
                "nothing was changed: the account needs the right to read the topics".to_owned()
            }
            Self::Refused { .. } => "nothing was changed".to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Origins;
    use crate::journal::group_offsets::{LogRange, check_ranges};
    use crate::journal::offsets::Partition;
    use crate::kafka::GroupMember;

    fn hint(error: &impl Explain) -> String {
        error.hint(Names(&Origins::default())).unwrap()
    }

    #[test]
    fn members_that_have_to_stop_are_listed() {
        let member = |number: u32| GroupMember {
            member_id: format!("m-{number}"),
            instance_id: None,
            client_id: "journal-host".to_owned(),
            host: "/10.0.0.1".to_owned(),
        };
        let error = OffsetsError::HasMembers {
            group_id: "g".to_owned(),
            members: vec![member(1), member(2)],
        };
        assert_eq!(error.to_string(), "the group `g` has 2 members");
        assert!(
            hint(&error).ends_with("\n  `m-1`, client `journal-host`, host `/10.0.0.1`\n  `m-2`, client `journal-host`, host `/10.0.0.1`")
        );
    }

    #[test]
    fn offset_out_of_range_has_the_command_that_resets_its_partition() {
        let partition = Partition {
            topic: "a.origin".into(),
            number: 3,
        };
        let range = LogRange { first: 5, end: 9 };
        let source = check_ranges(
            &[(partition.clone(), 4)].into(),
            &[(partition, range)].into(),
        );
        let error = OffsetsError::OutOfRange {
            path: "o.tsv".into(),
            source: source.unwrap_err(),
        };
        assert!(
            hint(&error).contains("`journal-host offsets reset --topic a.origin:3 --to earliest`")
        );
    }
}
