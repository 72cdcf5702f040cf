//! One worker's membership in a consumer group: the consumer, with what rust-rdkafka leaves to its user.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Message as _, Offset, TopicPartitionList};

use super::context::{self, Context};
use super::error::Error;
use super::leave_barrier::{self, BarrierGuard, LeaveBarrier};
use super::native::{self, GroupMetadata, Queue};
use super::query_client::QueryClient;
use super::transient_errors::TransientErrors;
use crate::journal::offsets::{Offsets, Partition, ReadAhead};

/// How long one poll of a leaving member may take.
const STEP: Duration = Duration::from_millis(20);
/// How long a look for a connected broker may take.
const LOOK: Duration = Duration::from_millis(10);
/// How long leaving the group may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the coordinator may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// A change of the assignment that waits for an answer.
#[derive(Debug)]
pub(crate) enum Rebalance {
    /// These partitions come.
    Assign(Vec<Partition>),
    /// These partitions go; this worker may still commit them.
    Revoke(Vec<Partition>),
    /// These partitions went already: another worker may have them.
    Lost(Vec<Partition>),
}

/// A worker's membership in a consumer group, shared by what reads with it and what commits with it.
///
/// The order of the fields matters: the queue is dropped before the consumer, whose destruction would otherwise wait
/// for ever. Whoever shares the membership drops its own queues before it.
pub struct Membership {
    events: Queue,
    consumer: BaseConsumer<Context>,
}

impl std::fmt::Debug for Membership {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Membership").finish_non_exhaustive()
    }
}

impl Membership {
    pub(super) fn new(consumer: BaseConsumer<Context>) -> Result<Self, Error> {
        let events = Queue::of_consumer(&consumer).ok_or_else(|| no_queue("events"))?;
        Ok(Self { events, consumer })
    }

    /// Joins the group.
    pub(crate) fn subscribe(&self, topics: &[&str]) -> Result<(), Error> {
        let subscribed = self.consumer.subscribe(topics);
        subscribed.map_err(|source| Error::request("take the subscription", &source))
    }

    /// A queue that nothing is forwarded to yet.
    pub(crate) fn queue(&self, what: &str) -> Result<Queue, Error> {
        Queue::new(&self.consumer).ok_or_else(|| no_queue(what))
    }

    /// Sends the messages of a partition to `target`. The partition must not be assigned yet, so that no message takes
    /// the consumer's own queue; the answer has to be kept as long as it is assigned.
    pub(crate) fn forward(&self, partition: &Partition, target: &Queue) -> Result<Queue, Error> {
        let (topic, number) = (&partition.topic, native_number(partition));
        let queue = Queue::forward_partition(&self.consumer, topic, number, target);
        queue.ok_or_else(|| no_queue(&partition.to_string()))
    }

    /// Serves the events that wait. Answers the partitions of messages that took the consumer's own queue, which have
    /// to be read again.
    pub(crate) fn serve(&self, errors: &mut TransientErrors) -> Result<Vec<Partition>, Error> {
        let mut strays = Vec::new();
        // `poll` serves one event and then says that there is none, so the queue is asked.
        while self.events.len() > 0 {
            strays.extend(self.poll(errors, Duration::ZERO)?);
        }
        Ok(strays)
    }

    /// The same for a client that joins no group: librdkafka looks for the coordinator of one, and needs no right on it.
    pub(crate) fn serve_without_group(
        &self,
        errors: &mut TransientErrors,
    ) -> Result<Vec<Partition>, Error> {
        match self.serve(errors) {
            Err(Error::Fatal {
                code: RDKafkaErrorCode::GroupAuthorizationFailed,
            }) => Ok(Vec::new()),
            served => served,
        }
    }

    /// Waits for an event and serves it.
    pub(crate) fn poll(
        &self,
        errors: &mut TransientErrors,
        wait: Duration,
    ) -> Result<Option<Partition>, Error> {
        match self.consumer.poll(wait) {
            None => Ok(None),
            Some(Err(error)) => errors.consumer(&error).map(|()| None),
            Some(Ok(message)) => Ok(Some(partition(message.topic(), message.partition()))),
        }
    }

