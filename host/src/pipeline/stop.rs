//! How a run is asked to end before its data does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};

/// The exit code of a second signal, which ends the process at once: 128 + SIGINT.
const EXIT_AT_ONCE: i32 = 130;

/// A request to end that all workers of the process look at between batches.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    signalled: Arc<AtomicBool>,
    requested: Arc<AtomicBool>,
}

impl Stop {
    /// A request that SIGINT and SIGTERM make; the second of them ends the process at once.
    ///
    /// # Errors
    /// When the system refuses the handlers.
    pub fn on_signals() -> std::io::Result<Self> {
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

    /// Asks every worker to end after the batch at work; a signal after it still ends gracefully.
    pub fn request(&self) {
        self.requested.store(true, Ordering::Relaxed);
    }

    /// Whether the end was asked for.
    #[must_use]
    pub fn requested(&self) -> bool {
        self.signalled.load(Ordering::Relaxed) || self.requested.load(Ordering::Relaxed)
    }
}
