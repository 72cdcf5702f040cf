//! The hidden command that compiles a plugin for the host that started it.

use std::process::ExitCode;
use std::time::Duration;

use crate::sandbox::CompileLimits;
use crate::sandbox::compile::serve;

/// Compiles the plugin on standard input; other commands start this.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Arguments {
    /// The limit on memory, in bytes.
    memory_bytes: usize,

    /// The limit on CPU time, in seconds.
    seconds: u64,
}

/// Compiles, and answers on standard output.
pub(super) fn execute(arguments: &Arguments) -> ExitCode {
    serve(CompileLimits {
        memory_bytes: arguments.memory_bytes,
        cpu: Duration::from_secs(arguments.seconds),
    })
}
