//! How the command line reports each error: the sentence, in which settings have the names that the operator used, the
//! hint, and the exit code. Each area has a file.

mod check;
mod config;
mod dataset;
mod git;
mod kafka;
mod load;
mod memory;
mod offsets;
mod options;
mod parquet;
mod pipeline;
mod postgres;
mod privacy;
mod recording;
mod sandbox;
mod script;
mod sink;
mod transfer;
mod trial;

use std::error::Error;

use super::names::Names;
use crate::text::with_causes;

/// An error as the operator reads it.
pub(super) trait Explain: Error + Sized + 'static {
    /// What is wrong: one sentence with its causes, which names settings as the operator wrote them.
    fn sentence(&self, _names: Names<'_>) -> String {
        with_causes(self)
    }

    /// What the operator can do, where that is known.
    fn hint(&self, names: Names<'_>) -> Option<String>;

    /// Whether the settings are wrong, and not the system around the process.
    fn is_wrong_use(&self) -> bool {
        false
    }
}

/// The hint for a topic that a run would write to and read.
const OF_THE_JOURNAL: &str = "choose another topic: no run should read it as objects";

/// A script as one names it, in the middle of a hint.
pub(super) const A_SCRIPT: &str =
    "a script (`.py`, `.js`, or a folder with a `__main__.py` or an `index.js`)";

/// The hint for an error that only the plugin's author can fix.
const AUTHOR: &str = "this is an error of the processor: tell its author";
