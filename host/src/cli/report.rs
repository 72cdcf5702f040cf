//! The report of a failure: one sentence, its causes, a hint and an exit code.

use std::fmt;
use std::io::{self, Write};

use super::hints::Explain;
use super::names::Names;
use crate::observe::logging::BadVariable;
use crate::text;

const SUCCESS: u8 = 0;
/// The exit code of a failure of the run.
const FAILURE: u8 = 1;
/// The exit code of wrong use, which the argument parser uses, too.
const WRONG_USE: u8 = 2;

/// The most lines of a hint: more than the longest list has.
const HINT_LINES: usize = 60;

/// A failure with its hint and exit code.
#[derive(Debug)]
pub(super) struct Report {
    error: anyhow::Error,
    hint: Option<String>,
    exit_code: u8,
}

impl Report {
    /// The report of an error; `names` has the names of the settings.
    pub(super) fn of(error: &impl Explain, names: Names<'_>) -> Self {
        let (sentence, hint) = (error.sentence(names), error.hint(names));
        if error.is_wrong_use() {
            Self::wrong_use(anyhow::Error::msg(sentence), hint)
        } else {
            Self::failure(anyhow::Error::msg(sentence), hint)
        }
    }

    /// A command line that cannot be executed.
    pub(super) fn wrong_use(error: impl Into<anyhow::Error>, hint: Option<String>) -> Self {
        Self {
            error: error.into(),
            hint,
            exit_code: WRONG_USE,
        }
    }

    /// A run that failed.
    pub(super) fn failure(error: impl Into<anyhow::Error>, hint: Option<String>) -> Self {
        Self {
            error: error.into(),
            hint,
            exit_code: FAILURE,
        }
    }

    /// Standard output cannot be written.
    pub(super) fn of_standard_output(error: io::Error) -> Self {
        let error = anyhow::Error::new(error);
        Self::failure(error.context("cannot write to standard output"), None)
    }

    /// The same report with the name of the thing that it is about.
    pub(super) fn about(self, thing: String) -> Self {
        let error = self.error.context(thing);
        Self { error, ..self }
    }
}

/// Writes a text to standard output. A reader that has closed the pipe is no error, as with `run`.
pub(super) fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    let written = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
    unless_reader_is_gone(written)
}

/// The result of writing to standard output, where a reader that is gone is no error.
pub(super) fn unless_reader_is_gone(written: io::Result<()>) -> io::Result<()> {
    written.or_else(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => Ok(()),
        _ => Err(error),
    })
}

/// Reports the failure of a command, if it failed, and returns the exit code of the process.
#[must_use]
pub(super) fn code(done: Result<(), Report>) -> u8 {
    let Err(report) = done else {
        return SUCCESS;
    };
    // Where standard error cannot be written, the error cannot be reported.
    let _written = writeln!(io::stderr(), "{report}");
    report.exit_code
}

impl fmt::Display for Report {
    /// Parts that come from a plugin, a recording or a broker cannot forge lines or control a terminal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error = format!("{:#}", self.error);
        write!(f, "error: {}", text::clean(&error, text::LINE_BYTES))?;
        let Some(hint) = &self.hint else {
            return Ok(());
        };
        hint_lines(hint).try_for_each(|line| write!(f, "\n{line}"))
    }
}

/// The cleaned lines of a hint, which may be a list with one entry on each line.
pub(super) fn hint_lines(hint: &str) -> impl Iterator<Item = String> + '_ {
    let lines = hint.split('\n').take(HINT_LINES).enumerate();
    let more = hint.split('\n').count().saturating_sub(HINT_LINES);
    let more = (more > 0).then(|| format!("and {}", text::plural(more, "more line")));
    let cleaned = lines.map(|(index, line)| {
        let before = if index == 0 { "hint: " } else { "" };
        format!("{before}{}", text::clean(line, text::LINE_BYTES))
    });
    cleaned.chain(more)
}

impl From<BadVariable> for Report {
    fn from(error: BadVariable) -> Self {
        let hint =
            "set it to a level, or to levels for who writes the lines: `librdkafka=debug,info`";
        Self::wrong_use(error, Some(hint.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_hint_ends_after_its_first_lines() {
        let hint = "line\n".repeat(1000);
        let report = Report::failure(anyhow::anyhow!("x"), Some(hint)).to_string();
        assert_eq!(report.lines().count(), 1 + HINT_LINES + 1);
        assert!(report.ends_with("\nand 941 more lines"), "{report}");
    }

    #[test]
    fn texts_from_outside_forge_no_line_and_steer_no_terminal() {
        let outside = "a\u{85}\u{2029}\u{202e}\x1b[2J";
        let cleaned = "a\\u{85}\\u{2029}\\u{202e}\\u{1b}[2J";
        let error = anyhow::anyhow!("{outside}\nerror: forged").context("the source failed");
        let report = Report::failure(error, Some(format!("a list\n  {outside}")));
        assert_eq!(
            report.to_string(),
            format!(
                "error: the source failed: {cleaned}\\nerror: forged\nhint: a list\n  {cleaned}"
            )
        );
    }
}
