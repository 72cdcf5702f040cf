//! A client for requests about the cluster and the group, which is no member of the group.
//!
//! A member's own requests to the group's coordinator wait until a join has ended, which takes as long as the slowest
//! member of the group, or the session timeout of a dead one.

use std::time::Duration;

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::metadata::{Metadata, MetadataTopic};

use super::clients;
use super::context::Context;
use super::error::Error;
use super::native::Queue;
use super::native::admin::{self, AdminError, Description, Element};
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
        })
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

    /// The error that the brokers have for a topic, which they leave out of a list of all topics.
    pub(super) fn topic_error(
        &self,
        topic: &str,
        timeout: Duration,
    ) -> Result<Option<RDKafkaErrorCode>, KafkaError> {
        let metadata = self.client.fetch_metadata(Some(topic), timeout)?;
        let found = metadata.topics().iter().find_map(MetadataTopic::error);
        Ok(found.map(RDKafkaErrorCode::from))
    }

    /// The group's state and members.
    pub(super) fn describe_group(&self, timeout: Duration) -> Result<Description, AdminError> {
        self.drain();
        admin::describe_group(&self.client, &self.group_id, timeout)
    }

    /// All offsets that the group has committed.
    pub(super) fn group_offsets(&self, timeout: Duration) -> Result<Vec<Element>, AdminError> {
        self.drain();
        admin::group_offsets(&self.client, &self.group_id, timeout)
    }

    /// Commits offsets for the group, which has no members.
    pub(super) fn alter_group_offsets(
        &self,
        offsets: &TopicPartitionList,
        timeout: Duration,
    ) -> Result<Vec<Element>, AdminError> {
        self.drain();
        admin::alter_group_offsets(&self.client, &self.group_id, offsets, timeout)
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
