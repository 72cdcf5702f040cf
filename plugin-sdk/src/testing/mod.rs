//! Runs a processor natively, in an author's `cargo test`: without WebAssembly and without the host.
//!
//! A [`Harness`] takes records, calls the processor as the host would, and answers with a [`Run`]: the
//! rows by output, the rejections and the log. It fails where the host would fail, with two exceptions:
//!
//! - The host cuts long lines of the log and drops lines of a processor that logs too much; here all are kept.
//! - Time, memory and the sizes of what is emitted have limits in the host, and none here.
//!
//! The rows of an aggregate output are those that the host would write: one for each key at each checkpoint.
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
mod records;
mod run;
mod worker;

pub use error::Error;
pub use harness::Harness;
pub use run::{Call, LogLine, Rejected, Rows, Run};

pub use crate::log::Level;

/// The msgpack of anything that serializes, as it stands in the journal: for keys and values that a test makes.
///
/// # Errors
/// When it cannot be serialized.
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
