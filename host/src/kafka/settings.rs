//! Turns the operator's settings into librdkafka's.

use std::fmt;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::BaseConsumer;

use super::coupled::integer;
use super::error::{Error, Reserved};
use super::group_protocol;
use super::memory::FetchRequest;
use super::setting_check::{self, Masked};
use super::setting_files;
use super::setting_names::canonical;
use super::transactions;
use crate::journal::offsets::Start;

/// Bytes that librdkafka fetches ahead for each worker, in KiB.
const QUEUED_MAX_MESSAGES_KBYTES: usize = 16384;
/// The interval of statistics: a part of the usual one at which metrics are read.
const STATISTICS_INTERVAL_MS: &str = "5000";
/// The pause before the next fetch after the queue's limit was reached, in milliseconds: with the default of one second
/// the consumer waits for records.
const FETCH_QUEUE_BACKOFF_MS: &str = "20";
/// Bytes of each partition in one response of a broker, unless the first batch is larger. They are counted as stored:
/// compressed ones become several times as many, all at once and beyond the queue's limit. With librdkafka's default of
/// 1 MiB a worker took 70 to 150 MB; with this value it takes 37 MB and 0.9 of the CPU time, because more stays in the
/// cache.
const MAX_PARTITION_FETCH_BYTES: usize = 256 << 10;
/// How long a broker waits with a response that has no record yet, in milliseconds. Partitions that are assigned
/// meanwhile wait for it: librdkafka fetches from the first partitions before it knows all of them, and where those are
/// at their ends the others would wait for its default of 500 ms.
const FETCH_WAIT_MAX_MS: &str = "100";
/// The interval of heartbeats, in milliseconds, and so the delay with which a member hands partitions to one that
/// joins: with librdkafka's default of 3 s, the first of two workers may finish a short run alone.
const HEARTBEAT_INTERVAL_MS: u64 = 500;
/// The level of the log lines about failed connections, which say more than librdkafka's errors: a connection that the
/// broker closes is none of those.
pub(super) const FAILURES: RDKafkaLogLevel = RDKafkaLogLevel::Info;
/// `FETCH_QUEUE_BACKOFF_MS` for a small queue, which is soon empty.
const SMALL_QUEUE_BACKOFF_MS: &str = "2";
/// The smallest response that a large number of brokers leads to, in bytes.
const LEAST_RESPONSE_BYTES: usize = 32 << 10;
/// librdkafka's default of `max.poll.interval.ms`.
const DEFAULT_MAX_POLL_INTERVAL_MS: u64 = 300_000;
/// librdkafka's default of `session.timeout.ms`.
const DEFAULT_SESSION_TIMEOUT_MS: u64 = 45_000;
/// librdkafka's default of `topic.metadata.refresh.interval.ms`.
const DEFAULT_METADATA_REFRESH_MS: i64 = 300_000;

/// The operator's settings of the cluster.
#[derive(Clone)]
pub struct Settings {
    /// Bootstrap brokers, separated by commas.
    pub brokers: String,
    /// The consumer group.
    pub group_id: String,
    /// Further settings of librdkafka.
    pub kafka: Vec<(String, String)>,
    /// How long a run waits for brokers that do not answer.
    pub broker_timeout: Duration,
    /// The limits of fetched records, where the memory of the process is limited.
    pub fetch: Option<FetchLimits>,
    /// Whether consumers make statistics, which metrics need.
    pub statistics: bool,
}

impl fmt::Debug for Settings {
    /// Without the values of secret settings.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("brokers", &self.brokers)
            .field("group_id", &self.group_id)
            .field("kafka", &Masked(&self.kafka))
            .finish_non_exhaustive()
    }
}

/// The limits of the records that one worker fetches ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchLimits {
    /// Bytes of waiting values.
    pub queued_bytes: usize,
    /// Waiting messages.
    pub queued_records: usize,
    /// Bytes of the responses of all brokers together.
    pub response_bytes: usize,
}

