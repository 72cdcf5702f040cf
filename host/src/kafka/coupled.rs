//! Settings of librdkafka that depend on each other. librdkafka refuses a client whose settings do not go together, so
//! where the operator sets one of them, those that the operator does not set follow from it.

use rdkafka::ClientConfig;

use super::error::Error;
use super::setting_names::canonical;
use super::settings::Settings;

const MESSAGE: &str = "message.max.bytes";
const FETCH: &str = "fetch.max.bytes";
const RECEIVE: &str = "receive.message.max.bytes";
const QUEUED_KBYTES: &str = "queued.max.messages.kbytes";
const SESSION: &str = "session.timeout.ms";
const HEARTBEAT: &str = "heartbeat.interval.ms";
const MAX_POLL: &str = "max.poll.interval.ms";
const BACKOFF: &str = "reconnect.backoff.ms";
const MAX_BACKOFF: &str = "reconnect.backoff.max.ms";
const LINGER: &str = "linger.ms";
const MESSAGE_TIMEOUT: &str = "message.timeout.ms";
const QUEUE_KBYTES: &str = "queue.buffering.max.kbytes";

/// librdkafka's default of `message.max.bytes`, up to which it raises the size of a response.
const DEFAULT_MESSAGE_BYTES: usize = 1_000_000;
/// librdkafka's default of `fetch.max.bytes`.
const DEFAULT_FETCH_BYTES: usize = 50 << 20;
/// The least value of `message.max.bytes` that librdkafka takes.
const LEAST_MESSAGE_BYTES: usize = 1000;
/// The bytes of a response beside those that were fetched, as librdkafka counts them.
const FRAME_BYTES: usize = 512;
/// The largest response of a broker that is accepted, in bytes: the journal's brokers accept records of up to 100 MiB,
/// which librdkafka's default of 100 MB would refuse.
const RECEIVED_BYTES: usize = 256 << 20;
/// The first pause before a client connects to a broker again, in milliseconds; it doubles with each failure.
/// librdkafka also waits for half of it before it goes on from a bootstrap server to the brokers themselves, which
/// every client does once: with its default of 100 ms that is a third of the time to the first record.
const BACKOFF_MS: usize = 20;
/// librdkafka's default of `reconnect.backoff.max.ms`.
const DEFAULT_MAX_BACKOFF_MS: usize = 10_000;
/// How long a producer waits for more records of a partition before it sends those that it has, in milliseconds.
const LINGER_MS: usize = 20;
/// The largest record that a producer writes by default, in bytes: that of the journal's brokers.
const PRODUCED_MESSAGE_BYTES: usize = 100 << 20;
/// Bytes that a producer may hold until they are confirmed, in KiB.
const PRODUCER_QUEUE_KBYTES: usize = 256 << 10;
/// The shortest time in which a record has to be confirmed, in milliseconds.
const LEAST_MESSAGE_TIMEOUT_MS: usize = 1000;
/// The longest such time that librdkafka takes, in milliseconds.
const MOST_MESSAGE_TIMEOUT_MS: usize = 2_147_483_647;

/// A whole number as librdkafka reads it: in decimal, octal or hexadecimal notation.
pub(crate) fn integer(text: &str) -> Option<usize> {
    let text = text.trim_start();
    let text = text.strip_prefix('+').unwrap_or(text);
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return usize::from_str_radix(digits, 16).ok();
    }
    match text.strip_prefix('0') {
        Some(digits) if !digits.is_empty() => usize::from_str_radix(digits, 8).ok(),
        _ => text.parse().ok(),
    }
}

/// The sizes of what a consumer fetches, in bytes.
struct FetchSizes {
    message: usize,
    fetch: usize,
    receive: usize,
}

