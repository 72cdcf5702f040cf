//! What an operator sees of a run: log lines, progress, the summary, and where its time goes.

pub mod logging;
pub mod meter;
pub mod progress;
