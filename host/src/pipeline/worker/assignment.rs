//! How partitions come and go.

use std::task::Poll;
use std::time::Instant;

use super::Worker;
use super::confirmation::Waited;
use crate::journal::offsets::{Offsets, Partition, Positions};
use crate::pipeline::checkpoint::records_between;
use crate::pipeline::failure::WorkerError;

/// Partitions that come.
#[derive(Debug)]
pub(super) struct Arriving {
    partitions: Vec<Partition>,
    /// Their committed positions, once they are known.
    committed: Option<Positions>,
}

impl Arriving {
    pub(super) fn new(partitions: Vec<Partition>) -> Self {
        Self {
            partitions,
            committed: None,
        }
    }

    /// The committed positions, and the partitions that have none.
    fn starts(&self) -> Option<(Offsets, Vec<Partition>)> {
        let committed = self.committed.as_ref()?;
        let (mut known, mut fresh) = (Offsets::new(), Vec::new());
        for partition in &self.partitions {
            match committed.get(partition) {
                Some(Some(position)) => {
                    known.insert(partition.clone(), position.next);
                }
                _ => fresh.push(partition.clone()),
            }
        }
        Some((known, fresh))
    }
}

impl Worker {
    /// Starts partitions that come, once it is known where: at the committed position, or else where the settings say.
    pub(super) fn start_arrived(&mut self) -> Result<(), WorkerError> {
        let Some(arriving) = &mut self.arriving else {
            return Ok(());
        };
        if arriving.committed.is_none() {
            let store = match self.sinks.store() {
                Some(store) => store,
                None => self.store.as_mut(),
            };
            match store.load(&arriving.partitions)? {
                Poll::Pending => return Ok(()),
                Poll::Ready(committed) => arriving.committed = Some(committed),
            }
        }
        let Some((mut start, fresh)) = arriving.starts() else {
            return Ok(());
        };
        if let Some(first) = fresh.first() {
            let at = self.settings.start;
            let at = at.ok_or_else(|| WorkerError::NoCommittedOffset(first.clone()))?;
            match self.source.resolve(&fresh, at)? {
                Poll::Pending => return Ok(()),
                Poll::Ready(found) => start.extend(found),
            }
        }
        self.arriving = None;
        self.source.assign(&start)?;
        self.durable.extend(start);
        Ok(())
    }

    /// Takes a checkpoint of what is about to go to another worker, and lets it go.
    pub(super) fn revoke(&mut self, partitions: &[Partition]) -> Result<(), WorkerError> {
        tracing::debug!("{} partitions go to other workers", partitions.len());
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
        if !self.checkpoint()? {
            return self.handle_lost(partitions);
        }
        self.wait_for_confirmation(end)?;
        if let Some(unconfirmed) = &self.unconfirmed {
            tracing::warn!(
                "a commit was not confirmed before its partitions went ({}): {} records may come again",
                self.unconfirmed_reason(),
                unconfirmed.records()
            );
        }
        self.unassign(partitions)
    }

    /// The time of a revocation is up before the checkpoint before it was confirmed: what was processed after that is
    /// dropped and not written, because its records come again.
    fn drop_held_rows(&mut self, going: &[Partition]) -> Result<(), WorkerError> {
        let (reason, records) = (self.unconfirmed_reason(), self.unconfirmed_records());
        tracing::warn!(
            "a commit was not confirmed before its partitions went ({reason}): {records} records may come again"
        );
        self.start_over(going)
    }

    /// Records that come again if nothing more is confirmed.
    pub(super) fn unconfirmed_records(&self) -> u64 {
        let sent = self
            .unconfirmed
            .as_ref()
            .map_or(0, super::Unconfirmed::records);
        sent + records_between(&self.durable, &self.source.position())
    }

    /// Another worker has these partitions, and the records since the last checkpoint with them.
    pub(super) fn handle_lost(&mut self, partitions: &[Partition]) -> Result<(), WorkerError> {
        tracing::warn!(
            "the group took {} partitions away from this worker: what it did since the last checkpoint is dropped",
            partitions.len()
        );
        if let Some(unconfirmed) = &self.unconfirmed {
            tracing::warn!(
                "the commit before that was not confirmed ({}): {} records may come again",
                self.unconfirmed_reason(),
                unconfirmed.records()
            );
        }
        self.start_over(partitions)?;
        self.unassign(partitions)
    }

    /// Drops everything since the last checkpoint, and goes back to it in the partitions that stay.
    pub(super) fn start_over(&mut self, going: &[Partition]) -> Result<(), WorkerError> {
        self.processor.restart()?;
        self.processed = false;
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
        let assigned: Vec<_> = self.durable.keys().cloned().collect();
        self.store.retain(&assigned);
        if let Some(store) = self.sinks.store() {
            store.retain(&assigned);
        }
        if let Some(unconfirmed) = &mut self.unconfirmed {
            unconfirmed.to.retain(|own, _| !partitions.contains(own));
            if unconfirmed.to.is_empty() {
                self.unconfirmed = None;
            }
        }
        self.show_unconfirmed();
        Ok(self.source.release()?)
    }
}
