//! Software Heritage's persistent identifiers, SWHIDs, as text.
//!
//! This implementation follows swh.model 8.4.1, which the archive's services use. [`QualifiedSwhid`] documents where it
//! differs from the specification (SWHID 1.2, ISO/IEC 18670) or from swh.model. Without qualifiers all three agree.
//!
//! The crate `swhid` is not used because it depends on a command line parser, does not support extended types, has paths as
//! text instead of bytes, writes `%` without escaping it, and keeps qualifiers that swh.model refuses.

mod error;
mod escape;
mod kind;
mod qualified;
mod text;

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

pub use error::{SwhidError, SwhidProblem};
pub use kind::{ExtendedObjectKind, ObjectKind};
pub use qualified::{Fragment, FragmentRange, QualifiedSwhid};

use serde::{Serialize, Serializer};

use crate::Id;
use crate::bytes::write_digits;
use text::from_text;

const PREFIX: &str = "swh:1:";
const ID_DIGITS: usize = 40;
/// `swh:1:`, three letters, a colon and the digits.
const TEXT_BYTES: usize = 50;

/// A SWHID without qualifiers, such as `swh:1:rev:309cf2674ee7a0749978cf8265ab91a60aea0f7d`: text in rows, values
/// and JSON.
///
/// ```
/// use journal_plugin_sdk::{ObjectKind, Swhid};
///
/// let swhid: Swhid = "swh:1:rev:309cf2674ee7a0749978cf8265ab91a60aea0f7d".parse()?;
/// assert_eq!(swhid.kind, ObjectKind::Revision);
/// assert_eq!(swhid.id.to_string(), "309cf2674ee7a0749978cf8265ab91a60aea0f7d");
/// assert_eq!(Swhid::new(swhid.kind, swhid.id).to_string(), swhid.to_string());
/// # Ok::<(), journal_plugin_sdk::SwhidError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Swhid {
    /// The type of the object.
    pub kind: ObjectKind,
    /// The identifier of the object.
    pub id: Id,
}

impl Swhid {
    /// Creates the SWHID of an object.
    ///
    /// ```
    /// use journal_plugin_sdk::{Id, ObjectKind, Swhid};
    ///
    /// let swhid = Swhid::new(ObjectKind::Revision, Id([0x30; 20]));
    /// assert_eq!(swhid.to_string(), "swh:1:rev:3030303030303030303030303030303030303030");
    /// ```
    #[must_use]
    pub fn new(kind: ObjectKind, id: Id) -> Self {
        Self { kind, id }
    }
}

/// A SWHID that may also identify an origin (`ori`) or extrinsic metadata (`emd`): text in rows, values and JSON.
///
/// The archive uses these identifiers internally; they are not part of the specification. Every [`Swhid`] can be converted
/// to one.
///
/// ```
/// use journal_plugin_sdk::{ExtendedObjectKind, ExtendedSwhid, Swhid};
///
/// let origin: ExtendedSwhid = "swh:1:ori:b63a575fe3faab7692c9f38fb09d4bb45651bb0f".parse()?;
/// assert_eq!(origin.kind, ExtendedObjectKind::Origin);
/// assert!(Swhid::try_from(origin).is_err());
/// # Ok::<(), journal_plugin_sdk::SwhidError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExtendedSwhid {
    /// The type of the object.
    pub kind: ExtendedObjectKind,
    /// The identifier of the object.
    pub id: Id,
}

impl ExtendedSwhid {
    /// Creates the SWHID of an object of an [`ObjectKind`] or [`ExtendedObjectKind`].
    ///
    /// ```
    /// use journal_plugin_sdk::{ExtendedObjectKind, ExtendedSwhid, hash};
    ///
    /// let id = hash::sha1(b"https://example.org/repository.git");
    /// let origin = ExtendedSwhid::new(ExtendedObjectKind::Origin, id);
    /// assert_eq!(origin.to_string(), "swh:1:ori:0a697fcc6929db8fc6661edcce2f8c8e706848c3");
    /// ```
    #[must_use]
    pub fn new(kind: impl Into<ExtendedObjectKind>, id: Id) -> Self {
        let kind = kind.into();
        Self { kind, id }
    }
}

