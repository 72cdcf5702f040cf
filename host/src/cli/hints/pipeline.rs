//! Errors that end a run or a benchmark, before its workers run or in them.

use super::{AUTHOR, Explain, OF_THE_JOURNAL};
use crate::bench;
use crate::cli::names::Names;
use crate::config::Setting;
use crate::journal::offsets::StoreError;
use crate::kafka;
use crate::pipeline::build::BuildError;
use crate::pipeline::{ComingAgain, WorkerError};
use crate::sink::letter_topic::LetterTopicError;
use crate::sink::parquet::ParquetError;
use crate::sink::postgres::PostgresError;
use crate::sink::sqlite::SqliteError;
use crate::source::SourceError;
use crate::text;

impl Explain for BuildError {
    fn sentence(&self, names: Names<'_>) -> String {
        match self {
            Self::Mask(error) => error.sentence(names),
            Self::Memory(error) => error.sentence(names),
            Self::BatchTooLarge => format!(
                "{} is more than a quarter of {}",
                names.of(Setting::BatchBytes),
                names.of(Setting::MemoryLimit)
            ),
            Self::ObjectType { object_type, .. } => format!(
                "{} is not one that the plugin reads",
                names.with(Setting::ObjectTypes, object_type)
            ),
            Self::StagedType { object_type, .. } => format!(
                "{} has a stage with {}, which is not one that the plugin reads",
                names.of(Setting::Phases),
                text::Quoted(object_type)
            ),
            Self::ListedPartition(partition) => format!(
                "{} names {partition}, which does not exist",
                names.of(Setting::From)
            ),
            Self::NothingListed => format!(
                "{} names no topic that the run reads",
                names.of(Setting::From)
            ),
            Self::Source(error) => error.sentence(names),
            Self::Letters(LetterTopicError::Kafka(error)) => error.sentence(names),
            Self::Outputs(error) => error.sentence(names),
            Self::Sink(error) => error.sentence(names),
            Self::Worker(error) => error.sentence(names),
            Self::Plugin(_)
            | Self::Options(_)
            | Self::Start(_)
            | Self::OffsetFile(_)
            | Self::ListedOffset(_)
            | Self::Letters(LetterTopicError::Missing(_) | LetterTopicError::OfTheJournal(_))
            | Self::NeedsNames { .. }
            | Self::Metrics(_) => text::with_causes(self),
        }
    }

    fn hint(&self, names: Names<'_>) -> Option<String> {
        match self {
            Self::Mask(error) => error.hint(names),
            Self::Memory(error) => error.hint(names),
            Self::BatchTooLarge => Some(format!(
                "an instance needs memory for a batch and for the work on it: raise {}",
                names.of(Setting::MemoryLimit)
            )),
            Self::Plugin(error) => error.hint(names),
            Self::Options(error) => error.hint(names),
            Self::Start(error) => error.hint(names),
            Self::Sink(error) => error.hint(names),
            Self::Letters(LetterTopicError::Kafka(error)) => error.hint(names),
            Self::Letters(LetterTopicError::OfTheJournal(_)) => {
                Some(OF_THE_JOURNAL.to_owned())
            }
            Self::Letters(LetterTopicError::Missing(_)) => Some(
                "create it, or ask for the right to see it; dead letters of more than one run may share a topic".to_owned(),
            ),
            Self::Metrics(_) => Some(format!(
                "is another process there? {} takes another port, and 0 any that is free",
                names.of(Setting::Metrics)
            )),
            Self::Worker(error) => error.hint(names),
            Self::NeedsNames { anonymised: true } => Some(format!(
                "without {} it gets them",
                names.of(Setting::Anonymise)
            )),
            Self::NeedsNames { anonymised: false } => Some(format!(
                "{} reads the privileged topics, which have them",
                names.of(Setting::Privileged)
            )),
            Self::ObjectType { offered, .. } | Self::StagedType { offered, .. } => {
                Some(format!("it reads {}", text::list(offered)))
            }
            Self::OffsetFile(_) => Some(format!(
                "{} takes `earliest`, `latest`, a time such as `2026-01-31T12:00:00Z`, a span before now such as \
                 `2d`, or an offset file",
                names.of(Setting::From)
            )),
            Self::ListedOffset(_) => Some(
                "the file may be of another cluster, or the records there were deleted meanwhile"
                    .to_owned(),
            ),
            Self::ListedPartition(_) | Self::NothingListed => Some(format!(
                "the file may be of another cluster, or {} another one",
                names.of(Setting::Prefix)
            )),
            Self::Source(error) => error.hint(names),
            Self::Outputs(error) => error.hint(names),
        }
    }

