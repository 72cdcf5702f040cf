//! Lists every revision with its references, its dates and the first line of its message.

use std::borrow::Cow;

use journal_plugin_sdk::{Batches, Column, Failure, Id, Out, Plan, Processor, Timestamp, export};
use serde::Serialize;

/// A row of the output.
#[derive(Serialize)]
struct Row<'a> {
    id: Id,
    directory: Id,
    parents: &'a [Id],
    date: Option<Timestamp>,
    committer_date: Option<Timestamp>,
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
    }

    fn process(&mut self, batches: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
        // The list is reused for all revisions of a call, to avoid allocations.
        let mut parents = Vec::new();
        batches.each_revision(out, |revision, out| {
            // Fields are read in the journal's order, which takes a single pass.
            let subject = revision.message()?.map(subject);
            let date = revision.date()?.and_then(|date| date.timestamp());
            let committer_date = revision.committer_date()?.and_then(|date| date.timestamp());
            let directory = revision.directory()?;
            parents.clear();
            for parent in revision.parents()? {
                parents.push(parent?);
            }
            let id = revision.id()?;
            out.emit(&Row {
                id,
                directory,
                parents: &parents,
                date,
                committer_date,
                subject,
            })
        })
    }
}

/// The first line of a message.
fn subject(message: &[u8]) -> Cow<'_, str> {
    let end = message.iter().position(|&byte| byte == b'\n');
    let line = end.map_or(message, |end| &message[..end]);
    String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line))
}

export!(ListRevisions);