impl From<Swhid> for ExtendedSwhid {
    fn from(swhid: Swhid) -> Self {
        Self::new(swhid.kind, swhid.id)
    }
}

impl TryFrom<ExtendedSwhid> for Swhid {
    type Error = SwhidProblem;

    fn try_from(swhid: ExtendedSwhid) -> Result<Self, SwhidProblem> {
        Ok(Self::new(swhid.kind.try_into()?, swhid.id))
    }
}

impl FromStr for Swhid {
    type Err = SwhidError;

    fn from_str(text: &str) -> Result<Self, SwhidError> {
        let swhid: ExtendedSwhid = text.parse()?;
        Self::try_from(swhid).map_err(|problem| problem.at(PREFIX.len()))
    }
}

impl FromStr for ExtendedSwhid {
    type Err = SwhidError;

    fn from_str(text: &str) -> Result<Self, SwhidError> {
        let (swhid, rest) = split(text)?;
        let problem = match rest.as_bytes().first() {
            None => return Ok(swhid),
            Some(b';') => SwhidProblem::Qualifiers,
            Some(_) => SwhidProblem::Id,
        };
        Err(problem.at(text.len() - rest.len()))
    }
}

/// Reads the part of a SWHID before its qualifiers. Returns it and the rest.
fn split(text: &str) -> Result<(ExtendedSwhid, &str), SwhidError> {
    let rest = text
        .strip_prefix(PREFIX)
        .ok_or(SwhidProblem::Prefix.at(0))?;
    let (kind, rest) = rest
        .split_once(':')
        .and_then(|(code, rest)| Some((ExtendedObjectKind::from_code(code)?, rest)))
        .ok_or(SwhidProblem::Kind.at(PREFIX.len()))?;
    let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let bytes = rest.bytes().take(ID_DIGITS);
    let digits = bytes.take_while(is_digit).count();
    let no_id = SwhidProblem::Id.at(text.len() - rest.len() + digits);
    let (id, rest) = rest.split_at_checked(ID_DIGITS).ok_or(no_id)?;
    if digits < ID_DIGITS {
        return Err(no_id);
    }
    let id = id.parse().map_err(|_| no_id)?;
    Ok((ExtendedSwhid::new(kind, id), rest))
}

impl ExtendedSwhid {
    /// Passes the text to `take` without an allocation, because rows contain many SWHIDs.
    fn with_text<T>(self, take: impl FnOnce(&str) -> T) -> T {
        let mut text = *b"swh:1:xxx:xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
        let (start, digits) = text.split_at_mut(TEXT_BYTES - ID_DIGITS);
        start[PREFIX.len()..][..3].copy_from_slice(self.kind.code().as_bytes());
        write_digits(&self.id.0, digits);
        // It is ASCII.
        take(str::from_utf8(&text).unwrap_or_default())
    }
}

impl Display for Swhid {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(&ExtendedSwhid::from(*self), formatter)
    }
}

impl Display for ExtendedSwhid {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        self.with_text(|text| formatter.write_str(text))
    }
}

impl Serialize for Swhid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        ExtendedSwhid::from(*self).serialize(serializer)
    }
}

impl Serialize for ExtendedSwhid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.with_text(|text| serializer.serialize_str(text))
    }
}

impl Serialize for QualifiedSwhid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

