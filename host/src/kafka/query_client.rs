//! A client for requests about the cluster and the group, which is no member of the group.
//!
//! A member's own requests to the group's coordinator wait until a join has ended, which takes as long as the slowest
//! member of the group, or the session timeout of a dead one.

use std::collections::BTreeSet;
use std::time::Duration;

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::groups::GroupMemberInfo;
use rdkafka::metadata::{Metadata, MetadataTopic};

use super::clients;
use super::context::Context;
use super::error::Error;
use super::group::GroupMember;
use super::native::admin::{self, AdminError, Description, Element};
use super::native::{self, Asked, Queue, TopicState};
use super::settings::Settings;
use super::subscription;
use crate::journal::group_offsets::LogRange;
use crate::journal::holders::Holder;

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
        range: LogRange,
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

    /// The topics among these that the brokers refuse to describe to this account.
    pub(super) fn denied<'a>(
        &self,
        topics: impl IntoIterator<Item = &'a String>,
    ) -> Result<BTreeSet<String>, KafkaError> {
        let mut denied = BTreeSet::new();
        for topic in topics {
            let metadata = self.client.fetch_metadata(Some(topic), ASK_TIMEOUT)?;
            let errors = metadata.topics().iter().filter_map(MetadataTopic::error);
            if errors
                .map(RDKafkaErrorCode::from)
                .any(|code| code == RDKafkaErrorCode::TopicAuthorizationFailed)
            {
                denied.insert(topic.clone());
            }
        }
        Ok(denied)
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

    /// Whether the group has no members.
    pub(super) fn group_is_empty(&self) -> Result<bool, KafkaError> {
        let group = self.describe_group(ASK_TIMEOUT);
        let group = group.map_err(|error| KafkaError::AdminOp(error.code))?;
        Ok(group.members.is_empty())
    }

    /// The topics that each member of the group is subscribed to; none while a rebalance hides them.
    pub(super) fn subscriptions(&self) -> Result<Option<Vec<BTreeSet<String>>>, KafkaError> {
        self.drain();
        let groups = self
            .client
            .fetch_group_list(Some(&self.group_id), ASK_TIMEOUT)?;
        let mut groups = groups.groups().iter();
        let Some(group) = groups.find(|group| group.name() == self.group_id) else {
            return Ok(Some(Vec::new()));
        };
        let is_settled = group.state() == STABLE || EMPTY.contains(&group.state());
        let topics =
            |member: &GroupMemberInfo| subscription::topics(member.metadata().unwrap_or_default());
        Ok(is_settled.then(|| group.members().iter().map(topics).collect()))
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

    /// Describes topics, with their identifiers.
    pub(super) fn describe_topics(
        &self,
        topics: &[&str],
        timeout: Duration,
    ) -> Result<Vec<TopicState>, RDKafkaErrorCode> {
        self.drain();
        native::describe_topics(&self.client, topics, Asked::Topics, timeout)
    }

    /// Describes topics, with what the account may do with them.
    pub(super) fn describe_rights(
        &self,
        topics: &[&str],
        timeout: Duration,
    ) -> Result<Vec<TopicState>, RDKafkaErrorCode> {
        self.drain();
        native::describe_topics(&self.client, topics, Asked::Rights, timeout)
    }

    /// Whether no member of the group waits for a join.
    ///
    /// A group with a member of the protocol `consumer` has no such state: each of its members moves for itself, also
    /// those of the classic protocol.
    pub(super) fn group_is_stable(&self) -> Result<bool, AdminError> {
        match self.describe_group(ASK_TIMEOUT) {
            Ok(group) => Ok(!group.waits_for_a_join()),
            Err(error) if error.code == RDKafkaErrorCode::GroupIdNotFound => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// The members of the group.
    pub(super) fn holders(&self) -> Result<Vec<Holder>, AdminError> {
        let group = self.describe_group(ASK_TIMEOUT)?;
        let holder = |mut member: admin::Member| {
            let partitions = std::mem::take(&mut member.partitions);
            let text = GroupMember::from(member).to_string();
            // In brackets, because several are named.
            let name = match text.split_once(", ") {
                Some((id, more)) => format!("{id} ({more})"),
                None => text,
            };
            Holder { name, partitions }
        };
        Ok(group.members.into_iter().map(holder).collect())
    }
}