impl Settings {
    /// Refuses settings of the operator that contradict each other.
    pub(super) fn check_together(&self) -> Result<(), Error> {
        self.check_least(FETCH, LEAST_MESSAGE_BYTES)?;
        self.check_least(RECEIVE, LEAST_MESSAGE_BYTES + FRAME_BYTES)?;
        self.check_pair(FETCH, MESSAGE, |message| message)?;
        self.check_pair(RECEIVE, MESSAGE, |message| message + FRAME_BYTES)?;
        self.check_pair(RECEIVE, FETCH, |fetch| fetch + FRAME_BYTES)?;
        self.check_pair(MAX_BACKOFF, BACKOFF, |backoff| backoff)?;
        self.check_log_in()?;
        if !self.has_consumer_protocol() {
            self.check_pair(MAX_POLL, SESSION, |session| session)?;
            self.check_pair(SESSION, HEARTBEAT, |heartbeat| heartbeat + 1)?;
        }
        Ok(())
    }

    /// The same for a producer.
    pub(super) fn check_together_for_producer(&self) -> Result<(), Error> {
        self.check_log_in()?;
        self.check_pair(QUEUE_KBYTES, MESSAGE, |message| message.div_ceil(1024))?;
        self.check_pair(MAX_BACKOFF, BACKOFF, |backoff| backoff)?;
        if self.number(MESSAGE_TIMEOUT) == Some(0) {
            // Without a limit.
            return Ok(());
        }
        self.check_pair(MESSAGE_TIMEOUT, LINGER, |linger| linger + 1)
    }

    /// Refuses a log-in by name that lacks the name or the password. librdkafka would say it without a way out.
    fn check_log_in(&self) -> Result<(), Error> {
        let logs_in = self
            .get("security.protocol")
            .is_some_and(|protocol| protocol.to_ascii_lowercase().starts_with("sasl_"));
        let mechanism = self.get("sasl.mechanisms").unwrap_or_default();
        let is_by_name = mechanism == "PLAIN" || mechanism.starts_with("SCRAM-");
        if !logs_in || !is_by_name {
            return Ok(());
        }
        let missing = ["sasl.username", "sasl.password"];
        match missing.into_iter().find(|key| self.get(key).is_none()) {
            None => Ok(()),
            Some(missing) => Err(Error::NoLogIn {
                mechanism: mechanism.to_owned(),
                missing,
            }),
        }
    }

    fn check_least(&self, key: &str, least: usize) -> Result<(), Error> {
        match self.number(key) {
            Some(value) if value < least => Err(Error::BadSetting {
                key: self.written(key),
                value: Some(value.to_string()),
                reason: format!("it is at least {least}"),
            }),
            _ => Ok(()),
        }
    }

    /// Refuses a value of `key` that is less than the value of `other` needs.
    fn check_pair(
        &self,
        key: &str,
        other: &str,
        least: impl Fn(usize) -> usize,
    ) -> Result<(), Error> {
        let (Some(value), Some(other_value)) = (self.number(key), self.number(other)) else {
            return Ok(());
        };
        let least = least(other_value);
        if value >= least {
            return Ok(());
        }
        Err(Error::TooSmall {
            key: self.written(key),
            value,
            other: self.written(other),
            other_value,
            least,
        })
    }

    /// The name by which the operator sets a setting that has several.
    fn written(&self, key: &str) -> String {
        let mut keys = self.kafka.iter().rev().map(|(key, _)| key);
        let written = keys.find(|written| canonical(written) == key);
        written.map_or(key, String::as_str).to_owned()
    }

