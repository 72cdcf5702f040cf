//! Formats values and names for messages, with a bounded length.

use std::io::{self, Write};

use serde_json::Value;

/// The maximum length of a value in a message, in bytes.
const VALUE_BYTES: usize = 200;
/// The maximum number of names in a message.
const NAMES: usize = 20;

/// The value as JSON, truncated if it is long.
#[must_use]
pub fn shown(value: &Value) -> String {
    let mut start = Start(Vec::new());
    let whole = serde_json::to_writer(&mut start, value).is_ok();
    let mut text = match String::from_utf8(start.0) {
        Ok(text) => text,
        // The last character is incomplete.
        Err(error) => {
            let end = error.utf8_error().valid_up_to();
            String::from_utf8_lossy(&error.as_bytes()[..end]).into_owned()
        }
    };
    if !whole {
        text.push('…');
    }
    text
}

/// Keeps the first bytes and fails after them, so that a large value is not serialized completely.
struct Start(Vec<u8>);

impl Write for Start {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = VALUE_BYTES - self.0.len();
        let taken = &bytes[..bytes.len().min(room)];
        self.0.extend_from_slice(taken);
        if taken.len() < bytes.len() {
            return Err(io::ErrorKind::WriteZero.into());
        }
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// `"a", "b" or "c"`, truncated if there are many.
pub(crate) fn names<'n>(names: impl ExactSizeIterator<Item = &'n str>) -> String {
    let more = names.len().saturating_sub(NAMES);
    let mut quoted: Vec<String> = names
        .take(NAMES)
        .map(|name| shown(&Value::from(name)))
        .collect();
    let last = if more > 0 {
        Some(format!("{more} others"))
    } else {
        quoted.pop()
    };
    match last {
        Some(last) if quoted.is_empty() => last,
        Some(last) => format!("{} or {last}", quoted.join(", ")),
        None => String::new(),
    }
}
