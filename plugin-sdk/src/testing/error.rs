//! The errors of the harness.

use std::fmt::{self, Debug, Display, Formatter};
#[cfg(feature = "recordings")]
use std::path::PathBuf;

use super::run::Call;
use crate::Failure;

/// Why a run in the harness failed. The host would stop in the same cases.
///
#[doc = include_str!("example.md")]
/// use journal_plugin_sdk::testing::Error;
///
/// let error = Harness::<Urls, _>::new().object(&owned::Release::new()).run().unwrap_err();
/// assert!(matches!(error, Error::NotInPlan { object_type } if object_type == "release"));
/// # Ok::<(), journal_plugin_sdk::testing::Error>(())
/// ```
#[non_exhaustive]
pub enum Error {
    /// A key or value of a test cannot be serialized.
    Encode(rmp_serde::encode::Error),
    /// The recording cannot be read.
    #[cfg(feature = "recordings")]
    Recording {
        /// Its path.
        path: PathBuf,
        /// The cause.
        source: journal_recording::Error,
    },
    /// The struct of the options has a type that no option can have.
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
    NotInPlan {
        /// The record's type.
        object_type: String,
    },
    /// A record of the test has an empty value, which would make it a tombstone.
    EmptyValue,
    /// The processor returned a failure.
    Failed {
        /// The call.
        call: Call,
        /// The failure.
        failure: Failure,
    },
    /// The processor panicked.
    Panicked {
        /// The call.
        call: Call,
        /// The panic's message.
        message: String,
    },
    /// A row cannot be written.
    Row {
        /// The output that it was emitted to.
        output: String,
        /// Why.
        reason: String,
    },
    /// A row cannot be decoded to the type that the test asks for.
    Decode {
        /// The output.
        output: String,
        /// The cause.
        source: rmp_serde::decode::Error,
    },
    /// The result depends on how the records are split into calls.
    DependsOnSplit {
        /// The seed of the split with a different result, for
        /// [`Harness::split_at_random`](super::Harness::split_at_random).
        seed: u64,
        /// What differs: the rows of an output, or the rejections.
        part: String,
        /// What is missing with this split, as JSON.
        missing: Vec<String>,
        /// What only this split has, as JSON.
        extra: Vec<String>,
    },
}

impl Display for Error {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encode(_) => formatter.write_str("a key or value cannot be serialized"),
            #[cfg(feature = "recordings")]
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
            Self::NotInPlan { object_type } => {
                write!(
                    formatter,
                    "the plan does not ask for the object type `{object_type}`"
                )
            }
            Self::EmptyValue => formatter
                .write_str("a value is empty: use `tombstone` for a record without a value"),
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
            Self::DependsOnSplit {
                seed,
                part,
                missing,
                extra,
            } => write!(
                formatter,
                "{part} depend on how the records are split into calls (seed {seed}): \
                 missing {missing:?}, extra {extra:?}"
            ),
        }
    }
}

/// The sentence with its causes: a test that returns an error, or unwraps one, prints this form.
impl Debug for Error {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(self, formatter)?;
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            write!(formatter, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Encode(source) => Some(source),
            #[cfg(feature = "recordings")]
            Self::Recording { source, .. } => Some(source),
            Self::Decode { source, .. } => Some(source),
            _ => None,
        }
    }
}
