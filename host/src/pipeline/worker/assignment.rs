//! How partitions go.

use std::time::Instant;

use super::Worker;
use super::checkpoint_log::{self, CheckpointId};
use super::confirmation::Waited;
use super::uncommitted::Range;
use crate::journal::offsets::{Offsets, Partition};
use crate::pipeline::checkpoint::records_between;
use crate::pipeline::failure::WorkerError;
use crate::text::{plural, with_causes};

impl Worker {
    /// Sends the positions after rows that are durable since before their partitions went and came back.
    pub(super) fn send_again(&mut self, from: &Offsets) -> Result<(), WorkerError> {
        if from.is_empty() {
            return Ok(());
        }
        let to = from
            .keys()
            .map(|partition| (partition.clone(), self.durable[partition]));
        let to: Offsets = to.collect();
        self.send(self.sinks.number(), from, to)
    }

    /// Takes a checkpoint of what is about to go to another worker, and lets it go.
    pub(super) fn revoke(&mut self, partitions: &[Partition]) -> Result<(), WorkerError> {
        let count = plural(partitions.len(), "partition");
        tracing::info!("worker {}: {count} revoked", self.number);
        let limit = self.settings.deadlines.revoke;
        let start = Instant::now();
        let end = start + limit;
        // A tenth of the time is left for the second checkpoint, whose rows would come twice without its commit.
        match self.wait_for_confirmation(start + limit * 9 / 10)? {
            Waited::Confirmed => {}
            Waited::Lost => return self.handle_lost(partitions),
            Waited::TimedOut => {
                self.drop_held_rows(partitions)?;
                return self.unassign(partitions);
            }
        }
        match self.checkpoint() {
            Ok(true) => {}
            Ok(false) => return self.handle_lost(partitions),
            // There is no time to find out what it fails on: whoever gets the records does.
            Err(WorkerError::Call { source, .. }) if self.handles(&source) => {
                tracing::warn!(
                    "`checkpoint` failed before partitions went: what this worker did since the last checkpoint is \
                     dropped: {}",
                    with_causes(&source)
                );
                self.start_over(partitions)?;
                return self.unassign(partitions);
            }
            Err(error) => return Err(error),
        }
        self.wait_for_confirmation(end)?;
        if let Some(unconfirmed) = &self.unconfirmed {
            tracing::warn!(
                "a commit was not confirmed before its partitions went ({}): {} may come again",
                self.unconfirmed_reason(),
                plural(unconfirmed.records(), "record")
            );
        }
        self.unassign(partitions)
    }

    /// The time of a revocation is up before the checkpoint before it was confirmed: what was processed after that is
    /// dropped and not written, because its records come again.
    fn drop_held_rows(&mut self, going: &[Partition]) -> Result<(), WorkerError> {
        let (reason, records) = (self.unconfirmed_reason(), self.unconfirmed_records());
        tracing::warn!(
            "a commit was not confirmed before its partitions went ({reason}): {} may come again",
            plural(records, "record")
        );
        self.start_over(going)
    }

    /// Records that come again if nothing more is confirmed.
    pub(super) fn unconfirmed_records(&self) -> u64 {
        let sent = self
            .unconfirmed
            .as_ref()
            .map_or(0, super::Unconfirmed::records);
        sent + records_between(&self.durable, &self.position())
    }

    /// Another worker has these partitions, and the records since the last checkpoint with them.
    pub(super) fn handle_lost(&mut self, partitions: &[Partition]) -> Result<(), WorkerError> {
        tracing::warn!(
            "the group took {} away from this worker: what it did since the last checkpoint is dropped",
            plural(partitions.len(), "partition")
        );
        if let Some(unconfirmed) = &self.unconfirmed {
            tracing::warn!(
                "the commit before that was not confirmed ({}): {} may come again",
                self.unconfirmed_reason(),
                plural(unconfirmed.records(), "record")
            );
        }
        self.start_over(partitions)?;
        self.unassign(partitions)
    }

    /// Drops everything since the last checkpoint, and goes back to it in the partitions that stay.
    pub(super) fn start_over(&mut self, going: &[Partition]) -> Result<(), WorkerError> {
        self.processor.restart()?;
        self.processed = false;
        self.failures.clear();
        self.settings
            .quota
            .give_back(std::mem::take(&mut self.claimed));
        self.show_unconfirmed();
        if let Some(end) = &mut self.end {
            end.start_over();
        }
        let stays = |(partition, _): &(&Partition, &u64)| !going.contains(partition);
        let staying = self.durable.iter().filter(stays);
        let staying = staying.map(|(partition, &next)| (partition.clone(), next));
        let staying: Offsets = staying.collect();
        Ok(self.source.rewind(&staying)?)
    }

    fn unassign(&mut self, partitions: &[Partition]) -> Result<(), WorkerError> {
        self.durable.retain(|own, _| !partitions.contains(own));
        self.notes.retain(|own, _| !partitions.contains(own));
        self.counters.count_rebalance();
        self.counters.show_assigned(self.durable.len());
        let assigned: Vec<_> = self.durable.keys().cloned().collect();
        self.store.retain(&assigned);
        if let Some(store) = self.sinks.store() {
            store.retain(&assigned);
        }
        self.forget_unconfirmed(partitions);
        self.show_unconfirmed();
        Ok(self.source.release()?)
    }

    /// Nobody waits any more for the commits of these partitions.
    fn forget_unconfirmed(&mut self, partitions: &[Partition]) {
        let Some(unconfirmed) = &mut self.unconfirmed else {
            return;
        };
        let is_gone = |own: &Partition, _: &mut u64| partitions.contains(own);
        let gone: Offsets = unconfirmed.to.extract_if(.., is_gone).collect();
        let id = CheckpointId {
            worker: self.number,
            number: unconfirmed.number,
        };
        checkpoint_log::is_not_confirmed(id, &unconfirmed.from, &gone);
        for (partition, to) in gone {
            let from = unconfirmed.from.get(&partition).copied().unwrap_or(to);
            let topic = self.source.topic_of(&partition);
            self.uncommitted.add(partition, Range { from, to, topic });
        }
        if unconfirmed.to.is_empty() {
            self.unconfirmed = None;
            self.commit_waits.over();
        }
    }
}
