//! Writes records to topics, and counts the confirmations of the brokers.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header as RawHeader, OwnedHeaders, Timestamp};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext, PurgeConfig};
use rdkafka::{ClientConfig, Message as _};

use super::context::Context;
use super::error::{Error, words};
use super::setting_check::{Secrets, client_error};
use super::settings::Settings;
use super::transactions;
use crate::journal::key::ShownKey;

/// What librdkafka says where an account lacks a right.
const NO_RIGHT: &str = "uthorization failed";
/// How long one look for confirmations waits while the queue is full.
const FULL_WAIT: Duration = Duration::from_millis(5);

/// A record that is to be written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewRecord<'a> {
    pub(crate) topic: &'a str,
    /// The partition; chosen by the key if absent.
    pub(crate) partition: Option<u32>,
    /// The key, or empty if there is none.
    pub(crate) key: &'a [u8],
    /// The value, or `None` for a tombstone.
    pub(crate) value: Option<&'a [u8]>,
    /// Milliseconds since 1970; the present time if absent.
    pub(crate) timestamp_ms: Option<i64>,
    /// What is said about it besides.
    pub(crate) headers: &'a [Header],
}

/// A header of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) name: String,
    pub(crate) value: String,
}

/// Why the brokers did not take a record.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    /// The record's topic.
    pub(crate) topic: String,
    /// The record's key.
    pub(crate) key: ShownKey,
    /// The reason in librdkafka's words.
    pub(crate) reason: String,
    /// Whether the account lacks a right.
    pub(crate) no_right: bool,
    /// Whether no other attempt would do better.
    pub(crate) is_for_good: bool,
}

/// Why a producer cannot write any more.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// The reason in librdkafka's words.
    pub(crate) reason: String,
    /// Whether the account lacks a right.
    pub(crate) no_right: bool,
}

/// What the brokers have answered so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answers {
    /// Records that were confirmed.
    pub(crate) confirmed: u64,
    /// Bytes of their keys and values.
    pub(crate) bytes: u64,
    /// Records whose topic replaced their timestamps.
    pub(crate) restamped: u64,
    /// The first record that was refused.
    pub(crate) refusal: Option<Refusal>,
}

/// A producer. Records that are not confirmed when it is dropped may or may not have been written.
pub(crate) struct Producer(pub(super) BaseProducer<Deliveries>);

impl Producer {
    /// A producer, which connects to the brokers.
    ///
    /// # Errors
    /// When librdkafka refuses a setting.
    pub(crate) fn start(settings: &Settings) -> Result<Self, Error> {
        let config = settings.for_producer();
        BaseProducer::from_config_and_context(&config, Deliveries::of(&config))
            .map(Self)
            .map_err(|error| client_error(error, &Secrets::of(&config)))
    }

    /// Queues a record, and returns whether there was room for it. If not, it has waited a moment for the brokers.
    ///
    /// # Errors
    /// When librdkafka does not take the record.
    pub(crate) fn send(&self, record: &NewRecord<'_>) -> Result<bool, Refusal> {
        let mut message: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(record.topic);
        message.partition = record
            .partition
            .map(|number| i32::try_from(number).unwrap_or(i32::MAX));
        message.key = Some(record.key).filter(|key| !key.is_empty());
        message.payload = record.value;
        message.timestamp = record.timestamp_ms;
        if !record.headers.is_empty() {
            let headers = OwnedHeaders::new_with_capacity(record.headers.len());
            let headers = record.headers.iter().fold(headers, |headers, header| {
                headers.insert(RawHeader {
                    key: &header.name,
                    value: Some(&header.value),
                })
            });
            message.headers = Some(headers);
        }
        let queued = self.queue(message);
        queued.map_err(|error| refusal(record.topic, record.key, &error))
    }

    /// Queues a record that has a value alone. Otherwise as [`send`](Self::send).
    pub(super) fn send_value(&self, topic: &str, value: &[u8]) -> Result<bool, KafkaError> {
        self.queue(BaseRecord::to(topic).payload(value))
    }

    fn queue(&self, message: BaseRecord<'_, [u8], [u8]>) -> Result<bool, KafkaError> {
        match self.0.send(message) {
            Ok(()) => Ok(true),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                self.0.poll(FULL_WAIT);
                Ok(false)
            }
            Err((error, _)) => Err(error),
        }
    }

    /// Receives answers for this long.
    pub(crate) fn poll(&self, wait: Duration) {
        self.0.poll(wait);
    }

    /// The number of records without an answer.
    #[must_use]
    pub(crate) fn unanswered(&self) -> u64 {
        u64::try_from(self.0.in_flight_count()).unwrap_or_default()
    }

    /// What was answered so far.
    #[must_use]
    pub(crate) fn answers(&self) -> Answers {
        self.0.context().answers().clone()
    }

    /// The first record that was refused since the last question.
    pub(super) fn take_refusal(&self) -> Option<Refusal> {
        self.0.context().answers().refusal.take()
    }

    /// Why no further record can be written, if that is so.
    #[must_use]
    pub(crate) fn failure(&self) -> Option<Failure> {
        let (code, text) = self.0.client().fatal_error()?;
        let no_right = is_right(code) || text.contains(NO_RIGHT);
        Some(Failure {
            reason: text,
            no_right,
        })
    }

    /// The last error of the connections to the brokers.
    #[must_use]
    pub(crate) fn last_error(&self) -> Option<String> {
        let last = self.0.context().client.last_error();
        last.map(|(_, reason)| reason)
    }

    /// Drops the records that were not sent yet.
    pub(crate) fn abandon(&self) {
        self.0.context().abandoned.store(true, Ordering::Relaxed);
        self.0.purge(PurgeConfig::default().queue());
    }
}

/// Counts the brokers' answers, which arrive while the producer is polled.
pub(super) struct Deliveries {
    client: Context,
    answers: Mutex<Answers>,
    /// Whether what was not sent is dropped.
    abandoned: AtomicBool,
}

impl Deliveries {
    pub(super) fn of(config: &ClientConfig) -> Self {
        Self {
            client: Context::new(Secrets::of(config)),
            answers: Mutex::default(),
            abandoned: AtomicBool::new(false),
        }
    }

    fn answers(&self) -> MutexGuard<'_, Answers> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        self.client.log(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.client.error(error, reason);
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let mut answers = self.answers();
        match result {
            Ok(message) => {
                answers.confirmed += 1;
                answers.bytes += (message.key_len() + message.payload_len()) as u64;
                if matches!(message.timestamp(), Timestamp::LogAppendTime(_)) {
                    answers.restamped += 1;
                }
            }
            // Records that were abandoned have no answer of the brokers.
            Err(_) if self.abandoned.load(Ordering::Relaxed) => {}
            Err((error, message)) if answers.refusal.is_none() => {
                let key = message.key().unwrap_or_default();
                answers.refusal = Some(refusal(message.topic(), key, error));
            }
            Err(_) => {}
        }
    }
}

/// Whether this error says that the account lacks a right.
fn is_right(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::TopicAuthorizationFailed | RDKafkaErrorCode::ClusterAuthorizationFailed
    )
}

fn refusal(topic: &str, key: &[u8], error: &KafkaError) -> Refusal {
    let code = error.rdkafka_error_code();
    Refusal {
        topic: topic.to_owned(),
        key: ShownKey::new(key),
        reason: code.map_or_else(|| error.to_string(), words),
        no_right: code.is_some_and(is_right),
        is_for_good: code.is_some_and(transactions::is_for_good),
    }
}
