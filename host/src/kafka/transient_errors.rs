//! Which errors pass by themselves, and saying so once.

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::error::{Error, words};
use super::native::PartitionEvent;

/// The errors that were told since records came last.
#[derive(Debug, Default)]
pub(crate) struct TransientErrors {
    told: Vec<RDKafkaErrorCode>,
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
            // It follows from another error, which says more.
            RDKafkaErrorCode::AllBrokersDown if !self.told.is_empty() => {}
            RDKafkaErrorCode::PollExceeded => tracing::warn!(
                "this worker was silent for longer than `max.poll.interval.ms`, and the group gives \
                 its partitions away"
            ),
            _ => self.tell(code, || words(code)),
        }
        Ok(())
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
        self.tell(*code, || format!("`{topic}` partition {partition}: {text}"));
        Ok(())
    }

    /// Records come again.
    pub(crate) fn over(&mut self) {
        if !self.told.is_empty() {
            tracing::info!("the brokers answer again");
            self.told.clear();
        }
    }

    fn tell(&mut self, code: RDKafkaErrorCode, text: impl FnOnce() -> String) {
        if !self.told.contains(&code) {
            self.told.push(code);
            tracing::warn!("waiting for the brokers: {}", text());
        }
    }
}

/// Errors that no waiting mends. All others are waited out: a broker that restarts passes through
/// many of them, and refuses connections and log-ins meanwhile.
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
