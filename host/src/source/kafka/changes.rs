//! Topics that change while they are read: created later, created again, or with records that were deleted.
//!
//! librdkafka keeps the leader's epoch of a topic that was deleted. Where the new one has a lower epoch, it counts what
//! brokers say of it as outdated, and asks for records in vain. So a partition that starts again must bring something.

use std::task::Poll;
use std::time::Instant;

use super::KafkaSource;
use super::rebalance::Leaving;
use crate::journal::offsets::{Offsets, Partition};
use crate::kafka::Error;
use crate::source::Event;

/// Why a partition may not be readable at its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    /// librdkafka says that the offset is out of range.
    OutOfRange,
    /// It starts again in a topic that was created again, and nothing came.
    Silent,
}

impl KafkaSource {
    /// The event for partitions that were released to be read from another position. It comes before any rebalance.
    pub(super) fn next_return(&mut self) -> Option<Event> {
        if self.returning.is_empty() || self.arriving.is_some() {
            return None;
        }
        let partitions = self.returning.iter().map(|own| own.partition.clone());
        let partitions: Vec<_> = partitions.collect();
        self.arriving = Some(partitions.clone());
        Some(Event::Assigned(partitions))
    }

    /// The event of a change of the topics, between two rebalances.
    pub(super) fn next_change(&mut self) -> Result<Option<Event>, Error> {
        if self.arriving.is_some() || self.leaving.is_some() {
            return Ok(None);
        }
        if self.cluster.watch().version() == self.version {
            return Ok(None);
        }
        let watched = self.cluster.watched();
        self.version = watched.version;
        if watched.topics.len() > self.topics.len() {
            let names = watched.topics.iter().map(|own| own.topic.name.as_str());
            self.membership.subscribe(&names.collect::<Vec<_>>())?;
        }
        self.topics = watched.topics;
        if let Some(ends) = watched.new_ends {
            self.new_ends = Some(ends);
        }
        let partitions = self.assignment.created_again(&self.topics);
        if partitions.is_empty() {
            return Ok(None);
        }
        self.doubtful
            .retain(|(partition, _)| !partitions.contains(partition));
        let leaving = Leaving {
            partitions,
            lost: false,
            return_soon: true,
        };
        let event = leaving.event();
        self.leaving = Some(leaving);
        Ok(Some(event))
    }

    /// Answers that partitions of a topic that was created again start here.
    pub(super) fn read_again(&mut self, start: &Offsets) -> Result<(), Error> {
        for mut own in std::mem::take(&mut self.returning) {
            let Some(&next) = start.get(&own.partition) else {
                continue;
            };
            let mut topics = self.topics.iter();
            let watched = topics.find(|watched| watched.topic.name == own.topic.name);
            own.topic_id = watched.and_then(|watched| watched.id);
            own.next = next;
            own.at_end = false;
            own.held_back = false;
            own.returned = true;
            let partition = own.partition.clone();
            self.assignment.add(own);
            self.restart(&partition)?;
        }
        self.silent_since = Some(Instant::now());
        Ok(())
    }

    /// Has a partition looked at.
    pub(super) fn doubt(&mut self, partition: Partition, doubt: Doubt) {
        if !self.doubtful.iter().any(|(known, _)| *known == partition) {
            self.doubtful.push((partition, doubt));
        }
    }

    /// Looks at partitions that may not be readable.
    pub(super) fn look_at_doubtful(&mut self) -> Result<(), Error> {
        self.look_for_silent();
        let Some((partition, doubt)) = self.doubtful.first().cloned() else {
            return Ok(());
        };
        let range = match self.ranges.range(self.cluster.queries(), &partition) {
            Poll::Pending => return Ok(()),
            Poll::Ready(Ok(range)) => range,
            // It is asked again at the next look.
            Poll::Ready(Err(failed)) => return failed.note(&mut self.errors),
        };
        // The topics were looked at for the answer. If this one was created again, the partition starts again before it
        // is asked about again.
        if self.cluster.watch().version() != self.version {
            return Ok(());
        }
        self.doubtful.remove(0);
        let Some(own) = self.assignment.find_mut(&partition) else {
            return Ok(());
        };
        let (next, end) = (own.next, range.end);
        let is_in_range = range.contains(next);
        match doubt {
            Doubt::Silent if own.returned && is_in_range && next < end => {
                Err(Error::NotReadAgain {
                    topic: own.topic.name.clone(),
                    partition: partition.number,
                    seconds: self.cluster.watch().silence().as_secs(),
                    end,
                })
            }
            Doubt::Silent => Ok(()),
            Doubt::OutOfRange if is_in_range => self.restart(&partition),
            Doubt::OutOfRange => {
                let number = i32::try_from(partition.number).unwrap_or(i32::MAX);
                let offset = i64::try_from(next).unwrap_or(i64::MAX);
                let client = self.cluster.queries().client();
                Err(client.out_of_range(&partition.topic, number, offset, range))
            }
        }
    }

    fn look_for_silent(&mut self) {
        let silence = self.cluster.watch().silence();
        if self
            .silent_since
            .is_none_or(|since| since.elapsed() < silence)
        {
            return;
        }
        let silent = self.assignment.iter().filter(|own| own.returned);
        let silent: Vec<_> = silent.map(|own| own.partition.clone()).collect();
        self.silent_since = (!silent.is_empty()).then(Instant::now);
        for partition in silent {
            self.doubt(partition, Doubt::Silent);
        }
    }
}
