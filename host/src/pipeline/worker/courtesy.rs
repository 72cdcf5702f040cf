//! The group's copy of positions that a sink commits with its rows. Nothing depends on it but tools that show the lag.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::{Ended, Worker};
use crate::journal::offsets::{Confirmation, Partition, Position};
use crate::pipeline::failure::WorkerError;

/// How long a run that ends waits for the group's answer.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

impl Worker {
    /// Commits to the group what a sink has committed.
    pub(super) fn send_courtesy(&mut self, positions: &BTreeMap<Partition, Position>) {
        if positions.is_empty() || self.sinks.commit_for_the_group() {
            return;
        }
        self.courtesy_is_due = true;
        match self.store.send(positions) {
            Ok(()) => self.look_for_courtesy(),
            Err(error) => self.give_courtesy_up(&error),
        }
    }

    /// Looks whether the group has taken the positions. The store sends those again that it refused, as it does in a
    /// rebalance.
    pub(super) fn look_for_courtesy(&mut self) {
        if !self.courtesy_is_due {
            return;
        }
        match self.store.check() {
            Ok(Confirmation::Confirmed | Confirmation::Idle) => self.courtesy_is_due = false,
            Ok(Confirmation::Pending | Confirmation::Refused(_)) => {}
            Err(error) => self.give_courtesy_up(&error),
        }
    }

    /// The next checkpoint tries again.
    fn give_courtesy_up(&mut self, error: &dyn std::error::Error) {
        tracing::debug!("the group does not take the offsets: {error}");
        self.courtesy_is_due = false;
    }

    /// Waits at the end of a run, so that the group shows where it ended.
    pub(super) fn wait_for_courtesy(&mut self, result: &Result<Ended, WorkerError>) {
        let finish = self.settings.deadlines.finish;
        let limit = match result {
            Ok(_) => finish,
            Err(_) => self.last_wait(result).unwrap_or_default(),
        };
        let end = Instant::now() + limit.min(LONGEST_WAIT);
        // Where the partitions were lost, the group's new member commits.
        let waited = self.wait_until(Some(end), |worker| {
            worker.look_for_courtesy();
            Ok(!worker.courtesy_is_due)
        });
        if let Err(error) = waited {
            tracing::debug!("the group is not waited for: {error}");
        }
    }
}
