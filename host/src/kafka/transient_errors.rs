//! Errors that pass by themselves: each is reported once.

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::error::{Error, words};
use super::native::PartitionEvent;

/// The errors that were reported since the last record arrived.
#[derive(Debug, Default)]
pub(crate) struct TransientErrors {
    reported: Vec<RDKafkaErrorCode>,
}

impl TransientErrors {
    /// An error of the consumer as a whole.
    pub(super) fn consumer(&mut self, error: &KafkaError) -> Result<(), Error> {
        let code = error
            .rdkafka_error_code()
            .unwrap_or(RDKafkaErrorCode::Unknown);
        if matches!(error, KafkaError::MessageConsumptionFatal(_)) || is_fatal(code) {
            return Err(Error::Fatal { code });
        }
        match code {
            // This follows from another error, which says more.
            RDKafkaErrorCode::AllBrokersDown if !self.reported.is_empty() => {}
            RDKafkaErrorCode::PollExceeded => tracing::warn!(
                "this worker was silent for longer than `max.poll.interval.ms`, and the group gives \
                 its partitions away"
            ),
            _ => self.report(code, || words(code)),
        }
        Ok(())
    }

    /// An error instead of an answer.
    pub(super) fn question(&mut self, error: &KafkaError) -> Result<(), Error> {
        if matches!(error, KafkaError::Canceled) {
            return Err(Error::NoAnswers);
        }
        self.consumer(error)
    }

    /// An error of one partition.
    pub(crate) fn partition(&mut self, event: &PartitionEvent) -> Result<(), Error> {
        let PartitionEvent {
            topic,
            partition,
            code,
            text,
            ..
        } = event;
        if is_fatal(*code) {
            return Err(Error::Partition {
                topic: topic.clone(),
                partition: *partition,
                code: *code,
            });
        }
        self.report(*code, || format!("`{topic}` partition {partition}: {text}"));
        Ok(())
    }

    /// Whether an error was reported since the last record.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.reported.is_empty()
    }

    /// Records arrive again.
    pub(crate) fn over(&mut self) {
        if !self.reported.is_empty() {
            tracing::info!("the brokers answer again");
            self.reported.clear();
        }
    }

    fn report(&mut self, code: RDKafkaErrorCode, text: impl FnOnce() -> String) {
        if !self.reported.contains(&code) {
            self.reported.push(code);
            tracing::warn!("waiting for the brokers: {}", text());
        }
    }
}

/// Errors that do not pass. The host waits for all others to pass: a broker that restarts causes many of them, and
/// refuses connections and log-ins meanwhile.
fn is_fatal(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        code,
        Code::Fatal
            | Code::Fenced
            | Code::FencedInstanceId
            | Code::AutoOffsetReset
            | Code::GroupAuthorizationFailed
            | Code::TopicAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::InvalidGroupId
            | Code::InconsistentGroupProtocol
            | Code::InvalidSessionTimeout
            | Code::UnsupportedVersion
            | Code::BadMessage
            | Code::BadCompression
            | Code::InvalidMessage
            | Code::NotImplemented
    )
}
