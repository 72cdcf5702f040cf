//! Log lines on standard error, as text or as JSON.
//!
//! Log lines never end a run or change its exit code: a line that cannot be written is dropped.

mod json;

use std::env;
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::{self, DefaultFields, Format, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::{LookupSpan, Registry};
use tracing_subscriber::reload::{self, Handle};
use tracing_subscriber::util::SubscriberInitExt;

use super::progress::without_the_line;
use crate::text::{self, Quoted};

/// The environment variable that selects which lines are shown until the configuration is read, and after that unless
/// the configuration selects others.
pub(crate) const VARIABLE: &str = "JOURNAL_HOST_LOG";
/// The level of the lines that are shown by default.
const USUAL: LevelFilter = LevelFilter::INFO;
const LEVELS: [(&str, LevelFilter); 6] = [
    ("off", LevelFilter::OFF),
    ("error", LevelFilter::ERROR),
    ("warn", LevelFilter::WARN),
    ("info", LevelFilter::INFO),
    ("debug", LevelFilter::DEBUG),
    ("trace", LevelFilter::TRACE),
];
/// The targets of log lines: this crate, librdkafka, and plugins.
const TARGETS: [&str; 3] = ["journal_host", LIBRDKAFKA, "plugin"];
/// The target of librdkafka's lines.
const LIBRDKAFKA: &str = "librdkafka";

/// The filter of the process, to be replaced when the configuration is read.
static FILTER: OnceLock<Handle<Targets, Registry>> = OnceLock::new();
/// Whether lines are JSON.
static IS_JSON: AtomicBool = AtomicBool::new(false);

/// Which lines are shown: `LEVEL` and `TARGET=LEVEL`, separated by commas.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Filter {
    text: String,
    targets: Targets,
}

/// A filter that is not valid.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct BadFilter(String);

/// A value of [`VARIABLE`] that is not valid.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the variable `{VARIABLE}` is {}: {reason}", Quoted(value))]
pub(crate) struct BadVariable {
    value: String,
    reason: BadFilter,
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::str::FromStr for Filter {
    type Err = BadFilter;

    fn from_str(text: &str) -> Result<Self, BadFilter> {
        Ok(Self {
            text: text.to_owned(),
            targets: parse(text)?,
        })
    }
}

/// Sends log lines to standard error: those of the default level, unless [`VARIABLE`] sets another filter.
///
/// # Errors
/// When the value of the variable is not valid.
pub(crate) fn init() -> Result<(), BadVariable> {
    let filter = match env::var_os(VARIABLE) {
        None => Targets::new().with_default(USUAL),
        Some(value) => {
            let value = value.to_string_lossy();
            parse(&value).map_err(|reason| BadVariable {
                value: value.clone().into_owned(),
                reason,
            })?
        }
    };
    let (filter, handle) = reload::Layer::new(filter);
    let lines = tracing_subscriber::fmt::layer()
        .event_format(Lines(Format::default().with_target(false)))
        .fmt_fields(CleanFields)
        .with_writer(|| StandardError)
        .with_ansi(io::stderr().is_terminal())
        // Such errors would go to standard error, and end the process where that cannot be written.
        .log_internal_errors(false);
    // After a second call the subscriber of the first one stays.
    if tracing_subscriber::registry()
        .with(filter)
        .with(lines)
        .try_init()
        .is_ok()
    {
        let _first = FILTER.set(handle);
    }
    Ok(())
}

/// Applies what the configuration says about the log: which lines are shown, and whether they are JSON.
///
/// Where librdkafka is asked for debug lines, they are shown unless the filter names its level.
pub(crate) fn configure(filter: Option<&Filter>, is_json: bool, librdkafka_debugs: bool) {
    IS_JSON.store(is_json, Ordering::Relaxed);
    let Some(handle) = FILTER.get() else {
        return;
    };
    // It fails only after the subscriber is gone, and then no line is written.
    let _changed = handle.modify(|targets| {
        if let Some(filter) = filter {
            *targets = filter.targets.clone();
        }
        let names_it = |(target, _): (&str, _)| target.starts_with(LIBRDKAFKA);
        if librdkafka_debugs && !targets.iter().any(names_it) {
            let targets_with = targets.clone();
            *targets = targets_with.with_target(LIBRDKAFKA, LevelFilter::DEBUG);
        }
    });
}

/// Parses `LEVEL` and `TARGET=LEVEL`, separated by commas. An empty value counts as no variable.
fn parse(value: &str) -> Result<Targets, BadFilter> {
    if value.trim().is_empty() {
        return Ok(Targets::new().with_default(USUAL));
    }
    let mut filter = Targets::new();
    for part in value.split(',').map(str::trim) {
        let Some((target, of_target)) = part.split_once('=') else {
            filter = filter.with_default(level(part)?);
            continue;
        };
        let writer = target.split("::").next().unwrap_or_default();
        if !TARGETS.contains(&writer) {
            return Err(BadFilter(format!(
                "{} writes no log lines; those that do are {}",
                Quoted(target),
                text::list(TARGETS)
            )));
        }
        filter = filter.with_target(target, level(of_target)?);
    }
    Ok(filter)
}

fn level(name: &str) -> Result<LevelFilter, BadFilter> {
    let known = LEVELS
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name));
    known.map(|(_, level)| *level).ok_or_else(|| {
        let levels = LEVELS.map(|(known, _)| known);
        BadFilter(format!(
            "{} is not a level; the levels are {}",
            Quoted(name),
            text::list(levels)
        ))
    })
}

