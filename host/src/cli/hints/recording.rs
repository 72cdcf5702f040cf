//! A recording that cannot be read.

use journal_recording::{Error as File, MAX_RECORD_BYTES};

use super::Explain;
use crate::cli::names::Names;
use crate::config::Setting;
use crate::journal::topics::TopicError;
use crate::source::recording::Error;
use crate::text::nearest;

impl Explain for Error {
    fn hint(&self, names: Names<'_>) -> Option<String> {
        let hint = match self {
            Self::File(File::Open { .. } | File::Read { .. }) => {
                return Some(format!(
                    "{} takes the path of a file that can be read",
                    names.of(Setting::Recording)
                ));
            }
            Self::File(File::Empty { .. } | File::NotARecording { .. }) => {
                "docs/recording-format.md describes the format of a recording"
            }
            Self::File(File::UnknownVersion { .. }) => "a newer journal-host may read it",
            Self::File(
                File::CutShort { .. }
                | File::Damaged { .. }
                | File::BadTopicName { .. }
                | File::Compression { .. },
            ) => "copy or make the recording again",
            Self::File(File::TooLarge { bytes, limit, .. }) if *limit < MAX_RECORD_BYTES => {
                return Some(record_too_large(*bytes, names));
            }
            Self::File(_) => return None,
            Self::ReadOnce { .. } => {
                "save it to a file first, or make it with a header that lists its topics"
            }
            Self::Rewind { .. } => "save it to a file first",
            Self::Twice { .. } => "each recording is read once: leave one out",
            Self::WrongIndex { .. } => {
                return Some(format!(
                    "{} reads it without its index",
                    names.with(Setting::Workers, 1)
                ));
            }
            Self::NoFile => "name the path of a recording",
            Self::Formats { .. } => {
                "read them in two runs: `journal-host record` makes recordings of one format of both"
            }
            Self::Topics { error, .. } => return Some(topics(error, names)),
            Self::UnlistedTopic { .. } => "recordings cannot be joined by concatenation",
            Self::RecordTooLarge { bytes, .. } => return Some(record_too_large(*bytes, names)),
        };
        Some(hint.to_owned())
    }

    fn is_wrong_use(&self) -> bool {
        matches!(self, Self::Twice { .. } | Self::NoFile)
    }
}

/// The requested topics do not exist or may not be read.
pub(super) fn topics(error: &TopicError, names: Names<'_>) -> String {
    match error {
        TopicError::NoTopics { .. } => {
            format!("name one of them with {}", names.of(Setting::Prefix))
        }
        TopicError::OnlyPrivileged { .. } => {
            format!("{} reads them", names.of(Setting::Privileged))
        }
        TopicError::NoTopic {
            object_type, known, ..
        } => {
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            let meant = nearest(object_type, &known);
            let meant = meant.map_or_else(String::new, |meant| {
                format!("if `{meant}` is meant, correct the name; otherwise ")
            });
            format!(
                "{meant}narrow the object types with {}, leave out those without a topic with {}, or check {}",
                names.of(Setting::ObjectTypes),
                names.with(Setting::MissingTopics, "ignore"),
                names.of(Setting::Prefix)
            )
        }
        TopicError::OtherTopic { .. } => format!(
            "{} takes the whole name of a topic of an object type that the plugin reads; see {} and {}",
            names.of(Setting::Partitions),
            names.of(Setting::Prefix),
            names.of(Setting::Privileged)
        ),
        TopicError::NoPartition { .. } => {
            format!(
                "{} takes a partition of the topic",
                names.of(Setting::Partitions)
            )
        }
        TopicError::Anonymised { is_denied, .. } => format!(
            "{}{} reads anonymised topics where the privileged ones cannot be read",
            if *is_denied {
                "ask for access to privileged topics; "
            } else {
                ""
            },
            names.with(Setting::Privileged, "if-available")
        ),
    }
}

/// The hint for a record of this size, which does not fit into an instance.
pub(super) fn record_too_large(bytes: usize, names: Names<'_>) -> String {
    format!(
        "set {} to at least {} bytes, or raise {} where it is set",
        names.of(Setting::MemoryLimit),
        bytes * 2,
        names.of(Setting::ProcessMemory)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Origins;

    #[test]
    fn misspelt_object_type_is_offered_the_one_that_is_probably_meant() {
        let hint = |object_type: &str| {
            let error = TopicError::NoTopic {
                object_type: object_type.to_owned(),
                prefix: "p".to_owned(),
                known: ["origin", "revision"].map(str::to_owned).into(),
            };
            topics(&error, Names(&Origins::default()))
        };
        let meant = "if `revision` is meant, correct the name; otherwise narrow";
        assert!(hint("revison").starts_with(meant));
        assert!(hint("snapshot").starts_with("narrow"));
    }
}
