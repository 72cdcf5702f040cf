//! Opens output files again that were moved, when a signal asks for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::SIGHUP;

/// A request to open the outputs again, which one worker fulfils for all.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reopen {
    requested: Arc<AtomicBool>,
}

impl Reopen {
    /// A request that SIGHUP makes. From now on the signal ends nothing.
    pub(crate) fn on_signal() -> Self {
        let reopen = Self::default();
        let requested = Arc::clone(&reopen.requested);
        if let Err(error) = signal_hook::flag::register(SIGHUP, requested) {
            tracing::warn!("cannot handle SIGHUP: {error}");
        }
        reopen
    }

    /// Asks for it, as the signal does.
    #[cfg(test)]
    pub(crate) fn request(&self) {
        self.requested.store(true, Ordering::Relaxed);
    }

    /// Whether it was asked for since the last look.
    #[must_use]
    pub(crate) fn take(&self) -> bool {
        self.requested.swap(false, Ordering::Relaxed)
    }
}
