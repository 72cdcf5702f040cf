//! What an operator sees of a run: log lines, progress, the summary, metrics, health, and where its time goes.

pub(crate) mod health;
mod history;
pub(crate) mod http;
pub(crate) mod logging;
pub(crate) mod meter;
pub(crate) mod metrics;
pub(crate) mod page;
mod process;
pub(crate) mod progress;
pub(crate) mod statsd;
pub(crate) mod systemd;
