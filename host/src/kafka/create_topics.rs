//! Creates the topics of a development environment that are missing.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::metadata::MetadataTopic;

use super::clients::Clients;
use super::cluster::fetch_metadata;
use super::context::Context;
use super::error::Error;
use super::setting_check::{Secrets, client_error};
use crate::journal::topics::Subscription;

/// The time limit for the request, and for the leaders of new topics.
const LIMIT: Duration = Duration::from_secs(30);
/// The pause before the leaders are asked for again.
const ASK_EVERY: Duration = Duration::from_millis(100);
/// The settings that a client needs to reach the brokers.
const CONNECTION: [&str; 6] = [
    "bootstrap.",
    "client.id",
    "sasl.",
    "security.",
    "socket.",
    "ssl.",
];

impl Clients {
    /// Creates the topics of the subscription that the cluster lacks, each with one partition, and waits until they can
    /// be read.
    ///
    /// # Errors
    /// When no broker answers, or the brokers refuse a topic.
    pub fn create_missing_topics(&self, subscription: &Subscription) -> Result<(), Error> {
        let metadata = fetch_metadata(&self.query_client, &self.settings)?;
        let names = metadata.topics().iter().map(MetadataTopic::name);
        let existing: BTreeSet<&str> = names.collect();
        let wanted = subscription.named_topics();
        let missing: Vec<String> = wanted
            .into_iter()
            .filter(|name| !existing.contains(name.as_str()))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        self.create(&missing)?;
        self.wait_for_leaders(&missing)
    }

    fn create(&self, names: &[String]) -> Result<(), Error> {
        let queries = self.settings.for_queries();
        let mut config = ClientConfig::new();
        for key in queries.config_map().into_keys() {
            let value = queries.get(key);
            if let Some(value) =
                value.filter(|_| CONNECTION.iter().any(|part| key.starts_with(part)))
            {
                config.set(key, value);
            }
        }
        let secrets = Secrets::of(&config);
        let admin: AdminClient<Context> =
            AdminClient::from_config_and_context(&config, Context::new(Secrets::of(&config)))
                .map_err(|error| client_error(error, &secrets))?;
        let new: Vec<NewTopic<'_>> = names
            .iter()
            .map(|name| NewTopic::new(name, 1, TopicReplication::Fixed(-1)))
            .collect();
        let options = AdminOptions::new()
            .request_timeout(Some(LIMIT))
            .operation_timeout(Some(LIMIT));
        let results = futures_executor::block_on(admin.create_topics(&new, &options))
            .map_err(|source| Error::request("create the topics", &source))?;
        for (name, code) in results.into_iter().filter_map(Result::err) {
            // Another process with the same settings may have been faster.
            if code != RDKafkaErrorCode::TopicAlreadyExists {
                let what = format!("create the topic `{name}`");
                return Err(Error::request(what, &KafkaError::AdminOp(code)));
            }
            tracing::debug!("`{name}` exists already");
        }
        tracing::info!("created the topics {}", crate::text::list(names));
        Ok(())
    }

    fn wait_for_leaders(&self, names: &[String]) -> Result<(), Error> {
        let started = Instant::now();
        loop {
            let metadata = fetch_metadata(&self.query_client, &self.settings)?;
            let is_led = |topic: &&MetadataTopic| {
                let partitions = topic.partitions();
                !partitions.is_empty() && partitions.iter().all(|found| found.leader() >= 0)
            };
            let led: BTreeSet<&str> = metadata
                .topics()
                .iter()
                .filter(is_led)
                .map(MetadataTopic::name)
                .collect();
            if names.iter().all(|name| led.contains(name.as_str())) || started.elapsed() >= LIMIT {
                return Ok(());
            }
            std::thread::sleep(ASK_EVERY);
        }
    }
}
