//! The settings of all clients of a cluster, whichever command they are of.

use std::fmt;
use std::time::Duration;

use super::layer::KafkaLayer;
use super::{DEFAULT_BROKER_TIMEOUT, membership};
use crate::kafka::Masked;

/// The group that a client names which belongs to none.
const NO_GROUP_ID: &str = "journal-host";

/// How a cluster is reached, and by which name of a consumer group.
#[derive(Clone)]
pub(crate) struct Connection {
    /// The bootstrap brokers, separated by commas.
    pub(crate) brokers: String,
    /// The consumer group.
    pub(crate) group_id: String,
    /// Settings of librdkafka, with those that follow from them.
    pub(crate) settings: Vec<(String, String)>,
    /// How long brokers that do not answer are waited for.
    pub(crate) broker_timeout: Duration,
}

impl Connection {
    /// The connection of a layer that names brokers. Clients that belong to no group name one that nothing joins.
    pub(super) fn of(kafka: &KafkaLayer) -> Option<Self> {
        let group_id = kafka.group_id.as_ref().map(|group_id| group_id.0.as_str());
        let timeout = kafka.broker_timeout.map(|span| span.0);
        Some(Self {
            brokers: kafka.brokers.as_ref()?.0.clone(),
            group_id: group_id.unwrap_or(NO_GROUP_ID).to_owned(),
            settings: membership::complete(kafka),
            broker_timeout: timeout.unwrap_or(DEFAULT_BROKER_TIMEOUT),
        })
    }
}

impl fmt::Debug for Connection {
    /// Without the values of secret settings.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("brokers", &self.brokers)
            .field("group_id", &self.group_id)
            .field("settings", &Masked(&self.settings))
            .finish_non_exhaustive()
    }
}
