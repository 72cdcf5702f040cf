//! The JSON of rows: a processor emits msgpack, and the host writes JSON lines.
//!
//! The host and the test harness of the plugin SDK call the same function, so that tests see what a run writes.
//!
//! ```
//! let mut json = Vec::new();
//! journal_rows::append_json(b"\x81\xa1n\x07", &mut json, 1 << 20)?;
//! assert_eq!(json, br#"{"n":7}"#);
//! # Ok::<(), journal_rows::Error>(())
//! ```

mod error;
mod json;
mod rfc3339;
mod text;

pub use error::{Error, ErrorKind};
pub use json::{MAX_DEPTH, append_json};
