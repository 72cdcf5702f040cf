//! Why a run in the harness fails.

use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;

use super::run::Call;
use crate::Failure;

/// Why a run in the harness fails, which is where the host would stop too.
///
#[doc = include_str!("example.md")]
/// use journal_plugin_sdk::testing::Error;
///
/// let error = Harness::<Urls, _>::new().object(&owned::Release::new()).run().unwrap_err();
/// assert!(matches!(error, Error::NotAskedFor { object_type } if object_type == "release"));
/// # Ok::<(), journal_plugin_sdk::testing::Error>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A key or value of a test cannot be serialized.
    Encode(rmp_serde::encode::Error),
    /// The recording cannot be read.
    Recording {
        /// Which one.
        path: PathBuf,
        /// What is wrong with it.
        source: journal_recording::Error,
    },
    /// The struct of the options has what the host takes in no option.
    Schema {
        /// The JSON pointer into the schema that was derived from it.
        pointer: String,
        /// What is wrong.
        rule: String,
        /// What to do.
        hint: String,
    },
    /// The options that the test gives are not those that the processor takes.
    Options {
        /// What is wrong with them.
        reason: String,
        /// What the processor takes.
        hint: String,
    },
    /// A record of an object type that the plan does not ask for.
    NotAskedFor {
        /// The record's type.
        object_type: String,
    },
    /// A record of the test's own is empty, which only a tombstone is.
    EmptyValue,
    /// The processor answered with a failure.
    Failed {
        /// In which call.
        call: Call,
        /// Its answer.
        failure: Failure,
    },
    /// The processor panicked.
    Panicked {
        /// In which call.
        call: Call,
        /// The panic's message.
        message: String,
    },
    /// A row that no sink can represent.
    Row {
        /// The output that it was emitted to.
        output: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The rows are not what the test decodes them to.
    Decode {
        /// The output.
        output: String,
        /// What is wrong.
        source: rmp_serde::decode::Error,
    },
    /// The result depends on how the records are split into calls.
    SplitMatters {
        /// The seed of the split that makes a difference, for
        /// [`Harness::split_at_random`](super::Harness::split_at_random).
        seed: u64,
        /// Where: an output, or the rejections.
        place: String,
        /// What came unsplit and is missing with this split, as JSON.
        missing: Vec<String>,
        /// What came with this split alone, as JSON.
        extra: Vec<String>,
    },
}

impl Display for Error {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encode(_) => formatter.write_str("a key or value cannot be serialized"),
            Self::Recording { path, .. } => {
                write!(
                    formatter,
                    "the recording `{}` cannot be read",
                    path.display()
                )
            }
            Self::Schema {
                pointer,
                rule,
                hint,
            } => write!(
                formatter,
                "the host takes no such options: {rule}, at `{pointer}` of their schema; {hint}"
            ),
            Self::Options { reason, hint } => write!(formatter, "{reason}; {hint}"),
            Self::NotAskedFor { object_type } => {
                write!(
                    formatter,
                    "the plan does not ask for the object type `{object_type}`"
                )
            }
            Self::EmptyValue => formatter.write_str("a value is empty: that is a tombstone"),
            Self::Failed { call, failure } => write!(formatter, "{call} failed: {failure}"),
            Self::Panicked { call, message } => write!(formatter, "{call} panicked: {message}"),
            Self::Row { output, reason } => {
                write!(formatter, "a row for the output `{output}` {reason}")
            }
            Self::Decode { output, .. } => {
                write!(
                    formatter,
                    "a row of the output `{output}` cannot be decoded"
                )
            }
            Self::SplitMatters {
                seed,
                place,
                missing,
                extra,
            } => write!(
                formatter,
                "{place} depend on how the records are split into calls (seed {seed}): \
                 missing {missing:?}, extra {extra:?}"
            ),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Encode(source) => Some(source),
            Self::Recording { source, .. } => Some(source),
            Self::Decode { source, .. } => Some(source),
            _ => None,
        }
    }
}
