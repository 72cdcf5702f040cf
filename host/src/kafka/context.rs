//! What librdkafka reports apart from messages: rebalances, errors and log lines.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Offset, TopicPartitionList};

use super::setting_check::Secrets;
use crate::journal::offsets::ReadAhead;

/// How librdkafka marks log lines about failed connections.
const FAILED_CONNECTION: &str = "FAIL";
/// What such a line says where the broker closed the connection.
const CLOSED: &str = "Disconnected";

/// A change of the assignment that waits for the worker's answer.
#[derive(Debug)]
pub(super) enum Rebalance {
    /// These partitions are assigned.
    Assign(TopicPartitionList),
    /// These partitions are revoked; this worker may still commit their offsets.
    Revoke(TopicPartitionList),
    /// These partitions are lost: another worker may already have them.
    Lost(TopicPartitionList),
}

/// Records events, and leaves the answer to the worker's loop.
///
/// The callbacks run inside `poll`, and inside the drop of a consumer, where no checkpoint can be
/// taken.
#[derive(Debug, Default)]
pub(super) struct Context {
    rebalances: Mutex<VecDeque<Rebalance>>,
    last_error: Mutex<Option<(RDKafkaErrorCode, String)>>,
    closing: AtomicBool,
    /// Whether a join has ended, and the membership was not lost since.
    has_joined: AtomicBool,
    read_ahead: Mutex<Option<ReadAhead>>,
    secrets: Secrets,
}

impl Context {
    /// The context of a client with these secrets, which appear in no text.
    pub(super) fn new(secrets: Secrets) -> Self {
        Self {
            secrets,
            ..Self::default()
        }
    }

    /// The oldest rebalance that is not answered.
    pub(super) fn next_rebalance(&self) -> Option<Rebalance> {
        self.rebalances
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front()
    }

    /// Whether a lost assignment waits for its answer, which makes any commit pointless.
    pub(super) fn has_lost(&self) -> bool {
        let rebalances = self
            .rebalances
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        rebalances
            .iter()
            .any(|rebalance| matches!(rebalance, Rebalance::Lost(_)))
    }

    /// The last error, which says why a request timed out.
    pub(super) fn last_error(&self) -> Option<(RDKafkaErrorCode, String)> {
        self.last_error
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// A broker closed a connection, which no error says.
    fn note_failure(&self, text: &str) {
        // The name of librdkafka's thread precedes the text.
        let reason = text.split_once("]: ").map_or(text, |(_, reason)| reason);
        let mut last = self
            .last_error
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let is_vague = last.as_ref().is_none_or(|(code, _)| {
            matches!(
                code,
                RDKafkaErrorCode::AllBrokersDown | RDKafkaErrorCode::BrokerTransportFailure
            )
        });
        if is_vague {
            let code = RDKafkaErrorCode::BrokerTransportFailure;
            *last = Some((code, reason.to_owned()));
        }
    }

    /// Whether the coordinator knows the member: its first join has ended, maybe without partitions.
    pub(super) fn has_joined(&self) -> bool {
        self.has_joined.load(Ordering::Relaxed)
    }

    /// The messages that were fetched and wait, as the last statistics say.
    pub(super) fn read_ahead(&self) -> Option<ReadAhead> {
        let read_ahead = self.read_ahead.lock();
        *read_ahead.unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers further rebalances here, without the worker.
    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        let text = self.secrets.hide(text);
        if facility == FAILED_CONNECTION && text.contains(CLOSED) {
            self.note_failure(&text);
        }
        match level {
            // librdkafka repeats here what `error` reports once.
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
                tracing::error!(target: "librdkafka", facility, "{text}");
            }
            _ => tracing::debug!(target: "librdkafka", facility, "{text}"),
        }
    }

    fn stats_raw(&self, statistics: &[u8]) {
        let read_ahead = self.read_ahead.lock();
        *read_ahead.unwrap_or_else(PoisonError::into_inner) = waiting(statistics);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let code = error
            .rdkafka_error_code()
            .unwrap_or(RDKafkaErrorCode::Unknown);
        let reason = self.secrets.hide(reason);
        tracing::debug!(target: "librdkafka", ?code, "{reason}");
        // `AllBrokersDown` follows from the error before it, which says why.
        let mut last = self
            .last_error
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if code != RDKafkaErrorCode::AllBrokersDown || last.is_none() {
            *last = Some((code, reason));
        }
    }
}

impl ConsumerContext for Context {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        kind: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        let is_assigned = kind == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        if is_assigned || consumer.assignment_lost() {
            self.has_joined.store(is_assigned, Ordering::Relaxed);
        }
        if self.closing.load(Ordering::Relaxed) {
            if let Err(error) = answer_while_closing(consumer, kind, partitions) {
                tracing::debug!(target: "librdkafka", "closing: {error}");
            }
            return;
        }
        let partitions = partitions.clone();
        let rebalance = match kind {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => Rebalance::Assign(partitions),
            _ if consumer.assignment_lost() => Rebalance::Lost(partitions),
            _ => Rebalance::Revoke(partitions),
        };
        self.rebalances
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push_back(rebalance);
    }
}

/// The messages that wait, from librdkafka's statistics. They are read as text: with many partitions they are long.
///
/// The partitions of a worker are forwarded to one queue, and each reports the whole of it, so that the largest number
/// is the one of that queue.
fn waiting(statistics: &[u8]) -> Option<ReadAhead> {
    let statistics = str::from_utf8(statistics).ok()?;
    Some(ReadAhead {
        records: largest(statistics, "\"fetchq_cnt\":")?,
        bytes: largest(statistics, "\"fetchq_size\":")?,
    })
}

/// The largest number that follows this name of a member.
fn largest(statistics: &str, name: &str) -> Option<u64> {
    let values = statistics.match_indices(name).filter_map(|(at, _)| {
        let value = statistics[at + name.len()..].trim_start();
        let end = value.find(|c: char| !c.is_ascii_digit());
        value[..end.unwrap_or(value.len())].parse().ok()
    });
    values.max()
}

/// librdkafka continues to close only when each rebalance is answered.
fn answer_while_closing(
    consumer: &BaseConsumer<Context>,
    kind: RDKafkaRespErr,
    partitions: &mut TopicPartitionList,
) -> Result<(), KafkaError> {
    if kind == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
        partitions.set_all_offsets(Offset::Invalid)?;
        consumer.incremental_assign(partitions)
    } else {
        consumer.incremental_unassign(partitions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_messages_are_those_of_the_queue_that_all_partitions_share() {
        let statistics = br#"{"topics":{"p.revision":{"partitions":{
            "0":{"fetchq_cnt":7, "fetchq_size":1200, "fetch_state":"active"},
            "1":{"fetchq_cnt":7, "fetchq_size":1200, "fetch_state":"active"},
            "-1":{"fetchq_cnt":0, "fetchq_size":0, "fetch_state":"none"}}}}}"#;
        let expected = ReadAhead {
            records: 7,
            bytes: 1200,
        };
        assert_eq!(waiting(statistics), Some(expected));
        assert_eq!(waiting(br#"{"topics":{}}"#), None);
        assert_eq!(waiting(br#"{"fetchq_cnt":"#), None);
    }
}
