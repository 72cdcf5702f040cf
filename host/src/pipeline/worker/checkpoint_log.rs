//! What the log says about checkpoints, so that whoever compares outputs with offsets can tell what was written when.

use std::fmt;

use crate::journal::offsets::{Offsets, Partition};

/// The ranges in one line: with the longest names of topics they fit into a line of the log.
const RANGES_IN_A_LINE: usize = 50;

/// A checkpoint of a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CheckpointId {
    pub(super) worker: usize,
    pub(super) number: u64,
}

impl fmt::Display for CheckpointId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "checkpoint {} of worker {}", self.number, self.worker)
    }
}

/// The offsets of some partitions between two positions: `topic:partition from..to`.
struct Ranges<'a>(&'a [(&'a Partition, u64, u64)]);

impl fmt::Display for Ranges<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (partition, from, to)) in self.0.iter().enumerate() {
            let before = if index == 0 { "" } else { ", " };
            let Partition { topic, number } = partition;
            write!(f, "{before}{topic}:{number} {from}..{to}")?;
        }
        Ok(())
    }
}

/// Logs the offsets of a checkpoint that changed, in several lines if they are many.
///
/// It is logged before the rows are written, so that the log of a process that is killed names everything that may be in
/// the outputs.
pub(super) fn begins(id: CheckpointId, rows: u64, from: &Offsets, to: &Offsets) {
    log(from, to, |ranges| {
        tracing::debug!("{id} begins: {rows} rows of {ranges}");
    });
}

/// Logs that these offsets of a checkpoint are committed.
pub(super) fn is_confirmed(id: CheckpointId, from: &Offsets, to: &Offsets) {
    log(from, to, |ranges| {
        tracing::debug!("{id} is confirmed: {ranges}");
    });
}

/// Logs that nobody waits any more for the commit of these offsets.
pub(super) fn is_not_confirmed(id: CheckpointId, from: &Offsets, to: &Offsets) {
    log(from, to, |ranges| {
        tracing::debug!("{id} is not confirmed: {ranges}");
    });
}

fn log(from: &Offsets, to: &Offsets, line: impl Fn(Ranges<'_>)) {
    if !tracing::enabled!(tracing::Level::DEBUG) {
        return;
    }
    let range = |(partition, &next)| {
        let first = from.get(partition).copied().unwrap_or(next);
        (first != next).then_some((partition, first, next))
    };
    let ranges: Vec<_> = to.iter().filter_map(range).collect();
    for some in ranges.chunks(RANGES_IN_A_LINE) {
        line(Ranges(some));
    }
}
