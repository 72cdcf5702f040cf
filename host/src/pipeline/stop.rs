//! Stops a run before the end of its data.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};

/// The exit code of a second signal, which ends the process at once: 128 + SIGINT.
const EXIT_AT_ONCE: i32 = 130;

/// A request to end, which all workers of the process check between batches.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stop {
    signalled: Arc<AtomicBool>,
    requested: Arc<AtomicBool>,
}

impl Stop {
    /// A request that SIGINT and SIGTERM set; the second signal ends the process at once.
    ///
    /// # Errors
    /// When the system refuses the handlers.
    pub(crate) fn on_signals() -> std::io::Result<Self> {
        let stop = Self::default();
        for signal in [SIGINT, SIGTERM] {
            // The order matters: the first signal finds the flag unset and passes, then sets it.
            signal_hook::flag::register_conditional_shutdown(
                signal,
                EXIT_AT_ONCE,
                Arc::clone(&stop.signalled),
            )?;
            signal_hook::flag::register(signal, Arc::clone(&stop.signalled))?;
        }
        Ok(stop)
    }

    /// Asks every worker to end after its current batch; a first signal after it still ends the run gracefully.
    pub(crate) fn request(&self) {
        self.requested.store(true, Ordering::Relaxed);
    }

    /// Whether an end was requested.
    #[must_use]
    pub(crate) fn requested(&self) -> bool {
        self.signalled.load(Ordering::Relaxed) || self.requested.load(Ordering::Relaxed)
    }
}
