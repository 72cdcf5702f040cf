//! Waiting for a condition: never for a time that somebody guessed.

use std::fmt::Display;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How often a condition is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Looks again and again until `condition` gives a value, and returns it.
///
/// # Panics
/// When `limit` has passed; `what` says what was waited for.
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
