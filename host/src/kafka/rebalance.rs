//! The loop's answers to changes of the assignment.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};

use super::assignment::Partition;
use super::context::Rebalance;
use super::end::EndTracker;
use super::error::Error;
use super::native::Queue;
use super::settings::Start;
use super::{Event, KafkaSource, Leaving, topic_names};

/// How long one request for the committed offsets of new partitions may take.
const COMMITTED_ATTEMPT: Duration = Duration::from_secs(2);

impl KafkaSource {
    /// Answers what waits, up to the first that needs a checkpoint or a fresh store.
    pub(super) fn answer_rebalances(&mut self) -> Result<Option<Event>, Error> {
        while self.leaving.is_none() {
            if let Some(partitions) = self.arriving.take()
                && !self.assign(&partitions)?
            {
                self.arriving = Some(partitions);
                return Ok(None);
            }
            // Before it is answered, because a loss makes a revocation in front of it one as well.
            let any_lost = self.consumer.context().has_lost();
            let (partitions, lost) = match self.consumer.context().next_rebalance() {
                None => return Ok(None),
                Some(Rebalance::Assign(partitions)) => {
                    self.arriving = Some(partitions);
                    continue;
                }
                Some(Rebalance::Revoke(partitions)) => (partitions, any_lost),
                Some(Rebalance::Lose(partitions)) => (partitions, true),
            };
            let count = partitions.count();
            self.leaving = Some(Leaving { partitions, lost });
            if count == 0 && !lost {
                self.unassign()?;
            } else if lost {
                tracing::warn!(
                    "the group took {count} partitions away from this worker: what it did since \
                     the last checkpoint is dropped"
                );
            } else {
                tracing::debug!("{count} partitions go to other workers");
            }
        }
        Ok(self.leaving.as_ref().map(|leaving| {
            if leaving.lost {
                Event::Lost
            } else {
                Event::Revoking
            }
        }))
    }

    /// Gives the leaving partitions up and, if they were lost, all that is not checkpointed.
    pub(super) fn unassign(&mut self) -> Result<(), Error> {
        let Some(Leaving { partitions, lost }) = self.leaving.take() else {
            return Ok(());
        };
        self.assignment.remove(&partitions);
        if lost {
            // What was read of an end and not committed is not done.
            self.end = self.cluster.ends.as_deref().map(EndTracker::new);
            self.options
                .quota
                .give_back(std::mem::take(&mut self.claimed));
            self.assignment.rewind();
        }
        self.messages.retain(|message| {
            // After a loss the others go back, too, and what was read ahead comes again.
            let topic = message.topic_name().unwrap_or_default();
            !lost
                && partitions
                    .find_partition(&topic, message.partition())
                    .is_none()
        });
        self.seek_to_positions()?;
        if let Err(error) = self.consumer.incremental_unassign(&partitions) {
            tracing::debug!("giving partitions up: {error}");
        }
        Ok(())
    }

    /// Starts new partitions at the group's offsets; false when those are not known yet.
    fn assign(&mut self, partitions: &TopicPartitionList) -> Result<bool, Error> {
        let starts = match partitions.count() {
            0 => partitions.clone(),
            _ => match self.starts(partitions) {
                Ok(starts) => starts,
                // A coordinator that moves or loads is asked again at the next look.
                Err(Unknown::NotYet(error)) => {
                    self.transient_errors.consumer(&error)?;
                    return Ok(false);
                }
                Err(Unknown::Never(error)) => return Err(error),
            },
        };
        let names = topic_names(partitions);
        tracing::debug!("{} partitions of {names:?} come", partitions.count());
        self.seek_to_positions()?;
        for start in starts.elements() {
            let next = start.offset().to_raw().unwrap_or_default();
            self.add_partition(start.topic(), start.partition(), next)?;
        }
        let what = "assign partitions";
        self.consumer
            .incremental_assign(&starts)
            .map_err(|source| Error::request(what, &source))?;
        Ok(true)
    }

