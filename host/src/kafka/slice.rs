//! Reads given ranges of partitions, without a consumer group.

use std::collections::BTreeMap;
use std::time::Duration;

use super::clients;
use super::error::Error;
use super::membership::Membership;
use super::native::{Message, Messages, PartitionEvent, Queue};
use super::settings::Settings;
use super::transient_errors::TransientErrors;
use crate::journal::offsets::{Offsets, Partition};

/// Reads partitions from given offsets on. It never joins a group and never commits.
///
/// The order of the fields matters: queues and messages are dropped before the membership.
pub(crate) struct SliceReader {
    messages: Messages,
    forwarded: BTreeMap<Partition, Queue>,
    data: Queue,
    membership: Membership,
    errors: TransientErrors,
}

impl SliceReader {
    /// Starts to read.
    ///
    /// # Errors
    /// When a setting is wrong, or librdkafka refuses the partitions.
    pub(crate) fn start(settings: &Settings, from: &Offsets) -> Result<Self, Error> {
        let consumer = clients::connecting(&settings.for_worker(0, 1))?;
        let membership = Membership::new(consumer)?;
        let data = membership.queue("messages")?;
        let forward = |partition: &Partition| {
            let queue = membership.forward(partition, &data)?;
            Ok::<_, Error>((partition.clone(), queue))
        };
        let forwarded = from.keys().map(forward).collect::<Result<_, _>>()?;
        membership.assign(from)?;
        Ok(Self {
            messages: Messages::default(),
            forwarded,
            data,
            membership,
            errors: TransientErrors::default(),
        })
    }

    /// Reads up to `most` messages, if none waits. Waits for the first one. Returns the partitions of which a record took
    /// another way and is lost, which have to be [read again](Self::restart).
    ///
    /// # Errors
    /// What no waiting mends.
    pub(crate) fn read(&mut self, most: usize, wait: Duration) -> Result<Vec<Partition>, Error> {
        let strays = self.membership.serve_without_group(&mut self.errors)?;
        self.messages.read(&self.data, most, wait);
        if self
            .front()
            .is_some_and(|message| message.event().is_none())
        {
            self.errors.over();
        }
        Ok(strays)
    }

    /// Reads a partition again from this offset on.
    ///
    /// # Errors
    /// When librdkafka refuses it.
    pub(crate) fn restart(&self, partition: &Partition, next: u64) -> Result<(), Error> {
        self.membership.restart(partition, next)
    }

    /// The message at the front.
    pub(crate) fn front(&self) -> Option<Message<'_>> {
        self.messages.front()
    }

    /// Drops the message at the front.
    pub(crate) fn advance(&mut self) {
        self.messages.advance();
    }

    /// Reads no more of a partition. Returns whether it was read until now.
    pub(crate) fn finish(&mut self, partition: &Partition) -> bool {
        if self.forwarded.remove(partition).is_none() {
            return false;
        }
        self.membership.unassign(std::slice::from_ref(partition));
        true
    }

    /// An event of a partition that is neither its end nor an offset out of range.
    ///
    /// # Errors
    /// What no waiting mends.
    pub(crate) fn note(&mut self, event: &PartitionEvent) -> Result<(), Error> {
        self.errors.partition(event)
    }

    /// Whether the brokers are being waited for.
    #[must_use]
    pub(crate) fn is_waiting(&self) -> bool {
        self.errors.is_waiting()
    }
}

impl Drop for SliceReader {
    /// The consumer's own drop waits for ever where a partition stays assigned.
    fn drop(&mut self) {
        let partitions: Vec<Partition> = self.forwarded.keys().cloned().collect();
        self.membership.unassign(&partitions);
        self.membership.abandon_assignment(None, None);
    }
}
