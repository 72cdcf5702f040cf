//! Takes records from a source through a processor into sinks, checkpoint by checkpoint.

pub(crate) mod build;
mod checkpoint;
mod end;
mod failure;
mod outputs;
mod processor;
pub mod quota;
mod run;
pub mod stop;
mod worker;

pub use failure::{CallRanges, WorkerError};
pub use outputs::OutputBindings;
pub use processor::{Process, ProcessorSettings, SandboxedProcessor};
pub use run::{Work, run_workers};
pub use worker::{Deadlines, Ended, OnBadRecord, Worker, WorkerParts, WorkerSettings};
