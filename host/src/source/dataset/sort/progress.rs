//! Log lines that show how far a sort is.

use std::time::{Duration, Instant};

use crate::text;

/// The time between two lines.
const LINE_EVERY: Duration = Duration::from_secs(10);
/// The clock is looked at after this number of rows.
const LOOK_EVERY: u64 = 4096;

/// How far a sort is. A row counts once for each time that it is handled.
pub(super) struct Progress {
    table: &'static str,
    started: Instant,
    shown: Instant,
    done: u64,
    looked: u64,
    total: u64,
}

impl Progress {
    pub(super) fn new(table: &'static str, total: u64) -> Self {
        let now = Instant::now();
        Self {
            table,
            started: now,
            shown: now,
            done: 0,
            looked: 0,
            total,
        }
    }

    /// More is to be done than was known.
    pub(super) fn expect(&mut self, rows: u64) {
        self.total = self.total.saturating_add(rows);
    }

    /// Counts rows.
    pub(super) fn add(&mut self, rows: u64) {
        self.done += rows;
        if self.done - self.looked < LOOK_EVERY {
            return;
        }
        self.looked = self.done;
        let now = Instant::now();
        if now - self.shown >= LINE_EVERY {
            self.shown = now;
            tracing::info!("{}", self.line(now - self.started));
        }
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    fn line(&self, elapsed: Duration) -> String {
        let whole = u128::from(self.total.max(1));
        let done = u128::from(self.done).min(whole);
        let rate = u128::from(self.done) * 1000 / elapsed.as_millis().max(1);
        let left = (whole - done) * 1000 / rate.max(1);
        let left = Duration::from_millis(u64::try_from(left).unwrap_or(u64::MAX));
        format!(
            "sorting the table `{}`: {} %, {rate} rows/s, {} left",
            self.table,
            done * 100 / whole,
            text::rough_time(left)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_has_the_part_the_rate_and_the_time_left() {
        let mut progress = Progress::new("directory_entry", 500_000);
        progress.expect(500_000);
        progress.add(250_000);
        assert_eq!(
            progress.line(Duration::from_secs(10)),
            format!(
                "sorting the table `directory_entry`: 25 %, 25000 rows/s, {} left",
                text::rough_time(Duration::from_secs(30))
            )
        );
        progress.add(2_000_000);
        assert!(progress.line(Duration::from_secs(1)).contains("100 %"));
    }
}
