//! The ends of a membership: the last commit, and leaving.

use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer;

use super::context::Rebalance;
use super::error::Error;
use super::{KafkaSource, leave_barrier};
use crate::source::Wait;

/// How long one look at a commit's result, or one poll of a leaving member, may take.
const STEP: Duration = Duration::from_millis(20);
/// How long the end of a run waits for its last commit beyond the session time-out, which a join of
/// the group can take before the commit is answered.
const COMMIT_GRACE: Duration = Duration::from_secs(15);
/// How long leaving the group may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

impl KafkaSource {
    /// Waits until every durable offset is confirmed; says how many records are not, if the time
    /// is up or the partitions are lost.
    fn wait_for_commits(&mut self, limit: Duration) -> Result<u64, Error> {
        let started = Instant::now();
        loop {
            self.commits.receive(&mut self.assignment, STEP)?;
            let unconfirmed = self.assignment.unconfirmed_records();
            let over = started.elapsed() >= limit || self.consumer.context().has_lost();
            if (unconfirmed == 0 && !self.commits.in_flight()) || over {
                return Ok(unconfirmed);
            }
            self.commits.send(&self.consumer, &self.assignment)?;
            self.serve_events()?;
        }
    }

    /// From now on rebalances are answered at once, because nothing is left to be saved.
    pub(super) fn abandon_assignment(&mut self) {
        self.consumer.context().close();
        if let Some(come) = self.arriving.take() {
            let _answered = self.consumer.incremental_assign(&come);
        }
        if let Some(leaving) = self.leaving.take() {
            let _gone = self.consumer.incremental_unassign(&leaving.partitions);
        }
        // librdkafka goes on only when each rebalance is answered.
        while let Some(rebalance) = self.consumer.context().next_rebalance() {
            let _answered = match rebalance {
                Rebalance::Assign(come) => self.consumer.incremental_assign(&come),
                Rebalance::Revoke(go) | Rebalance::Lose(go) => {
                    self.consumer.incremental_unassign(&go)
                }
            };
        }
    }

    fn wait_for_the_others(&mut self) {
        self.barrier_guard = None;
        if self.cluster.settings.has_static_members() {
            return;
        }
        let (consumer, query_client) = (&self.consumer, &self.cluster.query_client);
        leave_barrier::wait(
            &self.cluster.leave_barrier,
            || drop(consumer.poll(STEP)),
            || {
                // Who cannot ask does not wait.
                query_client.group_is_stable().unwrap_or(true)
            },
        );
    }

    pub(super) fn commit_durable(&mut self, wait: Wait) -> Result<(), Error> {
        self.assignment.mark_durable();
        self.options
            .quota
            .confirm(std::mem::take(&mut self.claimed));
        self.commits.receive(&mut self.assignment, Duration::ZERO)?;
        self.commits.send(&self.consumer, &self.assignment)?;
        if wait == Wait::No {
            return Ok(());
        }
        let limit = match self.leaving {
            Some(_) => self.session_timeout,
            None => self.session_timeout + COMMIT_GRACE,
        };
        let records = self.wait_for_commits(limit)?;
        if records == 0 {
            return Ok(());
        }
        let reason = self.commits.why_unconfirmed();
        if self.leaving.is_some() {
            tracing::warn!(
                "a commit was not confirmed before its partitions went ({reason}): {records} \
                 records will come again"
            );
            return Ok(());
        }
        Err(Error::NotConfirmed {
            seconds: limit.as_secs(),
            reason,
            records,
        })
    }

    /// Leaves the group; nothing is committed any more.
    pub(super) fn leave(&mut self) {
        self.abandon_assignment();
        self.wait_for_the_others();
        let started = Instant::now();
        if let Err(error) = self.consumer.close_queue() {
            tracing::debug!("leaving the group: {error}");
            return;
        }
        while !self.consumer.closed() && started.elapsed() < CLOSE_TIMEOUT {
            let _event = self.consumer.poll(STEP);
        }
    }
}
