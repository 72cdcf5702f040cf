//! Commits that do not block the worker: one in flight at most, each of them looked at.

use std::time::{Duration, Instant};

use rdkafka::TopicPartitionList;
use rdkafka::consumer::BaseConsumer;
use rdkafka::error::RDKafkaErrorCode;

use super::assignment::Assignment;
use super::context::Context;
use super::error::{Error, words};
use super::native::{self, Queue};

/// How long a refused commit waits before it is sent again.
const BACK_OFF: Duration = Duration::from_millis(100);

/// The state of one worker's commits.
#[derive(Debug)]
pub(super) struct Commits {
    results: Queue,
    in_flight: Option<TopicPartitionList>,
    not_before: Option<Instant>,
    /// The last refusal, for the message when no confirmation comes at all.
    refusal: Option<RDKafkaErrorCode>,
    group_id: String,
}

impl Commits {
    pub(super) fn new(results: Queue, group_id: String) -> Self {
        Self {
            results,
            in_flight: None,
            not_before: None,
            refusal: None,
            group_id,
        }
    }

    /// Sends the offsets that are not confirmed, unless a commit is in flight or has to wait.
    pub(super) fn send(
        &mut self,
        consumer: &BaseConsumer<Context>,
        assignment: &Assignment,
    ) -> Result<(), Error> {
        let waits = self.not_before.is_some_and(|time| Instant::now() < time);
        if self.in_flight.is_some() || waits {
            return Ok(());
        }
        let request = |source| Error::request("take a commit", &source);
        let offsets = assignment.unconfirmed().map_err(request)?;
        if offsets.count() == 0 {
            return Ok(());
        }
        match native::commit(consumer, &offsets, &self.results) {
            Ok(()) => self.in_flight = Some(offsets),
            Err(code) => self.refused(code)?,
        }
        Ok(())
    }

    /// Looks at the result of the commit in flight, if it comes within `wait`.
    pub(super) fn receive(
        &mut self,
        assignment: &mut Assignment,
        wait: Duration,
    ) -> Result<(), Error> {
        let Some(result) = native::commit_result(&self.results, wait) else {
            return Ok(());
        };
        let Some(offsets) = self.in_flight.take() else {
            return Ok(());
        };
        if let Err(code) = result.outcome {
            return self.refused(code);
        }
        self.not_before = None;
        self.refusal = None;
        for committed in offsets.elements() {
            let own = assignment.find_mut(committed.topic(), committed.partition());
            if let (Some(own), Some(offset)) = (own, committed.offset().to_raw()) {
                // A partition that went and came back has a younger position.
                if own.confirmed < offset && offset <= own.durable {
                    own.confirmed = offset;
                }
            }
        }
        Ok(())
    }

    /// Whether a commit waits for its result.
    pub(super) fn in_flight(&self) -> bool {
        self.in_flight.is_some()
    }

    /// Why nothing was confirmed.
    pub(super) fn why_unconfirmed(&self) -> String {
        match self.refusal {
            Some(code) => words(code),
            None => "no answer came".to_owned(),
        }
    }

    /// A refusal that belongs to a rebalance or to a broker's restart is routine: what is still
    /// assigned is committed again.
    fn refused(&mut self, code: RDKafkaErrorCode) -> Result<(), Error> {
        use RDKafkaErrorCode as Code;
        let for_good = matches!(
            code,
            Code::GroupAuthorizationFailed
                | Code::TopicAuthorizationFailed
                | Code::FencedInstanceId
                | Code::InvalidCommitOffsetSize
                | Code::OffsetMetadataTooLarge
                | Code::InvalidGroupId
                | Code::Fatal
        );
        if for_good {
            return Err(Error::CommitRefused {
                group_id: self.group_id.clone(),
                code,
            });
        }
        tracing::debug!("the commit is sent again: {code}");
        self.refusal = Some(code);
        self.not_before = Some(Instant::now() + BACK_OFF);
        Ok(())
    }
}
