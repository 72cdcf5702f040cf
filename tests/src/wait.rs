//! Waits for conditions, never for a guessed time.

use std::fmt::Display;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The time between two checks of a condition.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Checks `condition` until it returns a value, and returns that value.
///
/// # Panics
/// When `limit` has passed; the message names `what`.
#[track_caller]
pub fn until<T>(
    what: impl Display,
    limit: Duration,
    mut condition: impl FnMut() -> Option<T>,
) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(start.elapsed() < limit, "waited {limit:?} in vain: {what}");
        sleep(LOOK_EVERY);
    }
}
