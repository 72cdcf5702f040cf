//! Why a git repository cannot be read.

use std::io;
use std::path::PathBuf;

use crate::journal::topics::TopicError;

/// Why the git source cannot go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The command is not there, or cannot be started.
    #[error("cannot start the command `git`")]
    Start(#[source] io::Error),
    /// The command is too old.
    #[error("the command `git` has version {found}, and {needed} is needed")]
    Version {
        /// Its version.
        found: String,
        /// The oldest one that will do.
        needed: &'static str,
    },
    /// There is no repository.
    #[error("`{}` is no git repository", .0.display())]
    NoRepository(PathBuf),
    /// The repository belongs to someone else.
    #[error("the git repository `{}` belongs to another user, and `git` does not read it unless that is allowed", .0.display())]
    Ownership(PathBuf),
    /// The repository's identifiers are none of the archive.
    #[error("the git repository `{}` names its objects by SHA-256; the archive does not hold them", .0.display())]
    Sha256(PathBuf),
    /// The command failed.
    #[error("`git {command}` failed in `{}`: {message}", repository.display())]
    Failed {
        /// What it was asked for.
        command: &'static str,
        /// The repository.
        repository: PathBuf,
        /// What it wrote to its standard error.
        message: String,
    },
    /// The pipes to the command failed.
    #[error("cannot talk to the command `git`")]
    Pipe(#[from] io::Error),
    /// The command answered something else than was asked for.
    #[error("the command `git` gave an answer that is none: `{0}`")]
    Answer(String),
    /// An object that was listed is not there any more.
    #[error("the object {0} is gone from the git repository, which changed meanwhile")]
    Gone(String),
    /// An object's bytes are not those of its identifier.
    #[error("the object {0} of the git repository is damaged: its bytes have another identifier")]
    Damaged(String),
    /// The requested topics do not exist or may not be read.
    #[error("the git repository `{}` {error}", repository.display())]
    Topics {
        /// The repository.
        repository: PathBuf,
        /// The reason.
        error: TopicError,
    },
    /// An object that does not fit the guest's memory.
    #[error(
        "the object {id} has {bytes} bytes, more than half of the memory limit of \
         {memory_limit_bytes} bytes"
    )]
    RecordTooLarge {
        /// The object.
        id: String,
        /// Its bytes.
        bytes: usize,
        /// The guest's limit.
        memory_limit_bytes: usize,
    },
}
