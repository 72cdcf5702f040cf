//! Rows that a host wrote to topics.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::{Message as _, Offset, TopicPartitionList};
use serde_json::Value;

use super::Broker;
use crate::until;

/// How long the next record is waited for.
const PATIENCE: Duration = Duration::from_mins(1);

impl Broker {
    /// Whether rows of a topic wait for the end of a transaction.
    ///
    /// # Panics
    /// When the broker does not answer.
    #[must_use]
    pub fn has_open_transaction(&self, topic: &str) -> bool {
        let ends = |isolation: &str| -> Vec<i64> {
            let mut settings = self.client();
            let settings = settings.set("isolation.level", isolation);
            let client: BaseConsumer = settings.create().expect("the settings are right");
            let metadata = client.fetch_metadata(Some(topic), PATIENCE);
            let metadata = metadata.expect("the broker answers");
            let partitions = metadata.topics()[0].partitions().iter();
            let end = |number| {
                let range = client.fetch_watermarks(topic, number, PATIENCE);
                range.expect("the broker answers").1
            };
            partitions.map(|partition| end(partition.id())).collect()
        };
        // Rows come in between: those that are committed are asked for first.
        let committed = ends("read_committed");
        committed != ends("read_uncommitted")
    }

    /// The rows of a topic whose transactions were committed.
    ///
    /// # Panics
    /// When a record is not JSON, or the broker does not answer.
    #[must_use]
    pub fn rows(&self, topic: &str) -> Vec<Value> {
        let reader: BaseConsumer = self
            .client()
            .set("group.id", "journal-tests-rows")
            .set("isolation.level", "read_committed")
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true")
            .create()
            .expect("the settings are right");
        // Until then, the transaction of a process that was killed hides the rows after it.
        until("no transaction is open", PATIENCE, || {
            (!self.has_open_transaction(topic)).then_some(())
        });
        let metadata = reader
            .fetch_metadata(Some(topic), PATIENCE)
            .expect("the broker answers");
        let partitions = metadata.topics()[0].partitions().len();
        let mut list = TopicPartitionList::new();
        for number in 0..partitions {
            let number = i32::try_from(number).expect("they are few");
            list.add_partition_offset(topic, number, Offset::Beginning)
                .expect("it is an offset");
        }
        reader.assign(&list).expect("the partitions exist");
        let (mut rows, mut ended) = (Vec::new(), 0);
        while ended < partitions {
            match reader.poll(PATIENCE).expect("the topic has an end") {
                Ok(message) => {
                    let value = message.payload().expect("a row has a value");
                    rows.push(serde_json::from_slice(value).expect("a row is JSON"));
                }
                Err(KafkaError::PartitionEOF(_)) => ended += 1,
                Err(error) => panic!("{error}"),
            }
        }
        rows
    }
}
