//! The clients of a process. They connect in librdkafka's threads.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};

use super::context::Context;
use super::error::Error;
use super::query_client::QueryClient;
use super::setting_check::{Secrets, client_error};
use super::settings::Settings;

/// The clients of a process, which are connecting to the brokers.
///
/// Connecting to the brokers and finding the group's coordinator takes time, in which the rest of a run can be
/// prepared.
pub struct Clients {
    pub(super) settings: Settings,
    pub(super) query_client: QueryClient,
    pub(super) workers: usize,
    /// One for each worker; none is a member of the group yet. Where the memory of fetched records is limited, they are
    /// created once the number of brokers that share the limit is known.
    pub(super) consumers: Option<Vec<BaseConsumer<Context>>>,
}

impl Clients {
    /// Creates the clients of a process with this many workers, and waits for no broker.
    ///
    /// # Errors
    /// When a setting is wrong, or librdkafka gives no client.
    pub fn start(settings: Settings, workers: usize) -> Result<Self, Error> {
        settings.start()?;
        let query_client = QueryClient::new(&settings)?;
        let made_now = settings.fetch.is_none();
        let consumers = made_now
            .then(|| consumers(&settings, workers))
            .transpose()?;
        Ok(Self {
            settings,
            query_client,
            workers,
            consumers,
        })
    }
}

/// The consumers of all workers.
pub(super) fn consumers(
    settings: &Settings,
    workers: usize,
) -> Result<Vec<BaseConsumer<Context>>, Error> {
    let consumer = |worker| connecting(&settings.for_worker(worker, workers));
    (0..workers).map(consumer).collect()
}

/// A client that connects at once; librdkafka would wait for up to a second or for the first request.
pub(super) fn connecting(config: &ClientConfig) -> Result<BaseConsumer<Context>, Error> {
    let context = Context::new(Secrets::of(config));
    let client = BaseConsumer::from_config_and_context(config, context)
        .map_err(|error| client_error(error, &Secrets::of(config)))?;
    // A request with a timeout of zero: it is not sent, but it makes librdkafka connect.
    let _unanswered = client.fetch_metadata(None, Duration::ZERO);
    Ok(client)
}
