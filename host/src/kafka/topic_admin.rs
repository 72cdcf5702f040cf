//! Creates topics.

use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::error::RDKafkaErrorCode;

use super::context::Context;
use super::error::{Error, words};
use super::setting_check::{Secrets, client_error};
use super::settings::Settings;

/// The time limit for one request, and for its work on the brokers.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Topics that are to be created.
#[derive(Debug)]
pub(crate) struct NewTopics<'a> {
    /// The name of each with its number of partitions.
    pub(crate) topics: &'a [(String, u32)],
    /// The number of replicas; that of the brokers if absent.
    pub(crate) replication_factor: Option<u16>,
}

impl NewTopics<'_> {
    /// Creates them. Nothing is ever deleted from them by age, size or key: recorded timestamps may be years old, and
    /// the brokers' usual retention would delete such records within minutes.
    ///
    /// # Errors
    /// When the brokers do not create one.
    pub(crate) fn create(&self, settings: &Settings) -> Result<(), Error> {
        if self.topics.is_empty() {
            return Ok(());
        }
        let config = settings.for_producer();
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
        let refused = results.into_iter().find_map(Result::err);
        match refused {
            None => Ok(()),
            Some((topic, code)) => Err(Error::CreateTopic {
                topic,
                reason: words(code),
                no_right: matches!(
                    code,
                    RDKafkaErrorCode::TopicAuthorizationFailed
                        | RDKafkaErrorCode::ClusterAuthorizationFailed
                ),
            }),
        }
    }
}
