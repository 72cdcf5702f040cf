//! The ends of partitions at the start of a run, and whether committed offsets lie before them.

use std::sync::Arc;
use std::time::Instant;

use rdkafka::TopicPartitionList;
use rdkafka::error::KafkaError;
use rdkafka::metadata::Metadata;

use super::cluster::{ANSWER_TIMEOUT, RETRY_AFTER};
use super::error::Error;
use super::membership::partitions as partitions_of;
use super::native;
use super::notes;
use super::query_client::QueryClient;
use crate::journal::batch::Topic;
use crate::journal::group_offsets::LogRange;
use crate::journal::offsets::Offsets;

/// The ends of the partitions that hold records. Refuses committed offsets of the group that its partitions do not have.
pub(super) fn fetch_ends(
    query_client: &QueryClient,
    metadata: &Metadata,
    topics: &[Arc<Topic>],
    has_group: bool,
) -> Result<Offsets, Error> {
    let offsets = |at: rdkafka::Offset| -> Result<TopicPartitionList, KafkaError> {
        let mut list = partitions(metadata, topics);
        list.set_all_offsets(at)?;
        query_client.offsets(list, ANSWER_TIMEOUT)
    };
    // A failure to read the offsets of the group is not reported here: the workers report it with the reason.
    let committed = || {
        if !has_group {
            return TopicPartitionList::new();
        }
        let committed = query_client.committed(partitions(metadata, topics));
        committed.unwrap_or_else(|error| {
            tracing::debug!("the group's offsets are not known: {error}");
            TopicPartitionList::new()
        })
    };
    let started = Instant::now();
    loop {
        // The committed offsets are read first, so that a commit between the two requests is not beyond the end.
        let committed = committed();
        let found = offsets(rdkafka::Offset::Beginning).and_then(|first| {
            let last = offsets(rdkafka::Offset::End)?;
            Ok((ends(&first, &last)?, first, last))
        });
        match found {
            Ok((ends, first, last)) => {
                check_range(query_client, &committed, &first, &last)?;
                return Ok(ends);
            }
            Err(source) if started.elapsed() >= ANSWER_TIMEOUT => {
                return Err(Error::request("return the ends of the partitions", &source));
            }
            // A partition may be between two leaders.
            Err(error) => tracing::debug!("requesting the ends again: {error}"),
        }
        std::thread::sleep(RETRY_AFTER);
    }
}

/// The ends of the partitions that hold records, from the first offsets and the end offsets of all partitions.
fn ends(first: &TopicPartitionList, last: &TopicPartitionList) -> Result<Offsets, KafkaError> {
    let mut ends = Offsets::new();
    for (partition, end) in partitions_of(last).into_iter().zip(last.elements()) {
        end.error()?;
        let start = first.find_partition(end.topic(), end.partition());
        let start = start.and_then(|start| start.offset().to_raw()).unwrap_or(0);
        let offset = end.offset().to_raw().unwrap_or(0);
        if offset > start {
            ends.insert(partition, u64::try_from(offset).unwrap_or_default());
        }
    }
    Ok(ends)
}

fn partitions(metadata: &Metadata, topics: &[Arc<Topic>]) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for topic in metadata.topics() {
        if topics.iter().any(|wanted| wanted.name == topic.name()) {
            for partition in topic.partitions() {
                list.add_partition(topic.name(), partition.id());
            }
        }
    }
    list
}

/// A committed offset out of range would count as the end of the partition before librdkafka asks for a record there.
/// One that belongs to a topic that was deleted is read from the beginning instead.
pub(super) fn check_range(
    query_client: &QueryClient,
    committed: &TopicPartitionList,
    first: &TopicPartitionList,
    last: &TopicPartitionList,
) -> Result<(), Error> {
    for (element, note) in committed.elements().iter().zip(native::notes(committed)) {
        let (topic, partition) = (element.topic(), element.partition());
        let raw = |list: &TopicPartitionList| {
            let found = list.find_partition(topic, partition)?;
            found.offset().to_raw()
        };
        if let (rdkafka::Offset::Offset(offset), Some(first), Some(last)) =
            (element.offset(), raw(first), raw(last))
            && !(first..=last).contains(&offset)
            && !is_of_another_topic(query_client, topic, &note)
        {
            let range = LogRange {
                first: u64::try_from(first).unwrap_or_default(),
                end: u64::try_from(last).unwrap_or_default(),
            };
            return Err(query_client.out_of_range(topic, partition, offset, range));
        }
    }
    Ok(())
}

fn is_of_another_topic(query_client: &QueryClient, topic: &str, note: &str) -> bool {
    let described = query_client.describe_topics(&[topic], ANSWER_TIMEOUT);
    let existing = described.ok().and_then(|topics| topics.first()?.id);
    notes::is_of_another_topic(notes::split(note).1, existing)
}
