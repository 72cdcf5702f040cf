//! Ends the process when an input does not end.

use std::io::Write as _;
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use super::cpu_time;

/// CPU time after which an input does not end. One that takes too long, but ends, fails with its outcome before.
const HANGS_CPU: Duration = Duration::from_secs(30);
/// Time by the clock after which an input waits for something that does not come. The machine may be busy.
const HANGS_WALL: Duration = Duration::from_mins(5);
const LOOKS_EVERY: Duration = Duration::from_secs(1);

/// The CPU time of the process when the present input began, in milliseconds plus one, or 0 between inputs.
static BEGAN: AtomicU64 = AtomicU64::new(0);
/// The inputs that began.
static INPUTS: AtomicU64 = AtomicU64::new(0);

/// Watches this process until it ends.
pub(super) fn start() {
    thread::spawn(|| {
        let (mut seen, mut looks) = (0, 0);
        loop {
            thread::sleep(LOOKS_EVERY);
            let (began, input) = (
                BEGAN.load(Ordering::Acquire),
                INPUTS.load(Ordering::Acquire),
            );
            if began == 0 || input != seen {
                (seen, looks) = (input, 0);
                continue;
            }
            looks += 1;
            let cpu = milliseconds(cpu_time()).saturating_sub(began);
            if cpu > milliseconds(HANGS_CPU) || LOOKS_EVERY * looks > HANGS_WALL {
                let _ = writeln!(
                    std::io::stderr(),
                    "the input does not end: it took {cpu} ms of CPU time in {looks} s"
                );
                process::abort();
            }
        }
    });
}

/// An input begins.
pub(super) fn begin(now: Duration) {
    INPUTS.fetch_add(1, Ordering::AcqRel);
    BEGAN.store(milliseconds(now) + 1, Ordering::Release);
}

/// The input ended.
pub(super) fn end() {
    BEGAN.store(0, Ordering::Release);
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
