//! Crash points for the end-to-end tests: the process kills itself where a test asks for it.

use std::sync::atomic::{AtomicU64, Ordering};

use rustix::process::{Signal, getpid, kill_process};

/// The variable that names a point and which passing of it kills, as in `rows-durable:3`.
const VARIABLE: &str = "JOURNAL_HOST_KILL_AT";

/// A moment of a checkpoint.
#[derive(Clone, Copy)]
pub(super) enum Point {
    /// The processor emitted what it held, and nothing is written.
    BeforeRows,
    /// The rows are durable, and no offset is committed.
    RowsDurable,
}

impl Point {
    fn name(self) -> &'static str {
        match self {
            Self::BeforeRows => "before-rows",
            Self::RowsDurable => "rows-durable",
        }
    }
}

/// Kills the process without any unwinding if this is the passing that was asked for.
pub(super) fn reach(point: Point) {
    static PASSED: AtomicU64 = AtomicU64::new(0);
    let Ok(asked) = std::env::var(VARIABLE) else {
        return;
    };
    let Some((name, passing)) = asked.split_once(':') else {
        return;
    };
    if name == point.name() {
        let passed = PASSED.fetch_add(1, Ordering::SeqCst) + 1;
        if passing.parse() == Ok(passed) {
            let _gone = kill_process(getpid(), Signal::KILL);
        }
    }
}
