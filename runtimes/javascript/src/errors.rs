//! Exceptions of a script, as its author reads them.

use std::fmt::Write as _;

use rquickjs::{CaughtError, Object, Value};

use crate::hints::hint;
use crate::modules::Files;
use crate::texts::Shown;

/// Callers in the one line of an error, and characters of its message there.
const CALLERS: usize = 8;
const MESSAGE: usize = 1000;

/// What null is as an exception: the engine throws it, and a script hardly ever does.
const NO_MEMORY: &str = "InternalError: out of memory, or the script threw null";

/// An exception of a script.
pub(crate) struct Report {
    /// What it says, with its kind.
    what: String,
    /// The lines of the script that led to it, the innermost first.
    frames: Vec<Frame>,
    /// The text of the innermost line.
    source: Option<String>,
}

/// A line of a stack.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) function: Option<String>,
    pub(crate) file: String,
    pub(crate) line: usize,
    column: usize,
}

impl Report {
    /// Reads what was thrown.
    pub(crate) fn of(thrown: &CaughtError<'_>, files: &Files) -> Self {
        match thrown {
            CaughtError::Exception(exception) => Self::of_object(exception.as_object(), files),
            CaughtError::Value(value) => Self::of_value(value, files),
            CaughtError::Error(error) => Self::without_frames(error.to_string()),
        }
    }

    /// Reads a value that a script threw.
    pub(crate) fn of_value(value: &Value<'_>, files: &Files) -> Self {
        match value.as_object() {
            Some(object) if value.is_error() => Self::of_object(object, files),
            None if value.is_null() => Self::without_frames(NO_MEMORY.to_owned()),
            _ => {
                let text = value.get::<Shown>();
                let text = text.map_or_else(|_| "an object".to_owned(), |text| text.0);
                Self::without_frames(format!("the script threw {text}, which is no Error"))
            }
        }
    }

    /// Whether it is the engine's error that memory is out, after which a call cannot go on. It is null where there is no
    /// memory for the error either.
    pub(crate) fn is_out_of_memory(value: &Value<'_>) -> bool {
        if value.is_null() {
            return true;
        }
        let text = |name: &str| {
            value
                .as_object()
                .and_then(|object| object.get::<_, String>(name).ok())
        };
        value.is_error()
            && text("message").as_deref() == Some("out of memory")
            && text("name").as_deref() == Some("InternalError")
    }

    fn without_frames(what: String) -> Self {
        Self {
            what,
            frames: Vec::new(),
            source: None,
        }
    }

    fn of_object(object: &Object<'_>, files: &Files) -> Self {
        let text = |name: &str| {
            let text = object.get::<_, Shown>(name);
            text.map(|text| text.0).unwrap_or_default()
        };
        let (name, message) = (text("name"), text("message"));
        let what = if let Some(hint) = hint(&name, &message) {
            format!("{name}: {message}: {hint}")
        } else if message.is_empty() {
            name
        } else {
            format!("{name}: {message}")
        };
        let stack = text("stack");
        let frames: Vec<Frame> = stack
            .lines()
            .filter_map(frame)
            .filter(|frame| files.contains_key(&frame.file))
            .collect();
        let source = frames.first().and_then(|frame| {
            let text = String::from_utf8_lossy(files.get(&frame.file)?);
            text.lines()
                .nth(frame.line.checked_sub(1)?)
                .map(str::to_owned)
        });
        Self {
            what,
            frames,
            source,
        }
    }

    /// The innermost line of the script, the error with its whole message, and the lines that led there. The host shows it
    /// as one line.
    pub(crate) fn short(&self) -> String {
        let what: String = self.what.chars().take(MESSAGE).collect();
        let Some((innermost, callers)) = self.frames.split_first() else {
            return what;
        };
        let mut short = format!("{}: {what}", innermost.position());
        if !callers.is_empty() {
            let callers = callers.iter().take(CALLERS).map(|frame| {
                let function = frame.function.as_deref().unwrap_or("the module");
                format!("{} in {function}", frame.position())
            });
            let callers: Vec<_> = callers.collect();
            let function = innermost.function.as_deref().unwrap_or("a function");
            let callers = callers.join(", ");
            let _ = write!(short, " (in {function}, called at {callers})");
        }
        short
    }

    /// All lines: the error, its line with a mark, and the lines that led there.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.what.lines().map(str::to_owned).collect();
        for (index, frame) in self.frames.iter().enumerate() {
            let function = frame.function.as_deref();
            let function = function.map_or_else(String::new, |name| format!(" in {name}"));
            lines.push(format!(
                "    at {}:{}{function}",
                frame.position(),
                frame.column
            ));
            if let (0, Some(source)) = (index, &self.source) {
                let (marked, mark) = marked(source, frame.column);
                lines.push(format!("        {marked}"));
                lines.push(format!("        {mark}"));
            }
        }
        lines
    }
}

impl Frame {
    fn position(&self) -> String {
        format!("{}:{}", self.file, self.line)
    }
}

/// A line around a column, without what is before and after it, and the mark below.
fn marked(source: &str, column: usize) -> (String, String) {
    const BEFORE: usize = 60;
    const LENGTH: usize = 100;
    let characters: Vec<char> = source.chars().collect();
    let at = column.saturating_sub(1).min(characters.len());
    let indent = characters.iter().take_while(|c| c.is_whitespace()).count();
    let start = at.saturating_sub(BEFORE).max(indent.min(at));
    let shown = characters[start..].iter().take(LENGTH);
    let shown = shown.map(|c| if c.is_control() { ' ' } else { *c });
    (shown.collect(), format!("{}^", " ".repeat(at - start)))
}

/// Reads `    at month (bad.js:2:10)` or `    at bad.js:2:10`.
pub(crate) fn frame(line: &str) -> Option<Frame> {
    let line = line.trim().strip_prefix("at ")?;
    let (function, position) = match line.strip_suffix(')') {
        Some(line) => {
            let (function, position) = line.rsplit_once(" (")?;
            (Some(function), position)
        }
        None => (None, line),
    };
    let (rest, column) = position.rsplit_once(':')?;
    let (file, line) = rest.rsplit_once(':')?;
    Some(Frame {
        function: function
            .filter(|name| !name.is_empty() && !name.starts_with('<'))
            .map(str::to_owned),
        file: file.to_owned(),
        line: line.parse().ok()?,
        column: column.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_read_from_a_stack() {
        let read = frame("    at month (a/bad.js:2:10)").unwrap();
        assert_eq!(read.function.as_deref(), Some("month"));
        assert_eq!(
            (read.file.as_str(), read.line, read.column),
            ("a/bad.js", 2, 10)
        );
        assert_eq!(frame("    at bad.js:3:1").unwrap().function, None);
        assert_eq!(frame("    at emit (native)"), None);
    }

    #[test]
    fn mark_is_below_its_column_also_in_a_long_line() {
        assert_eq!(marked("  a.b", 4), ("a.b".to_owned(), " ^".to_owned()));
        let (shown, mark) = marked(&"x".repeat(1000), 500);
        assert_eq!((shown.len(), mark.len()), (100, 61));
        assert_eq!(marked("", 9), (String::new(), "^".to_owned()));
    }
}