    /// The oldest rebalance that is not answered.
    pub(crate) fn next_rebalance(&self) -> Option<Rebalance> {
        let rebalance = self.consumer.context().next_rebalance()?;
        Some(match rebalance {
            context::Rebalance::Assign(list) => Rebalance::Assign(partitions(&list)),
            context::Rebalance::Revoke(list) => Rebalance::Revoke(partitions(&list)),
            context::Rebalance::Lost(list) => Rebalance::Lost(partitions(&list)),
        })
    }

    /// What the group has committed, from the coordinator that this member joined. Blocks until it answers.
    pub(super) fn committed(
        &self,
        partitions: TopicPartitionList,
    ) -> Result<TopicPartitionList, KafkaError> {
        self.consumer.committed_offsets(partitions, ANSWER_TIMEOUT)
    }

    /// Whether a lost assignment waits for its answer, which makes any commit pointless.
    pub(crate) fn has_lost(&self) -> bool {
        self.consumer.context().has_lost()
    }

    /// Whether a broker is connected and has authenticated the client, where it does so.
    pub(super) fn is_connected(&self, topic: &str) -> bool {
        // Without such a broker librdkafka has nobody to ask. Whether it is answered within this time does not matter.
        let answer = self.consumer.fetch_metadata(Some(topic), LOOK);
        let code = answer.err().and_then(|error| error.rdkafka_error_code());
        code != Some(RDKafkaErrorCode::BrokerTransportFailure)
    }

    /// The reason of the last error.
    pub(super) fn last_reason(&self) -> String {
        let last = self.consumer.context().last_error();
        last.map_or_else(|| "no reason is known".to_owned(), |(_, reason)| reason)
    }

    /// Answers that these partitions come, and start at these offsets.
    pub(crate) fn assign(&self, start: &Offsets) -> Result<(), Error> {
        list_at(start)
            .and_then(|list| self.consumer.incremental_assign(&list))
            .map_err(|source| Error::request("assign partitions", &source))
    }

    /// Answers that these partitions go.
    pub(crate) fn unassign(&self, partitions: &[Partition]) {
        if let Err(error) = self.consumer.incremental_unassign(&list_of(partitions)) {
            tracing::debug!("giving partitions up: {error}");
        }
    }

    /// Goes to an offset of an assigned partition. Messages that were fetched before are dropped by librdkafka.
    pub(crate) fn seek(&self, partition: &Partition, next: u64) -> Result<(), Error> {
        let (topic, number) = (&partition.topic, native_number(partition));
        self.consumer
            .seek(topic, number, offset(next), Duration::ZERO)
            .map_err(|source| {
                Error::request(format!("go to offset {next} of {partition}"), &source)
            })
    }

    /// Makes librdkafka forget its own position in a partition and start at this one. The partition's messages have to be
    /// forwarded again after it.
    pub(crate) fn restart(&self, partition: &Partition, next: u64) -> Result<(), Error> {
        let one = Offsets::from([(partition.clone(), next)]);
        list_at(&one)
            .and_then(|one| {
                self.consumer.incremental_unassign(&one)?;
                self.consumer.incremental_assign(&one)
            })
            .map_err(|source| {
                Error::request(
                    format!("start again at offset {next} of {partition}"),
                    &source,
                )
            })
    }

    /// The end of a partition as the last fetch reported it, without asking the broker.
    pub(crate) fn known_end(&self, partition: &Partition) -> Option<u64> {
        let end = native::known_end(&self.consumer, &partition.topic, native_number(partition))?;
        u64::try_from(end).ok()
    }

    /// What says to brokers that positions are of this member; none unless it has joined the group.
    pub(super) fn group_metadata(&self) -> Option<GroupMetadata> {
        GroupMetadata::of(&self.consumer)
    }

    /// The messages that were fetched and wait, as librdkafka's statistics say, if it makes any.
    pub(crate) fn read_ahead(&self) -> Option<ReadAhead> {
        self.consumer.context().read_ahead()
    }

    /// Sends a commit; its result comes to `results`.
    pub(super) fn commit(
        &self,
        offsets: &TopicPartitionList,
        results: &Queue,
    ) -> Result<(), RDKafkaErrorCode> {
        native::commit(&self.consumer, offsets, results)
    }