    fn is_wrong_use(&self) -> bool {
        match self {
            Self::Mask(_)
            | Self::Memory(_)
            | Self::BatchTooLarge
            | Self::NeedsNames { .. }
            | Self::Letters(LetterTopicError::OfTheJournal(_))
            | Self::ObjectType { .. }
            | Self::StagedType { .. }
            | Self::OffsetFile(_)
            | Self::ListedPartition(_)
            | Self::NothingListed => true,
            Self::Options(error) => error.is_wrong_use(),
            Self::Source(error) => error.is_wrong_use(),
            Self::Letters(LetterTopicError::Kafka(error)) => error.is_wrong_use(),
            Self::Outputs(error) => error.is_wrong_use(),
            Self::Worker(error) => error.is_wrong_use(),
            Self::Sink(error) => error.is_wrong_use(),
            Self::Start(error) => error.is_wrong_use(),
            Self::Plugin(_)
            | Self::ListedOffset(_)
            | Self::Letters(LetterTopicError::Missing(_))
            | Self::Metrics(_) => false,
        }
    }
}

impl Explain for SourceError {
    fn sentence(&self, names: Names<'_>) -> String {
        match self {
            Self::Recording(_)
            | Self::Git(_)
            | Self::Dataset(_)
            | Self::EmptyShare(_)
            | Self::Batch(_)
            | Self::Refused(_) => text::with_causes(self),
            Self::Kafka(error) => error.sentence(names),
        }
    }

    fn hint(&self, names: Names<'_>) -> Option<String> {
        match self {
            Self::Recording(error) => error.hint(names),
            Self::Git(error) => error.hint(names),
            Self::Dataset(error) => error.hint(names),
            Self::Refused(error) => error.hint(names),
            Self::EmptyShare(_) => Some(
                "the parts of a dataset are its files, and those of a recording its chunks: `journal-host record` makes a copy \
                 that has some; read it with fewer processes"
                    .to_owned(),
            ),
            Self::Batch(_) => None,
            Self::Kafka(error) => error.hint(names),
        }
    }

    fn is_wrong_use(&self) -> bool {
        match self {
            Self::Recording(error) => error.is_wrong_use(),
            Self::Git(error) => error.is_wrong_use(),
            Self::Dataset(error) => error.is_wrong_use(),
            Self::EmptyShare(_) => true,
            Self::Refused(_) | Self::Batch(_) => false,
            Self::Kafka(error) => error.is_wrong_use(),
        }
    }
}

impl Explain for WorkerError {
    fn sentence(&self, names: Names<'_>) -> String {
        match self {
            Self::Source(error) => error.sentence(names),
            Self::CutOff { error, records } => {
                format!("{}{}", error.sentence(names), ComingAgain(*records))
            }
            _ => text::with_causes(self),
        }
    }

