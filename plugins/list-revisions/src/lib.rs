//! Lists every revision with its references, its dates and the first line of its message.

use std::borrow::Cow;

use journal_plugin_sdk::{
    Batches, Column, Columns, Failure, FieldError, Id, Out, Plan, Processor, Revision, Timestamp,
    export,
};
use serde::ser::{Error as _, SerializeSeq as _};
use serde::{Serialize, Serializer};

/// A line that is not UTF-8 is cut to this size.
const REPLACED_BYTES: usize = 1 << 20;

/// A row of the output.
#[derive(Serialize, Columns)]
struct Row<'a> {
    /// The revision.
    id: Id,
    /// Its root directory.
    directory: Id,
    /// The revisions that it follows, as a list of identifiers.
    #[column(json)]
    parents: Parents<'a>,
    /// When the change was written.
    date: Option<Timestamp>,
    /// When it was committed.
    committer_date: Option<Timestamp>,
    /// The first line of its message.
    subject: Option<Cow<'a, str>>,
}

/// Emits one row per revision. It is stateless.
#[derive(Debug, Default)]
pub struct ListRevisions;

impl Processor for ListRevisions {
    const OBJECT_TYPES: &'static [&'static str] = &["revision"];

    fn plan(&self) -> Plan {
        Plan::new(Self::OBJECT_TYPES)
            .columns([Column::Values])
            .stateless()
            .output("revisions", "One row for each revision")
            .row::<Row<'_>>()
    }

    fn process(&mut self, batches: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
        batches.each_revision(out, |revision, out| {
            // Fields are read in the journal's order, which takes a single pass.
            let subject = revision.message()?.map(subject);
            let date = revision.date()?.and_then(|date| date.timestamp());
            let committer_date = revision.committer_date()?.and_then(|date| date.timestamp());
            let directory = revision.directory()?;
            let parents = Parents::of(&revision)?;
            let id = revision.id()?;
            out.emit(&Row {
                id,
                directory,
                parents,
                date,
                committer_date,
                subject,
            })
        })
    }
}

/// The parents of a revision, which are read while the row is written: a large revision has no room for a list of them.
struct Parents<'a> {
    revision: &'a Revision<'a>,
    count: usize,
}

impl<'a> Parents<'a> {
    /// Checks that all parents can be read.
    fn of(revision: &'a Revision<'a>) -> Result<Self, FieldError> {
        let mut count = 0;
        for parent in revision.parents()? {
            parent?;
            count += 1;
        }
        Ok(Self { revision, count })
    }
}

impl Serialize for Parents<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.count))?;
        for parent in self.revision.parents().map_err(S::Error::custom)? {
            list.serialize_element(&parent.map_err(S::Error::custom)?)?;
        }
        list.end()
    }
}

/// The first line of a message.
fn subject(message: &[u8]) -> Cow<'_, str> {
    let end = message.iter().position(|&byte| byte == b'\n');
    let line = end.map_or(message, |end| &message[..end]);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    match str::from_utf8(line) {
        Ok(line) => Cow::Borrowed(line),
        // The replacement may be three times as long.
        Err(_) => String::from_utf8_lossy(&line[..line.len().min(REPLACED_BYTES)]),
    }
}

export!(ListRevisions);