    /// From now on rebalances are answered at once, because nothing is left to be saved. `arriving` and `leaving`
    /// are those that were being answered.
    pub(crate) fn abandon_assignment(
        &self,
        arriving: Option<Vec<Partition>>,
        leaving: Option<Vec<Partition>>,
    ) {
        let context = self.consumer.context();
        context.close();
        if let Some(come) = arriving {
            let _answered = self.consumer.incremental_assign(&list_of(&come));
        }
        if let Some(go) = leaving {
            let _answered = self.consumer.incremental_unassign(&list_of(&go));
        }
        // librdkafka goes on only when each rebalance is answered.
        while let Some(rebalance) = context.next_rebalance() {
            let _answered = match rebalance {
                context::Rebalance::Assign(come) => self.consumer.incremental_assign(&come),
                context::Rebalance::Revoke(go) | context::Rebalance::Lost(go) => {
                    self.consumer.incremental_unassign(&go)
                }
            };
        }
    }

    /// Leaves the group, after the other workers of the process have come to leave, or at `others_end`, and while no
    /// join is in progress if `joins` can ask for that.
    pub(crate) fn leave(
        &self,
        barrier: Option<&LeaveBarrier>,
        others_end: Option<Instant>,
        joins: Option<&QueryClient>,
    ) {
        if let Some(barrier) = barrier {
            leave_barrier::wait(
                barrier,
                others_end,
                || drop(self.consumer.poll(STEP)),
                || joins.is_none() || self.consumer.context().has_joined(),
                || joins.map_or(Some(true), |client| client.group_is_stable().ok()),
            );
        }
        let started = Instant::now();
        if let Err(error) = self.consumer.close_queue() {
            tracing::debug!("leaving the group: {error}");
            return;
        }
        while !self.consumer.closed() {
            if started.elapsed() >= CLOSE_TIMEOUT {
                tracing::warn!(
                    "the group did not let this worker leave within {} s, because it waits for another member: it keeps \
                     this one, too, until its session ends",
                    CLOSE_TIMEOUT.as_secs()
                );
                return;
            }
            let _event = self.consumer.poll(STEP);
        }
    }
}

/// A worker's consumer, which is to join the group or to read partitions without one.
pub struct Member {
    pub(crate) membership: Arc<Membership>,
    /// The others wait for this worker when they leave the group.
    pub(crate) barrier_guard: BarrierGuard,
    /// The partitions that it reads without joining the group; none where it joins.
    pub(crate) partitions: Option<Vec<Partition>>,
}

impl Member {
    /// The membership.
    #[must_use]
    pub fn membership(&self) -> Arc<Membership> {
        Arc::clone(&self.membership)
    }

    /// The partitions that the worker reads without a group; none where it joins one.
    #[must_use]
    pub fn partitions(&self) -> Option<&[Partition]> {
        self.partitions.as_deref()
    }
}

fn no_queue(what: &str) -> Error {
    Error::NoQueue {
        what: what.to_owned(),
    }
}

/// Kafka's partitions are not negative; its number of one that does not fit is none that a broker knows.
pub(super) fn native_number(partition: &Partition) -> i32 {
    i32::try_from(partition.number).unwrap_or(i32::MAX)
}

fn partition(topic: &str, number: i32) -> Partition {
    Partition {
        topic: topic.into(),
        number: u32::try_from(number).unwrap_or_default(),
    }
}

pub(super) fn offset(next: u64) -> Offset {
    Offset::Offset(i64::try_from(next).unwrap_or(i64::MAX))
}

pub(super) fn partitions(list: &TopicPartitionList) -> Vec<Partition> {
    let elements = list.elements();
    let partition = |element: &rdkafka::topic_partition_list::TopicPartitionListElem<'_>| {
        partition(element.topic(), element.partition())
    };
    elements.iter().map(partition).collect()
}

pub(super) fn list_of(partitions: &[Partition]) -> TopicPartitionList {
    let mut list = TopicPartitionList::with_capacity(partitions.len());
    for partition in partitions {
        list.add_partition(&partition.topic, native_number(partition));
    }
    list
}

pub(super) fn list_at(offsets: &Offsets) -> Result<TopicPartitionList, KafkaError> {
    let mut list = TopicPartitionList::with_capacity(offsets.len());
    for (partition, &next) in offsets {
        list.add_partition_offset(&partition.topic, native_number(partition), offset(next))?;
    }
    Ok(list)
}
