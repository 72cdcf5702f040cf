//! Compiling and inspecting untrusted bytes, in a child process with limits on its memory and CPU time.
//!
//! The host starts its own executable with a hidden command ([`serve`]), which gets the plugin by a pipe and answers by
//! another one with compiled code or a [`Refusal`]. What comes back is trusted as the compiler is: the child bounds what
//! compiling costs, and is no defence against code that the compiler translates wrongly.

mod child;
mod compiled;
mod parent;
mod refusal;
mod work;

use std::path::Path;
use std::time::Duration;

pub use child::serve;
pub(super) use compiled::Compiled;
pub use refusal::UnknownImports;
pub(super) use refusal::{Refusal, too_much};

use super::LoadError;

/// The hidden command with which the host starts itself.
pub const COMMAND: &str = "compile-plugin";

/// The most code of a plugin that is compiled without limits, in bytes.
const TRUSTED_BYTES: usize = 1 << 30;

/// The limits of compiling one plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompileLimits {
    /// The limit on memory, in bytes, without the plugin's file itself.
    pub memory_bytes: usize,
    /// The limit on CPU time. By the clock on the wall, compiling may take ten times as long.
    pub cpu: Duration,
}

impl CompileLimits {
    fn wall(&self) -> Duration {
        self.cpu.saturating_mul(10)
    }

    /// The CPU time in the seconds in which the system counts it.
    fn seconds(&self) -> u64 {
        let partial = u64::from(self.cpu.subsec_nanos() > 0);
        self.cpu.as_secs().saturating_add(partial).max(1)
    }
}

/// Where plugins are compiled.
#[derive(Clone, Copy, Debug)]
pub enum Compiler {
    /// In a child process, which is this executable. It must have the hidden command, as `journal-host` has.
    Child(CompileLimits),
    /// In this process without limits, for plugins that are trusted.
    Here,
}

impl Compiler {
    /// No plugin is compiled to more bytes.
    pub(super) fn most_bytes(self) -> usize {
        match self {
            Self::Child(limits) => limits.memory_bytes,
            Self::Here => TRUSTED_BYTES,
        }
    }

    /// Inspects and compiles a plugin.
    pub(super) fn compile(
        self,
        engine: &wasmtime::Engine,
        path: &Path,
        bytes: &[u8],
    ) -> Result<Compiled, LoadError> {
        match self {
            Self::Child(limits) => parent::compile(limits, path, bytes),
            Self::Here => {
                work::guarded(engine, bytes, || Ok(())).map_err(|refusal| refusal.of(path))
            }
        }
    }
}
