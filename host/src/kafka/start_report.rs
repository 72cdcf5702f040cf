//! What the cluster knows about the start of a run, asked once before its workers join the group.

use std::time::Duration;

use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::TopicPartitionListElem;
use rdkafka::{Offset, TopicPartitionList};

use super::cluster::check_range;
use super::error::Error;
use super::membership::list_at;
use super::query_client::QueryClient;
use crate::journal::offsets::Offsets;

/// The time limit for one request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// Refuses positions that are out of the range of their partitions.
pub(super) fn check_positions(client: &QueryClient, positions: &Offsets) -> Result<(), Error> {
    let at = |at| list_at(positions).and_then(|list| offsets(client, list, at));
    let ranges = || Ok((at(Offset::Beginning)?, at(Offset::End)?));
    let (first, last) =
        ranges().map_err(|source: KafkaError| Error::request("return the offsets", &source))?;
    let given = list_at(positions).map_err(|source| Error::request("take offsets", &source))?;
    check_range(&given, &first, &last)
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
