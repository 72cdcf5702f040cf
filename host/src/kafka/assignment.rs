//! The partitions that a worker has, and its position in each.

use std::collections::HashMap;
use std::sync::Arc;

use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};

use super::native::{Message, Queue};
use crate::journal::batch::Topic;

/// One assigned partition.
///
/// Invariant: `confirmed <= durable <= next`, each being the offset behind the last record of its
/// kind.
#[derive(Debug)]
pub(super) struct Partition {
    pub(super) topic: Arc<Topic>,
    pub(super) number: i32,
    /// Behind the last record handed out or passed over; anything below it is a repetition.
    pub(super) next: i64,
    /// Behind the last record whose outputs are durable.
    pub(super) durable: i64,
    /// Behind the last record whose commit was confirmed.
    pub(super) confirmed: i64,
    /// Whether nothing came after an end-of-partition event.
    pub(super) at_end: bool,
    /// Keeps the partition's messages flowing into the worker's data queue.
    pub(super) _forwarded: Queue,
}

/// The partitions of one worker, found by a message in a few nanoseconds.
#[derive(Debug, Default)]
pub(super) struct Assignment {
    partitions: Vec<Partition>,
    /// From a topic's name and a partition to a place in `partitions`.
    by_name: HashMap<String, HashMap<i32, usize>>,
    /// From librdkafka's topic handle and partition to a place in `partitions`.
    by_handle: HashMap<(usize, i32), Option<usize>>,
    /// The answer given last: messages come in runs of one partition.
    last: Option<(usize, i32, usize)>,
}

impl Assignment {
    pub(super) fn is_empty(&self) -> bool {
        self.partitions.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Partition> {
        self.partitions.iter()
    }

    pub(super) fn find(&self, topic: &str, number: i32) -> Option<&Partition> {
        self.partitions.get(self.place(topic, number)?)
    }

    pub(super) fn find_mut(&mut self, topic: &str, number: i32) -> Option<&mut Partition> {
        let place = self.place(topic, number)?;
        self.partitions.get_mut(place)
    }

    fn place(&self, topic: &str, number: i32) -> Option<usize> {
        self.by_name.get(topic)?.get(&number).copied()
    }

    /// The partition of a message, unless it is no longer assigned.
    pub(super) fn of_message(&mut self, message: Message<'_>) -> Option<&mut Partition> {
        let (handle, number) = (message.topic_handle(), message.partition());
        if let Some((last_handle, last_number, place)) = self.last
            && last_handle == handle
            && last_number == number
        {
            return self.partitions.get_mut(place);
        }
        let partitions = &self.partitions;
        let place = *self.by_handle.entry((handle, number)).or_insert_with(|| {
            let topic = message.topic_name()?;
            partitions
                .iter()
                .position(|own| own.number == number && own.topic.name == topic)
        });
        self.last = place.map(|place| (handle, number, place));
        self.partitions.get_mut(place?)
    }

    pub(super) fn add(&mut self, partition: Partition) {
        self.by_handle.clear();
        self.last = None;
        let topic = self.by_name.entry(partition.topic.name.clone());
        topic
            .or_default()
            .insert(partition.number, self.partitions.len());
        self.partitions.push(partition);
    }

    pub(super) fn remove(&mut self, gone: &TopicPartitionList) {
        self.partitions
            .retain(|own| gone.find_partition(&own.topic.name, own.number).is_none());
        self.find_places();
    }

    /// Drops what was handed out since the last checkpoint.
    pub(super) fn rewind(&mut self) {
        for partition in &mut self.partitions {
            partition.next = partition.durable;
            partition.at_end = false;
        }
    }

    /// Everything handed out so far has durable outputs.
    pub(super) fn mark_durable(&mut self) {
        for partition in &mut self.partitions {
            partition.durable = partition.next;
        }
    }

    /// The offsets whose commit is not confirmed.
    pub(super) fn unconfirmed(&self) -> Result<TopicPartitionList, KafkaError> {
        let mut list = TopicPartitionList::new();
        for own in self
            .partitions
            .iter()
            .filter(|own| own.durable != own.confirmed)
        {
            list.add_partition_offset(&own.topic.name, own.number, Offset::Offset(own.durable))?;
        }
        Ok(list)
    }

    /// Offsets between the last confirmed commits and the durable outputs.
    pub(super) fn unconfirmed_records(&self) -> u64 {
        let gap = |own: &Partition| u64::try_from(own.durable - own.confirmed).unwrap_or(0);
        self.partitions.iter().map(gap).sum()
    }

    /// The places move when partitions come and go, and a handle may be used again.
    fn find_places(&mut self) {
        self.by_handle.clear();
        self.last = None;
        self.by_name.clear();
        for (place, own) in self.partitions.iter().enumerate() {
            let topic = self.by_name.entry(own.topic.name.clone()).or_default();
            topic.insert(own.number, place);
        }
    }
}
