//! The runtime of JavaScript: `QuickJS` as a plugin of journal-host.
//!
//! It exports the interface `script` of the contract besides what every plugin exports. A script sees the language's own
//! objects, and the module `journal_host`. Objects are decoded field by field, when the script reads them.

mod encode;
mod errors;
#[cfg(target_family = "wasm")]
mod guest;
mod hints;
mod layouts;
mod location;
mod modules;
mod native;
mod objects;
mod raw;
mod rows;
mod runner;
#[cfg(test)]
mod tests;
mod texts;
mod values;

pub use runner::{Batch, Rejection, Runner};

/// The severity of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// A failure.
    Error,
    /// Something that may be wrong.
    Warn,
    /// What an operator wants to know.
    Info,
    /// What only the author wants to know.
    Debug,
}

/// What a script is run by.
pub trait Host {
    /// Writes lines to the operator's log.
    fn log(&self, level: Level, text: &str);

    /// Emits rows to an output of the plan.
    fn emit(&self, output: u32, rows: &[u8], row_ends: &[u32]);

    /// From now on, the first look at the clock is logged.
    fn arm_clock(&self) {}
}
