//! Why the offsets of a group cannot be shown or changed.

use std::io;
use std::path::PathBuf;

use crate::journal::group_offsets::{OutOfRange, Unknown};
use crate::journal::offset_file::OffsetFileError;
use crate::kafka::{self, GroupError, GroupMember};
use crate::sink::{BindError, SinkError};
use crate::text::Quoted;

/// Why the offsets of a group cannot be shown or changed.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum OffsetsError {
    /// The cluster cannot be reached, or a setting is wrong.
    #[error(transparent)]
    Kafka(#[from] kafka::Error),
    /// The group cannot be read or changed.
    #[error(transparent)]
    Group(#[from] GroupError),
    /// The output that has the positions cannot be used.
    #[error(transparent)]
    Output(#[from] BindError),
    /// The group does not exist.
    #[error("{} has no group {}", Quoted(brokers), Quoted(group_id))]
    Missing {
        /// The brokers.
        brokers: String,
        /// The group.
        group_id: String,
        /// Whether offsets can be committed for it if topics are named.
        can_be_created: bool,
    },
    /// The group has no offsets of the topics in question.
    #[error("the group {} has committed no offsets{}", Quoted(group_id), if *narrowed { " of these topics" } else { "" })]
    NothingCommitted {
        /// The group.
        group_id: String,
        /// Whether topics were named.
        narrowed: bool,
    },
    /// Members would go on from their own positions.
    #[error("the group {} has {}", Quoted(group_id), count(members.len()))]
    HasMembers {
        /// The group.
        group_id: String,
        /// Its members.
        members: Vec<GroupMember>,
    },
    /// A topic or a partition does not exist.
    #[error("{} {unknown}", Quoted(brokers))]
    Unknown {
        /// The brokers.
        brokers: String,
        /// What does not exist.
        unknown: Unknown,
        /// The topics that there are.
        topics: Vec<String>,
    },
    /// The offset file cannot be used.
    #[error(transparent)]
    File(#[from] OffsetFileError),
    /// What is neither a time nor an offset file that can be used.
    #[error(transparent)]
    WhereTo(OffsetFileError),
    /// The offset file has nothing about the topics that were named.
    #[error("the offset file `{}` has no offsets of these topics", path.display())]
    NotInFile {
        /// The file.
        path: PathBuf,
    },
    /// The offset file has offsets that the log does not have.
    #[error("the offset file `{}` cannot be restored", path.display())]
    OutOfRange {
        /// The file.
        path: PathBuf,
        /// The offsets.
        #[source]
        source: OutOfRange,
    },
    /// The offsets could not be saved.
    #[error("cannot write `{}`", path.display())]
    Save {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// Standard output cannot be written.
    #[error("cannot write to standard output")]
    Print(#[source] io::Error),
}

impl From<SinkError> for OffsetsError {
    fn from(error: SinkError) -> Self {
        Self::Output(error.into())
    }
}

fn count(members: usize) -> String {
    match members {
        1 => "a member".to_owned(),
        _ => format!("{members} members"),
    }
}
