//! What can be seen of a run: log lines, progress, the summary, and where its time goes.

pub mod logging;
pub mod meter;
pub mod progress;
