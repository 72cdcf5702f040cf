//! The partitions that a worker has, and its position in each.

use std::collections::HashMap;
use std::sync::Arc;

use crate::journal::batch::Topic;
use crate::journal::offsets::Partition;
use crate::kafka::{Message, Queue, TopicId, WatchedTopic};

/// One assigned partition.
#[derive(Debug)]
pub(super) struct Assigned {
    pub(super) partition: Partition,
    pub(super) topic: Arc<Topic>,
    /// The identifier of the topic that is read; none while it is not known.
    pub(super) topic_id: Option<TopicId>,
    /// Whether it starts again, in a topic that was created again, and nothing came of it yet.
    pub(super) returned: bool,
    /// The offset after the last record that was handed out or passed over; anything below it is a repetition.
    pub(super) next: u64,
    /// Whether nothing came after an end-of-partition event.
    pub(super) at_end: bool,
    /// Whether records from `next` on were read and dropped, because a poll was to stop before them.
    pub(super) held_back: bool,
    /// Keeps the partition's messages flowing into the worker's data queue.
    pub(super) forwarded: Queue,
}

/// The partitions of one worker, found by a message in a few nanoseconds.
#[derive(Debug, Default)]
pub(super) struct Assignment {
    partitions: Vec<Assigned>,
    /// From a partition to its index in `partitions`.
    by_name: HashMap<Partition, usize>,
    /// From librdkafka's topic handle and partition to an index in `partitions`.
    by_handle: HashMap<(usize, i32), Option<usize>>,
    /// The answer given last: messages come in runs of one partition.
    last: Option<(usize, i32, usize)>,
}

impl Assignment {
    pub(super) fn is_empty(&self) -> bool {
        self.partitions.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Assigned> {
        self.partitions.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Assigned> {
        self.partitions.iter_mut()
    }

    pub(super) fn find(&self, partition: &Partition) -> Option<&Assigned> {
        let index = *self.by_name.get(partition)?;
        self.partitions.get(index)
    }

    pub(super) fn find_mut(&mut self, partition: &Partition) -> Option<&mut Assigned> {
        let index = *self.by_name.get(partition)?;
        self.partitions.get_mut(index)
    }

    /// The partition of a message, unless it is no longer assigned.
    pub(super) fn of_message(&mut self, message: Message<'_>) -> Option<&mut Assigned> {
        let (handle, number) = (message.topic_handle(), message.partition());
        if let Some((last_handle, last_number, index)) = self.last
            && last_handle == handle
            && last_number == number
        {
            return self.partitions.get_mut(index);
        }
        let by_name = &self.by_name;
        let index = *self.by_handle.entry((handle, number)).or_insert_with(|| {
            let partition = Partition {
                topic: message.topic_name()?.into(),
                number: u32::try_from(number).ok()?,
            };
            by_name.get(&partition).copied()
        });
        self.last = index.map(|index| (handle, number, index));
        self.partitions.get_mut(index?)
    }

    pub(super) fn add(&mut self, assigned: Assigned) {
        self.by_handle.clear();
        self.last = None;
        self.by_name
            .insert(assigned.partition.clone(), self.partitions.len());
        self.partitions.push(assigned);
    }

    /// The partitions whose topic was created again; the others learn the identifiers that were not known.
    pub(super) fn created_again(&mut self, topics: &[WatchedTopic]) -> Vec<Partition> {
        let mut again = Vec::new();
        for own in &mut self.partitions {
            let mut topics = topics.iter();
            let watched = topics.find(|watched| watched.topic.name == own.topic.name);
            let id = watched.and_then(|watched| watched.id);
            match (own.topic_id, id) {
                (Some(read), Some(exists)) if read != exists => again.push(own.partition.clone()),
                _ => own.topic_id = own.topic_id.or(id),
            }
        }
        again
    }

    /// The indexes move, and librdkafka may use a handle again.
    pub(super) fn remove(&mut self, gone: &[Partition]) -> Vec<Assigned> {
        let own = std::mem::take(&mut self.partitions).into_iter();
        let (removed, stay) = own.partition(|own| gone.contains(&own.partition));
        self.partitions = stay;
        self.by_handle.clear();
        self.last = None;
        let names = self.partitions.iter().enumerate();
        self.by_name = names
            .map(|(index, own)| (own.partition.clone(), index))
            .collect();
        removed
    }
}
