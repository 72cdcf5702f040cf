//! Turns the operator's settings into librdkafka's for a producer.

use rdkafka::ClientConfig;
use rdkafka::producer::BaseProducer;

use super::error::{Error, Reserved};
use super::setting_check;
use super::setting_files;
use super::setting_names::{canonical, is_of_consumers};
use super::settings::{FAILURES, Settings};

/// Settings that the host keeps for itself, and why.
const REFUSED: [(&str, Reserved); 7] = [
    ("bootstrap.servers", Reserved::Brokers),
    ("metadata.broker.list", Reserved::Brokers),
    ("acks", CONFIRMATIONS),
    ("request.required.acks", CONFIRMATIONS),
    ("delivery.report.only.error", CONFIRMATIONS),
    (
        "transactional.id",
        Reserved::Guarantee("records are written without a transaction"),
    ),
    (
        "log.queue",
        Reserved::Guarantee("the host reads log lines from its own queue"),
    ),
];
const CONFIRMATIONS: Reserved =
    Reserved::Guarantee("all brokers that hold a record have to confirm it");

impl Settings {
    /// Refuses settings that a producer cannot have, and those that librdkafka does not accept.
    ///
    /// # Errors
    /// The first such setting.
    pub(crate) fn check_for_producer(&self) -> Result<(), Error> {
        self.check_brokers()?;
        for (key, _) in &self.kafka {
            let is_refused = |refused: &str| canonical(refused) == canonical(key);
            if let Some(&(_, reason)) = REFUSED.iter().find(|(refused, _)| is_refused(refused)) {
                return Err(Error::RefusedSetting {
                    key: key.clone(),
                    reason,
                });
            }
        }
        setting_check::check(&self.kafka)?;
        setting_files::check(&self.kafka)?;
        self.check_together_for_producer()?;
        setting_check::try_client::<BaseProducer>(self.for_producer())
    }

    /// librdkafka's settings for a producer. It writes each record once and in order, also when it has to send it again.
    pub(super) fn for_producer(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set_log_level(FAILURES);
        config.set("client.id", "journal-host");
        config.set("enable.idempotence", "true");
        config.set("compression.type", "zstd");
        // That of Kafka's own producer.
        config.set("partitioner", "murmur2_random");
        // A file of upstream's client has settings of consumers.
        self.set_given(&mut config, |key| !is_of_consumers(key));
        self.set_coupled_for_producer(&mut config);
        config.set("bootstrap.servers", &self.brokers);
        config.set("acks", "all");
        config
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::settings::settings;

    #[test]
    fn settings_that_would_lose_confirmations_are_refused_by_name() {
        for (key, _) in REFUSED {
            let error = settings(&[(key, "true")]).check_for_producer().unwrap_err();
            assert!(error.to_string().contains(key), "{error}");
        }
        assert!(settings(&[("linger.ms", "5")]).check_for_producer().is_ok());
    }

    #[test]
    fn operators_settings_replace_those_of_the_host() {
        let usual = settings(&[]).for_producer();
        assert!(usual.create_native_config().is_ok());
        assert_eq!(usual.get("partitioner"), Some("murmur2_random"));
        assert_eq!(usual.get("acks"), Some("all"));
        assert_eq!(usual.get("message.timeout.ms"), Some("60000"));
        let own = settings(&[("partitioner", "consistent_random")]).for_producer();
        assert_eq!(own.get("partitioner"), Some("consistent_random"));
    }
}
