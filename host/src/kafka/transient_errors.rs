//! Errors that pass by themselves: each is reported once.

use std::time::{Duration, Instant};

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::error::{Error, words};
use super::membership::Membership;
use super::native::PartitionEvent;
use super::outage::{Found, Outage};

/// The errors that were reported since the last record arrived.
#[derive(Debug, Default)]
pub(crate) struct TransientErrors {
    reported: Vec<RDKafkaErrorCode>,
    /// The time without a broker, for a member of a group.
    outage: Option<Outage>,
}

impl TransientErrors {
    /// Errors that end the run when no broker was connected for this time.
    pub(crate) fn lasting_for(broker_timeout: Duration) -> Self {
        Self {
            reported: Vec::new(),
            outage: Some(Outage::new(broker_timeout)),
        }
    }

    /// Looks for how long no broker of `brokers` was connected to the member; `topic` is any topic of theirs.
    pub(crate) fn look(
        &mut self,
        membership: &Membership,
        brokers: &str,
        topic: &str,
    ) -> Result<(), Error> {
        let Some(outage) = &mut self.outage else {
            return Ok(());
        };
        let found = outage.look(Instant::now(), || membership.is_connected(topic));
        let reason = || membership.last_reason();
        match found {
            Found::Nothing => {}
            Found::Over => self.over(),
            Found::Waiting(time) => tracing::warn!(
                "still waiting for the brokers after {} s: {}",
                time.as_secs(),
                reason()
            ),
            Found::TooLong(time) => {
                return Err(Error::Gone {
                    brokers: brokers.to_owned(),
                    seconds: time.as_secs(),
                    reason: reason(),
                });
            }
            Found::Refused(time) => {
                return Err(Error::AuthenticationRefused {
                    brokers: brokers.to_owned(),
                    seconds: time.as_secs(),
                    reason: reason(),
                });
            }
        }
        Ok(())
    }

    /// An error of the consumer as a whole.
    pub(super) fn consumer(&mut self, error: &KafkaError) -> Result<(), Error> {
        let code = error
            .rdkafka_error_code()
            .unwrap_or(RDKafkaErrorCode::Unknown);
        if matches!(error, KafkaError::MessageConsumptionFatal(_)) || is_fatal(code) {
            return Err(Error::Fatal { code });
        }
        if let Some(outage) = &mut self.outage {
            outage.note(code, Instant::now());
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

    /// Since when no broker has been connected to the member of a group; none while one is.
    pub(crate) fn without_brokers_since(&self) -> Option<Instant> {
        self.outage.as_ref()?.since()
    }

    /// Whether an error was reported since the last record.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.reported.is_empty()
    }

    /// Records arrive again, unless they were fetched before.
    pub(crate) fn over(&mut self) {
        let has_no_broker = self.outage.as_ref().is_some_and(Outage::has_begun);
        if !has_no_broker && !self.reported.is_empty() {
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
pub(super) fn is_fatal(code: RDKafkaErrorCode) -> bool {
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
