//! Measures how fast a processor is and where its time goes: in each round the same records pass through the same parts
//! as in a run, with a meter.
//!
//! docs/benchmarking.md explains each figure and its limits.

mod metered;
mod parts;
mod prepare;
mod round;
mod summary;
mod table;

pub(crate) use parts::Parts;
pub(crate) use round::{Conditions, Round, Subject};
pub(crate) use summary::{Benchmark, Identity, Measured, Ratios, Spread};
pub(crate) use table::Table;

use std::path::PathBuf;

use crate::pipeline::WorkerError;
use crate::pipeline::build::BuildError;
use crate::sandbox::CallError;
use crate::sink::jsonl::OpenError;
use crate::source::SourceError;

/// Why a benchmark failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The source is a cluster.
    #[error("a benchmark reads the same records in each round, which a cluster does not promise")]
    Cluster,
    /// The recording can only be read once.
    #[error("`{}` is not a file", .0.display())]
    NotAFile(PathBuf),
    /// The plugin or its conditions cannot be built from the configuration.
    #[error(transparent)]
    Build(Box<BuildError>),
    /// The processor did not start.
    #[error("`start` failed")]
    Start(#[from] CallError),
    /// The recording cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The file that drops the rows cannot be opened.
    #[error(transparent)]
    Output(#[from] OpenError),
    /// The run of the round failed.
    #[error(transparent)]
    Worker(Box<WorkerError>),
    /// A signal ended it.
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
