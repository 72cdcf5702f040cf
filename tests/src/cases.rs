//! Objects of the journal, each with what upstream's packages make of it.

use std::fs;
use std::path::Path;

use rmpv::Value;

/// A record's key and value, and what upstream's packages make of them.
///
/// `tests/oracle/cases.py` says how a file of them is written.
#[derive(Debug, Clone)]
pub struct Case {
    /// What an old message is an example of, such as `revision_offset_in_minutes`.
    pub name: Option<String>,
    /// The object type of the topic.
    pub object_type: String,
    /// The record's key.
    pub key: Vec<u8>,
    /// The record's value.
    pub value: Vec<u8>,
    /// What upstream writes of the object that it reads from `value`; none where that is to be refused.
    pub normal: Option<Vec<u8>>,
    /// The id that the object's fields give, which is not always the one that it holds.
    pub id: Option<Vec<u8>>,
    /// The identifier of the id that the object holds.
    pub swhid: Option<String>,
    /// Whether the persons were hashed, so that nobody can compute the id.
    pub anonymised: bool,
}

/// Reads a file of cases.
///
/// # Panics
/// When it is not there or is no such file.
#[must_use]
pub fn read(path: &Path) -> Vec<Case> {
    let bytes =
        fs::read(path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
    let mut rest = &bytes[..];
    let mut cases = Vec::new();
    while !rest.is_empty() {
        let members = rmpv::decode::read_value(&mut rest)
            .unwrap_or_else(|error| panic!("case {} of {}: {error}", cases.len(), path.display()));
        cases.push(case(members));
    }
    cases
}

fn case(members: Value) -> Case {
    let Value::Array(members) = members else {
        panic!("a case is an array, not {members}");
    };
    let mut members = members.into_iter();
    let mut next = || members.next().unwrap_or(Value::Nil);
    Case {
        object_type: text(next()).expect("a case has an object type"),
        key: bytes(next()).expect("a case has a key"),
        value: bytes(next()).expect("a case has a value"),
        normal: bytes(next()),
        id: bytes(next()),
        swhid: text(next()),
        anonymised: next() == Value::Boolean(true),
        name: text(next()),
    }
}

fn bytes(member: Value) -> Option<Vec<u8>> {
    match member {
        Value::Nil => None,
        Value::Binary(bytes) => Some(bytes),
        other => panic!("{other} is not binary"),
    }
}

fn text(member: Value) -> Option<String> {
    match member {
        Value::Nil => None,
        Value::String(text) => Some(text.into_str().expect("a case's texts are UTF-8")),
        other => panic!("{other} is no text"),
    }
}
