//! Reading all partitions again, each time that their ends are reached.

use std::task::Poll;
use std::time::{Duration, Instant};

use super::Worker;
use crate::journal::offsets::{Offsets, Start};
use crate::pipeline::failure::WorkerError;
use crate::text::plural;

/// How long partitions without any record are left alone before they are looked at again.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// One pass over the partitions of a worker.
#[derive(Debug, Default)]
pub(super) struct Pass {
    /// The ends that the pass found. Records that come later belong to the next one, so that each pass ends.
    ends: Offsets,
    not_before: Option<Instant>,
    /// The number of passes before it.
    before: u64,
}

impl Worker {
    /// Goes back to the first records once this worker has read all of its partitions, and commits that. The end is
    /// checkpointed before, so that a crash repeats no more of this pass than of any other.
    pub(super) fn look_for_the_next_pass(&mut self) -> Result<(), WorkerError> {
        let Some(pass) = &mut self.pass else {
            return Ok(());
        };
        // Partitions that come ask the source as well, and it answers one question at a time.
        let waits = pass.not_before.is_some_and(|time| Instant::now() < time);
        if waits || self.arriving.is_some() || self.unconfirmed.is_some() {
            return Ok(());
        }
        let position = self.source.position();
        pass.ends.retain(|own, _| position.contains_key(own));
        let is_new = |own: &&_| !pass.ends.contains_key(*own);
        let new: Vec<_> = position.keys().filter(is_new).cloned().collect();
        match self.source.resolve(&new, Start::Latest)? {
            Poll::Pending => return Ok(()),
            Poll::Ready(ends) => pass.ends.extend(ends),
        }
        let has_more = |(own, end): (_, &u64)| position.get(own).is_some_and(|next| next < end);
        if position.is_empty() || pass.ends.iter().any(has_more) {
            return Ok(());
        }
        let own: Vec<_> = position.keys().cloned().collect();
        let Poll::Ready(first) = self.source.resolve(&own, Start::Earliest)? else {
            return Ok(());
        };
        let is_empty = |(own, end): (_, &u64)| first.get(own).is_none_or(|first| first >= end);
        if pass.ends.iter().all(is_empty) {
            pass.ends.clear();
            pass.not_before = Some(Instant::now() + LOOK_AGAIN_AFTER);
            return Ok(());
        }
        self.begin_next_pass(&first)
    }

    fn begin_next_pass(&mut self, first: &Offsets) -> Result<(), WorkerError> {
        if !self.checkpoint_or_recover()? {
            return Ok(());
        }
        if let Some(pass) = &mut self.pass {
            pass.ends.clear();
            pass.before += 1;
            tracing::info!(
                "{} of this worker read to the end: pass {} begins",
                plural(first.len(), "partition"),
                pass.before + 1
            );
        }
        self.source.rewind(first)?;
        self.counters.count_restarts(first.len() as u64);
        // A partition of which nothing is read before the run ends would else be at its end for the next run.
        self.send_position(self.sinks.number())
    }
}
