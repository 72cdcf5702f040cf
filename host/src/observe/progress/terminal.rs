//! The line on a terminal that shows how far a run is.

use std::io::IsTerminal;
use std::sync::OnceLock;

use indicatif::{ProgressBar, ProgressStyle};

use super::{Progress, left_text};
use crate::observe::history::History;

/// The line, once it was shown. All runs of a process share it, so that log lines can hide it.
static SHOWN: OnceLock<ProgressBar> = OnceLock::new();
/// The characters of a bar.
const BAR: u64 = 20;

/// Runs `work` while the line is hidden.
pub(in crate::observe) fn without_the_line<T>(work: impl FnOnce() -> T) -> T {
    match SHOWN.get() {
        Some(bar) => bar.suspend(work),
        None => work(),
    }
}

/// The line of a run.
pub(super) struct Line {
    shown: &'static ProgressBar,
}

impl Line {
    /// The line, if standard error is a terminal.
    pub(super) fn on_terminal() -> Option<Self> {
        std::io::stderr().is_terminal().then(|| {
            let shown = SHOWN.get_or_init(spinner);
            shown.reset();
            Self { shown }
        })
    }

    pub(super) fn draw(&self, progress: &Progress, history: &History) {
        self.shown.set_message(line(progress, history));
        self.shown.tick();
    }

    pub(super) fn clear(&self) {
        self.shown.finish_and_clear();
    }
}

fn spinner() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    match ProgressStyle::with_template("{spinner} {msg}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// The bar comes first, so that a narrow terminal cuts it off last.
fn line(progress: &Progress, history: &History) -> String {
    let done = progress.part_done();
    let bar = done.map_or_else(String::new, |(part, whole)| bar(part, whole));
    let rate = history.rate().unwrap_or_else(|| progress.rate());
    let left = left_text(history.time_left());
    let title = &progress.title;
    format!("{title}{bar}{}{left}", progress.counts_text(rate))
}

fn bar(part: u64, whole: u64) -> String {
    let whole = u128::from(whole.max(1));
    let of = |most: u64| {
        let share = u128::from(part) * u128::from(most) / whole;
        u64::try_from(share).unwrap_or(most).min(most)
    };
    let filled = usize::try_from(of(BAR)).unwrap_or_default();
    let empty = usize::try_from(BAR).unwrap_or_default() - filled;
    format!(
        "[{}{}] {} %, ",
        "#".repeat(filled),
        "-".repeat(empty),
        of(100)
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::journal::offsets::Remaining;

    #[test]
    fn bar_shows_the_part_that_is_done() {
        assert_eq!(bar(0, 0), "[--------------------] 0 %, ");
        assert_eq!(bar(1, 2), "[##########----------] 50 %, ");
        assert_eq!(bar(7, 7), "[####################] 100 %, ");
        // The end of a partition may move while its records are counted.
        assert_eq!(bar(8, 7), "[####################] 100 %, ");
        assert_eq!(bar(u64::MAX - 1, u64::MAX), "[###################-] 99 %, ");
    }

    #[test]
    fn line_has_the_counts_and_a_bar_once_the_end_is_known() {
        let progress = Progress::new(1, &[]);
        let history = History::default();
        let text = line(&progress, &history);
        assert!(text.starts_with("0 objects, "), "{text}");
        let worker = progress.worker(0);
        worker.add(1, 10);
        worker.show_remaining(Remaining::Records(3));
        let text = line(&progress, &history);
        assert!(
            text.starts_with("[#####---------------] 25 %, 1 object, "),
            "{text}"
        );
        assert!(text.ends_with("/s, lag 3"), "{text}");
    }

    #[test]
    fn line_of_the_log_has_the_part_that_is_done_and_the_time_left_where_they_are_known() {
        let progress = Progress::new(1, &[]);
        let worker = progress.worker(0);
        worker.add(1, 10);
        let status = progress.status();
        assert!(!status.contains(" left"), "{status}");
        worker.show_remaining(Remaining::Records(3));
        let status = progress.status_with(Some(Duration::from_secs(90)));
        let end = ", lag 3, 25 % done, 1 min 30 s left";
        assert!(status.ends_with(end), "{status}");
    }
}
