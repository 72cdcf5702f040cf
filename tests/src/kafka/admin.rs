//! Creates topics, and reads and changes the state of topics and groups.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use rdkafka::admin::{
    AdminClient, AdminOptions, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::TopicPartitionListElem;
use rdkafka::{Offset, TopicPartitionList};

use super::Broker;
use crate::until;

const REQUEST_LIMIT: Duration = Duration::from_secs(30);

/// The name of a topic, and a partition.
pub type TopicPartition = (String, i32);

/// The topic prefix of one test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prefix(String);

impl Prefix {
    /// A prefix that no other test uses. It contains `name`, so that logs show which test it belongs to.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(format!(
            "{name}-{:08x}.journal",
            RandomState::new().hash_one(name) >> 32
        ))
    }

    /// The prefix of the topics in a recording of the journal.
    #[must_use]
    pub fn usual() -> Self {
        Self("swh.journal.objects".to_owned())
    }

    /// The prefix, for `--prefix`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of the public topic of an object type.
    #[must_use]
    pub fn topic(&self, object_type: &str) -> String {
        format!("{self}.{object_type}")
    }

    /// The name of the privileged topic of an object type.
    #[must_use]
    pub fn privileged_topic(&self, object_type: &str) -> String {
        format!("{self}_privileged.{object_type}")
    }

    /// The name of a consumer group that no other test uses.
    #[must_use]
    pub fn group(&self, name: &str) -> String {
        format!("{self}-{name}")
    }

    fn has(&self, topic: &str) -> bool {
        let rest = topic.strip_prefix(&self.0);
        rest.is_some_and(|rest| rest.starts_with('.') || rest.starts_with("_privileged."))
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Broker {
    /// Creates topics with this number of partitions, and waits until every partition has a leader.
    ///
    /// # Panics
    /// When the broker refuses one.
    pub fn create_topics<T: AsRef<str>>(&self, topics: &[T], partitions: i32) {
        self.create_topics_with(topics, partitions, &[]);
    }

    /// Creates topics with settings such as `cleanup.policy`.
    ///
    /// # Panics
    /// When the broker refuses one.
    pub fn create_topics_with<T: AsRef<str>>(
        &self,
        topics: &[T],
        partitions: i32,
        settings: &[(&str, &str)],
    ) {
        let admin: AdminClient<DefaultClientContext> =
            self.client().create().expect("the settings are right");
        let new: Vec<NewTopic<'_>> = topics
            .iter()
            .map(|topic| {
                let topic = NewTopic::new(
                    topic.as_ref(),
                    partitions,
                    TopicReplication::Fixed(self.replication),
                );
                settings
                    .iter()
                    .fold(topic, |topic, (key, value)| topic.set(key, value))
            })
            .collect();
        let options = AdminOptions::new()
            .request_timeout(Some(REQUEST_LIMIT))
            .operation_timeout(Some(REQUEST_LIMIT));
        let results = futures_executor::block_on(admin.create_topics(&new, &options));
        for result in results.expect("the broker answers") {
            result
                .unwrap_or_else(|(topic, error)| panic!("cannot create topic `{topic}`: {error}"));
        }
        let consumer = self.observer("unused");
        for topic in topics {
            let topic = topic.as_ref();
            until(format!("leaders of `{topic}`"), REQUEST_LIMIT, || {
                let metadata = consumer.fetch_metadata(Some(topic), REQUEST_LIMIT).ok()?;
                let found = metadata.topics().first()?.partitions();
                let led = found
                    .iter()
                    .filter(|partition| partition.leader() >= 0)
                    .count();
                (i32::try_from(led) == Ok(partitions)).then_some(())
            });
        }
    }

    /// Adds partitions to a topic, so that it has this number of them.
    ///
    /// # Panics
    /// When the broker refuses.
    pub fn add_partitions(&self, topic: &str, partitions: usize) {
        let admin: AdminClient<DefaultClientContext> =
            self.client().create().expect("the settings are right");
        let new = NewPartitions::new(topic, partitions);
        let options = AdminOptions::new().operation_timeout(Some(REQUEST_LIMIT));
        let added = futures_executor::block_on(admin.create_partitions([&new], &options));
        for result in added.expect("the broker answers") {
            result.unwrap_or_else(|(topic, error)| panic!("cannot add to `{topic}`: {error}"));
        }
        let consumer = self.observer("unused");
        until(format!("partitions of `{topic}`"), REQUEST_LIMIT, || {
            let metadata = consumer.fetch_metadata(Some(topic), REQUEST_LIMIT).ok()?;
            let found = metadata.topics().first()?.partitions();
            let led = found.iter().filter(|partition| partition.leader() >= 0);
            (led.count() == partitions).then_some(())
        });
    }

    /// Deletes a group with its committed offsets.
    ///
    /// # Panics
    /// When the broker refuses.
    pub fn delete_group(&self, group: &str) {
        let admin: AdminClient<DefaultClientContext> =
            self.client().create().expect("the settings are right");
        let options = AdminOptions::new().request_timeout(Some(REQUEST_LIMIT));
        let deleted = futures_executor::block_on(admin.delete_groups(&[group], &options));
        for result in deleted.expect("the broker answers") {
            result.unwrap_or_else(|(group, error)| panic!("cannot delete `{group}`: {error}"));
        }
    }

    /// The topics under a prefix, public and privileged, with the number of partitions of each.
    ///
    /// # Panics
    /// When the broker does not answer.
    #[must_use]
    pub fn topics(&self, prefix: &Prefix) -> BTreeMap<String, usize> {
        let metadata = self
            .observer("unused")
            .fetch_metadata(None, REQUEST_LIMIT)
            .expect("the broker answers");
        let topics = metadata
            .topics()
            .iter()
            .filter(|topic| prefix.has(topic.name()));
        topics
            .map(|topic| (topic.name().to_owned(), topic.partitions().len()))
            .collect()
    }

    /// The end offset of each partition: the one after its last record.
    ///
    /// # Panics
    /// When the broker does not answer.
    #[must_use]
    pub fn end_offsets(&self, prefix: &Prefix) -> BTreeMap<TopicPartition, i64> {
        let mut wanted = self.partitions(prefix);
        wanted
            .set_all_offsets(Offset::End)
            .expect("the list takes offsets");
        let ends = self
            .observer("unused")
            .offsets_for_times(wanted, REQUEST_LIMIT);
        numbers(&ends.expect("the broker answers"))
    }

    /// The committed offsets of a group. A partition without one is absent.
    ///
    /// # Panics
    /// When the broker does not answer.
    #[must_use]
    pub fn committed(&self, group: &str, prefix: &Prefix) -> BTreeMap<TopicPartition, i64> {
        numbers(&self.committed_list(group, prefix))
    }

    /// The notes (metadata) of a group's committed offsets.
    ///
    /// # Panics
    /// When the broker does not answer.
    #[must_use]
    pub fn notes(&self, group: &str, prefix: &Prefix) -> BTreeMap<TopicPartition, String> {
        let list = self.committed_list(group, prefix);
        let elements = list.elements();
        let committed = elements
            .iter()
            .filter(|element| matches!(element.offset(), Offset::Offset(_)));
        let note = |element: &TopicPartitionListElem<'_>| {
            let partition = (element.topic().to_owned(), element.partition());
            let note = element.metadata().trim_end_matches('\0');
            (partition, note.to_owned())
        };
        committed.map(note).collect()
    }

    fn committed_list(&self, group: &str, prefix: &Prefix) -> TopicPartitionList {
        let observer = self.observer(group);
        until("committed offsets", REQUEST_LIMIT, || {
            match observer.committed_offsets(self.partitions(prefix), REQUEST_LIMIT) {
                Ok(committed) => Some(committed),
                Err(KafkaError::OffsetFetch(error) | KafkaError::MetadataFetch(error))
                    if is_transient(error) =>
                {
                    None
                }
                Err(error) => panic!("cannot read what group `{group}` has committed: {error}"),
            }
        })
    }

    /// The number of records that a group has committed. It is exact if no topic has gaps.
    ///
    /// # Panics
    /// When the broker does not answer.
    #[must_use]
    pub fn committed_records(&self, group: &str, prefix: &Prefix) -> u64 {
        self.committed(group, prefix)
            .values()
            .map(|offset| offset.unsigned_abs())
            .sum()
    }

    /// The number of members of a group, and the coordinator's name for its state (`Stable`, `PreparingRebalance`,
    /// `CompletingRebalance`, `Empty`, `Dead`).
    ///
    /// # Panics
    /// When the broker does not answer.
    #[must_use]
    pub fn group(&self, group: &str) -> (usize, String) {
        let list = until(format!("group `{group}`"), REQUEST_LIMIT, || {
            self.observer("unused")
                .fetch_group_list(Some(group), REQUEST_LIMIT)
                .ok()
        });
        let found = list.groups().iter().find(|found| found.name() == group);
        found.map_or((0, "Dead".to_owned()), |found| {
            (found.members().len(), found.state().to_owned())
        })
    }

    /// Commits an offset for a group without members. The partition need not have a record at this offset.
    ///
    /// # Panics
    /// When the broker refuses.
    pub fn commit(&self, group: &str, topic: &str, partition: i32, offset: i64) {
        self.commit_with_note(group, topic, partition, offset, "");
    }

    /// The same, with a text in the metadata of the commit.
    ///
    /// # Panics
    /// When the broker refuses.
    pub fn commit_with_note(
        &self,
        group: &str,
        topic: &str,
        partition: i32,
        offset: i64,
        note: &str,
    ) {
        let mut offsets = TopicPartitionList::new();
        let mut element = offsets.add_partition(topic, partition);
        element
            .set_offset(Offset::Offset(offset))
            .expect("the list takes offsets");
        if !note.is_empty() {
            element.set_metadata(note);
        }
        let observer = self.observer(group);
        until("the commit", REQUEST_LIMIT, || {
            match observer.commit(&offsets, CommitMode::Sync) {
                Ok(()) => Some(()),
                Err(KafkaError::ConsumerCommit(error)) if is_transient(error) => None,
                Err(error) => panic!("cannot commit for the group `{group}`: {error}"),
            }
        });
    }

    /// Deletes the records of a partition whose offsets are less than `before`.
    ///
    /// # Panics
    /// When the broker refuses.
    pub fn delete_records(&self, topic: &str, partition: i32, before: i64) {
        let admin: AdminClient<DefaultClientContext> =
            self.client().create().expect("the settings are right");
        let mut offsets = TopicPartitionList::new();
        offsets
            .add_partition_offset(topic, partition, Offset::Offset(before))
            .expect("the list takes offsets");
        let options = AdminOptions::new().operation_timeout(Some(REQUEST_LIMIT));
        let deleted = futures_executor::block_on(admin.delete_records(&offsets, &options));
        for element in deleted.expect("the broker answers").elements() {
            element.error().expect("the broker deletes records");
        }
    }

    /// The settings of a topic.
    ///
    /// # Panics
    /// When the broker does not answer.
    #[must_use]
    pub fn topic_settings(&self, topic: &str) -> BTreeMap<String, String> {
        let admin: AdminClient<DefaultClientContext> =
            self.client().create().expect("the settings are right");
        let options = AdminOptions::new().request_timeout(Some(REQUEST_LIMIT));
        let topic = [ResourceSpecifier::Topic(topic)];
        let described = futures_executor::block_on(admin.describe_configs(&topic, &options));
        let described = described.expect("the broker answers").into_iter();
        let entries = described.flat_map(|topic| topic.expect("the topic exists").entries);
        entries
            .filter_map(|entry| Some((entry.name, entry.value?)))
            .collect()
    }

    /// A client that sends requests and never joins a group.
    fn observer(&self, group: &str) -> BaseConsumer {
        self.client()
            .set("group.id", group)
            .create()
            .expect("the settings are right")
    }

    fn partitions(&self, prefix: &Prefix) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        for (topic, partitions) in self.topics(prefix) {
            for partition in 0..partitions {
                list.add_partition(
                    &topic,
                    i32::try_from(partition).expect("partitions are few"),
                );
            }
        }
        list
    }
}

/// Whether a coordinator returns this error while it starts.
fn is_transient(error: RDKafkaErrorCode) -> bool {
    matches!(
        error,
        RDKafkaErrorCode::CoordinatorLoadInProgress
            | RDKafkaErrorCode::CoordinatorNotAvailable
            | RDKafkaErrorCode::NotCoordinator
            | RDKafkaErrorCode::WaitingForCoordinator
    )
}

fn numbers(list: &TopicPartitionList) -> BTreeMap<TopicPartition, i64> {
    let elements = list.elements();
    let known = elements
        .iter()
        .filter_map(|element| match element.offset() {
            Offset::Offset(offset) => {
                Some(((element.topic().to_owned(), element.partition()), offset))
            }
            _ => None,
        });
    known.collect()
}