/// Settings that the host keeps for itself, and why.
const REFUSED: [(&str, Reserved); 13] = [
    ("bootstrap.servers", Reserved::Brokers),
    ("metadata.broker.list", Reserved::Brokers),
    ("group.id", Reserved::GroupId),
    ("enable.auto.commit", OWN_COMMITS),
    ("auto.commit.enable", OWN_COMMITS),
    ("auto.commit.interval.ms", OWN_COMMITS),
    ("enable.auto.offset.store", OWN_COMMITS),
    ("offset.store.method", OWN_COMMITS),
    ("partition.assignment.strategy", COOPERATIVE),
    (
        "group.remote.assignor",
        Reserved::Guarantee("the host relies on the assignor that the brokers choose"),
    ),
    (
        "enable.partition.eof",
        Reserved::Guarantee("the host needs these events to know the end of the data"),
    ),
    (
        "log.queue",
        Reserved::Guarantee("the host reads log lines from its own queue"),
    ),
    (
        "consume.callback.max.messages",
        Reserved::Guarantee("the host reads batches"),
    ),
];
/// How workers divide the partitions of a group of the classic protocol.
pub(super) const ASSIGNOR: &str = "cooperative-sticky";
const OWN_COMMITS: Reserved =
    Reserved::Guarantee("offsets are committed only after outputs are durable");
const COOPERATIVE: Reserved = Reserved::Guarantee("the host answers only cooperative rebalances");

impl Settings {
    /// Refuses settings that the host keeps for itself, and those that librdkafka does not accept.
    ///
    /// # Errors
    /// The first such setting, or a deadline too long for the group.
    pub fn check(&self, deadline: Duration) -> Result<(), Error> {
        self.check_brokers()?;
        let by_protocol = group_protocol::refused(self.has_consumer_protocol());
        for (key, _) in &self.kafka {
            let mut refused = REFUSED.iter().chain(by_protocol);
            let is_refused = |refused: &str| canonical(refused) == canonical(key);
            if let Some(&(_, reason)) = refused.find(|(refused, _)| is_refused(refused)) {
                return Err(Error::RefusedSetting {
                    key: key.clone(),
                    reason,
                });
            }
        }
        self.start()?;
        setting_check::check(&self.kafka)?;
        setting_files::check(&self.kafka)?;
        self.check_together()?;
        let max_poll_interval_ms = self.max_poll_interval().as_millis();
        if deadline.as_millis() * 2 > max_poll_interval_ms {
            let deadline_ms = deadline.as_millis();
            return Err(Error::DeadlineTooLong {
                deadline_ms,
                max_poll_interval_ms,
            });
        }
        Ok(())
    }

    /// Refuses a broker whose port does not exist: librdkafka would try another one.
    pub(super) fn check_brokers(&self) -> Result<(), Error> {
        let mut brokers = self.brokers.split(',').map(str::trim);
        match brokers.find(|broker| !has_possible_port(broker)) {
            None => Ok(()),
            Some(broker) => Err(Error::BadBroker {
                broker: broker.to_owned(),
            }),
        }
    }

    /// Refuses what librdkafka finds only when it makes a client: settings that contradict each other, or files that
    /// are not what they should be.
    ///
    /// # Errors
    /// When it makes no client.
    pub(crate) fn try_clients(&self, workers: usize) -> Result<(), Error> {
        setting_check::try_client::<BaseConsumer>(self.for_queries())?;
        setting_check::try_client::<BaseConsumer>(self.for_worker(0, workers))
    }

    /// Divides the memory of responses among this many brokers, which may all send one at the same time.
    ///
    /// # Errors
    /// When `fetch.max.bytes` is set and too large for this many brokers.
    pub(super) fn share_responses(&mut self, brokers: usize) -> Result<(), Error> {
        let set = self.fetch_request().response_bytes;
        let Some(fetch) = &mut self.fetch else {
            return Ok(());
        };
        let most = fetch.response_bytes / brokers.max(1);
        if let Some(bytes) = set.filter(|&bytes| bytes > most) {
            return Err(Error::ResponsesTooLarge {
                bytes,
                brokers,
                most,
            });
        }
        fetch.response_bytes = most.max(LEAST_RESPONSE_BYTES);
        Ok(())
    }

