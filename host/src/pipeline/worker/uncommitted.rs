//! Rows that are durable and whose offsets are not known to be committed, because their partitions went before the
//! answer came.

use std::collections::BTreeMap;
use std::time::Instant;

use super::Worker;
use super::confirmation::Pause;
use crate::journal::offsets::{Offsets, Partition};
use crate::pipeline::failure::WorkerError;
use crate::source::TopicIdentity;

/// A range of offsets whose rows are durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) from: u64,
    pub(super) to: u64,
    /// The topic that its records are from.
    pub(super) topic: TopicIdentity,
}

/// The ranges that another worker may process again.
#[derive(Debug, Default)]
pub(super) struct Uncommitted {
    /// The last range of each partition that went.
    ranges: BTreeMap<Partition, Range>,
    /// Records of ranges before those.
    earlier: u64,
}

impl Uncommitted {
    /// The partition goes while the commit of this range is not confirmed.
    pub(super) fn add(&mut self, partition: Partition, range: Range) {
        let before = self.ranges.insert(partition, range);
        self.earlier += before.map_or(0, |range| range.to - range.from);
    }

    /// Partitions come and start here. The one that nobody has committed since starts after the rows that this worker
    /// wrote; the answer has these with their positions.
    fn resume(&mut self, start: &mut Offsets) -> Offsets {
        let mut resumed = Offsets::new();
        for (partition, next) in start {
            let Some(range) = self.ranges.remove(partition) else {
                continue;
            };
            if *next == range.from {
                resumed.insert(partition.clone(), range.from);
                *next = range.to;
            } else if *next != range.to {
                // Another worker went on from one of both ends.
                self.earlier += range.to - range.from;
            }
        }
        resumed
    }

    /// Forgets the records of topics that were deleted, which nobody can read again; `now` answers which topic exists
    /// now. In a topic that was created again, the same offsets are other records.
    fn forget_deleted(&mut self, now: impl Fn(&Partition) -> TopicIdentity) {
        self.ranges
            .retain(|partition, range| !range.topic.was_deleted(now(partition)));
    }

    /// Forgets the ranges whose end is committed: no other worker ends a checkpoint exactly there.
    fn forget(&mut self, is_committed: impl Fn(&Partition, u64) -> bool) {
        self.ranges
            .retain(|partition, range| !is_committed(partition, range.to));
    }

    /// Records that may be in the outputs twice, now or after the next run.
    pub(super) fn records(&self) -> u64 {
        let ranges = self.ranges.values();
        self.earlier + ranges.map(|range| range.to - range.from).sum::<u64>()
    }
}

impl Worker {
    /// Partitions that come back before anyone has committed them go on after the rows that are durable already.
    pub(super) fn resume_after_durable_rows(&mut self, start: &mut Offsets) -> Offsets {
        let source = &self.source;
        self.uncommitted.forget_deleted(|one| source.topic_of(one));
        let resumed = self.uncommitted.resume(start);
        self.show_unconfirmed();
        for (partition, from) in &resumed {
            tracing::debug!(
                "{partition} is back, and nobody has committed it since: its rows from offset {from} to {} are not \
                 written again",
                start[partition]
            );
        }
        resumed
    }

    /// Fails if rows of this worker may be in the outputs twice although the run ended well.
    pub(super) fn check_uncommitted(&mut self) -> Result<(), WorkerError> {
        let source = &self.source;
        self.uncommitted.forget_deleted(|one| source.topic_of(one));
        let end = Instant::now() + self.settings.deadlines.revoke;
        let of: Vec<_> = self.uncommitted.ranges.keys().cloned().collect();
        let mut pause = Pause::default();
        while !of.is_empty() && Instant::now() < end {
            if let std::task::Poll::Ready(committed) = self.deciding_store().committed(&of)? {
                self.uncommitted.forget(|partition, to| {
                    let found = committed.get(partition).and_then(Option::as_ref);
                    found.is_some_and(|found| found.next == to)
                });
                break;
            }
            self.source.keep_alive()?;
            std::thread::sleep(pause.next());
        }
        match self.uncommitted.records() {
            0 => Ok(()),
            records => Err(WorkerError::MayComeAgain { records }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(number: u32) -> Partition {
        Partition {
            topic: "t".into(),
            number,
        }
    }

    fn range(from: u64, to: u64) -> Range {
        let topic = TopicIdentity::Known(1);
        Range { from, to, topic }
    }

    fn at(next: u64) -> Offsets {
        Offsets::from([(partition(0), next)])
    }

    #[test]
    fn range_is_resumed_where_nobody_has_committed_since() {
        for (committed, start, resumed, records) in [
            (10, 15, true, 0),
            // The commit was received although no answer came.
            (15, 15, false, 0),
            // Another worker went on, from 10 or from 15.
            (20, 20, false, 5),
            // Somebody went back.
            (0, 0, false, 5),
        ] {
            let mut uncommitted = Uncommitted::default();
            uncommitted.add(partition(0), range(10, 15));
            assert_eq!(uncommitted.records(), 5);
            let mut offsets = at(committed);
            let found = uncommitted.resume(&mut offsets);
            assert_eq!(offsets, at(start), "{committed}");
            assert_eq!(found, if resumed { at(10) } else { Offsets::new() });
            assert_eq!(uncommitted.records(), records, "{committed}");
        }
    }

    #[test]
    fn every_range_is_counted_until_its_end_is_committed() {
        let mut uncommitted = Uncommitted::default();
        uncommitted.add(partition(0), range(10, 15));
        uncommitted.add(partition(0), range(30, 32));
        uncommitted.add(partition(1), range(0, 1));
        assert_eq!(uncommitted.records(), 8);
        uncommitted.forget(|partition, to| partition.number == 0 && to == 32);
        assert_eq!(uncommitted.records(), 6);
    }
}
