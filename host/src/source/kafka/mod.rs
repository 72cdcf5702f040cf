//! Records of a Kafka cluster, shared with the other members of a consumer group.

mod assignment;
mod gather;
mod rebalance;

use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use self::assignment::Assignment;
use self::rebalance::Leaving;
use super::{BatchLimits, Event, Source, SourceError};
use crate::journal::batch::Batches;
use crate::journal::offsets::{Offsets, Partition, Remaining, Start};
use crate::kafka::{
    BarrierGuard, Cluster, Error, Member, Membership, Messages, Question, Queue, TransientErrors,
};

/// One worker's part of the records that its group reads.
///
/// The order of the fields matters: queues and messages are dropped before the membership.
pub(crate) struct KafkaSource {
    messages: Messages,
    assignment: Assignment,
    data: Queue,
    membership: Arc<Membership>,
    cluster: Arc<Cluster>,
    /// Whether tombstones are handed out.
    tombstones: bool,
    /// Partitions that come, until [`Source::assign`].
    arriving: Option<Vec<Partition>>,
    /// Partitions that go, until [`Source::release`].
    leaving: Option<Leaving>,
    resolving: Question<Offsets>,
    errors: TransientErrors,
    /// Until the worker comes to leave.
    barrier_guard: Option<BarrierGuard>,
}

impl KafkaSource {
    /// Has `member` join the group.
    ///
    /// # Errors
    /// When librdkafka gives no queue or does not take the subscription.
    pub(crate) fn join(
        cluster: Arc<Cluster>,
        member: Member,
        tombstones: bool,
    ) -> Result<Self, Error> {
        let Member {
            membership,
            barrier_guard,
        } = member;
        let data = membership.queue("messages")?;
        let topics = cluster.topics().iter();
        let names: Vec<&str> = topics.map(|topic| topic.name.as_str()).collect();
        membership.subscribe(&names)?;
        let errors = TransientErrors::lasting_for(cluster.broker_timeout());
        Ok(Self {
            messages: Messages::default(),
            assignment: Assignment::default(),
            data,
            membership,
            cluster,
            tombstones,
            arriving: None,
            leaving: None,
            resolving: Question::default(),
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
    ) -> Result<Event, Error> {
        self.serve_events()?;
        if let Some(event) = self.next_rebalance()? {
            return Ok(event);
        }
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
        self.membership.restart(partition, own.next)
    }

    /// From now on rebalances are answered at once, because nothing is left to be saved.
    fn abandon_assignment(&mut self) {
        let leaving = self.leaving.take().map(|leaving| leaving.partitions);
        self.membership
            .abandon_assignment(self.arriving.take(), leaving);
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
        Ok(self.poll_event(into, limits, until, wait)?)
    }

    fn position(&self) -> Offsets {
        let own = self.assignment.iter();
        own.map(|own| (own.partition.clone(), own.next)).collect()
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
        let lag = self.assignment.iter().filter_map(|own| {
            let end = self.membership.known_end(&own.partition)?;
            end.checked_sub(own.next)
        });
        Remaining::Records(lag.sum())
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
