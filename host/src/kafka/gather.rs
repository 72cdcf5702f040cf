//! From messages to batches.

use rdkafka::error::RDKafkaErrorCode;

use super::KafkaSource;
use super::assignment::Partition;
use super::error::Error;
use super::native::Message;
use crate::journal::batch::{Batches, RecordRef};
use crate::source::BatchLimits;

impl KafkaSource {
    /// Moves messages into `batches` up to the limits and the quota; what does not fit waits.
    pub(super) fn gather(&mut self, batches: &mut Batches) -> Result<(), Error> {
        let limits = self.options.limits;
        let granted = self
            .options
            .quota
            .claim(self.messages.len().min(limits.records));
        while let Some(message) = self.messages.front() {
            if let Some(code) = message.error() {
                let event = PartitionEvent::of(message, code);
                self.messages.advance();
                self.partition_event(&event)?;
                continue;
            }
            let bytes = message.key().len() + message.value().len();
            let full = batches.records() == granted
                || (!batches.is_empty() && batches.bytes() + bytes > limits.bytes);
            let Some(own) = self.assignment.of_message(message) else {
                self.messages.advance();
                continue;
            };
            let repeated = message.offset() < own.next;
            let unwanted = message.value().is_empty() && !self.options.tombstones;
            if !repeated && !unwanted {
                if full {
                    break;
                }
                push(batches, own, message, limits)?;
            }
            own.next = own.next.max(message.offset() + 1);
            own.at_end = false;
            self.messages.advance();
        }
        self.options.quota.give_back(granted - batches.records());
        self.claimed += batches.records();
        if !batches.is_empty() {
            self.transient_errors.over();
        }
        Ok(())
    }

    fn partition_event(&mut self, event: &PartitionEvent) -> Result<(), Error> {
        let Some(own) = self.assignment.find_mut(&event.topic, event.partition) else {
            return Ok(());
        };
        match event.code {
            // A partition may end in records that are never handed out, such as the markers of
            // transactions, so the end itself is a position.
            RDKafkaErrorCode::PartitionEOF => {
                own.next = own.next.max(event.offset);
                own.at_end = true;
                Ok(())
            }
            // librdkafka counts an end-of-partition event as a record, and may have asked for the
            // one behind it.
            RDKafkaErrorCode::AutoOffsetReset if own.at_end => {
                self.start_again(&event.topic, event.partition)
            }
            RDKafkaErrorCode::AutoOffsetReset => Err(Error::OutOfRange {
                topic: event.topic.clone(),
                partition: event.partition,
                offset: own.next,
                reason: event.text.clone(),
            }),
            code => {
                self.transient_errors
                    .partition(&event.topic, event.partition, code, &event.text)
            }
        }
    }
}

fn push(
    batches: &mut Batches,
    own: &Partition,
    message: Message<'_>,
    limits: BatchLimits,
) -> Result<(), Error> {
    let record = RecordRef {
        partition: u32::try_from(message.partition()).unwrap_or_default(),
        offset: u64::try_from(message.offset()).unwrap_or_default(),
        // It takes a call, and few plans ask for it.
        timestamp_ms: if batches.columns().timestamps {
            message.timestamp_ms()
        } else {
            -1
        },
        key: message.key(),
        value: message.value(),
    };
    let bytes = record.key.len() + record.value.len();
    let too_large = bytes > limits.largest_record();
    if too_large || batches.push(&own.topic, record).is_err() {
        return Err(Error::RecordTooLarge {
            topic: own.topic.name.clone(),
            partition: own.number,
            offset: message.offset(),
            bytes,
            memory_limit_bytes: limits.memory_limit_bytes,
        });
    }
    Ok(())
}

/// An event that arrived in a message's place.
struct PartitionEvent {
    topic: String,
    partition: i32,
    offset: i64,
    code: RDKafkaErrorCode,
    text: String,
}

impl PartitionEvent {
    fn of(message: Message<'_>, code: RDKafkaErrorCode) -> Self {
        Self {
            topic: message.topic_name().unwrap_or_default(),
            partition: message.partition(),
            offset: message.offset(),
            code,
            text: message.error_text(),
        }
    }
}
