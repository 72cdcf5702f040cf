//! One checkpoint: the rows reach every sink, and then the offsets are committed.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::journal::offsets::{OffsetStore, Offsets, Partition};
use crate::kafka::Membership;
use crate::sink::dead_letters::{DeadLetter, LetterSink};
use crate::sink::{Checkpoint, Committed, HeldRows, Sink, SinkError, Topics};

/// The sinks of one worker.
pub(super) struct Sinks {
    all: Vec<Box<dyn Sink>>,
    worker: usize,
    /// The number of the checkpoint that is next or being repeated.
    number: u64,
    /// The sinks that are done with it.
    done: Vec<bool>,
    /// Where dead letters are written to, and whether those of this checkpoint are.
    letters: Option<Box<dyn LetterSink>>,
    letters_done: bool,
}

/// How a checkpoint went at all sinks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AllCommitted {
    /// Its rows are durable everywhere.
    Done,
    /// The sink that decides is fenced: the rows belong to another worker.
    Stale,
    /// It has to be repeated after this time, at the sinks that are not done.
    Again(Duration),
}

impl Sinks {
    pub(super) fn new(
        sinks: Vec<Box<dyn Sink>>,
        letters: Option<Box<dyn LetterSink>>,
        worker: usize,
    ) -> Self {
        Self {
            letters,
            letters_done: false,
            done: vec![false; sinks.len()],
            all: sinks,
            worker,
            number: 1,
        }
    }

    /// The store of the sink that commits offsets with its rows, if there is one. Every decision is asked there.
    pub(super) fn store(&mut self) -> Option<&mut dyn OffsetStore> {
        self.all.iter_mut().find_map(|sink| sink.offsets())
    }

    /// Whether a sink commits offsets with its rows: its own, or those of the group.
    pub(super) fn decide(&mut self) -> bool {
        self.all.iter_mut().any(|sink| decides(sink.as_mut()))
    }

    /// Whether a sink commits the offsets of the group with its rows.
    pub(super) fn commit_for_the_group(&self) -> bool {
        self.all.iter().any(|sink| sink.commits_for_the_group())
    }

    /// Whether other sinks write before the one that decides.
    pub(super) fn are_several(&self) -> bool {
        self.all.len() > 1
    }

    /// Opens again what was moved or removed, as a checkpoint does.
    pub(super) fn reopen(&mut self) -> Result<(), SinkError> {
        if let Some(letters) = &mut self.letters {
            letters.reopen()?;
        }
        self.all.iter_mut().try_for_each(|sink| sink.reopen())
    }

    /// The number of the checkpoint that is next or being repeated.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Hands the rows between two positions to the sinks that are not done with them. The sink that decides comes
    /// last, so that what it commits is durable everywhere; dead letters come first.
    pub(super) fn commit(
        &mut self,
        from: &Offsets,
        to: &Offsets,
        about: About<'_>,
        rows: &HeldRows,
        letters: &[DeadLetter],
        membership: Option<&Membership>,
    ) -> Result<AllCommitted, SinkError> {
        if let Some(sink) = &mut self.letters
            && !letters.is_empty()
            && !self.letters_done
        {
            sink.write(letters)?;
            self.letters_done = true;
        }
        for last in [false, true] {
            for (index, sink) in self.all.iter_mut().enumerate() {
                if self.done[index] || decides(sink.as_mut()) != last {
                    continue;
                }
                let committed = sink.commit(&Checkpoint {
                    worker: self.worker,
                    number: self.number,
                    from,
                    to,
                    topics: about.topics,
                    notes: about.notes,
                    rows: rows.streams(index),
                    membership,
                })?;
                match committed {
                    Committed::Done => self.done[index] = true,
                    Committed::Stale => {
                        self.begin_next();
                        return Ok(AllCommitted::Stale);
                    }
                    Committed::Again(after) => return Ok(AllCommitted::Again(after)),
                }
            }
        }
        self.begin_next();
        Ok(AllCommitted::Done)
    }

    /// The checkpoint is dropped before all sinks are done with it.
    pub(super) fn give_up(&mut self) {
        self.all.iter_mut().for_each(|sink| sink.give_up());
        self.begin_next();
    }

    /// The rows of the checkpoint are durable or dropped.
    pub(super) fn begin_next(&mut self) {
        self.number += 1;
        self.done.fill(false);
        self.letters_done = false;
    }
}

/// Whether a sink commits offsets with its rows.
fn decides(sink: &mut dyn Sink) -> bool {
    sink.offsets().is_some() || sink.commits_for_the_group()
}

/// What sinks that commit positions keep beside them.
#[derive(Clone, Copy)]
pub(super) struct About<'a> {
    pub(super) topics: &'a Topics,
    pub(super) notes: &'a BTreeMap<Partition, String>,
}

/// A checkpoint whose rows are durable and whose offsets are not confirmed.
#[derive(Debug)]
pub(super) struct Unconfirmed {
    /// The number of the checkpoint.
    pub(super) number: u64,
    /// The positions that are confirmed.
    pub(super) from: Offsets,
    /// The positions that were sent.
    pub(super) to: Offsets,
    /// The last refusal.
    pub(super) refusal: Option<String>,
}

impl Unconfirmed {
    pub(super) fn new(number: u64) -> Self {
        Self {
            number,
            from: Offsets::new(),
            to: Offsets::new(),
            refusal: None,
        }
    }

    /// Adds positions that were sent; `from` has the ones before them, and may have others.
    pub(super) fn extend(&mut self, from: &Offsets, to: Offsets) {
        for (partition, next) in to {
            let first = from.get(&partition).copied().unwrap_or(next);
            self.from.insert(partition.clone(), first);
            self.to.insert(partition, next);
        }
    }

    /// Records that come again if it stays unconfirmed.
    pub(super) fn records(&self) -> u64 {
        records_between(&self.from, &self.to)
    }
}

/// Offsets between two positions.
pub(super) fn records_between(from: &Offsets, to: &Offsets) -> u64 {
    let between = |(partition, &next): (_, &u64)| {
        let first = from.get(partition).copied().unwrap_or(next);
        next.saturating_sub(first)
    };
    to.iter().map(between).sum()
}
