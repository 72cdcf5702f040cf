//! What the cluster knows about the start of a run, asked once before its workers join the group.

use std::time::Duration;

use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::TopicPartitionListElem;
use rdkafka::{Offset, TopicPartitionList};

use super::ends::check_range;
use super::error::Error;
use super::membership::{list_at, list_of, partitions};
use super::queries::committed;
use super::query_client::QueryClient;
use crate::journal::offsets::{Offsets, Partition, Positions};

/// The time limit for one request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// The committed offsets of a group, and what is missing in them.
#[derive(Debug)]
pub(crate) struct GroupOffsets {
    /// The committed positions of the partitions that the run reads.
    pub(crate) committed: Positions,
    /// The partitions without a committed position that hold records.
    pub(crate) missing: Vec<Partition>,
}

/// Compares what a group has committed for these partitions with what they hold.
pub(super) fn group_offsets(
    client: &QueryClient,
    of: &[Partition],
    had_offsets: bool,
) -> Result<Option<GroupOffsets>, KafkaError> {
    let committed = committed(client, of)?;
    let without = of.iter();
    let without = without.filter(|one| committed.get(one).is_none_or(Option::is_none));
    let without: Vec<Partition> = without.cloned().collect();
    let mut missing = Vec::new();
    if without.len() == of.len() && !had_offsets {
        return Ok(None);
    }
    // Members of the group may be about to commit the others.
    if !without.is_empty() && client.group_is_empty()? {
        let first = offsets(client, list_of(&without), Offset::Beginning)?;
        let last = offsets(client, list_of(&without), Offset::End)?;
        for (partition, end) in partitions(&last).into_iter().zip(last.elements()) {
            let first = first.find_partition(end.topic(), end.partition());
            if first.is_some_and(|first| first.offset() != end.offset()) {
                missing.push(partition);
            }
        }
    }
    Ok(Some(GroupOffsets { committed, missing }))
}

/// Refuses positions that are out of the range of their partitions.
pub(super) fn check_positions(client: &QueryClient, positions: &Offsets) -> Result<(), Error> {
    let at = |at| list_at(positions).and_then(|list| offsets(client, list, at));
    let ranges = || Ok((at(Offset::Beginning)?, at(Offset::End)?));
    let (first, last) =
        ranges().map_err(|source: KafkaError| Error::request("return the offsets", &source))?;
    let given = list_at(positions).map_err(|source| Error::request("take offsets", &source))?;
    check_range(client, &given, &first, &last)
}

fn offsets(
    client: &QueryClient,
    mut list: TopicPartitionList,
    at: Offset,
) -> Result<TopicPartitionList, KafkaError> {
    list.set_all_offsets(at)?;
    let found = client.offsets(list, REQUEST_TIMEOUT)?;
    let elements = found.elements();
    elements
        .iter()
        .try_for_each(TopicPartitionListElem::error)?;
    Ok(found)
}
