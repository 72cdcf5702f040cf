//! Finds out when a run that stops at the end of the data has reached it.

use std::task::Poll;
use std::time::{Duration, Instant};

use crate::journal::offsets::{OffsetStore, Offsets, Partition, Position, StoreError};

/// The interval between requests for the committed offsets of others while this worker is idle.
const ASK_EVERY: Duration = Duration::from_millis(250);

/// One worker's view of how far all workers are from the ends.
///
/// A partition is done when this worker's own position or the committed offset has reached its end. A worker without
/// partitions knows nothing: another worker may still read its own.
#[derive(Debug)]
pub(super) struct EndTracker {
    /// The end of every partition that held a record when the run started.
    ends: Offsets,
    /// The ends of the partitions that are not known to be done.
    open: Offsets,
    asked: Option<Instant>,
}

/// How far the workers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reached {
    /// This worker's own partitions still have records.
    NotYet,
    /// This worker has finished its own partitions, and others have not committed the end of theirs.
    OwnPartitions,
    /// All partitions are done.
    All,
}

impl EndTracker {
    pub(super) fn new(ends: Offsets) -> Self {
        Self {
            open: ends.clone(),
            ends,
            asked: None,
        }
    }

    /// Treats all partitions as not done: an end that was reached in a lost partition does not count.
    pub(super) fn start_over(&mut self) {
        self.open = self.ends.clone();
    }

    /// Goes on with other ends: those of a topic that was deleted, or created again, changed.
    pub(super) fn replace(&mut self, ends: Offsets) {
        self.ends = ends;
        self.start_over();
    }

    /// Compares the ends with the worker's own positions, and at intervals with the committed offsets that count: not those
    /// of a topic that was deleted.
    ///
    /// # Errors
    /// Those of the store.
    pub(super) fn look(
        &mut self,
        position: &Offsets,
        store: &mut dyn OffsetStore,
        counts: &dyn Fn(&Partition, &Position) -> bool,
    ) -> Result<Reached, StoreError> {
        let is_open = |partition: &Partition, end: &mut u64| {
            position.get(partition).is_none_or(|next| next < end)
        };
        self.open.retain(is_open);
        if self.open.keys().any(|own| position.contains_key(own)) {
            return Ok(Reached::NotYet);
        }
        if self.asked.is_none_or(|asked| asked.elapsed() >= ASK_EVERY) {
            self.ask(store, counts)?;
        }
        Ok(if self.open.is_empty() {
            Reached::All
        } else {
            Reached::OwnPartitions
        })
    }

    /// The partitions that are not known to be done.
    pub(super) fn open(&self) -> impl ExactSizeIterator<Item = &Partition> {
        self.open.keys()
    }

    fn ask(
        &mut self,
        store: &mut dyn OffsetStore,
        counts: &dyn Fn(&Partition, &Position) -> bool,
    ) -> Result<(), StoreError> {
        let of: Vec<_> = self.open.keys().cloned().collect();
        if let Poll::Ready(committed) = store.committed(&of)? {
            self.asked = Some(Instant::now());
            self.open.retain(|partition, end| {
                let found = committed.get(partition).and_then(Option::as_ref);
                !found.is_some_and(|found| found.next >= *end && counts(partition, found))
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::offsets::NoStore;

    fn offsets(pairs: &[(&str, u64)]) -> Offsets {
        let offset = |&(topic, offset): &(&str, u64)| {
            let partition = Partition {
                topic: topic.into(),
                number: 0,
            };
            (partition, offset)
        };
        pairs.iter().map(offset).collect()
    }

    #[test]
    fn ends_that_changed_are_those_that_count() {
        let mut end = EndTracker::new(offsets(&[("a", 10), ("b", 10)]));
        let position = offsets(&[("a", 10), ("b", 3)]);
        let look = |end: &mut EndTracker| {
            let found = end.look(&position, &mut NoStore::default(), &|_, _| true);
            found.unwrap()
        };
        assert_eq!(look(&mut end), Reached::NotYet);
        // The topic `b` was created again and ends here; the end of `a` moved on.
        end.replace(offsets(&[("a", 12), ("b", 3)]));
        assert_eq!(look(&mut end), Reached::NotYet);
        end.replace(offsets(&[("a", 10)]));
        assert_eq!(look(&mut end), Reached::All);
    }
}
