//! The header at the start of a recording.

use journal_msgpack::{Cursor, Fault, Head};

use super::{HEADER_KEY, MAX_TOPICS, TOPICS_KEY, VERSION};
use crate::topic::is_name;

/// The header of a recording.
pub(super) struct Header {
    /// In bytes.
    pub(super) length: usize,
    pub(super) topics: Option<Vec<String>>,
}

/// Why bytes do not begin with a header.
pub(super) enum HeaderFlaw {
    Incomplete,
    Version(u64),
    BadTopicName(Vec<u8>),
    TooManyTopics,
    Wrong(&'static str),
}

impl From<Fault> for HeaderFlaw {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Incomplete => Self::Incomplete,
            Fault::Reserved => Self::Wrong("begins with a map that is not msgpack"),
        }
    }
}

impl Header {
    /// Finds the header at the start of `bytes`. Unknown members are skipped, so that a later writer can add some without a
    /// new version.
    pub(super) fn find(bytes: &[u8]) -> Result<Self, HeaderFlaw> {
        let mut cursor = Cursor::new(bytes);
        let Head::Map(members) = cursor.head()? else {
            return Err(HeaderFlaw::Wrong("does not begin with a map"));
        };
        let mut version = None;
        let mut topics = None;
        for _ in 0..members {
            let key = match cursor.head()? {
                Head::Str(length) => cursor.bytes(length)?,
                _ => return Err(HeaderFlaw::Wrong("begins with a map that is not a header")),
            };
            let value = cursor;
            cursor.skip()?;
            if key == HEADER_KEY.as_bytes() {
                version = Some(value);
            } else if key == TOPICS_KEY.as_bytes() {
                topics = Some(value);
            }
        }
        match version.map(|mut value| value.head()).transpose()? {
            Some(Head::Uint(VERSION)) => {}
            Some(Head::Uint(version)) => return Err(HeaderFlaw::Version(version)),
            Some(_) => {
                return Err(HeaderFlaw::Wrong(
                    "has a header whose version is not a number",
                ));
            }
            None => return Err(HeaderFlaw::Wrong("begins with a map that is not a header")),
        }
        let topics = topics.map(names).transpose()?;
        Ok(Self {
            length: cursor.offset(),
            topics,
        })
    }
}

/// Reads a list of texts.
fn names(mut cursor: Cursor<'_>) -> Result<Vec<String>, HeaderFlaw> {
    const WRONG: HeaderFlaw =
        HeaderFlaw::Wrong("has a header whose topics are not a list of names");
    let Head::Array(count) = cursor.head()? else {
        return Err(WRONG);
    };
    if count as usize > MAX_TOPICS {
        return Err(HeaderFlaw::TooManyTopics);
    }
    let mut names = Vec::new();
    for _ in 0..count {
        let Head::Str(length) = cursor.head()? else {
            return Err(WRONG);
        };
        let name = cursor.bytes(length)?;
        match std::str::from_utf8(name) {
            Ok(text) if is_name(name) => names.push(text.to_owned()),
            _ => return Err(HeaderFlaw::BadTopicName(name.to_vec())),
        }
    }
    Ok(names)
}
