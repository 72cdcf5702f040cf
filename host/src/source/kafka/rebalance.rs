//! The answers to changes of the assignment.

use std::sync::Arc;
use std::time::Instant;

use super::KafkaSource;
use super::assignment::Assigned;
use crate::journal::offsets::{Offsets, Partition};
use crate::kafka::{Error, Rebalance};
use crate::source::Event;

/// Partitions that are about to go.
#[derive(Debug)]
pub(super) struct Leaving {
    pub(super) partitions: Vec<Partition>,
    /// Whether they are gone already.
    pub(super) lost: bool,
    /// Whether the group leaves them to this worker, which reads them from another position.
    pub(super) return_soon: bool,
}

impl KafkaSource {
    /// The event of the rebalance that waits for an answer; the next one comes after it.
    pub(super) fn next_rebalance(&mut self) -> Result<Option<Event>, Error> {
        // A loss makes a revocation before it a loss as well, because what it would commit is refused.
        let any_lost = self.membership.has_lost();
        if let Some(leaving) = &mut self.leaving {
            leaving.lost |= any_lost;
            return Ok(Some(leaving.event()));
        }
        if let Some(partitions) = self.given.take() {
            self.arriving = Some(partitions.clone());
            return Ok(Some(Event::Assigned(partitions)));
        }
        while self.arriving.is_none() {
            let (partitions, lost) = match self.membership.next_rebalance() {
                None => return Ok(None),
                Some(Rebalance::Assign(partitions)) if partitions.is_empty() => {
                    self.add_partitions(&Offsets::new())?;
                    continue;
                }
                Some(Rebalance::Assign(partitions)) => {
                    tracing::debug!("{} partitions come", partitions.len());
                    self.arriving = Some(partitions.clone());
                    return Ok(Some(Event::Assigned(partitions)));
                }
                Some(Rebalance::Revoke(partitions)) => (partitions, any_lost),
                Some(Rebalance::Lost(partitions)) => (partitions, true),
            };
            let leaving = Leaving {
                partitions,
                lost,
                return_soon: false,
            };
            let event = leaving.event();
            let is_nothing = leaving.partitions.is_empty() && !lost;
            self.leaving = Some(leaving);
            if is_nothing {
                self.remove_partitions()?;
            } else {
                return Ok(Some(event));
            }
        }
        Ok(None)
    }

    /// Answers that new partitions start here.
    pub(super) fn add_partitions(&mut self, start: &Offsets) -> Result<(), Error> {
        self.arriving = None;
        self.is_member = true;
        if !self.returning.is_empty() {
            return self.read_again(start);
        }
        self.seek_to_positions()?;
        for (partition, &next) in start {
            let mut topics = self.topics.iter();
            let watched = topics.find(|watched| *watched.topic.name == *partition.topic);
            let watched = watched.ok_or_else(|| Error::NoQueue {
                what: partition.to_string(),
            })?;
            // The group may have taken the partition away when the topic was deleted, and give it back in the new one.
            let left = self.left.get(&*partition.topic);
            let returned = left.is_some_and(|left| watched.id.is_some_and(|id| id != *left));
            if returned {
                self.silent_since = Some(Instant::now());
            }
            // Before the assignment, so that no message takes the consumer's own queue.
            let forwarded = self.membership.forward(partition, &self.data)?;
            self.assignment.add(Assigned {
                partition: partition.clone(),
                topic: Arc::clone(&watched.topic),
                topic_id: watched.id,
                returned,
                next,
                at_end: false,
                held_back: false,
                forwarded,
            });
        }
        self.membership.assign(start)
    }

    /// Gives the leaving partitions up.
    pub(super) fn remove_partitions(&mut self) -> Result<(), Error> {
        let Some(leaving) = self.leaving.take() else {
            return Ok(());
        };
        let returns = leaving.return_soon && !leaving.lost;
        let partitions = leaving.partitions;
        let removed = self.assignment.remove(&partitions);
        for own in &removed {
            if let Some(id) = own.topic_id {
                self.left.insert(own.topic.name.clone(), id);
            }
        }
        self.messages.retain(|message| {
            let topic = message.topic_name().unwrap_or_default();
            let is_it = |gone: &Partition| {
                *gone.topic == *topic && u32::try_from(message.partition()) == Ok(gone.number)
            };
            !partitions.iter().any(is_it)
        });
        if returns {
            self.returning = removed;
        } else if !leaving.return_soon {
            self.seek_to_positions()?;
            self.membership.unassign(&partitions);
        }
        Ok(())
    }

    /// A rebalance makes librdkafka go on from its own position, which it counts one too far after an
    /// end-of-partition event or an error that was read in a batch. Set before the answer, while the partitions are
    /// paused, it goes on from the worker's.
    fn seek_to_positions(&self) -> Result<(), Error> {
        self.assignment
            .iter()
            .try_for_each(|own| self.membership.seek(&own.partition, own.next))
    }
}

impl Leaving {
    pub(super) fn event(&self) -> Event {
        if self.lost {
            Event::Lost(self.partitions.clone())
        } else {
            Event::Revoking(self.partitions.clone())
        }
    }
}
