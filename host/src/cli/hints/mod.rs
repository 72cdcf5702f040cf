//! How the command line tells each error: the sentence, where it names a setting, the hint, and whether the use is
//! wrong; one file for each area.

mod config;
mod kafka;
mod memory;
mod options;
mod pipeline;
mod recording;
mod sandbox;
mod sink;

use std::error::Error;
use std::fmt::Write;

use super::names::Names;

/// An error as an operator reads it.
pub(super) trait Explain: Error + Sized + 'static {
    /// What is wrong, in the words of who set it: one sentence with its causes.
    fn sentence(&self, _names: Names<'_>) -> String {
        chain(self)
    }

    /// The way out, where there is one.
    fn hint(&self, names: Names<'_>) -> Option<String>;

    /// Whether the settings are wrong, rather than the world.
    fn is_wrong_use(&self) -> bool {
        false
    }
}

/// An error with all its causes.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Writing to a string cannot fail.
        let _ok = write!(text, ": {error}");
        cause = error.source();
    }
    text
}

/// The end of an error that only the plugin's author can mend.
const AUTHOR: &str = "this is an error of the processor: tell its author";
