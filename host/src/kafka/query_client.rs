//! A client for requests about the cluster and the group, which is no member of the group.
//!
//! A member's own requests to the group's coordinator wait until a join has ended, which takes as long as the slowest
//! member of the group, or the session timeout of a dead one.

use std::time::Duration;

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::metadata::Metadata;

use super::clients;
use super::context::Context;
use super::error::Error;
use super::native::{self, Queue, TopicState};
use super::queries::Range;
use super::settings::Settings;

/// The time limit for one request.
const ASK_TIMEOUT: Duration = Duration::from_secs(5);
/// The state of a group in which no member waits for a join.
const STABLE: &str = "Stable";
/// The states of a group without members.
const EMPTY: [&str; 2] = ["Empty", "Dead"];

/// The client; the order of the fields matters, as the queue is dropped first.
pub(crate) struct QueryClient {
    events: Queue,
    client: BaseConsumer<Context>,
    group_id: String,
    brokers: String,
}

impl std::fmt::Debug for QueryClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QueryClient")
            .field("group_id", &self.group_id)
            .finish_non_exhaustive()
    }
}

impl QueryClient {
    pub(super) fn new(settings: &Settings) -> Result<Self, Error> {
        let client = clients::connecting(&settings.for_queries())?;
        let events = Queue::of_consumer(&client).ok_or_else(|| Error::NoQueue {
            what: "events".to_owned(),
        })?;
        Ok(Self {
            events,
            client,
            group_id: settings.group_id.clone(),
            brokers: settings.brokers.clone(),
        })
    }

    /// The error for an offset that a partition with these records does not have.
    pub(crate) fn out_of_range(
        &self,
        topic: &str,
        partition: i32,
        offset: i64,
        range: Range,
    ) -> Error {
        Error::OutOfRange {
            topic: topic.to_owned(),
            partition,
            offset,
            first: range.first,
            end: range.end,
            group_id: self.group_id.clone(),
            brokers: self.brokers.clone(),
        }
    }

    /// Events are only received by polling, and would accumulate otherwise.
    pub(crate) fn drain(&self) {
        while self.events.len() > 0 {
            let _event = self.client.poll(Duration::ZERO);
        }
    }

    /// The last error of the client.
    pub(super) fn last_error(&self) -> Option<(RDKafkaErrorCode, String)> {
        self.drain();
        self.client.context().last_error()
    }

    /// All topics.
    pub(super) fn metadata(&self, timeout: Duration) -> Result<Metadata, KafkaError> {
        self.client.fetch_metadata(None, timeout)
    }

    /// The offsets at times, or at the beginning or end; one request to each broker.
    pub(super) fn offsets(
        &self,
        wanted: TopicPartitionList,
        timeout: Duration,
    ) -> Result<TopicPartitionList, KafkaError> {
        self.client.offsets_for_times(wanted, timeout)
    }

    /// The group's committed offsets.
    pub(super) fn committed(
        &self,
        partitions: TopicPartitionList,
    ) -> Result<TopicPartitionList, KafkaError> {
        self.drain();
        self.client.committed_offsets(partitions, ASK_TIMEOUT)
    }

    /// Describes topics, with their identifiers.
    pub(super) fn describe_topics(
        &self,
        topics: &[&str],
        timeout: Duration,
    ) -> Result<Vec<TopicState>, RDKafkaErrorCode> {
        self.drain();
        native::describe_topics(&self.client, topics, timeout)
    }

    /// Whether no member of the group waits for a join.
    pub(super) fn group_is_stable(&self) -> Result<bool, KafkaError> {
        self.drain();
        let groups = self
            .client
            .fetch_group_list(Some(&self.group_id), ASK_TIMEOUT)?;
        let settled = |state: &str| state == STABLE || EMPTY.contains(&state);
        Ok(groups.groups().iter().all(|group| settled(group.state())))
    }
}