    /// The size of a response follows from the largest record, and the largest response that is accepted from both.
    /// librdkafka's own rules look at what is set explicitly, which the host's sizes are, too.
    fn fetch_sizes(&self, usual_queued_kbytes: usize) -> FetchSizes {
        let message = self.number(MESSAGE);
        let receive = self.number(RECEIVE);
        let bounded = self.fetch.as_ref().map(|fetch| fetch.response_bytes);
        let fetch = self.number(FETCH).unwrap_or_else(|| {
            let kbytes = self.number(QUEUED_KBYTES).unwrap_or(usual_queued_kbytes);
            let queued = kbytes.saturating_mul(1024).min(DEFAULT_FETCH_BYTES);
            let usual = queued.max(message.unwrap_or(DEFAULT_MESSAGE_BYTES));
            let most = receive.map_or(usize::MAX, |receive| receive.saturating_sub(FRAME_BYTES));
            bounded.unwrap_or(usual).min(most)
        });
        let larger = fetch.max(message.unwrap_or_default());
        FetchSizes {
            // A larger record arrives in any case.
            message: message.unwrap_or(DEFAULT_MESSAGE_BYTES).min(fetch),
            fetch,
            receive: receive.unwrap_or(RECEIVED_BYTES.max(larger + FRAME_BYTES)),
        }
    }

    /// Sets what follows from other settings of a consumer.
    pub(super) fn set_coupled(&self, config: &mut ClientConfig, usual_queued_kbytes: usize) {
        let sizes = self.fetch_sizes(usual_queued_kbytes);
        config.set(MESSAGE, sizes.message.to_string());
        config.set(FETCH, sizes.fetch.to_string());
        config.set(RECEIVE, sizes.receive.to_string());
        self.set_backoff(config);
    }

    fn set_backoff(&self, config: &mut ClientConfig) {
        let (first, most) = (self.number(BACKOFF), self.number(MAX_BACKOFF));
        let backoff = first.unwrap_or(BACKOFF_MS.min(most.unwrap_or(BACKOFF_MS)));
        config.set(BACKOFF, backoff.to_string());
        config.set(
            MAX_BACKOFF,
            most.unwrap_or(DEFAULT_MAX_BACKOFF_MS.max(backoff))
                .to_string(),
        );
    }

    /// The largest record that a producer may write, in bytes.
    #[must_use]
    pub(crate) fn max_message_bytes(&self) -> usize {
        let queue = self.number(QUEUE_KBYTES);
        let queue = queue.map_or(usize::MAX, |kbytes| kbytes.saturating_mul(1024));
        let set = self.number(MESSAGE);
        set.unwrap_or(PRODUCED_MESSAGE_BYTES.min(queue).max(LEAST_MESSAGE_BYTES))
    }

