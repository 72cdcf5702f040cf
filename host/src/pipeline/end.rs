//! When a run that stops at the end of the data has reached it.

use std::task::Poll;
use std::time::{Duration, Instant};

use crate::journal::offsets::{OffsetStore, Offsets, Partition, StoreError};

/// How often the committed offsets of others are asked for while this worker has nothing to do.
const ASK_EVERY: Duration = Duration::from_millis(250);

/// One worker's view of how far all workers are from the ends.
///
/// A partition is done when this worker's own position or the committed offset has reached its end. Having no
/// partition says nothing: another worker may still read its own.
#[derive(Debug)]
pub(super) struct EndTracker {
    /// The end of every partition that held a record when the run started.
    ends: Offsets,
    /// Those that are not known to be done.
    open: Offsets,
    asked: Option<Instant>,
}

/// What the tracker found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reached {
    /// This worker's own partitions still have records.
    NotYet,
    /// This worker has read its own, the others have not committed theirs.
    OwnPartitions,
    /// Everything.
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

    /// Forgets what was found: what was read of an end and lost is not done.
    pub(super) fn start_over(&mut self) {
        self.open = self.ends.clone();
    }

    /// Looks at the worker's own positions, and now and then at what is committed.
    ///
    /// # Errors
    /// Those of the store.
    pub(super) fn look(
        &mut self,
        position: &Offsets,
        store: &mut dyn OffsetStore,
    ) -> Result<Reached, StoreError> {
        let is_open = |partition: &Partition, end: &mut u64| {
            position.get(partition).is_none_or(|next| next < end)
        };
        self.open.retain(is_open);
        if self.open.keys().any(|own| position.contains_key(own)) {
            return Ok(Reached::NotYet);
        }
        if self.asked.is_none_or(|asked| asked.elapsed() >= ASK_EVERY) {
            self.ask(store)?;
        }
        Ok(if self.open.is_empty() {
            Reached::All
        } else {
            Reached::OwnPartitions
        })
    }

    fn ask(&mut self, store: &mut dyn OffsetStore) -> Result<(), StoreError> {
        let of: Vec<_> = self.open.keys().cloned().collect();
        if let Poll::Ready(committed) = store.committed(&of)? {
            self.asked = Some(Instant::now());
            self.open.retain(|partition, end| {
                let found = committed.get(partition).and_then(Option::as_ref);
                found.is_none_or(|found| found.next < *end)
            });
        }
        Ok(())
    }
}
