//! The error of parsing a SWHID.

use thiserror::Error;

/// The error of parsing a SWHID, with its position.
///
/// ```
/// use journal_plugin_sdk::{Swhid, SwhidProblem};
///
/// let error = "swh:1:rev:309cf2".parse::<Swhid>().unwrap_err();
/// assert_eq!(error.problem, SwhidProblem::Id);
/// assert_eq!(error.position, 16);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("byte {position} of the SWHID: {problem}")]
pub struct SwhidError {
    /// The problem.
    pub problem: SwhidProblem,
    /// The byte offset of the problem in the text.
    pub position: usize,
}

/// What is wrong with a SWHID.
///
/// ```
/// use journal_plugin_sdk::{Swhid, SwhidProblem};
///
/// let error = "swh:2:rev:309cf2674ee7a0749978cf8265ab91a60aea0f7d".parse::<Swhid>().unwrap_err();
/// assert_eq!(error.problem, SwhidProblem::Prefix);
/// assert_eq!(error.problem.to_string(), "it must start with `swh:1:`");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SwhidProblem {
    /// The text does not start with `swh:1:`.
    #[error("it must start with `swh:1:`")]
    Prefix,
    /// The object type is unknown.
    #[error("the object type must be cnt, dir, rev, rel or snp")]
    Kind,
    /// Only extended SWHIDs have the object type.
    #[error("only an extended SWHID may have the object type ori or emd")]
    ExtendedKind,
    /// The identifier is too short, too long or has other characters.
    #[error("the identifier must be 40 lowercase hexadecimal digits")]
    Id,
    /// There are qualifiers, which the type does not support.
    #[error("only a qualified SWHID may have qualifiers")]
    Qualifiers,
    /// The qualifiers contain white space.
    #[error("white space in a qualifier must be escaped, a space as `%20`")]
    Blank,
    /// A qualifier has no value.
    #[error("a qualifier must be a name, `=` and a value")]
    Qualifier,
    /// The name of a qualifier is unknown.
    #[error("the qualifier must be origin, visit, anchor, path, lines or bytes")]
    QualifierName,
    /// The visit is not a snapshot.
    #[error("the visit must be the SWHID of a snapshot")]
    Visit,
    /// The anchor is a content.
    #[error("the anchor must be the SWHID of a directory, revision, release or snapshot")]
    Anchor,
    /// Lines or bytes are not numbers of up to 64 bits.
    #[error("lines and bytes must be a number, or two numbers with a `-` between them")]
    Range,
}

impl SwhidProblem {
    pub(super) fn at(self, position: usize) -> SwhidError {
        SwhidError {
            problem: self,
            position,
        }
    }
}
