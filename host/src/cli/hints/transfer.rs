//! Records that cannot be copied between a cluster and a recording.

use std::io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};

use journal_recording::{Error as File, MAX_RECORD_BYTES};

use super::Explain;
use crate::cli::names::Names;
use crate::config::Setting;
use crate::kafka;
use crate::text::with_causes;
use crate::transfer::{Error, Incomplete, Interruption};

impl Explain for Error {
    fn sentence(&self, names: Names<'_>) -> String {
        match self {
            Self::Kafka(error) => error.sentence(names),
            Self::Source(error) => error.sentence(names),
            Self::NoPartOfACluster => {
                "`--partition`, `--from` and `--until` choose a part of a cluster's topics"
                    .to_owned()
            }
            _ => with_causes(self),
        }
    }

    fn hint(&self, names: Names<'_>) -> Option<String> {
        Some(match self {
            Self::Kafka(kafka::Error::CreateTopic {
                no_right: false, ..
            }) => "`--replication-factor` and `--partitions` set what the brokers are asked for"
                .to_owned(),
            Self::Kafka(error) => return error.hint(names),
            Self::Source(error) => return error.hint(names),
            Self::NoPartOfACluster => format!(
                "leave them out; {}, `--max-records` and `--max-records-per-topic` limit what is read of any source",
                names.of(Setting::ObjectTypes)
            ),
            Self::Recording(File::TooLarge { bytes, limit, .. }) if *limit < MAX_RECORD_BYTES => {
                larger_messages(*bytes, names)
            }
            Self::Recording(error) => return recording_hint(error),
            Self::ReadOnce(_) => "save it to a file first".to_owned(),
            Self::UnlistedTopic(_) => "recordings cannot be joined by concatenation".to_owned(),
            Self::RecordTooLarge { bytes, .. } => larger_messages(*bytes, names),
            Self::SameTopic { .. } => {
                format!("leave {} out", names.of(Setting::Prefix))
            }
            Self::BadTopicName(_) => format!("choose another {}", names.of(Setting::Prefix)),
            Self::HoldRecords(_) => format!(
                "`--append` adds to them, and {} writes to other topics",
                names.of(Setting::Prefix)
            ),
            Self::TooManyPartitions { .. } => "leave `--keep-partitions` out".to_owned(),
            Self::TooFewPartitions { needed, exists, .. } => {
                let more = if *exists {
                    "add partitions to the topic".to_owned()
                } else {
                    format!("set `--partitions` to at least {needed}")
                };
                format!("{more}, or leave `--keep-partitions` out")
            }
            Self::Exists(_) => "name another file with `--output`, or remove it".to_owned(),
            Self::Output { source, .. }
                if matches!(source.kind(), StorageFull | QuotaExceeded | FileTooLarge) =>
            {
                "make room, or record less: `--max-records` and `--until` limit it".to_owned()
            }
            Self::Output { .. } => "`--output` takes the path of a file that can be created".to_owned(),
            Self::NoPartition { .. } => {
                "`--partition` takes a number from 0 on, or TOPIC:NUMBER with the topic's whole name"
                    .to_owned()
            }
            Self::Incomplete(incomplete) => return incomplete_hint(incomplete, names),
            Self::TooManyTopics(_)
            | Self::NotShown(_)
            | Self::StandardOutput(_)
            | Self::ReaderGone
            | Self::Thread(_)
            | Self::Panicked => return None,
        })
    }

    fn is_wrong_use(&self) -> bool {
        match self {
            Self::BadTopicName(_) | Self::NoPartOfACluster => true,
            Self::Kafka(error) => error.is_wrong_use(),
            Self::Source(error) => error.is_wrong_use(),
            _ => false,
        }
    }
}

fn larger_messages(bytes: usize, names: Names<'_>) -> String {
    format!(
        "raise {}, and the limit of the brokers",
        names.kafka_with("message.max.bytes", bytes)
    )
}

fn recording_hint(error: &File) -> Option<String> {
    Some(
        match error {
            File::Open { .. } | File::Read { .. } => {
                "name the path of a recording that can be read"
            }
            File::Empty { .. } | File::NotARecording { .. } => {
                "docs/recording-format.md describes the format of a recording"
            }
            File::UnknownVersion { .. } => "a newer journal-host may read it",
            File::CutShort { .. }
            | File::Damaged { .. }
            | File::BadTopicName { .. }
            | File::Compression { .. } => "nothing was written: copy or make the recording again",
            _ => return None,
        }
        .to_owned(),
    )
}

fn incomplete_hint(incomplete: &Incomplete, names: Names<'_>) -> Option<String> {
    let again = || {
        format!(
            "delete the topics or choose another {} before you run it again",
            names.of(Setting::Prefix)
        )
    };
    let is_produced =
        matches!(incomplete, Incomplete::Produced { confirmed, .. } if *confirmed > 0);
    match incomplete.interruption() {
        Interruption::Refused(refusal) if refusal.no_right => {
            Some("the account may not write to this topic".to_owned())
        }
        Interruption::Failed(failure) if failure.no_right => {
            Some("the account may not write to any topic".to_owned())
        }
        Interruption::Kafka(error) => error.hint(names),
        Interruption::Source(error) => error.hint(names),
        Interruption::HeldBack(error) => error.hint(names),
        _ => is_produced.then(again),
    }
}
