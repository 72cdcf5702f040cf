//! Contents.

use journal_plugin_sdk::msgpack::Item;

use super::fields::{Fields, Names, names, read};
use super::time::{self, Texts};
use super::{Finding, Rule};

const NAMES: &Names<8> = names![
    "sha1",
    "sha1_git",
    "sha256",
    "blake2s256",
    "length",
    "status",
    "data",
    "ctime",
];
const STATUS: usize = 5;
const CTIME: usize = 7;

const SKIPPED_NAMES: &Names<10> = names![
    "sha1",
    "sha1_git",
    "sha256",
    "blake2s256",
    "length",
    "status",
    "reason",
    "origin",
    "ctime",
    "data",
];
const SKIPPED_CTIME: usize = 8;
const SKIPPED_DATA: usize = 9;

/// A content that the archive has.
pub(super) fn content(value: &[u8]) -> Result<(), Finding> {
    let fields = read(value, NAMES)?;
    fields.require([STATUS])?;
    check_present(&fields)
}

/// A content that shares a hash with another one.
pub(super) fn colliding(value: &[u8]) -> Result<(), Finding> {
    check_present(&read(value, NAMES)?)
}

fn check_present(fields: &Fields<'_, 8>) -> Result<(), Finding> {
    if fields.item(STATUS)? == Item::Str(b"absent") {
        let what = "is `absent`, which only a skipped content may be";
        return Err(fields.refuse(STATUS, Rule::StatusNotAllowed, what));
    }
    fields.optional(CTIME, |ctime| time::check_instant(ctime, Texts::Parsed))
}

/// A content that the archive does not have.
pub(super) fn skipped(value: &[u8]) -> Result<(), Finding> {
    let fields = read(value, SKIPPED_NAMES)?;
    // The hashes may be nil, and have to be there.
    fields.require(0..4)?;
    if fields.item(STATUS)? != Item::Str(b"absent") {
        let what = "is not `absent`, as that of a skipped content has to be";
        return Err(fields.refuse(STATUS, Rule::StatusNotAllowed, what));
    }
    if fields.item(SKIPPED_DATA)? != Item::Nil {
        let what = "is not nil in a skipped content";
        return Err(fields.refuse(SKIPPED_DATA, Rule::DataInSkippedContent, what));
    }
    fields.optional(SKIPPED_CTIME, |ctime| {
        time::check_instant(ctime, Texts::Refused)
    })
}
