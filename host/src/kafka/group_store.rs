//! The consumer group as the store of positions: commits that do not block the worker, and each of which is looked at.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use rdkafka::TopicPartitionList;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::error::{Error, words};
use super::membership::{Membership, native_number, offset};
use super::native::{self, Queue};
use super::notes;
use super::queries::{Committed, Queries, Question, TopicIds};
use super::transient_errors::TransientErrors;
use crate::journal::offsets::{
    Confirmation, OffsetStore, Partition, Position, Positions, StoreError,
};
use crate::text::{LISTED, plural};

/// The end of a committed note: confluent-kafka-python reads notes as C's texts, and ends its own like this.
const END: &str = "\0";
/// How long a refused commit waits before it is sent again.
const BACK_OFF: Duration = Duration::from_millis(100);

/// The positions of one worker in its consumer group. One commit is in flight at most.
#[derive(Debug)]
pub struct GroupStore {
    /// Dropped before the membership.
    results: Queue,
    membership: Arc<Membership>,
    queries: Arc<Queries>,
    group_id: String,
    /// What was sent and is not confirmed.
    unconfirmed: BTreeMap<Partition, Position>,
    /// Whether a confirmation is due.
    awaited: bool,
    in_flight: Option<BTreeMap<Partition, Position>>,
    not_before: Option<Instant>,
    /// A refusal that was not answered yet.
    refusal: Option<RDKafkaErrorCode>,
    loading: Question<Committed>,
    looking: Question<Committed>,
    /// The identifiers of the topics whose positions were loaded.
    topic_ids: TopicIds,
    errors: TransientErrors,
}

impl GroupStore {
    pub(crate) fn new(
        membership: Arc<Membership>,
        queries: Arc<Queries>,
        group_id: String,
    ) -> Result<Self, Error> {
        Ok(Self {
            results: membership.queue("commits")?,
            membership,
            queries,
            group_id,
            unconfirmed: BTreeMap::new(),
            awaited: false,
            in_flight: None,
            not_before: None,
            refusal: None,
            loading: Question::default(),
            looking: Question::default(),
            topic_ids: TopicIds::new(),
            errors: TransientErrors::default(),
        })
    }

    /// Sends what is not confirmed, unless a commit is in flight or has to wait.
    fn send_unconfirmed(&mut self) -> Result<(), Error> {
        let waits = self.not_before.is_some_and(|time| Instant::now() < time);
        if self.in_flight.is_some() || waits || self.unconfirmed.is_empty() {
            return Ok(());
        }
        let list = list(&self.unconfirmed, &self.topic_ids);
        let list = list.map_err(|source| Error::request("take a commit", &source))?;
        match self.membership.commit(&list, &self.results) {
            Ok(()) => self.in_flight = Some(self.unconfirmed.clone()),
            Err(code) => self.refused(code)?,
        }
        Ok(())
    }

    /// Looks at the result of the commit in flight, if it is there.
    fn receive(&mut self) -> Result<(), Error> {
        let Some(outcome) = native::commit_result(&self.results, Duration::ZERO) else {
            return Ok(());
        };
        let Some(sent) = self.in_flight.take() else {
            return Ok(());
        };
        if let Err(code) = outcome {
            if code == RDKafkaErrorCode::UnknownTopicOrPartition {
                self.forget_deleted();
            }
            return self.refused(code);
        }
        self.not_before = None;
        // A partition may have got a later position meanwhile.
        self.unconfirmed
            .retain(|partition, position| sent.get(partition) != Some(&*position));
        Ok(())
    }

    /// A topic that was deleted keeps no offset, and must not keep the others from being committed.
    fn forget_deleted(&mut self) {
        let watch = self.queries.watch();
        self.unconfirmed
            .retain(|partition, _| !watch.is_gone(partition));
        self.queries.look_soon();
    }

    /// A refusal that belongs to a rebalance or to a broker's restart is routine: what is still retained is committed
    /// again.
    fn refused(&mut self, code: RDKafkaErrorCode) -> Result<(), Error> {
        use RDKafkaErrorCode as Code;
        let for_good = matches!(
            code,
            Code::GroupAuthorizationFailed
                | Code::TopicAuthorizationFailed
                | Code::FencedInstanceId
                | Code::InvalidCommitOffsetSize
                | Code::OffsetMetadataTooLarge
                | Code::InvalidGroupId
                | Code::Fatal
        );
        if for_good {
            return Err(Error::CommitRefused {
                group_id: self.group_id.clone(),
                code,
            });
        }
        tracing::debug!("the commit is sent again: {code}");
        self.refusal = Some(code);
        self.not_before = Some(Instant::now() + BACK_OFF);
        Ok(())
    }