    /// Sets what follows from other settings of a producer.
    pub(super) fn set_coupled_for_producer(&self, config: &mut ClientConfig) {
        let most = self.max_message_bytes();
        config.set(MESSAGE, most.to_string());
        if self.number(QUEUE_KBYTES).is_none() {
            // Room for two of the largest records: librdkafka refuses one that is larger than the queue.
            let kbytes = PRODUCER_QUEUE_KBYTES.max(most.div_ceil(512));
            config.set(QUEUE_KBYTES, kbytes.to_string());
        }
        let linger = self.number(LINGER);
        let timeout = self.number(MESSAGE_TIMEOUT);
        if self.get(LINGER).is_none() {
            let most = timeout.filter(|&ms| ms > 0).unwrap_or(usize::MAX) - 1;
            config.set(LINGER, LINGER_MS.min(most).to_string());
        }
        if timeout.is_none() {
            // As long as brokers that do not answer are waited for.
            let waited = usize::try_from(self.broker_timeout.as_millis()).unwrap_or(usize::MAX);
            let least = linger.unwrap_or_default() + LEAST_MESSAGE_TIMEOUT_MS;
            let timeout = waited.max(least).min(MOST_MESSAGE_TIMEOUT_MS);
            config.set(MESSAGE_TIMEOUT, timeout.to_string());
        }
        self.set_backoff(config);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rdkafka::consumer::BaseConsumer;
    use rdkafka::producer::BaseProducer;

    use super::*;
    use crate::kafka::settings::{FetchLimits, settings};

    /// The settings that a consumer gets, which librdkafka takes together.
    fn consumer(settings: &Settings) -> ClientConfig {
        settings.check(Duration::ZERO).unwrap();
        let mut config = settings.for_worker(0, 1);
        config.remove("bootstrap.servers");
        config.create::<BaseConsumer>().unwrap();
        let mut queries = settings.for_queries();
        queries.remove("bootstrap.servers");
        queries.create::<BaseConsumer>().unwrap();
        config
    }

    fn sizes(settings: &Settings) -> [usize; 3] {
        let config = consumer(settings);
        [MESSAGE, FETCH, RECEIVE].map(|key| integer(config.get(key).unwrap()).unwrap())
    }

    #[test]
    fn sizes_that_the_operator_does_not_set_follow_from_those_that_are_set() {
        let queued = 16 << 20;
        for (pairs, expected) in [
            (&[][..], [1_000_000, queued, RECEIVED_BYTES]),
            (
                &[(MESSAGE, "1000000000")],
                [1_000_000_000, 1_000_000_000, 1_000_000_512],
            ),
            (
                &[(MESSAGE, "524288000")],
                [524_288_000, 524_288_000, 524_288_512],
            ),
            (
                &[(FETCH, "2147483135")],
                [1_000_000, 2_147_483_135, 2_147_483_647],
            ),
            (&[(FETCH, "5000")], [5000, 5000, RECEIVED_BYTES]),
            (&[(RECEIVE, "100000")], [99_488, 99_488, 100_000]),
            (
                &[(RECEIVE, "20000512"), (MESSAGE, "20000000")],
                [20_000_000, 20_000_000, 20_000_512],
            ),
            (
                &[(QUEUED_KBYTES, "2097151")],
                [1_000_000, DEFAULT_FETCH_BYTES, RECEIVED_BYTES],
            ),
            (
                &[(QUEUED_KBYTES, "1")],
                [1_000_000, 1_000_000, RECEIVED_BYTES],
            ),
            // As librdkafka reads them.
            (&[(FETCH, "0x2000")], [8192, 8192, RECEIVED_BYTES]),
            (&[(FETCH, "020000")], [8192, 8192, RECEIVED_BYTES]),
        ] {
            assert_eq!(sizes(&settings(pairs)), expected, "{pairs:?}");
        }
    }

    #[test]
    fn limited_memory_limits_a_response_and_not_the_largest_record() {
        let bounded = |pairs: &[(&str, &str)]| Settings {
            fetch: Some(FetchLimits {
                queued_bytes: 2 << 20,
                queued_records: 4096,
                response_bytes: 1 << 20,
            }),
            ..settings(pairs)
        };
        assert_eq!(
            sizes(&bounded(&[(MESSAGE, "1000000000")])),
            [1 << 20, 1 << 20, 1_000_000_512]
        );
        assert_eq!(
            sizes(&bounded(&[(RECEIVE, "500000")])),
            [499_488, 499_488, 500_000]
        );
    }

    #[test]
    fn a_setting_has_one_value_by_whichever_name_it_is_set() {
        let one = settings(&[("fetch.message.max.bytes", "10485760")]);
        let config = consumer(&one);
        assert_eq!(config.get("max.partition.fetch.bytes"), Some("10485760"));
        assert_eq!(config.get("fetch.message.max.bytes"), None);
        let two = settings(&[("sasl.mechanisms", "PLAIN"), ("sasl.mechanism", "GSSAPI")]);
        assert_eq!(
            two.for_worker(0, 1).get("sasl.mechanisms"),
            Some("GSSAPI"),
            "the last one counts"
        );
    }

    #[test]
    fn pauses_before_a_connection_follow_from_each_other() {
        let backoff = |pairs: &[(&str, &str)]| {
            let config = consumer(&settings(pairs));
            [BACKOFF, MAX_BACKOFF].map(|key| integer(config.get(key).unwrap()).unwrap())
        };
        assert_eq!(backoff(&[]), [20, 10_000]);
        assert_eq!(backoff(&[(MAX_BACKOFF, "5")]), [5, 5]);
        assert_eq!(backoff(&[(BACKOFF, "30000")]), [30_000, 30_000]);
    }

    #[test]
    fn contradictions_name_both_settings_and_the_least_value() {
        for (key, value, other, other_value, least) in [
            (FETCH, "1048576", MESSAGE, "1000000000", 1_000_000_000),
            (RECEIVE, "100000000", MESSAGE, "100000000", 100_000_512),
            (RECEIVE, "100000000", FETCH, "100000000", 100_000_512),
            (MAX_POLL, "60000", SESSION, "60001", 60_001),
            (SESSION, "6000", HEARTBEAT, "6000", 6001),
            (MAX_BACKOFF, "10", BACKOFF, "11", 11),
        ] {
            let error = settings(&[(key, value), (other, other_value)]);
            let error = error.check(Duration::ZERO).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!(
                    "`{key}` is {value}, and `{other}` of {other_value} needs at least {least}"
                )
            );
        }
        let small = settings(&[(RECEIVE, "1000")]).check(Duration::ZERO);
        assert_eq!(
            small.unwrap_err().to_string(),
            "`receive.message.max.bytes` cannot be `1000`: it is at least 1512"
        );
    }

