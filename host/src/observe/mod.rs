//! What an operator sees of a run: log lines, progress, the summary, and where its time goes.

pub(crate) mod logging;
pub(crate) mod meter;
pub(crate) mod progress;
