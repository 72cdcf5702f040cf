//! A producer whose records become visible together with the positions of the consumer group, or not at all.
//!
//! Every call returns within [`STEP`] or little more: librdkafka goes on with what it began when it is asked again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::config::FromClientConfigAndContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, Producer as _, PurgeConfig};

use super::error::{Error, words};
use super::group_store;
use super::membership::{Membership, list_of};
use super::native::{self, Failed, TopicId};
use super::producer::{Deliveries, Producer};
use super::queries::{self, TopicIds};
use super::setting_check::{self, Secrets, client_error};
use super::setting_names::canonical;
use super::settings::Settings;
use crate::journal::offsets::{Partition, Position, Positions};

/// How long one request is waited for.
const STEP: Duration = Duration::from_millis(20);
/// The names of the settings that only this producer gets.
const ID: &str = "transactional.id";
const TIMEOUT: &str = "transaction.timeout.ms";
const MESSAGE: &str = "message.max.bytes";
/// What a topic takes by default, in bytes: a larger message would stop every further checkpoint.
const MESSAGE_BYTES: usize = 1_000_000;
/// How long the coordinator keeps a transaction of a worker that is gone. The group's members wait that
/// long for the positions that it holds.
const MOST_TIMEOUT: Duration = Duration::from_secs(15);
const LEAST_TIMEOUT: Duration = Duration::from_secs(1);

/// How far a request has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// It is done.
    Done,
    /// It has to be asked for again.
    NotYet,
}

/// Why a transaction cannot go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TransactionError {
    /// It has to be aborted, and its rows may be sent again in another one.
    Abort(String),
    /// The producer is of no use any more. What was being committed may be committed or not.
    Lost(String),
    /// Another producer has the transactional identifier.
    Fenced,
    /// No other attempt would do better.
    Refused(String),
}

/// Whether the key of a setting is of transactions, which consumers have none of.
pub(super) fn is_of_transactions(key: &str) -> bool {
    matches!(canonical(key), ID | TIMEOUT)
}

/// A producer of transactions.
pub(crate) struct Transactions {
    producer: Producer,
}

impl Transactions {
    /// A producer, which connects to the brokers. Of the processes and workers with one `id`, only the last one can commit.
    ///
    /// # Errors
    /// When librdkafka refuses a setting.
    pub(crate) fn start(settings: &Settings, id: &str) -> Result<Self, Error> {
        let config = settings.for_transactions(id);
        let producer = BaseProducer::from_config_and_context(&config, Deliveries::of(&config));
        let producer = producer.map_err(|error| client_error(error, &Secrets::of(&config)))?;
        Ok(Self {
            producer: Producer(producer),
        })
    }

    /// Ends what an earlier producer with the same identifier left open.
    ///
    /// # Errors
    /// When the brokers refuse it.
    pub(crate) fn init(&self) -> Result<Step, TransactionError> {
        step(self.producer.0.init_transactions(STEP))
    }

    /// Begins a transaction.
    ///
    /// # Errors
    /// When none can begin.
    pub(crate) fn begin(&self) -> Result<(), TransactionError> {
        step(self.producer.0.begin_transaction()).map(drop)
    }

    /// Queues a row; it may have to wait for room.
    ///
    /// # Errors
    /// When librdkafka does not take it.
    pub(crate) fn send(&self, topic: &str, row: &[u8]) -> Result<Step, TransactionError> {
        match self.producer.send_value(topic, row) {
            Ok(true) => Ok(Step::Done),
            Ok(false) => Ok(Step::NotYet),
            Err(error) => match self.failure() {
                Some(failure) => Err(failure),
                None => Err(failed(&error)),
            },
        }
    }

    /// Waits for the answers to all rows.
    ///
    /// # Errors
    /// When a row was refused.
    pub(crate) fn flush(&self) -> Result<Step, TransactionError> {
        self.producer.poll(STEP);
        if let Some(failure) = self.failure() {
            return Err(failure);
        }
        // Confirmations are served before the commit, which would wait for them and not say so.
        if self.producer.unanswered() > 0 {
            return Ok(Step::NotYet);
        }
        match self.producer.take_refusal() {
            None => Ok(Step::Done),
            Some(refusal) if refusal.is_for_good => Err(TransactionError::Refused(refusal.reason)),
            Some(refusal) => Err(TransactionError::Abort(refusal.reason)),
        }
    }

