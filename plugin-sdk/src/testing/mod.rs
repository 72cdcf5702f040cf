//! Runs a processor natively, in `cargo test`, without WebAssembly and without the host.
//!
//! A [`Harness`] takes records, calls the processor as the host does, and returns a [`Run`] with the rows of each output,
//! the rejections and the log. It fails where the host fails, with two exceptions:
//!
//! - The host cuts long log lines and drops lines of a processor that logs too much. The harness keeps all lines.
//! - The host limits time, memory and the size of the emitted rows. The harness does not.
//!
//! As in the host, an aggregate output has one row for each key at each checkpoint.
//!
//! ```
//! use journal_plugin_sdk::testing::{Harness, Rows};
//! # use journal_plugin_sdk::{Batches, Failure, Out, Processor};
//! # use serde::{Deserialize, Serialize};
//! # #[derive(Default)]
//! # struct Urls;
//! # #[derive(Deserialize, Serialize)]
//! # struct Origin<'a> {
//! #     url: &'a str,
//! # }
//! # impl Processor for Urls {
//! #     const OBJECT_TYPES: &'static [&'static str] = &["origin"];
//! #     fn process(&mut self, batches: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
//! #         batches.each(out, |record, out| out.emit(&record.decode::<Origin<'_>>()?))
//! #     }
//! # }
//! use serde_json::json;
//!
//! let run = Harness::<Urls, _>::new()
//!     .record("origin", b"key 1", &json!({"url": "https://example.org/a"}))
//!     .record("origin", b"key 2", &json!({"link": "https://example.org/b"}))
//!     .same_for_any_split(10, Rows::InOrder)?;
//! assert_eq!(run.rows("rows"), [json!({"url": "https://example.org/a"})]);
//! assert_eq!(run.rejections()[0].key, b"key 2");
//! # Ok::<(), journal_plugin_sdk::testing::Error>(())
//! ```

mod error;
mod harness;
mod output;
#[cfg(feature = "recordings")]
mod recording;
mod records;
mod run;
mod worker;

pub use error::Error;
pub use harness::Harness;
pub use run::{Call, LogLine, Rejected, Rows, Run};

pub use crate::log::Level;

/// Serializes a key or a value of a test to msgpack, as in the journal.
///
/// # Errors
/// If it cannot be serialized.
///
/// ```
/// use journal_plugin_sdk::testing::msgpack;
///
/// assert_eq!(msgpack("a")?, b"\xa1a");
/// # Ok::<(), journal_plugin_sdk::testing::Error>(())
/// ```
pub fn msgpack<T: serde::Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, Error> {
    rmp_serde::to_vec_named(value).map_err(Error::Encode)
}

#[cfg(test)]
mod tests;