    fn hint(&self, names: Names<'_>) -> Option<String> {
        match self {
            Self::Call { source, .. } => source.hint(names),
            Self::Record { source, .. } => {
                let passes = passing_over(names);
                let hint = source.hint(names);
                Some(hint.map_or_else(|| passes.clone(), |hint| format!("{hint}; {passes}")))
            }
            Self::Rejected { .. } => Some(passing_over(names)),
            Self::Damaged(_) => Some(format!(
                "an export that fails within an object leaves the rest of it out; {}",
                passing_over(names)
            )),
            Self::TooManyFailures { .. } => Some(format!(
                "a failure of so many records is usually one of the processor; {} allows more",
                names.of(Setting::MaxFailures)
            )),
            Self::Source(error) => error.hint(names),
            Self::CutOff { error, .. } => error.hint(names),
            Self::Store(StoreError(error)) => {
                if let Some(error) = error.downcast_ref::<SqliteError>() {
                    return error.hint(names);
                }
                if let Some(error) = error.downcast_ref::<PostgresError>() {
                    return error.hint(names);
                }
                if let Some(error) = error.downcast_ref::<ParquetError>() {
                    return error.hint(names);
                }
                let error: &kafka::Error = error.downcast_ref()?;
                error.hint(names)
            }
            Self::NoCommittedOffset(_) => Some(format!(
                "check {}, or leave `auto.offset.reset` out to start at the first record",
                names.of(Setting::GroupId)
            )),
            Self::GroupAhead { .. } => Some(format!(
                "name the database that has the rows before that, or say where a new one starts: {}",
                names.with(Setting::From, "earliest")
            )),
            Self::NotConfirmed { .. } => {
                Some("start the run again: it goes on from the last confirmed commit".to_owned())
            }
            Self::MayComeAgain { .. } => Some(
                "the log says when, and at level `debug` which offsets; everything else is in the outputs once"
                    .to_owned(),
            ),
            Self::Interrupted { records, .. } | Self::NotEnded { records, .. } => {
                let goes_on = match records {
                    Some(_) => "start the run again: it goes on from the last confirmed commit. ",
                    None => "",
                };
                let timeout = names.of(Setting::ShutdownTimeout);
                Some(format!("{goes_on}{timeout} gives it more time to end"))
            }
            Self::Sink(error) => error.hint(names),
            Self::OtherPlan => Some(AUTHOR.to_owned()),
            Self::Thread { .. } | Self::Panicked => None,
        }
    }

    /// librdkafka checks the settings of the group when a worker creates its consumer.
    fn is_wrong_use(&self) -> bool {
        match self {
            Self::Source(error) => error.is_wrong_use(),
            _ => false,
        }
    }
}

fn passing_over(names: Names<'_>) -> String {
    format!(
        "{} passes such records over and counts them, and {} keeps them",
        names.with(Setting::OnFailure, "skip"),
        names.with(Setting::OnFailure, "dead-letter")
    )
}

impl Explain for bench::Error {
    fn sentence(&self, names: Names<'_>) -> String {
        match self {
            Self::Build(error) => error.sentence(names),
            Self::Source(error) => error.sentence(names),
            Self::Output(error) => error.sentence(names),
            Self::Worker(error) => error.sentence(names),
            Self::Cluster
            | Self::NotAFile(_)
            | Self::Start(_)
            | Self::Interrupted
            | Self::NoRecords => text::with_causes(self),
        }
    }

    fn hint(&self, names: Names<'_>) -> Option<String> {
        match self {
            Self::Cluster => Some(format!(
                "copy a part of the cluster with `journal-host record`, and name the file with {}",
                names.of(Setting::Recording)
            )),
            Self::Interrupted => None,
            Self::NotAFile(_) => Some(format!(
                "each round reads the recording again: {} takes a regular file",
                names.of(Setting::Recording)
            )),
            Self::Build(error) => error.hint(names),
            Self::Start(error) => error.hint(names),
            Self::Source(error) => error.hint(names),
            Self::Output(error) => error.hint(names),
            Self::Worker(error) => error.hint(names),
            Self::NoRecords => Some(format!(
                "{} takes one with records of the plugin's object types",
                names.of(Setting::Recording)
            )),
        }
    }

    fn is_wrong_use(&self) -> bool {
        match self {
            Self::Cluster | Self::NotAFile(_) => true,
            Self::Build(error) => error.is_wrong_use(),
            Self::Source(error) => error.is_wrong_use(),
            Self::Output(error) => error.is_wrong_use(),
            Self::Worker(error) => error.is_wrong_use(),
            Self::Start(error) => error.is_wrong_use(),
            Self::Interrupted | Self::NoRecords => false,
        }
    }
}
