//! Creates topics.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::metadata::{Metadata, MetadataTopic};

use super::clients::Clients;
use super::cluster::{RETRY_AFTER, fetch_metadata};
use super::context::Context;
use super::error::{Error, words};
use super::query_client::QueryClient;
use super::setting_check::{Secrets, client_error};
use super::settings::Settings;
use crate::journal::topics::Subscription;

/// The time limit for one request, and for its work on the brokers.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How long new topics may take until each partition has a leader.
const LEADERS_TIMEOUT: Duration = Duration::from_mins(1);
/// What the settings begin with that a client needs to reach the brokers. librdkafka would warn of others, which are for
/// consumers.
const CONNECTION: [&str; 10] = [
    "api.",
    "bootstrap.",
    "broker.",
    "client.",
    "enable.sasl.",
    "enable.ssl.",
    "sasl.",
    "security.",
    "socket.",
    "ssl.",
];

/// Topics that are to be created.
#[derive(Debug)]
pub(crate) struct NewTopics<'a> {
    /// The name of each with its number of partitions.
    pub(crate) topics: &'a [(String, u32)],
    /// The number of replicas; that of the brokers if absent.
    pub(crate) replication_factor: Option<u16>,
    /// Whether another process may create them at the same time.
    pub(crate) may_exist: bool,
}

impl NewTopics<'_> {
    /// Creates them, and waits until each partition has a leader. Nothing is ever deleted from them by age, size or key:
    /// timestamps may be years old, and the brokers' usual retention would delete such records within minutes.
    ///
    /// # Errors
    /// When the brokers do not create one, or a partition has no leader in time.
    pub(super) fn create(&self, client: &QueryClient, settings: &Settings) -> Result<(), Error> {
        if self.topics.is_empty() {
            return Ok(());
        }
        let config = connection(settings);
        let context = Context::new(Secrets::of(&config));
        let admin = AdminClient::from_config_and_context(&config, context)
            .map_err(|error| client_error(error, &Secrets::of(&config)))?;
        let max_message_bytes = settings.max_message_bytes().to_string();
        let replication = self.replication_factor.map_or(-1, i32::from);
        let new: Vec<NewTopic<'_>> = self
            .topics
            .iter()
            .map(|(name, partitions)| {
                let partitions = i32::try_from(*partitions).unwrap_or(i32::MAX);
                NewTopic::new(name, partitions, TopicReplication::Fixed(replication))
                    .set("cleanup.policy", "delete")
                    .set("retention.ms", "-1")
                    .set("retention.bytes", "-1")
                    .set("message.timestamp.type", "CreateTime")
                    .set("max.message.bytes", &max_message_bytes)
            })
            .collect();
        let options = AdminOptions::new()
            .request_timeout(Some(TIMEOUT))
            .operation_timeout(Some(TIMEOUT));
        let results = futures_executor::block_on(admin.create_topics(&new, &options));
        let results = results.map_err(|source| Error::request("create the topics", &source))?;
        let is_refusal = |code| !(self.may_exist && code == RDKafkaErrorCode::TopicAlreadyExists);
        let mut refused = results.into_iter().filter_map(Result::err);
        if let Some((topic, code)) = refused.find(|&(_, code)| is_refusal(code)) {
            return Err(Error::CreateTopic {
                topic,
                reason: words(code),
                no_right: matches!(
                    code,
                    RDKafkaErrorCode::TopicAuthorizationFailed
                        | RDKafkaErrorCode::ClusterAuthorizationFailed
                ),
            });
        }
        self.await_leaders(client, settings)
    }

    fn await_leaders(&self, client: &QueryClient, settings: &Settings) -> Result<(), Error> {
        let started = Instant::now();
        loop {
            let metadata = fetch_metadata(client, settings)?;
            let led = sizes(&metadata, |leader| leader >= 0);
            let has_leaders = |name, partitions| led.get(name).is_some_and(|led| led >= partitions);
            let mut topics = self.topics.iter();
            let missing = topics.find(|(name, partitions)| !has_leaders(name, partitions));
            let Some((name, partitions)) = missing else {
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

impl Clients {
    /// Creates the topics of the subscription that the cluster lacks, each with one partition, and waits until they can
    /// be read.
    ///
    /// # Errors
    /// When no broker answers, or the brokers refuse a topic.
    pub fn create_missing_topics(&self, subscription: &Subscription) -> Result<(), Error> {
        let metadata = fetch_metadata(&self.query_client, &self.settings)?;
        let existing = sizes(&metadata, |_| true);
        let wanted = subscription.named_topics().into_iter();
        let missing = wanted.filter(|name| !existing.contains_key(name));
        let topics: Vec<_> = missing.map(|name| (name, 1)).collect();
        if topics.is_empty() {
            return Ok(());
        }
        NewTopics {
            topics: &topics,
            replication_factor: None,
            may_exist: true,
        }
        .create(&self.query_client, &self.settings)?;
        let names = topics.iter().map(|(name, _)| name);
        let names: Vec<_> = names.collect();
        tracing::info!("created the topics {}", crate::text::list(&names));
        Ok(())
    }
}

/// Each topic with the number of its partitions whose leader is counted.
pub(super) fn sizes(
    metadata: &Metadata,
    is_counted: impl Fn(i32) -> bool,
) -> BTreeMap<String, u32> {
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

/// librdkafka's settings for a client that creates topics.
fn connection(settings: &Settings) -> ClientConfig {
    let queries = settings.for_queries();
    let mut config = ClientConfig::new();
    config.set_log_level(queries.log_level);
    // The map hides the values of secrets.
    let keys = queries.config_map().into_keys();
    for key in keys.filter(|key| CONNECTION.iter().any(|part| key.starts_with(part))) {
        if let Some(value) = queries.get(key) {
            config.set(key, value);
        }
    }
    config
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::settings::settings;

    #[test]
    fn client_that_creates_topics_has_the_connection_and_nothing_of_a_consumer() {
        let settings = settings(&[
            ("sasl.username", "alice"),
            ("sasl.password", "secret"),
            ("enable.ssl.certificate.verification", "false"),
            ("broker.address.family", "v4"),
            ("fetch.min.bytes", "5"),
            ("group.instance.id", "i"),
        ]);
        let config = connection(&settings);
        let mut keys: Vec<_> = config.config_map().keys().copied().collect();
        keys.sort_unstable();
        assert_eq!(
            keys,
            [
                "bootstrap.servers",
                "broker.address.family",
                "client.id",
                "enable.ssl.certificate.verification",
                "sasl.password",
                "sasl.username"
            ]
        );
        assert_eq!(config.get("sasl.password"), Some("secret"));
    }
}