/// Formats an event as a line of text or of JSON.
struct Lines(Format<format::Full>);

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        if IS_JSON.load(Ordering::Relaxed) {
            json::write(writer, event)
        } else {
            self.0.format_event(context, writer, event)
        }
    }
}

/// Writes the fields of an event in one line, cleaned of everything that could control a terminal.
struct CleanFields;

impl<'writer> FormatFields<'writer> for CleanFields {
    fn format_fields<R: RecordFields>(
        &self,
        mut writer: Writer<'writer>,
        fields: R,
    ) -> fmt::Result {
        let mut line = String::new();
        DefaultFields::new().format_fields(Writer::new(&mut line), fields)?;
        writer.write_str(&text::clean(&line, text::LINE_BYTES))
    }
}

/// Standard error, with the progress line hidden meanwhile; each log line is written whole or not at all.
struct StandardError;

impl Write for StandardError {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        // Where standard error cannot be written, the failure cannot be reported.
        let _written = without_the_line(|| io::stderr().write_all(line));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing::Level;

    use super::*;

    #[test]
    fn levels_are_chosen_for_all_and_for_one_target() {
        let filter = parse("librdkafka=debug, WARN,journal_host::kafka=trace").unwrap();
        for (target, level, is_shown) in [
            ("journal_host", Level::WARN, true),
            ("journal_host", Level::INFO, false),
            ("librdkafka", Level::DEBUG, true),
            ("librdkafka", Level::TRACE, false),
            ("journal_host::kafka::cluster", Level::TRACE, true),
            ("plugin", Level::INFO, false),
        ] {
            let shown = filter.would_enable(target, &level);
            assert_eq!(shown, is_shown, "{target} {level}");
        }
        for usual in ["", " "] {
            let filter = parse(usual).unwrap();
            assert!(filter.would_enable("plugin", &Level::INFO));
            assert!(!filter.would_enable("plugin", &Level::DEBUG));
        }
        assert!(!parse("off").unwrap().would_enable("plugin", &Level::ERROR));
    }

    #[test]
    fn value_that_chooses_no_lines_is_refused_with_what_is_right() {
        let refusal = |value: &str| parse(value).unwrap_err().to_string();
        assert_eq!(
            refusal("debgu"),
            "`debgu` is not a level; the levels are `off`, `error`, `warn`, `info`, `debug`, `trace`"
        );
        assert_eq!(
            refusal("librdkafak=debug,info"),
            "`librdkafak` writes no log lines; those that do are `journal_host`, `librdkafka`, `plugin`"
        );
        for value in [
            "info,",
            "plugin",
            "plugin=",
            "=info",
            "plugin=x",
            "[a]=info",
            "info;debug",
        ] {
            assert!(parse(value).is_err(), "{value}");
        }
    }

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn event_is_one_clean_line_whatever_its_fields_hold() {
        let kept = Kept::default();
        let writer = kept.clone();
        let lines = tracing_subscriber::fmt::layer()
            .fmt_fields(CleanFields)
            .with_writer(move || writer.clone())
            .with_ansi(false);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), || {
            let outside = "a\n2026-01-01 ERROR forged \u{202e}\u{85}\u{2028}\x1b[2J";
            tracing::warn!(facility = outside, "said: {outside}");
        });
        let written = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        assert_eq!(written.matches('\n').count(), 1, "{written}");
        let line = written.trim_end_matches('\n');
        assert_eq!(text::clean(line, usize::MAX), line);
        assert!(line.contains("said: a\\n2026-01-01 ERROR forged"), "{line}");
    }
}
