//! Errors of a call and of a single record.

use std::error::Error;
use std::fmt::{self, Display, Formatter, Write as _};
use std::panic::Location;

/// Why a call failed. The rows of the call are discarded.
///
/// `?` converts any error into a fatal failure, so `Failure` does not implement [`Error`] itself.
///
/// ```
/// use journal_plugin_sdk::Failure;
///
/// fn parse(text: &str) -> Result<u32, Failure> {
///     Ok(text.parse()?)
/// }
/// assert_eq!(parse("x"), Err(Failure::fatal("invalid digit found in string")));
/// ```
#[must_use = "a failure has an effect only when the call returns it"]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The same call may succeed later.
    Retry(String),
    /// The same call would fail again: the options or the processor are wrong.
    Fatal(String),
}

impl Failure {
    /// A failure that may not occur again.
    ///
    /// ```
    /// use journal_plugin_sdk::Failure;
    ///
    /// assert_eq!(Failure::retry("not yet"), Failure::Retry("not yet".to_owned()));
    /// ```
    pub fn retry(reason: impl Into<String>) -> Self {
        Self::Retry(reason.into())
    }

    /// A failure that would occur again.
    ///
    /// ```
    /// use journal_plugin_sdk::Failure;
    ///
    /// fn check(smallest: u64, largest: u64) -> Result<(), Failure> {
    ///     if smallest > largest {
    ///         return Err(Failure::fatal("`smallest` is above `largest`"));
    ///     }
    ///     Ok(())
    /// }
    /// assert!(check(2, 1).is_err());
    /// ```
    pub fn fatal(reason: impl Into<String>) -> Self {
        Self::Fatal(reason.into())
    }

    /// The reason, as the operator sees it.
    ///
    /// ```
    /// use journal_plugin_sdk::Failure;
    ///
    /// assert_eq!(Failure::fatal("no such branch").reason(), "no such branch");
    /// ```
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            Self::Retry(reason) | Self::Fatal(reason) => reason,
        }
    }

    /// Adds to the reason the line of the processor's source that caused it.
    pub(crate) fn at(mut self, location: &Location<'_>) -> Self {
        let (Self::Retry(reason) | Self::Fatal(reason)) = &mut self;
        // Writing to a string does not fail.
        let _ = write!(reason, " (at {location})");
        self
    }
}

impl Display for Failure {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.reason())
    }
}

impl<E: Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Fatal(with_causes(&error))
    }
}

impl From<RecordError> for Failure {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::Reject(reason) => Self::Fatal(reason),
            RecordError::Fail(failure) => failure,
        }
    }
}

/// Why one record could not be handled: the error of the closure of [`Batches::each`](crate::Batches::each).
///
/// `?` on any error rejects only the record; `?` on a [`Failure`] fails the call.
///
/// ```
/// use journal_plugin_sdk::{Failure, RecordError};
///
/// fn parse(text: &str) -> Result<u32, RecordError> {
///     Ok(text.parse()?)
/// }
/// assert!(matches!(parse("x"), Err(RecordError::Reject(_))));
/// assert!(matches!(RecordError::from(Failure::fatal("full")), RecordError::Fail(_)));
/// ```
#[must_use = "a rejection has an effect only when the closure returns it"]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordError {
    /// This record is rejected for this reason, and the next one follows.
    Reject(String),
    /// The whole call fails.
    Fail(Failure),
}

impl RecordError {
    /// Rejects the record. See also [`reject!`](crate::reject).
    ///
    /// ```
    /// use journal_plugin_sdk::RecordError;
    ///
    /// let first = [].first().copied().ok_or_else(|| RecordError::reject("there is no parent"));
    /// assert_eq!(first, Err::<u32, _>(RecordError::reject("there is no parent")));
    /// ```
    pub fn reject(reason: impl Into<String>) -> Self {
        Self::Reject(reason.into())
    }
}

impl Display for RecordError {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reject(reason) => formatter.write_str(reason),
            Self::Fail(failure) => failure.fmt(formatter),
        }
    }
}

impl<E: Error> From<E> for RecordError {
    fn from(error: E) -> Self {
        Self::Reject(with_causes(&error))
    }
}

impl From<Failure> for RecordError {
    fn from(failure: Failure) -> Self {
        Self::Fail(failure)
    }
}

/// Returns from the closure of [`Batches::each`](crate::Batches::each) and rejects the record.
///
/// The arguments are those of `format!`, and give the reason.
///
/// ```
/// use journal_plugin_sdk::{RecordError, reject};
///
/// fn check(length: i64) -> Result<(), RecordError> {
///     if length < 0 {
///         reject!("the length is {length}");
///     }
///     Ok(())
/// }
/// assert_eq!(check(-1), Err(RecordError::reject("the length is -1")));
/// ```
#[macro_export]
macro_rules! reject {
    ($($reason:tt)+) => {
        return ::core::result::Result::Err($crate::RecordError::reject(::std::format!($($reason)+)))
    };
}

/// The messages of the error and its causes, as one line.
fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Writing to a string does not fail.
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Outer(std::num::ParseIntError);

    impl Display for Outer {
        fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
            formatter.write_str("no number")
        }
    }

    impl Error for Outer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }

    fn outer() -> Outer {
        Outer("x".parse::<u8>().unwrap_err())
    }

    #[test]
    fn reason_contains_the_causes_of_an_error() {
        let reason = "no number: invalid digit found in string";
        assert_eq!(RecordError::from(outer()), RecordError::reject(reason));
        assert_eq!(Failure::from(outer()), Failure::fatal(reason));
    }

    #[test]
    fn failure_inside_a_record_is_passed_on_unchanged() {
        let failure = Failure::retry("busy");
        assert_eq!(Failure::from(RecordError::from(failure.clone())), failure);
    }

    #[test]
    fn rejection_outside_of_a_record_is_a_fatal_failure() {
        assert_eq!(
            Failure::from(RecordError::reject("bad")),
            Failure::fatal("bad")
        );
    }
}