from_text!(Swhid, ExtendedSwhid, QualifiedSwhid);

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "309cf2674ee7a0749978cf8265ab91a60aea0f7d";

    #[test]
    fn every_kind_reads_and_writes_itself() {
        for code in ["cnt", "dir", "rev", "rel", "snp"] {
            let text = format!("swh:1:{code}:{HEX}");
            let swhid: Swhid = text.parse().unwrap();
            assert_eq!(swhid.to_string(), text);
            assert_eq!(swhid.kind.code(), code);
            let extended: ExtendedSwhid = text.parse().unwrap();
            assert_eq!(extended, swhid.into());
            assert_eq!(Swhid::try_from(extended), Ok(swhid));
        }
        for code in ["ori", "emd"] {
            let text = format!("swh:1:{code}:{HEX}");
            let extended: ExtendedSwhid = text.parse().unwrap();
            assert_eq!(extended.to_string(), text);
            assert_eq!(
                text.parse::<Swhid>(),
                Err(SwhidProblem::ExtendedKind.at(6)),
                "{text}"
            );
        }
    }

    #[track_caller]
    fn check(text: &str, problem: SwhidProblem, position: usize) {
        assert_eq!(text.parse::<Swhid>(), Err(problem.at(position)), "{text}");
        let extended = text.parse::<ExtendedSwhid>();
        assert_eq!(extended, Err(problem.at(position)), "{text}");
    }

    #[test]
    fn error_has_the_problem_and_its_position() {
        check("", SwhidProblem::Prefix, 0);
        check(HEX, SwhidProblem::Prefix, 0);
        check(&format!("swh:2:rev:{HEX}"), SwhidProblem::Prefix, 0);
        check(&format!("SWH:1:rev:{HEX}"), SwhidProblem::Prefix, 0);
        check(&format!(" swh:1:rev:{HEX}"), SwhidProblem::Prefix, 0);
        check("swh:1:", SwhidProblem::Kind, 6);
        check("swh:1:rev", SwhidProblem::Kind, 6);
        check(&format!("swh:1:REV:{HEX}"), SwhidProblem::Kind, 6);
        check(&format!("swh:1:foo:{HEX}"), SwhidProblem::Kind, 6);
        check(&format!("swh:1::{HEX}"), SwhidProblem::Kind, 6);
        check("swh:1:rev:", SwhidProblem::Id, 10);
        check(&format!("swh:1:rev:{}", &HEX[1..]), SwhidProblem::Id, 49);
        check(&format!("swh:1:rev:{HEX}0"), SwhidProblem::Id, 50);
        check(&format!("swh:1:rev:{HEX}\n"), SwhidProblem::Id, 50);
        check(&format!("swh:1:rev:{HEX} "), SwhidProblem::Id, 50);
        let upper = HEX.replace('c', "C");
        check(&format!("swh:1:rev:{upper}"), SwhidProblem::Id, 13);
        check(&format!("swh:1:rev:{}é", &HEX[1..]), SwhidProblem::Id, 49);
        check(&format!("swh:1:rev:{}é", &HEX[2..]), SwhidProblem::Id, 48);
        check(&format!("swh:1:rev:{HEX};"), SwhidProblem::Qualifiers, 50);
        check(
            &format!("swh:1:rev:{HEX};lines=1"),
            SwhidProblem::Qualifiers,
            50,
        );
    }

    #[test]
    fn error_is_one_sentence_with_the_position() {
        assert_eq!(
            "swh:1:foo:".parse::<Swhid>().unwrap_err().to_string(),
            "byte 6 of the SWHID: the object type must be cnt, dir, rev, rel or snp"
        );
        let rejection = crate::RecordError::from(SwhidProblem::Kind.at(6));
        assert_eq!(rejection.to_string(), SwhidProblem::Kind.at(6).to_string());
    }

    #[test]
    fn swhids_are_text_in_msgpack_and_json() {
        let text = format!("swh:1:snp:{HEX}");
        let swhid: Swhid = text.parse().unwrap();
        let encoded = rmp_serde::to_vec_named(&swhid).unwrap();
        assert_eq!(encoded, rmp_serde::to_vec_named(&text).unwrap());
        assert_eq!(rmp_serde::from_slice::<Swhid>(&encoded).unwrap(), swhid);
        assert!(rmp_serde::from_slice::<ExtendedSwhid>(&encoded).is_ok());
        assert!(rmp_serde::from_slice::<QualifiedSwhid>(&encoded).is_ok());
        let json = serde_json::to_string(&swhid).unwrap();
        assert_eq!(serde_json::from_str::<Swhid>(&json).unwrap(), swhid);
        let error = serde_json::from_str::<Swhid>("\"swh:1:rev:x\"").unwrap_err();
        assert!(error.to_string().contains("byte 10"), "{error}");
        assert!(serde_json::from_str::<Swhid>("1").is_err());
    }
}
