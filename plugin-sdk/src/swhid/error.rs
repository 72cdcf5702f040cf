//! Why a text is not a SWHID.

use thiserror::Error;

/// A text is not a SWHID: what is wrong, and where.
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
    /// What is wrong.
    pub problem: SwhidProblem,
    /// How many bytes of the text stand before the part that is wrong.
    pub position: usize,
}

/// What is wrong with a SWHID.
///
/// ```
/// use journal_plugin_sdk::{Swhid, SwhidProblem};
///
/// let error = "swh:2:rev:309cf2674ee7a0749978cf8265ab91a60aea0f7d".parse::<Swhid>().unwrap_err();
/// assert_eq!(error.problem, SwhidProblem::Prefix);
/// assert_eq!(error.problem.to_string(), "it must begin with `swh:1:`");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SwhidProblem {
    /// It is another scheme, or another version of the scheme.
    #[error("it must begin with `swh:1:`")]
    Prefix,
    /// No object has the type.
    #[error("the object type must be cnt, dir, rev, rel or snp")]
    Kind,
    /// Only extended SWHIDs have the type.
    #[error("the object types ori and emd are those of an extended SWHID alone")]
    ExtendedKind,
    /// The identifier is too short, too long or has other characters.
    #[error("the identifier must be 40 lowercase hexadecimal digits")]
    Id,
    /// There are qualifiers, which the type that it is read as does not have.
    #[error("qualifiers are those of a qualified SWHID alone")]
    Qualifiers,
    /// There is a blank among the qualifiers.
    #[error("blanks in a qualifier must be written with `%`, a space as `%20`")]
    Blank,
    /// A qualifier has no value.
    #[error("a qualifier must be a name, `=` and a value")]
    Qualifier,
    /// No qualifier has the name.
    #[error("the qualifier must be origin, visit, anchor, path, lines or bytes")]
    QualifierName,
    /// The visit is not that of a snapshot.
    #[error("the visit must be the SWHID of a snapshot")]
    Visit,
    /// The anchor is a content, in which no path begins.
    #[error("the anchor must be the SWHID of a directory, revision, release or snapshot")]
    Anchor,
    /// Lines or bytes are no numbers, or are numbers above 64 bits.
    #[error("lines and bytes must be a number, or two numbers and `-` between them")]
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
