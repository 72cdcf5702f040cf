//! Positions that a worker has sent to a sink, until the sink has them.

use std::collections::BTreeMap;

use crate::journal::offsets::{Confirmation, Partition, Position};

/// What was sent and is not kept yet, and whether the worker waits for an answer.
#[derive(Debug, Default)]
pub(super) struct SentPositions {
    positions: BTreeMap<Partition, Position>,
    is_awaited: bool,
}

impl SentPositions {
    /// Those that are not kept yet.
    pub(super) fn positions(&self) -> &BTreeMap<Partition, Position> {
        &self.positions
    }

    /// Adds what the worker sends.
    pub(super) fn add(&mut self, to: &BTreeMap<Partition, Position>) {
        let positions = to.iter();
        self.positions
            .extend(positions.map(|(partition, position)| (partition.clone(), position.clone())));
        self.is_awaited |= !to.is_empty();
    }

    /// The sink has them all.
    pub(super) fn clear(&mut self) {
        self.positions.clear();
    }

    /// The answer to the worker, which gets each confirmation once.
    pub(super) fn confirmation(&mut self) -> Confirmation {
        if !self.positions.is_empty() {
            Confirmation::Pending
        } else if std::mem::take(&mut self.is_awaited) {
            Confirmation::Confirmed
        } else {
            Confirmation::Idle
        }
    }

    /// Forgets those of partitions that went. Whether there were any.
    pub(super) fn retain(&mut self, assigned: &[Partition]) -> bool {
        let before = self.positions.len();
        self.positions
            .retain(|partition, _| assigned.contains(partition));
        self.is_awaited &= !self.positions.is_empty();
        self.positions.len() < before
    }
}
