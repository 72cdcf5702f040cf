//! Counts revisions by month, by time zone, and by weekday and hour.
//!
//! It does not need privileged topics: anonymised revisions have their dates.

use std::fmt::Write as _;

use journal_plugin_sdk::{
    Aggregate, Batches, Column, Columns, Date, Failure, Out, Plan, Processor, RecordError, Weekday,
    export,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The date of a revision to count by.
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
    /// The date of a revision to count by: `author`, when the change was written, or `committer`, when it was committed.
    #[serde(default)]
    date: WhichDate,
}

#[derive(Serialize, Columns)]
struct OfMonth<'a> {
    /// In UTC, such as `2016-02`; null if the date is outside of the calendar.
    month: Option<&'a str>,
    /// The number of revisions.
    revisions: u64,
}

#[derive(Serialize, Columns)]
struct OfZone<'a> {
    /// Such as `+0100`; null if the bytes in the revision are not an offset.
    zone: Option<&'a str>,
    /// The number of revisions.
    revisions: u64,
}

#[derive(Serialize, Columns)]
struct OfHour {
    /// In the author's time zone, like the hour.
    weekday: Option<Weekday>,
    /// From 0 to 23.
    hour: Option<u8>,
    /// The number of revisions.
    revisions: u64,
}

/// Counts revisions. It is stateless.
#[derive(Debug, Default)]
pub struct CommitActivity {
    options: Options,
}

impl Processor<Options> for CommitActivity {
    const OBJECT_TYPES: &'static [&'static str] = &["revision"];

    fn start(options: Options) -> Result<Self, Failure> {
        Ok(Self { options })
    }

    fn plan(&self) -> Plan {
        let by = |key: &[&str]| Aggregate::by(key).sum("revisions");
        Plan::new(Self::OBJECT_TYPES)
            .columns([Column::Values])
            .stateless()
            .aggregate("months", "Revisions in each month, in UTC", by(&["month"]))
            .row::<OfMonth<'_>>()
            .aggregate("zones", "Revisions in each time zone", by(&["zone"]))
            .row::<OfZone<'_>>()
            .aggregate(
                "hours",
                "Revisions in each hour of the week, in the author's own time zone",
                by(&["weekday", "hour"]),
            )
            .row::<OfHour>()
    }

    fn process(&mut self, batches: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
        let mut month = String::new();
        batches.each_revision(out, |revision, out| {
            let date = match self.options.date {
                WhichDate::Author => revision.date()?,
                WhichDate::Committer => revision.committer_date()?,
            };
            match date {
                Some(date) => count(&date, &mut month, out),
                // Revisions of tarballs may have no date.
                None => Ok(()),
            }
        })
    }
}

fn count(date: &Date<'_>, month: &mut String, out: &mut Out) -> Result<(), RecordError> {
    let utc = date.utc();
    if let Some(utc) = utc {
        month.clear();
        write!(month, "{:04}-{:02}", utc.year, utc.month)?;
    }
    out.merge(
        "months",
        &OfMonth {
            month: utc.map(|_| month.as_str()),
            revisions: 1,
        },
    )?;
    let zone = date.offset_minutes().map(|_| date.offset_bytes());
    out.merge(
        "zones",
        &OfZone {
            zone: zone.and_then(|bytes| str::from_utf8(bytes).ok()),
            revisions: 1,
        },
    )?;
    let local = date.local();
    out.merge(
        "hours",
        &OfHour {
            weekday: local.map(|local| local.weekday),
            hour: local.map(|local| local.hour),
            revisions: 1,
        },
    )
}

export!(CommitActivity);
