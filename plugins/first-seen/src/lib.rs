//! Finds the earliest date at which each root directory was recorded.
//!
//! It does not need privileged topics: anonymised revisions have their dates.

use journal_plugin_sdk::{
    Aggregate, Batches, Column, Columns, Failure, Id, Out, Plan, Processor, Timestamp, export,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The date of a revision to compare.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WhichDate {
    /// When the change was written.
    #[default]
    Author,
    /// When it was committed.
    Committer,
}

/// The options.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// The date of a revision to compare: `author`, when the change was written, or `committer`, when it was committed.
    #[serde(default)]
    date: WhichDate,
}

#[derive(Serialize, Columns)]
struct Row {
    /// The root directory of revisions.
    directory: Id,
    /// The earliest date of these revisions.
    date: Timestamp,
}

/// Keeps the earliest date of each directory. It is stateless.
#[derive(Debug, Default)]
pub struct FirstSeen {
    options: Options,
}

impl Processor<Options> for FirstSeen {
    const OBJECT_TYPES: &'static [&'static str] = &["revision"];

    fn start(options: Options) -> Result<Self, Failure> {
        Ok(Self { options })
    }

    fn plan(&self) -> Plan {
        let earliest = Aggregate::by(["directory"]).min("date");
        Plan::new(Self::OBJECT_TYPES)
            .columns([Column::Values])
            .stateless()
            .aggregate(
                "directories",
                "The earliest date of each root directory",
                earliest,
            )
            .row::<Row>()
    }

    fn process(&mut self, batches: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
        batches.each_revision(out, |revision, out| {
            let date = match self.options.date {
                WhichDate::Author => revision.date()?,
                WhichDate::Committer => revision.committer_date()?,
            };
            // Revisions of tarballs may have no date, and some dates are outside of the calendar.
            let Some(date) = date.and_then(|date| date.timestamp()) else {
                return Ok(());
            };
            let directory = revision.directory()?;
            out.merge("directories", &Row { directory, date })
        })
    }
}

export!(FirstSeen);