    /// Adds positions of the group of this member, with the identifiers of their topics. They are refused if the group has
    /// given its partitions away.
    ///
    /// # Errors
    /// When the group or the brokers refuse them.
    pub(crate) fn send_positions(
        &self,
        positions: &BTreeMap<Partition, Position>,
        topics: &BTreeMap<Partition, u128>,
        membership: &Membership,
    ) -> Result<Step, TransactionError> {
        // Taken for each commit: with that of an earlier time a new owner's positions would be overwritten.
        let Some(metadata) = membership.group_metadata() else {
            return Err(TransactionError::Abort(
                "the worker is no member of its group".to_owned(),
            ));
        };
        let topics = topics.iter();
        let topics: TopicIds = topics
            .map(|(partition, &id)| (Arc::clone(&partition.topic), TopicId(id)))
            .collect();
        let list = group_store::list(positions, &topics);
        let list = list.map_err(|error| failed(&error))?;
        match native::send_offsets(&self.producer.0, &list, &metadata, STEP) {
            Ok(()) => Ok(Step::Done),
            Err(failed) => step_of(failed),
        }
    }

    /// Makes the rows and positions of the transaction visible.
    ///
    /// # Errors
    /// When the transaction was not committed, or nobody knows.
    pub(crate) fn commit(&self) -> Result<Step, TransactionError> {
        self.producer.poll(Duration::ZERO);
        step(self.producer.0.commit_transaction(STEP))
    }

    /// Takes the rows of the transaction back.
    ///
    /// # Errors
    /// When the producer can do nothing any more.
    pub(crate) fn abort(&self) -> Result<Step, TransactionError> {
        // librdkafka waits for each row, also for those that it will not send.
        self.producer
            .0
            .purge(PurgeConfig::default().queue().inflight());
        self.producer.poll(STEP);
        let aborted = step(self.producer.0.abort_transaction(STEP));
        if aborted == Ok(Step::Done) {
            self.producer.take_refusal();
        }
        aborted
    }

    /// What the group of this member has committed. Blocks until its coordinator answers.
    ///
    /// # Errors
    /// When it does not.
    pub(crate) fn committed(
        membership: &Membership,
        of: &[Partition],
    ) -> Result<Positions, String> {
        let found = membership.committed(list_of(of));
        let positions = found.and_then(|found| queries::positions_of(&found));
        positions.map_err(|error| error.to_string())
    }

    fn failure(&self) -> Option<TransactionError> {
        let (code, text) = self.producer.0.client().fatal_error()?;
        Some(if is_fenced(code) {
            TransactionError::Fenced
        } else {
            TransactionError::Lost(text)
        })
    }
}

fn is_fenced(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::Fenced | RDKafkaErrorCode::ProducerFenced
    )
}

/// What no further attempt mends.
pub(super) fn is_for_good(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        code,
        Code::TopicAuthorizationFailed
            | Code::GroupAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::TransactionalIdAuthorizationFailed
            | Code::FencedInstanceId
            | Code::InvalidTransactionTimeout
            | Code::UnsupportedForMessageFormat
            | Code::MessageSizeTooLarge
            | Code::InvalidRecord
    )
}

fn failed(error: &KafkaError) -> TransactionError {
    let code = error.rdkafka_error_code();
    let reason = code.map_or_else(|| error.to_string(), words);
    if code.is_some_and(is_for_good) {
        TransactionError::Refused(reason)
    } else {
        TransactionError::Abort(reason)
    }
}

fn step(result: Result<(), KafkaError>) -> Result<Step, TransactionError> {
    match result {
        Ok(()) => Ok(Step::Done),
        Err(KafkaError::Transaction(error)) => step_of(Failed::from(&error)),
        Err(error) => Err(failed(&error)),
    }
}

