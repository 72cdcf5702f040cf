//! How a worker makes its rows durable, and then sends the position after them.

use std::time::Instant;

use super::Worker;
use super::checkpoint_log::{self, CheckpointId};
use crate::journal::offsets::{Offsets, Partition, Position};
use crate::pipeline::checkpoint::{About, AllCommitted, Unconfirmed};
use crate::pipeline::failure::{CallRanges, WorkerError};
use crate::sink::Topics;
use crate::source::TopicIdentity;

impl Worker {
    pub(super) fn checkpoint_is_due(&mut self) -> bool {
        let interval = self.settings.checkpoint_interval;
        interval.is_some_and(|interval| self.checkpointed.elapsed() >= interval)
            || self.is_at_the_bound_of_held_rows()
    }

    pub(super) fn is_at_the_bound_of_held_rows(&mut self) -> bool {
        let held = self.processor.rows().held_bytes() + self.failures.bytes();
        held >= self.settings.held_bytes.max(1)
    }

    pub(super) fn checkpoint_if_clean(&mut self) -> Result<(), WorkerError> {
        if self.unconfirmed.is_none() {
            self.checkpoint_or_recover()?;
        }
        Ok(())
    }

    /// As [`checkpoint`](Self::checkpoint). Where the processor fails, the records since the last checkpoint are
    /// processed again and checkpointed part by part, and the answer is false.
    pub(super) fn checkpoint_or_recover(&mut self) -> Result<bool, WorkerError> {
        match self.checkpoint() {
            Err(WorkerError::Call { source, .. }) if self.handles(&source) => {
                self.recover_checkpoint(source)?;
                Ok(false)
            }
            done => done,
        }
    }

    /// Outputs first, offsets after them: what is committed is durable. False when the records since the last
    /// checkpoint belong to another worker now: the source has a loss waiting, or they are dropped already.
    pub(super) fn checkpoint(&mut self) -> Result<bool, WorkerError> {
        let number = self.sinks.number();
        // A sink that decides compares the next checkpoint with the positions of this one, rows or not.
        let moves = self.sinks.decide() && self.position() != self.durable;
        if (self.processed || moves) && !self.source.keep_alive()? {
            return Ok(false);
        }
        if self.processed {
            self.processor
                .checkpoint()
                .map_err(|source| WorkerError::Call {
                    call: "checkpoint",
                    ranges: CallRanges::none(),
                    source,
                })?;
            if !self.source.keep_alive()? {
                return Ok(false);
            }
        }
        if self.processed || moves || self.failures.records() > 0 {
            if !self.commit_rows()? {
                return Ok(false);
            }
            self.processed = false;
            self.count_failures();
        }
        self.confirm_claims();
        self.checkpointed = Instant::now();
        self.send_position(number)?;
        Ok(true)
    }

    /// Makes the held rows durable; false when a sink found that they belong to another worker.
    pub(super) fn commit_rows(&mut self) -> Result<bool, WorkerError> {
        let to = self.position();
        let rows = self.processor.rows().counts().sum();
        let topics = self.topics_of(&to);
        let id = self.checkpoint_id(self.sinks.number());
        checkpoint_log::begins(id, rows, &self.durable, &to);
        loop {
            let rows = self.processor.rows();
            let letters = self.failures.letters();
            let membership = self.membership.as_deref();
            self.counters.show_writing(true);
            let begun = Instant::now();
            let about = About {
                topics: &topics,
                notes: &self.notes,
            };
            let committed = self
                .sinks
                .commit(&self.durable, &to, about, rows, letters, membership);
            self.counters.add_wrote(begun.elapsed());
            self.counters.show_writing(false);
            match committed? {
                AllCommitted::Done => {
                    let rows_and_bytes = rows.counts().zip(rows.encoded_bytes());
                    self.settings.progress.count_rows(rows_and_bytes);
                    rows.clear();
                    return Ok(true);
                }
                AllCommitted::Stale => {
                    tracing::warn!(
                        "a sink refused rows that belong to another worker now: what this worker did since the last \
                         checkpoint is dropped{}",
                        if self.sinks.are_several() {
                            "; its rows in other outputs come again"
                        } else {
                            ""
                        }
                    );
                    if self.sinks.decide() {
                        self.load_again()?;
                    }
                    self.start_over(&[])?;
                    return Ok(false);
                }
                AllCommitted::Again(_) if self.is_out_of_time() => {
                    return Err(self.not_confirmed(self.checkpointed));
                }
                AllCommitted::Again(after) => {
                    if !self.stay_alive_for(after)? {
                        self.sinks.give_up();
                        return Ok(false);
                    }
                }
            }
        }
    }

    /// The identifiers of the topics, where a sink keeps them beside positions.
    fn topics_of(&mut self, positions: &Offsets) -> Topics {
        if !self.sinks.decide() {
            return Topics::new();
        }
        let known = positions.keys().filter_map(|partition| {
            let topic = self.source.topic_of(partition);
            let TopicIdentity::Known(topic) = topic else {
                return None;
            };
            Some((partition.clone(), topic))
        });
        known.collect()
    }

    pub(super) fn checkpoint_id(&self, number: u64) -> CheckpointId {
        CheckpointId {
            worker: self.number,
            number,
        }
    }

    /// Sends the position after everything that is durable, with the checkpoint of this number.
    pub(super) fn send_position(&mut self, number: u64) -> Result<(), WorkerError> {
        let to = self.position();
        let is_new = |(partition, next): &(&_, &u64)| self.durable.get(*partition) != Some(*next);
        let changed: Offsets = to
            .iter()
            .filter(is_new)
            .map(|(partition, &next)| (partition.clone(), next))
            .collect();
        let from = std::mem::replace(&mut self.durable, to);
        self.send(number, &from, changed)
    }

    /// Sends these positions, which become part of the unconfirmed checkpoint.
    pub(super) fn send(
        &mut self,
        number: u64,
        from: &Offsets,
        to: Offsets,
    ) -> Result<(), WorkerError> {
        self.show_unconfirmed();
        if to.is_empty() {
            return Ok(());
        }
        if number == self.sinks.number() {
            // No sink had rows of it.
            checkpoint_log::begins(self.checkpoint_id(number), 0, from, &to);
            self.sinks.begin_next();
        }
        let position = |(partition, &next): (&Partition, &u64)| {
            let note = self.notes.get(partition).cloned().unwrap_or_default();
            (partition.clone(), Position { next, note })
        };
        let positions = to.iter().map(position).collect();
        if self.sinks.decide() {
            // The offsets were committed with the rows; the group's commit is a courtesy that may fail.
            checkpoint_log::is_confirmed(self.checkpoint_id(number), from, &to);
            self.send_courtesy(&positions);
            return Ok(());
        }
        self.store.send(&positions)?;
        let unconfirmed = &mut self.unconfirmed;
        let unconfirmed = unconfirmed.get_or_insert_with(|| Unconfirmed::new(number));
        unconfirmed.extend(from, to);
        self.show_unconfirmed();
        self.look_for_confirmation()
    }
}