    #[test]
    fn log_in_by_name_needs_a_name_and_a_password() {
        let sasl = [
            ("security.protocol", "sasl_ssl"),
            ("sasl.mechanism", "SCRAM-SHA-512"),
            ("sasl.username", "alice"),
            ("sasl.password", "wonderland"),
        ];
        let missing = |pairs: &[(&str, &str)]| match settings(pairs).check(Duration::ZERO) {
            Err(Error::NoLogIn { missing, .. }) => Some(missing),
            Err(other) => panic!("{other}"),
            Ok(()) => None,
        };
        assert_eq!(missing(&sasl), None);
        assert_eq!(missing(&sasl[..3]), Some("sasl.password"));
        assert_eq!(
            missing(&[&sasl[..2], &sasl[3..]].concat()),
            Some("sasl.username")
        );
        // Without a log-in they are not used.
        assert_eq!(missing(&sasl[1..3]), None);
        let producer = settings(&sasl[..3]).check_for_producer();
        assert!(
            matches!(producer, Err(Error::NoLogIn { .. })),
            "{producer:?}"
        );
    }

    #[test]
    fn producer_takes_each_of_its_settings_alone() {
        for pair in [
            (MESSAGE, "1000000000"),
            (QUEUE_KBYTES, "1"),
            (LINGER, "5000"),
            (LINGER, "0.5"),
            (MESSAGE_TIMEOUT, "1"),
            (MESSAGE_TIMEOUT, "0"),
            ("delivery.timeout.ms", "10"),
            ("queue.buffering.max.ms", "900000"),
            (MAX_BACKOFF, "5"),
        ] {
            let settings = Settings {
                broker_timeout: Duration::from_secs(1),
                ..settings(&[pair])
            };
            settings.check_for_producer().unwrap();
            let mut config = settings.for_producer();
            config.remove("bootstrap.servers");
            let created = config.create::<BaseProducer>();
            assert!(created.is_ok(), "{pair:?}");
        }
    }

    #[test]
    fn producers_contradictions_name_both_settings() {
        for (key, value, other, other_value) in [
            (QUEUE_KBYTES, "1000", MESSAGE, "2000000"),
            (MESSAGE_TIMEOUT, "10", LINGER, "10"),
        ] {
            let error = settings(&[(key, value), (other, other_value)]);
            let error = error.check_for_producer().unwrap_err();
            assert!(matches!(error, Error::TooSmall { .. }), "{error}");
        }
    }

    #[test]
    fn queue_holds_two_of_the_largest_records() {
        let large = settings(&[(MESSAGE, "1000000000")]);
        let config = large.for_producer();
        assert_eq!(large.max_message_bytes(), 1_000_000_000);
        assert_eq!(config.get(QUEUE_KBYTES), Some("1953125"));
    }
}
