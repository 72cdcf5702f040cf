//! The topics of a cluster and the ranges of their partitions, for commands that are no member of a group.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use rdkafka::bindings::rd_kafka_AclOperation_t as Operation;

use super::cluster::{ANSWER_TIMEOUT, RETRY_AFTER, fetch_metadata};
use super::error::Error;
use super::queries;
use super::query_client::QueryClient;
use super::settings::Settings;
use super::topic_admin::{NewTopics, sizes};
use crate::journal::offsets::{Offsets, Partition, Start};

/// The topics that a cluster had when it was asked.
#[derive(Debug)]
pub(crate) struct Catalog {
    client: QueryClient,
    settings: Settings,
    topics: BTreeMap<String, u32>,
}

impl Catalog {
    /// Asks the brokers for their topics.
    ///
    /// # Errors
    /// When no broker answers.
    pub(crate) fn fetch(settings: &Settings) -> Result<Self, Error> {
        let client = QueryClient::new(settings)?;
        let metadata = fetch_metadata(&client, settings)?;
        Ok(Self {
            client,
            settings: settings.clone(),
            topics: sizes(&metadata, |_| true),
        })
    }

    /// The names of all topics.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.topics.keys().map(String::as_str)
    }

    /// The number of partitions of a topic, if there is one.
    #[must_use]
    pub(crate) fn partitions(&self, topic: &str) -> Option<u32> {
        self.topics.get(topic).copied()
    }

    /// Whether the account may write to a topic; none where the brokers do not say it.
    #[must_use]
    pub(crate) fn may_be_written(&self, topic: &str) -> Option<bool> {
        let described = self.client.describe_rights(&[topic], ANSWER_TIMEOUT);
        let described = described.inspect_err(|error| tracing::debug!("{topic}: {error}"));
        let operations = described.ok()?.into_iter().next()?.operations?;
        Some(
            operations.contains(&Operation::RD_KAFKA_ACL_OPERATION_WRITE)
                || operations.contains(&Operation::RD_KAFKA_ACL_OPERATION_ALL),
        )
    }

    /// The offsets of partitions at their beginning, at their end or at a time.
    ///
    /// # Errors
    /// When the brokers do not return them in time.
    pub(crate) fn offsets(&self, of: &[Partition], at: Start) -> Result<Offsets, Error> {
        if of.is_empty() {
            return Ok(Offsets::new());
        }
        let started = Instant::now();
        loop {
            match queries::resolve(&self.client, of, at) {
                Ok(offsets) => return Ok(offsets),
                Err(source) if started.elapsed() >= ANSWER_TIMEOUT => {
                    return Err(Error::request(
                        "return the offsets of the partitions",
                        &source,
                    ));
                }
                // A partition may be between two leaders.
                Err(error) => tracing::debug!("requesting the offsets again: {error}"),
            }
            thread::sleep(RETRY_AFTER);
        }
    }

    /// Creates topics, and adds them once each partition has a leader.
    ///
    /// # Errors
    /// When the brokers do not create one, or a partition has no leader in time.
    pub(crate) fn create(&mut self, new: &NewTopics<'_>) -> Result<(), Error> {
        new.create(&self.client, &self.settings)?;
        self.topics.extend(new.topics.iter().cloned());
        Ok(())
    }
}

/// The partitions of a topic.
pub(crate) fn partitions_of(topic: &str, count: u32) -> impl Iterator<Item = Partition> {
    let topic: Arc<str> = topic.into();
    (0..count).map(move |number| Partition {
        topic: Arc::clone(&topic),
        number,
    })
}