    /// Where partitions start: at the group's committed offset, or else where the settings say.
    ///
    /// All are numbers and none a logical place, so that going back to one's position is always
    /// going back to the same record.
    fn starts(&self, partitions: &TopicPartitionList) -> Result<TopicPartitionList, Unknown> {
        let committed = self
            .consumer
            .committed_offsets(partitions.clone(), COMMITTED_ATTEMPT)
            .and_then(without_errors)?;
        let mut starts = TopicPartitionList::new();
        let mut fresh = TopicPartitionList::new();
        for found in committed.elements() {
            let (topic, number) = (found.topic(), found.partition());
            match (found.offset(), self.start) {
                (Offset::Offset(_), _) => {
                    starts.add_partition_offset(topic, number, found.offset())?;
                }
                (_, Start::Earliest) => {
                    fresh.add_partition_offset(topic, number, Offset::Beginning)?;
                }
                (_, Start::Latest) => fresh.add_partition_offset(topic, number, Offset::End)?,
                (_, Start::Refused) => {
                    return Err(Unknown::Never(Error::NoCommittedOffset {
                        topic: topic.to_owned(),
                        partition: number,
                    }));
                }
            }
        }
        if fresh.count() > 0 {
            let found = self
                .cluster
                .query_client
                .offsets(fresh, COMMITTED_ATTEMPT)?;
            for found in without_errors(found)?.elements() {
                starts.add_partition_offset(found.topic(), found.partition(), found.offset())?;
            }
        }
        Ok(starts)
    }

    fn add_partition(&mut self, name: &str, number: i32, next: i64) -> Result<(), Error> {
        let no_queue = || Error::NoQueue {
            what: format!("`{name}` partition {number}"),
        };
        let topic = self.cluster.topics.iter().find(|topic| topic.name == name);
        let topic = Arc::clone(topic.ok_or_else(no_queue)?);
        // Before the assignment, so that no message takes the way of the consumer's own queue.
        let forwarded = Queue::forward_partition(&self.consumer, name, number, &self.data);
        self.assignment.add(Partition {
            topic,
            number,
            next,
            durable: next,
            confirmed: next,
            at_end: false,
            _forwarded: forwarded.ok_or_else(no_queue)?,
        });
        Ok(())
    }

    /// A rebalance makes librdkafka go on from its own position, which it counts one too far
    /// behind an end-of-partition event or an error that was read in a batch. Told before the
    /// answer, while the partitions are paused, it goes on from the worker's.
    fn seek_to_positions(&mut self) -> Result<(), Error> {
        for own in self.assignment.iter() {
            self.consumer
                .seek(
                    &own.topic.name,
                    own.number,
                    Offset::Offset(own.next),
                    Duration::ZERO,
                )
                .map_err(|source| {
                    let (topic, number, next) = (&own.topic.name, own.number, own.next);
                    let what = format!("go to offset {next} of `{topic}` partition {number}");
                    Error::request(what, &source)
                })?;
        }
        Ok(())
    }

    /// Makes librdkafka forget its own position in a partition and start at the worker's.
    pub(super) fn start_again(&mut self, topic: &str, number: i32) -> Result<(), Error> {
        let Some(own) = self.assignment.find_mut(topic, number) else {
            return Ok(());
        };
        // Once: a position that is out of range twice is so for good.
        own.at_end = false;
        let what = || {
            format!(
                "start again at offset {} of `{topic}` partition {number}",
                own.next
            )
        };
        let mut one = TopicPartitionList::new();
        one.add_partition_offset(topic, number, Offset::Offset(own.next))
            .and_then(|()| self.consumer.incremental_unassign(&one))
            .and_then(|()| self.consumer.incremental_assign(&one))
            .map_err(|source| Error::request(what(), &source))
    }
}

/// Why the start of new partitions is not known.
enum Unknown {
    /// It may be later.
    NotYet(KafkaError),
    /// It ends the run.
    Never(Error),
}

impl From<KafkaError> for Unknown {
    fn from(error: KafkaError) -> Self {
        Self::NotYet(error)
    }
}

fn without_errors(list: TopicPartitionList) -> Result<TopicPartitionList, KafkaError> {
    list.elements()
        .iter()
        .try_for_each(rdkafka::topic_partition_list::TopicPartitionListElem::error)?;
    Ok(list)
}
