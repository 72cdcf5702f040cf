//! What was found about a run, in words of which none names a flag.

use std::fmt;

use crate::journal::group_offsets::OutOfRange;
use crate::journal::offsets::Partition;
use crate::kafka::{self, GroupError, GroupState, ReadRefusal};
use crate::pipeline::build::BuildError;
use crate::sink::BindError;
use crate::sink::jsonl::OpenError;
use crate::source::SourceError;
use crate::text::plural;

/// What was checked, and how it is.
#[derive(Debug)]
pub(crate) struct Finding {
    /// What was checked.
    pub(crate) subject: Subject,
    /// How it is.
    pub(crate) outcome: Outcome,
}

/// What is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// Whether the settings fit together.
    Settings,
    /// Whether the plugin loads, and accepts its options.
    Plugin,
    /// What it reads and emits.
    Plan,
    /// Whether the recording can be read.
    Recording,
    /// Whether the git repository can be read.
    Repository,
    /// Whether the dataset can be read.
    Dataset,
    /// Whether the brokers answer, and accept the account.
    Brokers,
    /// Whether the topics exist, and can be read.
    Topics,
    /// Whether the offset file can be used.
    Start,
    /// Whether the group can be used.
    Group,
    /// What is left to read.
    Lag,
    /// Whether the outputs can be written to.
    Outputs,
}

/// How something is.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// A run can use it.
    Fine(String),
    /// A run can use it, and an operator should know this.
    Warning(CheckWarning),
    /// A run would fail.
    Failed(Box<CheckError>),
    /// It could not be checked, because of this.
    Skipped(&'static str),
}

/// What an operator should know before a run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CheckWarning {
    /// Some partitions have no leader.
    #[error("{count} of {} of `{topic}` without a leader", plural(*all, "partition"))]
    NoLeader {
        /// The topic.
        topic: String,
        /// The partitions without a leader.
        count: usize,
        /// All partitions.
        all: usize,
    },
    /// A topic does not exist, and the run creates it.
    #[error("`{topic}` does not exist: a run creates it")]
    Created {
        /// The topic.
        topic: String,
    },
    /// Object types are not read.
    #[error("{0}")]
    LeftOut(String),
    /// Topics that are asked for are not there.
    #[error("{0}")]
    OfTopics(String),
    /// The group has members.
    #[error("the group `{group_id}` has {} ({state})", members(*count))]
    Members {
        /// The group.
        group_id: String,
        /// Its members.
        count: usize,
        /// What it does.
        state: GroupState,
    },
    /// The brokers do not say whether the group can be used.
    #[error("the brokers do not say whether the account may use the group `{group_id}`")]
    UnknownRights {
        /// The group.
        group_id: String,
    },
    /// There are more workers than partitions.
    #[error("{} share {}", plural(*workers, "worker"), plural(*partitions, "partition"))]
    IdleWorkers {
        /// The workers.
        workers: usize,
        /// The partitions.
        partitions: usize,
    },
    /// A file may have rows that a run over a recording would double.
    #[error("{file} is not empty: a run that would double its rows is refused")]
    HasContent {
        /// The file.
        file: String,
    },
    /// A file ends in a half line.
    #[error("{file} does not end with a whole line")]
    HalfLine {
        /// The file.
        file: String,
    },
    /// Another process is writing to a file.
    #[error("another process is writing to {file}")]
    Held {
        /// The file.
        file: String,
    },
}

/// Why a run would fail.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CheckError {
    /// It could not be built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The account may not see a topic, or it does not exist.
    #[error("the account may not see the topic `{topic}`, or it does not exist")]
    Hidden {
        /// The topic.
        topic: String,
    },
    /// Partitions of a topic cannot be read.
    #[error("{count} of {} of `{topic}` cannot be read: {refusal}", plural(*all, "partition"))]
    Unreadable {
        /// The topic.
        topic: String,
        /// The partitions that cannot be read.
        count: usize,
        /// All partitions.
        all: usize,
        /// The reason for the first of them.
        refusal: ReadRefusal,
    },
    /// The brokers of some partitions do not answer.
    #[error("the brokers of {count} of {} of `{topic}` do not answer", plural(*all, "partition"))]
    Silent {
        /// The topic.
        topic: String,
        /// The partitions without an answer.
        count: usize,
        /// All partitions.
        all: usize,
    },
    /// The account may describe the group, and not use it.
    #[error("the account may not use the group `{group_id}`")]
    GroupRight {
        /// The group.
        group_id: String,
    },
    /// A worker cannot join the members that the group has.
    #[error("the group `{group_id}` divides its partitions by `{assignor}` among {}", members(*count))]
    OtherMembers {
        /// The group.
        group_id: String,
        /// Its members.
        count: usize,
        /// How they divide the partitions.
        assignor: String,
    },
    /// The group goes on at offsets that the log does not have.
    #[error("the group `{group_id}` cannot go on")]
    OutOfRange {
        /// The group.
        group_id: String,
        /// The offsets.
        #[source]
        source: OutOfRange,
    },
    /// The offset file has offsets that the log does not have.
    #[error("the offset file cannot be used")]
    Listed {
        /// The offsets.
        #[source]
        source: OutOfRange,
    },
    /// The group goes on, and the output that is to have its offsets does not know it.
    #[error(
        "the group has committed offset {committed} for {partition}, and {output} has no position of it: the rows before \
         that are not there"
    )]
    GroupAhead {
        /// The output.
        output: String,
        /// A partition.
        partition: Partition,
        /// The group's offset.
        committed: u64,
    },
    /// The cluster does not answer a question about the group.
    #[error(transparent)]
    Group(#[from] GroupError),
    /// Partitions without an offset end the run.
    #[error("without a committed offset: {}, {first} among them", plural(*count, "partition"))]
    NoOffset {
        /// The partitions.
        count: usize,
        /// One of them.
        first: Partition,
    },
}

fn members(count: usize) -> String {
    plural(count, "member")
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Settings => "settings",
            Self::Plugin => "plugin",
            Self::Plan => "plan",
            Self::Recording => "recording",
            Self::Repository => "repository",
            Self::Dataset => "dataset",
            Self::Brokers => "brokers",
            Self::Topics => "topics",
            Self::Start => "start",
            Self::Group => "group",
            Self::Lag => "lag",
            Self::Outputs => "outputs",
        })
    }
}

impl From<kafka::Error> for CheckError {
    fn from(error: kafka::Error) -> Self {
        Self::Build(SourceError::from(error).into())
    }
}

impl From<BindError> for CheckError {
    fn from(error: BindError) -> Self {
        Self::Build(error.into())
    }
}

impl From<OpenError> for CheckError {
    fn from(error: OpenError) -> Self {
        Self::Build(error.into())
    }
}
