//! Changes topics that exist, as an administrator would.

use std::time::Duration;

use futures_executor::block_on;
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{Offset, TopicPartitionList};

use super::Broker;
use crate::until;

const LIMIT: Duration = Duration::from_secs(30);

impl Broker {
    /// Deletes a topic.
    ///
    /// # Panics
    /// When the broker refuses.
    pub fn delete_topic(&self, topic: &str) {
        let deleted = block_on(self.admin().delete_topics(&[topic], &options()));
        for result in deleted.expect("the broker answers") {
            result.unwrap_or_else(|(topic, error)| panic!("cannot delete `{topic}`: {error}"));
        }
    }

    /// Deletes a topic and creates one with its name at once. No client sees the name missing for long.
    ///
    /// # Panics
    /// When the broker refuses.
    pub fn create_topic_again(&self, topic: &str, partitions: i32) {
        self.delete_topic(topic);
        self.create_topics(&[topic], partitions);
    }

    /// Replaces the settings of a topic by this one.
    ///
    /// # Panics
    /// When the broker refuses.
    pub fn set_topic(&self, topic: &str, key: &str, value: &str) {
        let settings = AlterConfig::new(ResourceSpecifier::Topic(topic)).set(key, value);
        let altered = block_on(self.admin().alter_configs([&settings], &options()));
        for result in altered.expect("the broker answers") {
            result.unwrap_or_else(|(_, error)| panic!("cannot set `{key}` of `{topic}`: {error}"));
        }
    }

    /// The note that was committed with the offset of partition 0.
    ///
    /// # Panics
    /// When the broker does not answer, or nothing is committed.
    #[must_use]
    pub fn committed_note(&self, group: &str, topic: &str) -> String {
        let client = self.of_group(group);
        let mut wanted = TopicPartitionList::new();
        wanted.add_partition(topic, 0);
        let found = until("the committed offset", LIMIT, || {
            client.committed_offsets(wanted.clone(), LIMIT).ok()
        });
        let element = found.find_partition(topic, 0).expect("it was asked for");
        assert!(matches!(element.offset(), Offset::Offset(_)));
        element.metadata().trim_end_matches('\0').to_owned()
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.client().create().expect("the settings are right")
    }

    fn of_group(&self, group: &str) -> BaseConsumer {
        let mut client = self.client();
        client.set("group.id", group);
        client.create().expect("the settings are right")
    }
}

fn options() -> AdminOptions {
    AdminOptions::new()
        .request_timeout(Some(LIMIT))
        .operation_timeout(Some(LIMIT))
}
