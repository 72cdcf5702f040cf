//! The positions of a group, which its manifests have.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::task::Poll;

use super::ParquetError;
use super::lock::Lock;
use super::manifest::{Advance, Id, Kept, State};
use super::manifests::{Draft, Manifests};
use crate::journal::group_offsets::Committed;
use crate::journal::offsets::{
    Confirmation, OffsetStore, Partition, Position, Positions, StoreError,
};
use crate::journal::topic_note;
use crate::sink::Checkpoint;
use crate::sink::moves::{self, Compared, Move};
use crate::sink::sent::SentPositions;
use crate::sink::tables::{Owner, RunName};

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
            ended: false,
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
            ended: false,
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
            ended: false,
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

/// The partitions of a run as manifests name them: runs without a group share a folder, so that the names of their
/// partitions begin with the run's.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    run: Option<String>,
}

impl Names {
    pub(super) fn of(owner: &Owner) -> Self {
        let run = match owner.group {
            None => owner.keeps_positions_of(),
            Some(_) => None,
        };
        Self {
            run: run.map(str::to_owned),
        }
    }

    fn kept(&self, partition: &Partition) -> Partition {
        match &self.run {
            None => partition.clone(),
            Some(run) => Partition {
                topic: format!("{run} {}", partition.topic).into(),
                number: partition.number,
            },
        }
    }

    /// The positions that a checkpoint changes.
    pub(super) fn moves(&self, checkpoint: &Checkpoint<'_>) -> Vec<Move> {
        let mut moves = moves::of(checkpoint);
        for one in &mut moves {
            one.partition = self.kept(&one.partition);
        }
        moves
    }

    /// The positions of a run without a group.
    pub(super) fn of_run(&self, state: &State) -> Committed {
        let run = self.run.as_ref().map(|run| format!("{run} "));
        let own = |(partition, position): (Partition, Position)| {
            let topic = partition.topic.strip_prefix(&**run.as_ref()?)?.into();
            let number = partition.number;
            Some((Partition { topic, number }, position))
        };
        positions(state).into_iter().filter_map(own).collect()
    }
}

/// The run without a group that a partition is of, as manifests name it.
fn run_of<'a>(owner: &Owner, partition: &'a Partition) -> Option<&'a str> {
    let runs = owner.runs().len();
    let run = partition.topic.get(..runs + RunName::DIGITS)?;
    owner.is_run(run).then_some(run)
}

/// Ends the plugin's runs without a group that no process is.
pub(super) fn forget_runs(manifests: &Manifests) -> Result<(), ParquetError> {
    let owner = &manifests.owner;
    let state = manifests.state()?;
    let runs = state.positions.keys();
    let runs: BTreeSet<&str> = runs.filter_map(|one| run_of(owner, one)).collect();
    for run in runs {
        let is_own = owner.keeps_positions_of() == Some(run);
        let lock = if is_own {
            None
        } else {
            Lock::of_run(&*manifests.files, &manifests.layout, run)?
        };
        if is_own || lock.is_some() {
            end_run(manifests, run)?;
        }
        if let Some(lock) = lock {
            lock.remove(&*manifests.files)?;
        }
    }
    Ok(())
}

/// Ends the positions of a run without a group.
pub(super) fn end_run(manifests: &Manifests, run: &str) -> Result<(), ParquetError> {
    let owner = &manifests.owner;
    let ended = |partition: &Partition| {
        let to = Kept {
            ended: true,
            ..Kept::default()
        };
        advance(partition, None, to)
    };
    change(manifests, |state| {
        let own = state.positions.keys();
        let own = own.filter(|one| run_of(owner, one) == Some(run));
        own.map(ended).collect()
    })
}

/// Writes where the run without a group begins.
pub(super) fn begin_run(manifests: &Manifests, starts: &Committed) -> Result<(), ParquetError> {
    let names = Names::of(&manifests.owner);
    let kept = starts
        .iter()
        .map(|(partition, position)| (names.kept(partition), position.clone()));
    let starts = replaced(&kept.collect());
    change(manifests, |_| starts.clone())
}

/// Commits positions without rows, while no worker of this process commits.
fn change(manifests: &Manifests, to: impl Fn(&State) -> Vec<Advance>) -> Result<(), ParquetError> {
    let draft = Draft {
        id: Id {
            run: manifests.layout.run.clone(),
            worker: 0,
            checkpoint: 0,
        },
        files: &[],
    };
    manifests.commit(&draft, |state| {
        let positions = to(state);
        // No manifest where nothing changes.
        if positions.is_empty() {
            Err(Compared::Next)
        } else {
            Ok(positions)
        }
    })?;
    Ok(())
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
    names: Names,
    worker: usize,
    /// What was sent and is in no manifest yet.
    sent: SentPositions,
}

impl ParquetStore {
    pub(super) fn new(manifests: &Arc<Manifests>, worker: usize) -> Self {
        Self {
            manifests: Arc::clone(manifests),
            names: Names::of(&manifests.owner),
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
        let position = |one: &Partition| {
            let known = known.get(&self.names.kept(one));
            (one.clone(), known.cloned())
        };
        Ok(Poll::Ready(of.iter().map(position).collect()))
    }

    fn send(&mut self, to: &BTreeMap<Partition, Position>) -> Result<(), StoreError> {
        let kept = to.iter().map(|(partition, position)| {
            let partition = self.names.kept(partition);
            (partition, position.clone())
        });
        self.sent.add(&kept.collect());
        Ok(())
    }

    fn check(&mut self) -> Result<Confirmation, StoreError> {
        if !self.sent.positions().is_empty() {
            self.write().map_err(cannot)?;
        }
        Ok(self.sent.confirmation())
    }

    fn retain(&mut self, assigned: &[Partition]) {
        let kept: Vec<Partition> = assigned.iter().map(|one| self.names.kept(one)).collect();
        self.sent.retain(&kept);
    }
}
