//! Runs processors in wasmtime, with limits and without access to the machine.
//!
//! Its types are [`Engine`] (one in each process), [`Plugin`] (compiled code, one in each run) and [`Processor`] (one
//! store, one for each worker).

mod accounts;
mod answer;
mod bindings;
mod bounds;
mod cache;
mod clock;
pub mod compile;
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
mod proposals;
mod runtime;
mod script_location;
mod sealed;
mod state;
mod strict_json;
#[cfg(test)]
mod tests;
mod wasi;

use std::time::Duration;

use journal_options::OptionSchema;

pub use clock::Interrupt;
pub use compile::{CompileLimits, Compiler, UnknownImports};
pub use engine::Engine;
pub use error::{AnswerError, CallError, Cause, CompileLimit, LoadError, Question};
pub use load::{Interfaces, LoadTimes, Plugin, Prepared, ScriptDigests};
pub use processor::{Explained, Processor};
pub use script_location::ScriptLocation;

/// The limits of one processor.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The limit on the CPU time of one call.
    pub deadline: Duration,
    /// The limit on the time of one call by the clock on the wall.
    pub wall: Duration,
    /// The limit on the linear memory of one instance, in bytes.
    pub memory_bytes: usize,
    /// The limit on what one call may emit, and on what it may pass to the host at once, in bytes.
    pub emit_bytes: usize,
}

/// The answer to `describe`, checked.
#[derive(Clone, Debug)]
pub struct Description {
    /// The plugin's name.
    pub name: String,
    /// The plugin's version.
    pub version: String,
    /// The schema of its options.
    pub options: OptionSchema,
    /// What the plugin does, in its author's words; empty where they say nothing.
    pub summary: String,
}

/// A record that the processor rejected; both indices were checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The index of the batch in the call.
    pub batch: usize,
    /// The index of the record in the batch.
    pub index: usize,
    /// The reason, bounded in length and without control characters.
    pub reason: String,
}
