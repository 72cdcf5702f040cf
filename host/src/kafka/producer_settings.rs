//! Turns the operator's settings into librdkafka's for a producer.

use rdkafka::ClientConfig;

use super::error::{Error, Reserved};
use super::setting_check;
use super::setting_files;
use super::settings::{FAILURES, RECONNECT_BACKOFF_MS, Settings};

/// The largest record that a producer writes by default, in bytes: that of the journal's brokers.
const DEFAULT_MAX_MESSAGE_BYTES: usize = 100 << 20;
/// Bytes that a producer may hold until they are confirmed, in KiB.
const QUEUE_KBYTES: usize = 256 << 10;
/// How long a producer waits for more records of a partition before it sends those that it has, in milliseconds.
const LINGER_MS: &str = "20";
/// The shortest time in which a record has to be confirmed, in milliseconds: librdkafka refuses one below the wait for
/// more records.
const LEAST_MESSAGE_TIMEOUT_MS: u128 = 1000;
/// The longest such time that librdkafka takes, in milliseconds.
const MOST_MESSAGE_TIMEOUT_MS: u128 = 2_147_483_647;

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
        for (key, _) in &self.kafka {
            if let Some(&(_, reason)) = REFUSED.iter().find(|(refused, _)| refused == key) {
                return Err(Error::RefusedSetting {
                    key: key.clone(),
                    reason,
                });
            }
        }
        setting_check::check(&self.kafka)?;
        setting_files::check(&self.kafka)
    }

    /// The largest record that a producer may write, in bytes.
    #[must_use]
    pub(crate) fn max_message_bytes(&self) -> usize {
        let set = self.number("message.max.bytes");
        set.unwrap_or(DEFAULT_MAX_MESSAGE_BYTES)
    }

    /// How long a record may wait for its confirmation: as long as brokers that do not answer are waited for, within
    /// librdkafka's limits.
    fn message_timeout_ms(&self) -> u128 {
        let timeout_ms = self.broker_timeout.as_millis();
        timeout_ms.clamp(LEAST_MESSAGE_TIMEOUT_MS, MOST_MESSAGE_TIMEOUT_MS)
    }

    /// librdkafka's settings for a producer. It writes each record once and in order, also when it has to send it again.
    pub(super) fn for_producer(&self) -> ClientConfig {
        let most = self.max_message_bytes();
        // The queue has room for two of the largest records: librdkafka refuses one that is larger than the queue.
        let queue_kbytes = QUEUE_KBYTES.max(most.div_ceil(512));
        let mut config = ClientConfig::new();
        config.set_log_level(FAILURES);
        config.set("client.id", "journal-host");
        config.set("reconnect.backoff.ms", RECONNECT_BACKOFF_MS);
        config.set("enable.idempotence", "true");
        config.set("compression.type", "zstd");
        // That of Kafka's own producer.
        config.set("partitioner", "murmur2_random");
        config.set("linger.ms", LINGER_MS);
        config.set("message.max.bytes", most.to_string());
        config.set("queue.buffering.max.kbytes", queue_kbytes.to_string());
        // Another name of the same setting.
        if self.number("delivery.timeout.ms").is_none() {
            config.set("message.timeout.ms", self.message_timeout_ms().to_string());
        }
        for (key, value) in &self.kafka {
            config.set(key, value);
        }
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

    #[test]
    fn queue_holds_two_of_the_largest_records() {
        let large = settings(&[("message.max.bytes", "1000000000")]);
        let config = large.for_producer();
        assert_eq!(large.max_message_bytes(), 1_000_000_000);
        assert_eq!(config.get("queue.buffering.max.kbytes"), Some("1953125"));
        assert!(config.create_native_config().is_ok());
    }
}
