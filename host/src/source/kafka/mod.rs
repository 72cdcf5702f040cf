//! Records of a Kafka cluster, shared with the other members of a consumer group.

mod assignment;
mod changes;
mod gather;
mod rebalance;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use self::assignment::{Assigned, Assignment};
use self::changes::Doubt;
use self::rebalance::Leaving;
use super::{BatchLimits, Event, Source, SourceError, TopicIdentity, before_records};
use crate::journal::batch::Batches;
use crate::journal::group_offsets::LogRange;
use crate::journal::holders::Holder;
use crate::journal::offsets::{Offsets, Partition, ReadAhead, Remaining, Start};
use crate::kafka::{
    BarrierGuard, Cluster, Error, Member, Membership, Messages, Question, Queue, TopicId,
    TransientErrors, Watched, WatchedTopic,
};
use crate::privacy::Guard;

/// One worker's part of the records that its group reads.
///
/// The order of the fields matters: queues and messages are dropped before the membership.
pub(crate) struct KafkaSource {
    messages: Messages,
    assignment: Assignment,
    /// Partitions of a topic that was created again, until [`Source::assign`] says where they start.
    returning: Vec<Assigned>,
    data: Queue,
    membership: Arc<Membership>,
    cluster: Arc<Cluster>,
    /// Whether tombstones are handed out.
    tombstones: bool,
    /// Holds records back, where that is asked for.
    guard: Option<Guard>,
    /// Partitions that are read without a group, until they come.
    given: Option<Vec<Partition>>,
    /// Whether the group, or the command, has said which partitions are its own.
    is_member: bool,
    /// Partitions that come, until [`Source::assign`].
    arriving: Option<Vec<Partition>>,
    /// Partitions that go, until [`Source::release`].
    leaving: Option<Leaving>,
    resolving: Question<Offsets>,
    holders: Question<Vec<Holder>>,
    /// Partitions that may not be readable at their position.
    doubtful: Vec<(Partition, Doubt)>,
    ranges: Question<LogRange>,
    /// The topics that are subscribed to, and the version of what is known of them.
    topics: Vec<WatchedTopic>,
    version: u64,
    /// Ends that changed, until they are asked for.
    new_ends: Option<Offsets>,
    /// The topics that partitions had that went, by their names.
    left: BTreeMap<String, TopicId>,
    /// Since when partitions that start again may have brought nothing.
    silent_since: Option<Instant>,
    errors: TransientErrors,
    /// Until the worker comes to leave.
    barrier_guard: Option<BarrierGuard>,
}

impl KafkaSource {
    /// Has `member` join the group, unless its partitions are given.
    ///
    /// # Errors
    /// When librdkafka gives no queue or does not take the subscription.
    pub(crate) fn join(
        cluster: Arc<Cluster>,
        member: Member,
        tombstones: bool,
        guard: Option<Guard>,
    ) -> Result<Self, Error> {
        let Member {
            membership,
            barrier_guard,
            partitions,
        } = member;
        let data = membership.queue("messages")?;
        let Watched {
            version, topics, ..
        } = cluster.watched();
        if partitions.is_none() {
            let names = topics.iter().map(|own| own.topic.name.as_str());
            membership.subscribe(&names.collect::<Vec<_>>())?;
        }
        let errors = TransientErrors::lasting_for(cluster.broker_timeout());
        Ok(Self {
            messages: Messages::default(),
            assignment: Assignment::default(),
            returning: Vec::new(),
            data,
            membership,
            cluster,
            tombstones,
            guard,
            given: partitions.filter(|given| !given.is_empty()),
            is_member: false,
            arriving: None,
            leaving: None,
            resolving: Question::default(),
            holders: Question::default(),
            doubtful: Vec::new(),
            ranges: Question::default(),
            topics,
            version,
            new_ends: None,
            left: BTreeMap::new(),
            silent_since: None,
            errors,
            barrier_guard: Some(barrier_guard),
        })
    }

    fn poll_event(
        &mut self,
        into: &mut Batches,
        limits: BatchLimits,
        until: Option<&Offsets>,
        wait: Duration,
    ) -> Result<Event, SourceError> {
        self.serve_events()?;
        if let Some(event) = self.next_return() {
            return Ok(event);
        }
        if let Some(event) = self.next_rebalance()? {
            return Ok(event);
        }
        if let Some(event) = self.next_change()? {
            return Ok(event);
        }
        self.look_at_doubtful()?;
        self.go_on_beyond(until)?;
        let only_events = limits.records == 0 && self.messages.len() > 0;
        if self.assignment.is_empty() || only_events {
            self.wait_for_events(wait)?;
            return Ok(Event::Idle);
        }
        // One is read ahead even where none may be handed out, so that its coming ends the wait.
        self.messages.read(&self.data, limits.records.max(1), wait);
        if limits.records > 0 {
            self.gather(into, limits, until)?;
        }
        Ok(if into.is_empty() {
            Event::Idle
        } else {
            Event::Records
        })
    }

