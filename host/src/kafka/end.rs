//! When a run that stops at the end of the data has reached it.

use std::time::{Duration, Instant};

use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};

use super::assignment::Assignment;
use super::query_client::QueryClient;

/// How often the group's committed offsets are asked for while this worker has nothing to do.
const ASK_EVERY: Duration = Duration::from_millis(250);

/// The end of every partition that held a record when the process started.
#[derive(Debug)]
pub(super) struct Ends {
    partitions: Vec<End>,
}

#[derive(Clone, Debug)]
struct End {
    topic: String,
    partition: i32,
    /// The offset behind the last record.
    offset: i64,
}

impl Ends {
    /// From the first offsets of all partitions and those behind their last records.
    pub(super) fn new(
        first: &TopicPartitionList,
        last: &TopicPartitionList,
    ) -> Result<Self, KafkaError> {
        let mut partitions = Vec::new();
        for end in last.elements() {
            end.error()?;
            let start = first.find_partition(end.topic(), end.partition());
            let start = start.and_then(|start| start.offset().to_raw()).unwrap_or(0);
            let offset = end.offset().to_raw().unwrap_or(0);
            if offset > start {
                let (topic, partition) = (end.topic().to_owned(), end.partition());
                partitions.push(End {
                    topic,
                    partition,
                    offset,
                });
            }
        }
        Ok(Self { partitions })
    }
}

/// One worker's view of how far the group is from the ends.
///
/// A partition is done when this worker's own position or the group's committed offset has reached
/// its end. Having no partition says nothing: another member may still work on its own.
#[derive(Debug)]
pub(super) struct EndTracker {
    open: Vec<End>,
    asked: Option<Instant>,
}

/// What the tracker found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reached {
    /// This worker's own partitions still have records.
    NotYet,
    /// This worker has read its own, the others of the group have not committed theirs.
    OwnPartitions,
    /// Everything.
    All,
}

impl EndTracker {
    pub(super) fn new(ends: &Ends) -> Self {
        Self {
            open: ends.partitions.clone(),
            asked: None,
        }
    }

    /// Looks at the worker's own positions, and asks for the group's commits now and then.
    pub(super) fn look(&mut self, query_client: &QueryClient, assignment: &Assignment) -> Reached {
        self.open.retain(|end| {
            let own = assignment.find(&end.topic, end.partition);
            own.is_none_or(|own| own.next < end.offset)
        });
        if self.open.is_empty() {
            return Reached::All;
        }
        if self
            .open
            .iter()
            .any(|end| assignment.find(&end.topic, end.partition).is_some())
        {
            return Reached::NotYet;
        }
        if self.asked.is_none_or(|asked| asked.elapsed() >= ASK_EVERY) {
            self.asked = Some(Instant::now());
            self.ask(query_client);
        }
        if self.open.is_empty() {
            Reached::All
        } else {
            Reached::OwnPartitions
        }
    }

    /// A question that fails is asked again later: it says nothing about the end.
    fn ask(&mut self, query_client: &QueryClient) {
        let mut list = TopicPartitionList::new();
        for end in &self.open {
            list.add_partition(&end.topic, end.partition);
        }
        match query_client.committed(list) {
            Err(error) => tracing::debug!("the group's offsets are not known: {error}"),
            Ok(committed) => self.open.retain(|end| {
                let found = committed.find_partition(&end.topic, end.partition);
                let offset = found.map(|found| found.offset());
                !matches!(offset, Some(Offset::Offset(offset)) if offset >= end.offset)
            }),
        }
    }
}
