//! From messages to batches.

use std::sync::Arc;

use super::KafkaSource;
use super::assignment::Assigned;
use super::changes::Doubt;
use crate::journal::batch::{Batches, RecordRef, Topic};
use crate::journal::offsets::{Offsets, Partition};
use crate::kafka::{Error, Message, PartitionEvent};
use crate::privacy::NotPushed;
use crate::source::{BatchLimits, SourceError};

impl KafkaSource {
    /// Moves messages into `batches` up to the limits; what does not fit waits.
    pub(super) fn gather(
        &mut self,
        batches: &mut Batches,
        limits: BatchLimits,
        until: Option<&Offsets>,
    ) -> Result<(), SourceError> {
        if let Some(guard) = &mut self.guard {
            guard.begin();
        }
        while let Some(message) = self.messages.front() {
            if let Some(event) = message.event() {
                self.messages.advance();
                self.partition_event(&event)?;
                continue;
            }
            let bytes = message.key().len() + message.value().len();
            let full = batches.records() == limits.records
                || (!batches.is_empty() && batches.bytes() + bytes > limits.bytes);
            let Some(own) = self.assignment.of_message(message) else {
                self.messages.advance();
                continue;
            };
            let offset = offset_of(message);
            if let Some(until) = until
                && own.must_wait(offset, until)
            {
                self.messages.advance();
                continue;
            }
            let repeated = offset < own.next;
            let unwanted = message.value().is_empty() && !self.tombstones;
            if !repeated && !unwanted {
                if full {
                    break;
                }
                let record = record_of(own, message, batches.columns().timestamps);
                match &mut self.guard {
                    None => push(batches, &own.topic, record, limits)?,
                    Some(guard) => {
                        let largest = limits.largest_record();
                        let pushed = guard.push(batches, &own.topic, record, largest);
                        let bytes = match pushed {
                            Ok(()) => None,
                            Err(NotPushed::Refused(refused)) => return Err(refused.into()),
                            Err(NotPushed::TooLarge(bytes)) => Some(bytes),
                            Err(NotPushed::Batch(_)) => Some(bytes),
                        };
                        if let Some(bytes) = bytes {
                            return Err(too_large(&own.topic, record, bytes, limits).into());
                        }
                    }
                }
            }
            own.next = own.next.max(offset + 1);
            own.at_end = false;
            own.returned = false;
            self.messages.advance();
        }
        if !batches.is_empty() {
            self.errors.over();
        }
        if let Some(guard) = &mut self.guard {
            guard.finish(batches);
        }
        Ok(())
    }

    /// Partitions whose records were held back are read again from their position, once that is not the end of what
    /// may be handed out.
    pub(super) fn go_on_beyond(&mut self, until: Option<&Offsets>) -> Result<(), Error> {
        for own in self.assignment.iter_mut().filter(|own| own.held_back) {
            let end = until.and_then(|until| until.get(&own.partition));
            if end.is_none_or(|&end| own.next < end) {
                own.held_back = false;
                self.membership.seek(&own.partition, own.next)?;
            }
        }
        Ok(())
    }

    fn partition_event(&mut self, event: &PartitionEvent) -> Result<(), Error> {
        let partition = Partition {
            topic: event.topic.as_str().into(),
            number: u32::try_from(event.partition).unwrap_or_default(),
        };
        let Some(own) = self.assignment.find_mut(&partition) else {
            return Ok(());
        };
        if event.is_end() {
            own.returned = false;
            // A partition may end in records that are never handed out, such as the markers of transactions, so the
            // end itself is a position.
            if !own.held_back {
                let end = u64::try_from(event.offset).unwrap_or_default();
                own.next = own.next.max(end);
                own.at_end = true;
            }
            return Ok(());
        }
        if !event.is_out_of_range() {
            return self.errors.partition(event);
        }
        if own.at_end {
            // librdkafka counts an end-of-partition event as a record, and may have asked for the one after it.
            return self.restart(&partition);
        }
        self.doubt(partition, Doubt::OutOfRange);
        Ok(())
    }
}

impl Assigned {
    /// Whether the record at `offset` is beyond what may be handed out; it is then read again later.
    fn must_wait(&mut self, offset: u64, until: &Offsets) -> bool {
        if let Some(&end) = until.get(&self.partition)
            && offset >= end
        {
            self.held_back = true;
            // No record is left before it, also where the offsets have a gap.
            self.next = self.next.max(end);
        }
        // A record that waits makes all after it wait, too.
        self.held_back
    }
}

fn offset_of(message: Message<'_>) -> u64 {
    u64::try_from(message.offset()).unwrap_or_default()
}

fn record_of<'a>(own: &Assigned, message: Message<'a>, timestamps: bool) -> RecordRef<'a> {
    RecordRef {
        partition: own.partition.number,
        offset: offset_of(message),
        // It takes a call, and few plans ask for it.
        timestamp_ms: if timestamps {
            message.timestamp_ms()
        } else {
            -1
        },
        key: message.key(),
        value: message.value(),
    }
}

fn push(
    batches: &mut Batches,
    topic: &Arc<Topic>,
    record: RecordRef<'_>,
    limits: BatchLimits,
) -> Result<(), Error> {
    let bytes = record.key.len() + record.value.len();
    if bytes > limits.largest_record() || batches.push(topic, record).is_err() {
        return Err(too_large(topic, record, bytes, limits));
    }
    Ok(())
}

fn too_large(topic: &Topic, record: RecordRef<'_>, bytes: usize, limits: BatchLimits) -> Error {
    Error::RecordTooLarge {
        topic: topic.name.clone(),
        partition: record.partition,
        offset: record.offset,
        bytes,
        memory_limit_bytes: limits.memory_limit_bytes,
    }
}
