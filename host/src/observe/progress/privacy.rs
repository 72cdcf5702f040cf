//! What was held back from plugins.

use std::fmt::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::worker::UNKNOWN;

/// Counters of masked records and of those without names.
#[derive(Debug)]
pub(crate) struct PrivacyCounts {
    masked: AtomicU64,
    anonymised: AtomicU64,
    anonymises: AtomicBool,
    /// Objects that are masked; unknown where none can be.
    mask: AtomicU64,
    stale_since: Mutex<Option<Instant>>,
}

impl Default for PrivacyCounts {
    fn default() -> Self {
        Self {
            masked: 0.into(),
            anonymised: 0.into(),
            anonymises: false.into(),
            mask: UNKNOWN.into(),
            stale_since: Mutex::default(),
        }
    }
}

impl PrivacyCounts {
    /// Counts records of masked objects.
    pub(crate) fn count_masked(&self, records: u64) {
        self.masked.fetch_add(records, Ordering::Relaxed);
    }

    /// Counts records whose names were removed.
    pub(crate) fn count_anonymised(&self, records: u64) {
        self.anonymised.fetch_add(records, Ordering::Relaxed);
    }

    /// Names are removed.
    pub(crate) fn show_anonymising(&self) {
        self.anonymises.store(true, Ordering::Relaxed);
    }

    /// So many objects are masked, as their list says now.
    pub(crate) fn show_mask(&self, objects: usize) {
        self.mask.store(objects as u64, Ordering::Relaxed);
        self.show_mask_fresh();
    }

    /// The objects are those of the list.
    pub(crate) fn show_mask_fresh(&self) {
        *self.stale() = None;
    }

    /// The list cannot be read again.
    pub(crate) fn show_mask_stale(&self) {
        self.stale().get_or_insert_with(Instant::now);
    }

    /// Records of masked objects, where objects can be masked.
    pub(crate) fn masked(&self) -> u64 {
        self.masked.load(Ordering::Relaxed)
    }

    /// Records whose names were removed.
    pub(crate) fn anonymised(&self) -> u64 {
        self.anonymised.load(Ordering::Relaxed)
    }

    /// The number of masked objects, where there is a list.
    pub(crate) fn mask(&self) -> Option<u64> {
        let objects = self.mask.load(Ordering::Relaxed);
        (objects != UNKNOWN).then_some(objects)
    }

    /// The time since the list could not be read.
    pub(crate) fn mask_stale_for(&self) -> Option<Duration> {
        self.stale().map(|since| since.elapsed())
    }

    /// The end of the summary of a run.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        if self.mask().is_some() {
            // Writing to a string cannot fail.
            let _ok = write!(text, ", {} masked", self.masked());
        }
        if self.anonymises.load(Ordering::Relaxed) {
            let _ok = write!(text, ", {} anonymised", self.anonymised());
        }
        text
    }

    fn stale(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        let stale = self.stale_since.lock();
        stale.unwrap_or_else(PoisonError::into_inner)
    }
}
