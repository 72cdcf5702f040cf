//! Log lines on standard error.

use std::io::{self, IsTerminal, Write};

use tracing_subscriber::EnvFilter;

use super::progress::without_the_line;

/// The variable that chooses which lines are shown, in `tracing`'s own language.
const VARIABLE: &str = "JOURNAL_HOST_LOG";

/// Sends log lines to standard error: warnings, and what is worth knowing, unless the
/// variable `JOURNAL_HOST_LOG` says otherwise.
pub fn init() {
    let filter = EnvFilter::try_from_env(VARIABLE).unwrap_or_else(|_| EnvFilter::new("info"));
    // A second call finds the first in place, which is as good.
    let _set = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| Lines)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        .try_init();
}

/// Standard error, around the progress line; a line of the log is written in one piece.
struct Lines;

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        without_the_line(|| io::stderr().write(line))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
