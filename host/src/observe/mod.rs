//! What an operator sees of a run: log lines, progress and the summary.

pub mod logging;
pub mod progress;