    /// The fetch sizes that are set.
    #[must_use]
    pub fn fetch_request(&self) -> FetchRequest {
        let kibibytes = self.number("queued.max.messages.kbytes");
        FetchRequest {
            queued_bytes: kibibytes.map(|kibibytes| kibibytes.saturating_mul(1024)),
            response_bytes: self.number("fetch.max.bytes"),
        }
    }

    pub(super) fn number(&self, key: &str) -> Option<usize> {
        integer(self.get(key)?)
    }

    /// The value of a setting that the operator sets by one of its names.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        let mut settings = self.kafka.iter().rev();
        let found = settings.find(|(known, _)| canonical(known) == canonical(key));
        found.map(|(_, value)| value.as_str())
    }

    /// Sets what the operator sets, each setting by one name: the last value of several counts.
    pub(super) fn set_given(&self, config: &mut ClientConfig, is_set: impl Fn(&str) -> bool) {
        for (key, value) in self.kafka.iter().filter(|(key, _)| is_set(key)) {
            config.set(canonical(key), value);
        }
    }

    /// How long a member may be silent before the group gives its partitions away.
    #[must_use]
    pub fn max_poll_interval(&self) -> Duration {
        self.milliseconds("max.poll.interval.ms", DEFAULT_MAX_POLL_INTERVAL_MS)
    }

    /// How long the group waits for a silent member; none where only the brokers know.
    pub(super) fn session_timeout(&self) -> Option<Duration> {
        (!self.has_consumer_protocol())
            .then(|| self.milliseconds("session.timeout.ms", DEFAULT_SESSION_TIMEOUT_MS))
    }

    fn milliseconds(&self, key: &str, default: u64) -> Duration {
        let set = self.number(key).and_then(|ms| u64::try_from(ms).ok());
        Duration::from_millis(set.unwrap_or(default))
    }

    /// Whether workers join by the protocol of KIP-848, in which the coordinator assigns the partitions.
    pub(super) fn has_consumer_protocol(&self) -> bool {
        self.get("group.protocol") == Some("consumer")
    }

    /// The interval in which all topics are listed; none where that is turned off.
    pub(super) fn metadata_interval(&self) -> Option<Duration> {
        let set = self.get("topic.metadata.refresh.interval.ms");
        let ms = set.and_then(|value| value.parse().ok());
        let ms = u64::try_from(ms.unwrap_or(DEFAULT_METADATA_REFRESH_MS));
        ms.ok().filter(|&ms| ms > 0).map(Duration::from_millis)
    }

    /// A session has to last for several heartbeats.
    fn heartbeat_ms(&self) -> Option<u64> {
        let session_ms = u64::try_from(self.session_timeout()?.as_millis()).unwrap_or(u64::MAX);
        Some(HEARTBEAT_INTERVAL_MS.min(session_ms / 4).max(1))
    }

    /// Where a partition without a committed offset starts; none where that ends the run.
    ///
    /// # Errors
    /// When the setting has another value.
    pub fn start(&self) -> Result<Option<Start>, Error> {
        match self.get("auto.offset.reset") {
            None | Some("earliest" | "smallest" | "beginning") => Ok(Some(Start::Earliest)),
            Some("latest" | "largest" | "end") => Ok(Some(Start::Latest)),
            Some("error" | "none") => Ok(None),
            Some(value) => Err(Error::BadSetting {
                key: "auto.offset.reset".into(),
                value: Some(value.into()),
                reason: "it is `earliest`, `latest` or `error`".into(),
            }),
        }
    }

    /// librdkafka's settings for a client that only sends requests about the cluster.
    pub(super) fn for_queries(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set_log_level(FAILURES);
        config.set("client.id", "journal-host");
        let not_for_queries = |key: &str| {
            let key = canonical(key);
            key.starts_with("group.")
                || key == "auto.offset.reset"
                || transactions::is_of_transactions(key)
        };
        self.set_given(&mut config, |key| !not_for_queries(key));
        self.set_coupled(&mut config, QUEUED_MAX_MESSAGES_KBYTES);
        config.set("bootstrap.servers", &self.brokers);
        // It never subscribes, so it is no member: the group's name is only needed for its committed offsets.
        config.set("group.id", &self.group_id);
        config.set("enable.auto.commit", "false");
        // A question about a topic must not create it.
        config.set("allow.auto.create.topics", "false");
        config.set("statistics.interval.ms", "0");
        config
    }

    /// Whether members are static: the group keeps the partitions of one that leaves for it.
    pub(super) fn has_static_members(&self) -> bool {
        self.get("group.instance.id").is_some()
    }

    /// librdkafka's settings for the consumer of one worker; `workers` of them share a process.
    #[must_use]
    pub fn for_worker(&self, worker: usize, workers: usize) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("client.id", "journal-host");
        config.set(
            "queued.max.messages.kbytes",
            QUEUED_MAX_MESSAGES_KBYTES.to_string(),
        );
        config.set("fetch.queue.backoff.ms", FETCH_QUEUE_BACKOFF_MS);
        config.set("fetch.wait.max.ms", FETCH_WAIT_MAX_MS);
        config.set(
            "max.partition.fetch.bytes",
            MAX_PARTITION_FETCH_BYTES.to_string(),
        );
        if let Some(heartbeat_ms) = self.heartbeat_ms() {
            config.set("heartbeat.interval.ms", heartbeat_ms.to_string());
        }
        if let Some(fetch) = &self.fetch {
            fetch.set(&mut config);
        }
        if self.statistics {
            config.set("statistics.interval.ms", STATISTICS_INTERVAL_MS);
        }
        self.set_given(&mut config, |key| !transactions::is_of_transactions(key));
        self.set_coupled(&mut config, QUEUED_MAX_MESSAGES_KBYTES);
        config.set("bootstrap.servers", &self.brokers);
        config.set("group.id", &self.group_id);
        config.set("enable.auto.commit", "false");
        config.set("enable.auto.offset.store", "false");
        config.set("enable.partition.eof", "true");
        // The worker names the offset at which each partition starts, so this setting only matters for an offset out of
        // range.
        config.set("auto.offset.reset", "error");
        if !self.has_consumer_protocol() {
            config.set("partition.assignment.strategy", ASSIGNOR);
        }
        if let (Some(instance), true) = (self.get("group.instance.id"), workers > 1) {
            config.set("group.instance.id", format!("{instance}-{worker}"));
        }
        config
    }
}

