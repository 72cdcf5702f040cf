//! The topics of a cluster and the ranges of their partitions, for commands that are no member of a group.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::metadata::{Metadata, MetadataTopic};

use super::cluster::{ANSWER_TIMEOUT, RETRY_AFTER, fetch_metadata};
use super::error::Error;
use super::queries;
use super::query_client::QueryClient;
use super::settings::Settings;
use crate::journal::offsets::{Offsets, Partition, Start};

/// How long new topics may take until each partition has a leader.
const LEADERS_TIMEOUT: Duration = Duration::from_mins(1);

/// The topics that a cluster had when it was asked.
#[derive(Debug)]
pub(crate) struct Catalog {
    client: QueryClient,
    brokers: String,
    topics: BTreeMap<String, u32>,
}

impl Catalog {
    /// Asks the brokers for their topics.
    ///
    /// # Errors
    /// When no broker answers.
    pub(crate) fn fetch(settings: &Settings) -> Result<Self, Error> {
        let client = QueryClient::new(settings)?;
        let metadata = fetch_metadata(&client, &settings.brokers)?;
        Ok(Self {
            client,
            brokers: settings.brokers.clone(),
            topics: topics(&metadata, |_| true),
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

    /// Waits until each partition of these new topics has a leader, and adds them.
    ///
    /// # Errors
    /// When one has none in time.
    pub(crate) fn await_leaders(&mut self, created: &[(String, u32)]) -> Result<(), Error> {
        let started = Instant::now();
        loop {
            let metadata = fetch_metadata(&self.client, &self.brokers)?;
            let led = topics(&metadata, |leader| leader >= 0);
            let missing = created
                .iter()
                .find(|(name, partitions)| led.get(name) != Some(partitions));
            let Some((name, partitions)) = missing else {
                self.topics.extend(created.iter().cloned());
                return Ok(());
            };
            if started.elapsed() >= LEADERS_TIMEOUT {
                return Err(Error::NoLeaders {
                    topic: name.clone(),
                    partitions: *partitions,
                    seconds: started.elapsed().as_secs(),
                });
            }
            thread::sleep(RETRY_AFTER);
        }
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

/// Each topic with the number of its partitions whose leader is counted.
fn topics(metadata: &Metadata, is_counted: impl Fn(i32) -> bool) -> BTreeMap<String, u32> {
    let count = |topic: &MetadataTopic| {
        let partitions = topic.partitions().iter();
        let counted = partitions.filter(|partition| is_counted(partition.leader()));
        u32::try_from(counted.count()).unwrap_or(u32::MAX)
    };
    metadata
        .topics()
        .iter()
        .map(|topic| (topic.name().to_owned(), count(topic)))
        .collect()
}
