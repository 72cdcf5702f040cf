//! Narrows wasmtime down to what one journal processor may do.
//!
//! The chain of types is [`Engine`] (one a process) -> [`Plugin`] (compiled code, one a run) ->
//! [`Processor`] (one store, one a worker).

mod accounts;
mod answer;
mod bindings;
mod cache;
mod componentize;
mod describe;
mod engine;
mod error;
mod imports;
mod inspect;
mod instance;
mod limits;
mod load;
mod panic_guard;
mod plan;
mod plugin_log;
mod private_dir;
mod processor;
mod state;
mod strict_json;
#[cfg(test)]
mod tests;

use std::time::Duration;

use journal_options::OptionSchema;

pub use engine::Engine;
pub use error::{AnswerError, CallError, Cause, LoadError, Question};
pub use load::{LoadTimes, Plugin};
pub use processor::Processor;

/// What bounds one processor.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The longest that one call may take.
    pub deadline: Duration,
    /// The most linear memory of one instance, in bytes.
    pub memory_bytes: usize,
    /// The most that one call may emit, and the most that it may pass to the host at once, in bytes.
    pub emit_bytes: usize,
}

/// What `describe` answered, checked.
#[derive(Clone, Debug)]
pub struct Description {
    /// The plugin's name.
    pub name: String,
    /// The plugin's version.
    pub version: String,
    /// What it does, in one sentence.
    pub summary: Option<String>,
    /// The options that it takes.
    pub options: OptionSchema,
}

/// A record that the processor refuses, checked: both places exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The batch in the call.
    pub batch: usize,
    /// The record in the batch.
    pub index: usize,
    /// Why; bounded in length and without control characters.
    pub reason: String,
}