/// Whether the port of `[PROTOCOL://]HOST[:PORT]` is one, if it is given.
fn has_possible_port(broker: &str) -> bool {
    let address = broker
        .split_once("://")
        .map_or(broker, |(_, address)| address);
    let port = match address.rsplit_once(']') {
        Some((_, rest)) => rest.strip_prefix(':'),
        // More than one colon is an address of IPv6 without a port.
        None => address
            .split_once(':')
            .map(|(_, port)| port)
            .filter(|port| !port.contains(':')),
    };
    port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}

impl FetchLimits {
    fn set(&self, config: &mut ClientConfig) {
        config.set(
            "queued.max.messages.kbytes",
            (self.queued_bytes / 1024).max(1).to_string(),
        );
        config.set("queued.min.messages", self.queued_records.to_string());
        config.set("fetch.queue.backoff.ms", SMALL_QUEUE_BACKOFF_MS);
        let partition = self.response_bytes.min(MAX_PARTITION_FETCH_BYTES);
        config.set("max.partition.fetch.bytes", partition.to_string());
    }
}

/// Settings with these of librdkafka.
#[cfg(test)]
pub(super) fn settings(pairs: &[(&str, &str)]) -> Settings {
    let pairs = pairs.iter();
    Settings {
        brokers: "127.0.0.1:1".into(),
        group_id: "group".into(),
        kafka: pairs.map(|(k, v)| ((*k).into(), (*v).into())).collect(),
        broker_timeout: Duration::from_mins(1),
        fetch: None,
        statistics: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_that_does_not_exist_is_refused_with_its_broker() {
        let checked = |brokers: &str| {
            let settings = Settings {
                brokers: brokers.to_owned(),
                ..settings(&[])
            };
            settings
                .check(Duration::ZERO)
                .map_err(|error| error.to_string())
        };
        for brokers in [
            "b",
            "b:1",
            "SASL_SSL://b:65535, c:9092",
            "[::1]:9092",
            "[::1]",
            "::1",
        ] {
            assert_eq!(checked(brokers), Ok(()), "{brokers}");
        }
        for broker in ["127.0.0.1:99999", "b:0", "b:", "ssl://b:x", "[::1]:65536"] {
            let expected = format!("the broker `{broker}` has no port from 1 to 65535");
            assert_eq!(checked(&format!("a:1,{broker}")), Err(expected));
        }
    }

    #[test]
    fn settings_that_break_a_guarantee_are_refused_by_name() {
        for (key, _) in REFUSED {
            let error = settings(&[(key, "true")])
                .check(Duration::from_secs(30))
                .unwrap_err();
            assert!(error.to_string().contains(key), "{error}");
            assert!(matches!(error, Error::RefusedSetting { .. }));
        }
    }

    #[test]
    fn responses_are_divided_among_the_brokers_where_memory_is_bounded() {
        let bounded = |pairs: &[(&str, &str)]| Settings {
            fetch: Some(FetchLimits {
                queued_bytes: 2 << 20,
                queued_records: 4096,
                response_bytes: 1 << 20,
            }),
            ..settings(pairs)
        };
        let mut shared = bounded(&[]);
        shared.share_responses(4).unwrap();
        let config = shared.for_worker(0, 1);
        assert_eq!(config.get("fetch.max.bytes"), Some("262144"));
        assert_eq!(config.get("queued.max.messages.kbytes"), Some("2048"));
        assert_eq!(config.get("queued.min.messages"), Some("4096"));
        assert!(config.create_native_config().is_ok());
        let given = &[("fetch.max.bytes", "1000000")];
        let mut one = bounded(given);
        one.share_responses(1).unwrap();
        assert_eq!(one.for_worker(0, 1).get("fetch.max.bytes"), Some("1000000"));
        let error = bounded(given).share_responses(4).unwrap_err();
        assert!(
            matches!(error, Error::ResponsesTooLarge { most: 262_144, .. }),
            "{error}"
        );
        let mut usual = settings(given);
        usual.share_responses(100).unwrap();
    }

    #[test]
    fn a_deadline_above_half_of_the_poll_interval_is_refused() {
        let long = settings(&[("max.poll.interval.ms", "10000")]);
        assert!(long.check(Duration::from_secs(5)).is_ok());
        assert!(long.check(Duration::from_millis(5001)).is_err());
    }

    #[test]
    fn partitions_without_a_commit_start_at_the_earliest_unless_set() {
        assert_eq!(settings(&[]).start().unwrap(), Some(Start::Earliest));
        let latest = settings(&[("auto.offset.reset", "latest")]);
        assert_eq!(latest.start().unwrap(), Some(Start::Latest));
        assert_eq!(
            latest.for_worker(0, 1).get("auto.offset.reset"),
            Some("error")
        );
    }

    #[test]
    fn session_has_several_heartbeats_unless_the_operator_sets_them() {
        let heartbeat = |pairs: &[(&str, &str)]| {
            let config = settings(pairs).for_worker(0, 1);
            config.get("heartbeat.interval.ms").map(str::to_owned)
        };
        assert_eq!(heartbeat(&[]).as_deref(), Some("500"));
        let short = [("session.timeout.ms", "1000")];
        assert_eq!(heartbeat(&short).as_deref(), Some("250"));
        let own = [("heartbeat.interval.ms", "3000")];
        assert_eq!(heartbeat(&own).as_deref(), Some("3000"));
    }

    #[test]
    fn topics_are_listed_in_the_interval_of_librdkafka() {
        let interval =
            |value| settings(&[("topic.metadata.refresh.interval.ms", value)]).metadata_interval();
        assert_eq!(
            settings(&[]).metadata_interval(),
            Some(Duration::from_mins(5))
        );
        assert_eq!(interval("1500"), Some(Duration::from_millis(1500)));
        assert_eq!(interval("-1"), None);
    }

    #[test]
    fn static_members_of_one_process_have_names_of_their_own() {
        let member = settings(&[("group.instance.id", "mirror")]);
        assert_eq!(
            member.for_worker(0, 1).get("group.instance.id"),
            Some("mirror")
        );
        assert_eq!(
            member.for_worker(1, 2).get("group.instance.id"),
            Some("mirror-1")
        );
    }
}
