//! Takes records from a source through a processor into sinks, checkpoint by checkpoint.

pub(crate) mod build;
pub(crate) mod check;
mod checkpoint;
mod end;
mod failure;
mod outputs;
mod processor;
pub(crate) mod quota;
pub(crate) mod reopen;
mod run;
pub(crate) mod stop;
mod worker;

pub(crate) use failure::{ComingAgain, WorkerError};
pub(crate) use outputs::OutputBindings;
pub(crate) use processor::{Process, ProcessorSettings, SandboxedProcessor};
pub(crate) use run::{Work, run_workers};
pub(crate) use worker::{
    Deadlines, Ended, FailurePolicy, Finished, OnFailure, StartRules, Worker, WorkerParts,
    WorkerSettings,
};
