//! Whether partitions can be read, tried by a client that joins no group and commits nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use rdkafka::error::RDKafkaErrorCode;

use super::clients;
use super::error::{Error, words};
use super::membership::Membership;
use super::native::{Message, Messages, PartitionEvent, Queue};
use super::settings::Settings;
use super::transient_errors::{TransientErrors, is_fatal};
use crate::journal::offsets::{Offsets, Partition};

/// How long the answers to the first fetches are waited for.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);
/// How long one look for answers waits.
const STEP: Duration = Duration::from_millis(100);
/// Answers of one look.
const ANSWERS: usize = 1000;

/// The partitions that could not be read.
#[derive(Debug, Default)]
pub struct Unreadable {
    /// What the brokers refused, with their reason.
    pub refused: BTreeMap<Partition, ReadRefusal>,
    /// Those whose broker did not answer.
    pub silent: BTreeSet<Partition>,
}

/// Why a partition cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", words(*.0))]
pub struct ReadRefusal(RDKafkaErrorCode);

impl ReadRefusal {
    /// Whether the account lacks the right to read the topic.
    #[must_use]
    pub fn is_missing_right(self) -> bool {
        self.0 == RDKafkaErrorCode::TopicAuthorizationFailed
    }
}

/// Fetches once from the end of each partition: the answer has no record, unless one was just written.
///
/// # Errors
/// When no client can be made, or an error does not concern a single partition and does not pass.
pub fn find_unreadable(settings: &Settings, ends: &Offsets) -> Result<Unreadable, Error> {
    if ends.is_empty() {
        return Ok(Unreadable::default());
    }
    // The order of the variables matters: queues and messages are dropped before the consumer.
    let reader = Membership::new(clients::connecting(&settings.for_worker(0, 1))?)?;
    let data = reader.queue("messages")?;
    let forwarded = ends
        .keys()
        .map(|partition| reader.forward(partition, &data));
    let _queues: Vec<Queue> = forwarded.collect::<Result<_, _>>()?;
    let answers = reader
        .assign(ends)
        .and_then(|()| wait_for_answers(&reader, &data, ends));
    // No rebalance may wait for an answer when the consumer is dropped.
    let partitions: Vec<Partition> = ends.keys().cloned().collect();
    reader.abandon_assignment(None, Some(partitions));
    answers
}

fn wait_for_answers(
    reader: &Membership,
    data: &Queue,
    ends: &Offsets,
) -> Result<Unreadable, Error> {
    let mut silent: BTreeSet<Partition> = ends.keys().cloned().collect();
    let mut refused = BTreeMap::new();
    let mut errors = TransientErrors::default();
    let mut messages = Messages::default();
    let started = Instant::now();
    while !silent.is_empty() && started.elapsed() < ANSWER_TIMEOUT {
        let _strays = reader.serve_without_group(&mut errors)?;
        messages.read(data, ANSWERS, STEP);
        while let Some(message) = messages.front() {
            let event = message.event();
            if let Some(partition) = partition_of(message, event.as_ref()) {
                match event.as_ref().and_then(refusal) {
                    Some(refusal) if is_fatal(refusal.0) => {
                        silent.remove(&partition);
                        refused.insert(partition, refusal);
                    }
                    // It passes: another answer may follow.
                    Some(_) => {}
                    None => {
                        silent.remove(&partition);
                    }
                }
            }
            messages.advance();
        }
    }
    Ok(Unreadable { refused, silent })
}

/// An event that is no answer of a readable partition.
fn refusal(event: &PartitionEvent) -> Option<ReadRefusal> {
    // Records were deleted, or came, since the ends were asked for.
    let is_answer = event.is_end() || event.is_out_of_range();
    (!is_answer).then_some(ReadRefusal(event.code))
}

fn partition_of(message: Message<'_>, event: Option<&PartitionEvent>) -> Option<Partition> {
    let topic = match event {
        Some(event) => event.topic.clone(),
        None => message.topic_name()?,
    };
    Some(Partition {
        topic: topic.into(),
        number: u32::try_from(message.partition()).ok()?,
    })
}