fn step_of(failed: Failed) -> Result<Step, TransactionError> {
    if is_fenced(failed.code) {
        Err(TransactionError::Fenced)
    } else if is_for_good(failed.code) {
        Err(TransactionError::Refused(failed.text))
    } else if failed.is_fatal {
        Err(TransactionError::Lost(failed.text))
    } else if failed.requires_abort {
        Err(TransactionError::Abort(failed.text))
    } else if failed.is_retriable {
        Ok(Step::NotYet)
    } else {
        Err(TransactionError::Lost(failed.text))
    }
}

impl Settings {
    /// The beginning of the transactional identifiers of all workers of this process, if the operator names one.
    pub(crate) fn transactional_name(&self) -> Option<&str> {
        self.get(ID)
    }

    /// The largest row that a topic takes, as far as the settings say it, in bytes.
    pub(crate) fn largest_message(&self) -> usize {
        let most = self.number(MESSAGE).unwrap_or(MESSAGE_BYTES);
        // Kafka counts the header of a batch and of a record as well.
        most.saturating_sub(512)
    }

    /// Refuses what a producer of transactions cannot have.
    ///
    /// # Errors
    /// The first such setting.
    pub(crate) fn check_for_transactions(&self) -> Result<(), Error> {
        if self.get("isolation.level") == Some("read_uncommitted") {
            return Err(Error::ReadsUncommitted);
        }
        self.without_transactions().check_for_producer()?;
        setting_check::try_client::<BaseProducer>(self.for_transactions("check"))
    }

    /// The same for clients that have no transactions.
    pub(crate) fn without_transactions(&self) -> Self {
        let mut settings = self.clone();
        settings.kafka.retain(|(key, _)| !is_of_transactions(key));
        settings
    }

    fn for_transactions(&self, id: &str) -> rdkafka::ClientConfig {
        let mut config = self.without_transactions().for_producer();
        // The time of a row within its transaction is limited by that of the transaction.
        config.remove("message.timeout.ms");
        config.set(ID, id);
        if self.number(MESSAGE).is_none() {
            config.set(MESSAGE, MESSAGE_BYTES.to_string());
        }
        let given = self.get(TIMEOUT).map(str::to_owned);
        let usual = || self.transaction_timeout().as_millis().to_string();
        config.set(TIMEOUT, given.unwrap_or_else(usual));
        config
    }

    /// How long a transaction may last before its coordinator ends it.
    pub(crate) fn transaction_timeout(&self) -> Duration {
        let session = self.session_timeout().unwrap_or(Duration::MAX);
        let usual = MOST_TIMEOUT.min(session / 3 * 2).max(LEAST_TIMEOUT);
        let given = self.number(TIMEOUT).and_then(|ms| u64::try_from(ms).ok());
        given.map_or(usual, Duration::from_millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::settings::settings;

    #[test]
    fn transaction_of_a_dead_worker_ends_before_its_session() {
        let of = |pairs: &[(&str, &str)]| {
            let config = settings(pairs).for_transactions("group-a-0");
            assert!(config.create_native_config().is_ok());
            config.get(TIMEOUT).map(str::to_owned)
        };
        assert_eq!(of(&[]).as_deref(), Some("15000"));
        assert_eq!(
            of(&[("session.timeout.ms", "6000")]).as_deref(),
            Some("4000")
        );
        assert_eq!(of(&[(TIMEOUT, "9000")]).as_deref(), Some("9000"));
    }

    #[test]
    fn positions_are_read_only_when_they_are_committed() {
        let error = settings(&[("isolation.level", "read_uncommitted")]).check_for_transactions();
        assert!(matches!(error, Err(Error::ReadsUncommitted)), "{error:?}");
        let named = settings(&[(ID, "mirror"), ("linger.ms", "7")]);
        assert!(named.check_for_transactions().is_ok());
        assert_eq!(named.transactional_name(), Some("mirror"));
        assert!(named.largest_message() < MESSAGE_BYTES);
        assert!(settings(&[(MESSAGE, "9000000")]).largest_message() > 8_000_000);
    }
}
