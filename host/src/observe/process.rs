//! What the system knows of this process.

use std::fs;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// The memory of the process, where the system says it.
pub(super) fn resident_bytes() -> Option<u64> {
    let pages = fs::read_to_string("/proc/self/statm").ok()?;
    let resident = pages.split(' ').nth(1)?;
    let pages: u64 = resident.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

/// The CPU time of all threads of the process so far.
pub(super) fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let nanoseconds = u32::try_from(time.tv_nsec).unwrap_or_default();
    Duration::new(seconds, nanoseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_has_memory_and_takes_time() {
        assert!(resident_bytes().is_none_or(|bytes| bytes > 1 << 20));
        assert!(cpu_time() > Duration::ZERO);
    }
}