    fn serve_events(&mut self) -> Result<(), Error> {
        for stray in self.membership.serve(&mut self.errors)? {
            self.restart(&stray)?;
        }
        let topic = self.cluster.topics().first();
        let topic = topic.map_or("", |topic| topic.name.as_str());
        self.errors
            .look(&self.membership, self.cluster.brokers(), topic)
    }

    fn wait_for_events(&mut self, wait: Duration) -> Result<(), Error> {
        self.cluster.queries().client().drain();
        if let Some(stray) = self.membership.poll(&mut self.errors, wait)? {
            self.restart(&stray)?;
        }
        self.serve_events()
    }

    /// Makes librdkafka forget its own position in a partition and start at the worker's.
    fn restart(&mut self, partition: &Partition) -> Result<(), Error> {
        let Some(own) = self.assignment.find_mut(partition) else {
            return Ok(());
        };
        // Once: a position that is out of range twice is so for good.
        own.at_end = false;
        self.membership.restart(partition, own.next)?;
        // librdkafka stops forwarding a partition's messages when it stops fetching them.
        own.forwarded = self.membership.forward(partition, &self.data)?;
        Ok(())
    }

    /// From now on rebalances are answered at once, because nothing is left to be saved.
    fn abandon_assignment(&mut self) {
        // The group has not asked for the answer about partitions that return.
        let arriving = self.arriving.take().filter(|_| self.returning.is_empty());
        let leaving = self.leaving.take().filter(|leaving| !leaving.return_soon);
        let leaving = leaving.map(|leaving| leaving.partitions);
        self.membership.abandon_assignment(arriving, leaving);
    }
}

impl Source for KafkaSource {
    fn poll(
        &mut self,
        into: &mut Batches,
        limits: BatchLimits,
        until: Option<&Offsets>,
        wait: Duration,
    ) -> Result<Event, SourceError> {
        self.poll_event(into, limits, until, wait)
    }

    fn position(&self) -> Offsets {
        let own = self.assignment.iter();
        own.map(|own| (own.partition.clone(), own.next)).collect()
    }

    fn position_before(&self, batches: &Batches) -> Offsets {
        before_records(self.position(), batches)
    }

    fn resolve(&mut self, of: &[Partition], start: Start) -> Result<Poll<Offsets>, SourceError> {
        match self.resolving.resolve(self.cluster.queries(), of, start) {
            Poll::Pending => Ok(Poll::Pending),
            Poll::Ready(Ok(offsets)) => Ok(Poll::Ready(offsets)),
            // A partition may be between two leaders: it is asked for again at the next look.
            Poll::Ready(Err(failed)) => {
                failed.note(&mut self.errors)?;
                Ok(Poll::Pending)
            }
        }
    }

    fn assign(&mut self, start: &Offsets) -> Result<(), SourceError> {
        Ok(self.add_partitions(start)?)
    }

    fn rewind(&mut self, to: &Offsets) -> Result<(), SourceError> {
        for (partition, &next) in to {
            if let Some(own) = self.assignment.find_mut(partition) {
                own.next = next;
                own.at_end = false;
                self.membership.seek(partition, next)?;
            }
        }
        self.messages.retain(|_| false);
        Ok(())
    }

    fn release(&mut self) -> Result<(), SourceError> {
        Ok(self.remove_partitions()?)
    }

    fn keep_alive(&mut self) -> Result<bool, SourceError> {
        self.serve_events()?;
        Ok(!self.membership.has_lost())
    }

    fn remaining(&mut self) -> Remaining {
        self.cluster.queries().client().drain();
        if !self.is_member {
            return Remaining::Unknown;
        }
        let lag = self.assignment.iter().map(|own| {
            let end = self.membership.known_end(&own.partition);
            let lag = end.and_then(|end| end.checked_sub(own.next));
            (own.partition.clone(), lag)
        });
        Remaining::ByPartition(lag.collect())
    }

    fn read_ahead(&self) -> Option<ReadAhead> {
        self.membership.read_ahead()
    }

    fn without_brokers_since(&self) -> Option<Instant> {
        self.errors.without_brokers_since()
    }

    fn new_ends(&mut self) -> Option<Offsets> {
        self.new_ends.take()
    }

    fn holders(&mut self) -> Poll<Option<Vec<Holder>>> {
        self.holders.holders(self.cluster.queries())
    }

    fn topic_of(&self, partition: &Partition) -> TopicIdentity {
        if let Some(own) = self.assignment.find(partition) {
            let id = own.topic_id.map(TopicId::number);
            return id.map_or(TopicIdentity::Unknown, TopicIdentity::Known);
        }
        if self.cluster.watch().is_gone(partition) {
            return TopicIdentity::Gone;
        }
        let id = self.cluster.watch().id(&partition.topic);
        let id = id.map(TopicId::number);
        id.map_or(TopicIdentity::Unknown, TopicIdentity::Known)
    }

    fn close(mut self: Box<Self>, others_end: Option<Instant>) {
        self.abandon_assignment();
        // This worker has come to leave.
        self.barrier_guard = None;
        self.cluster.leave(&self.membership, others_end);
    }
}

impl Drop for KafkaSource {
    /// A worker that panics leaves rebalances unanswered, and the consumer's own drop waits for them.
    fn drop(&mut self) {
        self.abandon_assignment();
    }
}
