//! The types of rows and their JSON: a processor emits msgpack, and the host writes JSON lines.
//!
//! The host and the test harness of the plugin SDK call the same function, so that tests see what a run writes.
//!
//! ```
//! let mut json = Vec::new();
//! journal_rows::append_json(b"\x81\xa1n\x07", &mut json, 1 << 20)?;
//! assert_eq!(json, br#"{"n":7}"#);
//! # Ok::<(), journal_rows::Error>(())
//! ```

mod column;
mod error;
mod json;
mod rfc3339;
mod row_type;
mod text;
mod upsert;

pub use column::{Column, ColumnType};
pub use error::{Error, ErrorKind};
pub use json::{MAX_DEPTH, append_json, append_value};
pub use row_type::{Found, IsNil, RowType, RowTypeError};
pub use upsert::{RowTypes, UpsertTypes};

/// The time this many seconds and nanoseconds after 1970-01-01T00:00:00Z as RFC 3339 in UTC, as rows have it. `None` if the
/// year does not have four digits, or if there are a billion nanoseconds or more.
///
/// ```
/// assert_eq!(journal_rows::time_text(0, 500_000_000).as_deref(), Some("1970-01-01T00:00:00.5Z"));
/// ```
#[must_use]
pub fn time_text(seconds: i64, nanoseconds: u32) -> Option<String> {
    let mut text = Vec::new();
    let is_written = rfc3339::append(&mut text, seconds, nanoseconds);
    String::from_utf8(text).ok().filter(|_| is_written)
}
