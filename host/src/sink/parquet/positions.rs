//! The positions of a group, which its manifests have.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::Poll;

use super::ParquetError;
use super::manifest::{Advance, Id, Kept, State};
use super::manifests::{Draft, Manifests};
use crate::journal::offsets::{
    Confirmation, OffsetStore, Partition, Position, Positions, StoreError,
};
use crate::journal::topic_note;
use crate::sink::moves::{self, Compared, Move};
use crate::sink::sent::SentPositions;

/// The positions after a checkpoint, where the worker went on from those that are kept.
pub(super) fn advanced(moves: &[Move], state: &State) -> Result<Vec<Advance>, Compared> {
    let found = |partition: &Partition| {
        let kept = state.positions.get(partition)?;
        Some((moves::integer(kept.next), kept.topic_id.clone()))
    };
    match moves::compare(moves, found) {
        Compared::First => {}
        other => return Err(other),
    }
    let position = |one: &Move| {
        let kept = state.positions.get(&one.partition);
        let kept = kept.cloned().unwrap_or_default();
        let topic_id = match &*one.topic_id {
            "" => kept.topic_id,
            id => id.to_owned(),
        };
        let to = Kept {
            next: offset(one.next),
            note: kept.note,
            topic_id,
        };
        advance(&one.partition, Some(offset(one.first)), to)
    };
    Ok(moves.iter().map(position).collect())
}

/// The starts of partitions that have none. A position that is there stays, unless its topic was deleted and this is one
/// of the topic that has its name now.
fn started(starts: &BTreeMap<Partition, Position>, state: &State) -> Vec<Advance> {
    let start = |(partition, position): (&Partition, &Position)| {
        let (note, id) = topic_note::split(&position.note);
        let topic_id = id.map(moves::id).unwrap_or_default();
        let is_needed = state.positions.get(partition).is_none_or(|kept| {
            kept.topic_id != topic_id && !kept.topic_id.is_empty() && !topic_id.is_empty()
        });
        let next = position.next;
        let to = Kept {
            next,
            note,
            topic_id,
        };
        is_needed.then(|| advance(partition, None, to))
    };
    starts.iter().filter_map(start).collect()
}

/// Positions that an operator sets. Which topics have their names now, the next checkpoint says.
pub(super) fn replaced(positions: &BTreeMap<Partition, Position>) -> Vec<Advance> {
    let replaced = |(partition, position): (&Partition, &Position)| {
        let to = Kept {
            next: position.next,
            note: position.note.clone(),
            topic_id: String::new(),
        };
        advance(partition, None, to)
    };
    positions.iter().map(replaced).collect()
}

/// The positions as they are loaded.
pub(super) fn positions(state: &State) -> BTreeMap<Partition, Position> {
    let position = |(partition, kept): (&Partition, &Kept)| {
        let position = moves::position(kept.next, &kept.note, &kept.topic_id);
        (partition.clone(), position)
    };
    state.positions.iter().map(position).collect()
}

fn advance(partition: &Partition, from: Option<u64>, to: Kept) -> Advance {
    Advance {
        topic: partition.topic.to_string(),
        partition: partition.number,
        from,
        to,
    }
}

fn offset(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

/// The positions of one worker's group.
#[derive(Debug)]
pub(super) struct ParquetStore {
    manifests: Arc<Manifests>,
    worker: usize,
    /// What was sent and is in no manifest yet.
    sent: SentPositions,
}

impl ParquetStore {
    pub(super) fn new(manifests: &Arc<Manifests>, worker: usize) -> Self {
        Self {
            manifests: Arc::clone(manifests),
            worker,
            sent: SentPositions::default(),
        }
    }

    /// Commits what was sent, unless another worker commits.
    fn write(&mut self) -> Result<(), ParquetError> {
        let draft = Draft {
            id: Id {
                run: self.manifests.layout.run.clone(),
                worker: self.worker,
                checkpoint: 0,
            },
            files: &[],
        };
        let committed = self.manifests.commit(&draft, |state| {
            let starts = started(self.sent.positions(), state);
            // No manifest where all positions are there already.
            if starts.is_empty() {
                Err(Compared::Next)
            } else {
                Ok(starts)
            }
        })?;
        if committed.is_some() {
            self.sent.clear();
        }
        Ok(())
    }
}

fn cannot(error: ParquetError) -> StoreError {
    StoreError(Box::new(error))
}

impl OffsetStore for ParquetStore {
    fn load(&mut self, of: &[Partition]) -> Result<Poll<Positions>, StoreError> {
        self.committed(of)
    }

    fn committed(&mut self, of: &[Partition]) -> Result<Poll<Positions>, StoreError> {
        let Some(state) = self.manifests.try_state().map_err(cannot)? else {
            return Ok(Poll::Pending);
        };
        let known = positions(&state);
        let position = |one: &Partition| (one.clone(), known.get(one).cloned());
        Ok(Poll::Ready(of.iter().map(position).collect()))
    }

    fn send(&mut self, to: &BTreeMap<Partition, Position>) -> Result<(), StoreError> {
        self.sent.add(to);
        Ok(())
    }

    fn check(&mut self) -> Result<Confirmation, StoreError> {
        if !self.sent.positions().is_empty() {
            self.write().map_err(cannot)?;
        }
        Ok(self.sent.confirmation())
    }

    fn retain(&mut self, assigned: &[Partition]) {
        self.sent.retain(assigned);
    }
}