    fn confirmation(&mut self) -> Result<Confirmation, Error> {
        self.receive()?;
        self.send_unconfirmed()?;
        if let Some(code) = self.refusal.take() {
            return Ok(Confirmation::Refused(words(code)));
        }
        if !self.unconfirmed.is_empty() {
            return Ok(Confirmation::Pending);
        }
        Ok(if std::mem::take(&mut self.awaited) {
            Confirmation::Confirmed
        } else {
            Confirmation::Idle
        })
    }

    /// A coordinator that moves or loads is asked again.
    fn answer(
        &mut self,
        answer: Poll<Result<Committed, KafkaError>>,
    ) -> Result<Poll<Positions>, StoreError> {
        match answer {
            Poll::Pending => Ok(Poll::Pending),
            Poll::Ready(Ok(committed)) => {
                self.errors.over();
                say_again(&committed.again);
                self.topic_ids.extend(committed.ids);
                Ok(Poll::Ready(committed.positions))
            }
            Poll::Ready(Err(error)) => {
                self.errors.question(&error)?;
                Ok(Poll::Pending)
            }
        }
    }
}

impl OffsetStore for GroupStore {
    fn load(&mut self, of: &[Partition]) -> Result<Poll<Positions>, StoreError> {
        let member = Some(Arc::clone(&self.membership));
        let answer = self
            .loading
            .committed(&self.queries, member, of, &self.topic_ids);
        self.answer(answer)
    }

    fn committed(&mut self, of: &[Partition]) -> Result<Poll<Positions>, StoreError> {
        Ok(
            match self
                .looking
                .committed(&self.queries, None, of, &TopicIds::new())
            {
                Poll::Ready(Ok(committed)) => Poll::Ready(committed.positions),
                Poll::Pending => Poll::Pending,
                Poll::Ready(Err(KafkaError::Canceled)) => return Err(Error::NoAnswers.into()),
                Poll::Ready(Err(error)) => {
                    // A question that fails says nothing about what others have finished.
                    tracing::debug!("the group's offsets are not known: {error}");
                    Poll::Pending
                }
            },
        )
    }

    fn send(&mut self, to: &BTreeMap<Partition, Position>) -> Result<(), StoreError> {
        let positions = to.iter();
        self.unconfirmed
            .extend(positions.map(|(partition, position)| (partition.clone(), position.clone())));
        self.awaited |= !to.is_empty();
        self.receive()?;
        Ok(self.send_unconfirmed()?)
    }

    fn check(&mut self) -> Result<Confirmation, StoreError> {
        Ok(self.confirmation()?)
    }

    fn retain(&mut self, assigned: &[Partition]) {
        self.unconfirmed
            .retain(|partition, _| assigned.contains(partition));
        self.awaited &= !self.unconfirmed.is_empty();
    }
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        Self(Box::new(error))
    }
}

/// Says how many partitions start at their beginning because their topic was created again.
fn say_again(again: &[Partition]) {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for partition in again {
        *counts.entry(&partition.topic).or_default() += 1;
    }
    let more = counts.len().saturating_sub(LISTED);
    for (topic, count) in counts.into_iter().take(LISTED) {
        tracing::warn!(
            "`{topic}` was created again since the group read it: partitions that are read from their beginning: {count}"
        );
    }
    if more > 0 {
        tracing::warn!("the same of {}", plural(more, "more topic"));
    }
}

pub(super) fn list(
    positions: &BTreeMap<Partition, Position>,
    topic_ids: &TopicIds,
) -> Result<TopicPartitionList, KafkaError> {
    let mut list = TopicPartitionList::with_capacity(positions.len());
    for (partition, position) in positions {
        let (topic, number) = (&partition.topic, native_number(partition));
        list.add_partition_offset(topic, number, offset(position.next))?;
        let note = notes::join(&position.note, topic_ids.get(topic).copied());
        if !note.is_empty()
            && let Some(mut element) = list.find_partition(topic, number)
        {
            element.set_metadata(note + END);
        }
    }
    Ok(list)
}
