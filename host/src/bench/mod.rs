//! How fast a processor is, and where its time goes: the same records through the same parts as in a run, round by
//! round, with a meter on.
//!
//! What each figure means, and what it cannot tell, is in docs/benchmarking.md.

mod metered;
mod parts;
mod prepare;
mod round;
mod summary;
mod table;

pub use parts::Parts;
pub use round::{Conditions, Round, Subject};
pub use summary::{Benchmark, Identity, Measured, Ratios, Spread};
pub use table::Table;

use std::path::PathBuf;

use crate::pipeline::WorkerError;
use crate::pipeline::build::BuildError;
use crate::sandbox::CallError;
use crate::sink::jsonl::OpenError;
use crate::source::SourceError;

/// Why there is no benchmark.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration names another source.
    #[error("a benchmark reads a recording, and none is named")]
    NoRecording,
    /// The recording can be read once only.
    #[error("`{}` is not a file", .0.display())]
    NotAFile(PathBuf),
    /// The configuration cannot be carried out.
    #[error(transparent)]
    Build(Box<BuildError>),
    /// The processor did not start.
    #[error("`start` failed")]
    Start(#[from] CallError),
    /// The recording cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// There is nothing to drop rows into.
    #[error(transparent)]
    Output(#[from] OpenError),
    /// The run of the round failed.
    #[error(transparent)]
    Worker(Box<WorkerError>),
    /// A signal came.
    #[error("the benchmark was interrupted before its last round had ended")]
    Interrupted,
    /// Nothing was processed.
    #[error(
        "the recording holds no record that the processor reads, so there is nothing to measure"
    )]
    NoRecords,
}

impl From<BuildError> for Error {
    fn from(error: BuildError) -> Self {
        Self::Build(Box::new(error))
    }
}

impl From<WorkerError> for Error {
    fn from(error: WorkerError) -> Self {
        Self::Worker(Box::new(error))
    }
}
