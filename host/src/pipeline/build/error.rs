//! Why no pipeline can be built.

use crate::config::memory::TooLittle;
use crate::config::options::OptionsError;
use crate::journal::offset_file::OffsetFileError;
use crate::journal::offsets::Partition;
use crate::kafka;
use crate::observe::http::ServeError;
use crate::pipeline::WorkerError;
use crate::privacy::MaskError;
use crate::sandbox::{CallError, LoadError};
use crate::sink::letter_topic::LetterTopicError;
use crate::sink::{BindError, SinkError, jsonl};
use crate::source::SourceError;

/// Why no pipeline can be built from a configuration.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BuildError {
    /// The list of masked objects cannot be used.
    #[error(transparent)]
    Mask(#[from] MaskError),
    /// The memory of the process is too small for its parts.
    #[error(transparent)]
    Memory(#[from] TooLittle),
    /// The batches are too large for the instances.
    #[error("one call may hold more than a quarter of the memory of an instance")]
    BatchTooLarge,
    /// The plugin cannot be loaded.
    #[error(transparent)]
    Plugin(#[from] LoadError),
    /// The plugin's options are wrong.
    #[error(transparent)]
    Options(#[from] OptionsError),
    /// The processor did not start.
    #[error("`start` failed")]
    Start(#[from] CallError),
    /// The configuration names an object type that the plugin does not read.
    #[error("the object type `{object_type}` is not one that the plugin reads")]
    ObjectType {
        /// The object type that was named.
        object_type: String,
        /// The object types that the plugin reads.
        offered: Vec<String>,
    },
    /// The plugin needs names of persons, and does not get them.
    #[error("the plugin needs names of persons, and this run {}", no_names(*.anonymised))]
    NeedsNames {
        /// Whether the host removes them; otherwise the topics may be anonymised.
        anonymised: bool,
    },
    /// The configuration names an object type in a stage that the plugin does not read.
    #[error("the object type `{object_type}` is in a stage, and the plugin does not read it")]
    StagedType {
        /// The object type that was named.
        object_type: String,
        /// The object types that the plugin reads.
        offered: Vec<String>,
    },
    /// The offset file cannot be used.
    #[error(transparent)]
    OffsetFile(#[from] OffsetFileError),
    /// The offset file has a partition that the cluster lacks.
    #[error("the offset file names {0}, which does not exist")]
    ListedPartition(Partition),
    /// A position of the offset file is out of the range of its partition.
    #[error("a position of the offset file cannot be read")]
    ListedOffset(#[source] kafka::Error),
    /// The offset file is of other topics.
    #[error("the offset file names no topic that the run reads")]
    NothingListed,
    /// The recording or the cluster cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The outputs cannot be written to.
    #[error(transparent)]
    Outputs(#[from] jsonl::OpenError),
    /// The topic for dead letters cannot be used.
    #[error(transparent)]
    Letters(#[from] LetterTopicError),
    /// A sink does not fit the plan, or cannot be reached.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// Metrics cannot be served.
    #[error(transparent)]
    Metrics(#[from] ServeError),
    /// A further processor did not start as the first one did.
    #[error(transparent)]
    Worker(#[from] WorkerError),
}

impl From<BindError> for BuildError {
    fn from(error: BindError) -> Self {
        match error {
            BindError::Open(error) => error.into(),
            BindError::Sink(error) => error.into(),
        }
    }
}

fn no_names(anonymised: bool) -> &'static str {
    if anonymised {
        "removes them"
    } else {
        "may read anonymised topics"
    }
}
