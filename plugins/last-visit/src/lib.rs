//! Finds the newest visit status of each origin.
//!
//! The statuses of an origin are in several partitions of the journal, because each has a key of its own: they come in any
//! order. The aggregate keeps the one with the latest date, whichever comes first.

use journal_plugin_sdk::{
    Aggregate, Batches, Column, Columns, Failure, Id, OriginVisitStatus, Out, Plan, Processor,
    RecordError, Timestamp, VisitStatus, export,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The options.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Consider only statuses with a snapshot.
    require_snapshot: bool,
}

#[derive(Serialize, Columns)]
struct Newest<'a> {
    /// The URL of the origin.
    origin: &'a str,
    /// When its newest visit had this status.
    date: Timestamp,
    /// The number of the visit to this origin.
    visit: u64,
    /// Such as `full`.
    #[column(text)]
    status: VisitStatus,
    /// The type of the visit, such as `git`.
    #[serde(rename = "type")]
    visit_type: Option<&'a str>,
    /// The snapshot that the visit has made, if there is one.
    snapshot: Option<Id>,
}

/// Keeps the newest status of each origin. It is stateless.
#[derive(Debug, Default)]
pub struct LastVisit {
    options: Options,
}

impl Processor<Options> for LastVisit {
    const OBJECT_TYPES: &'static [&'static str] = &["origin_visit_status"];

    fn start(options: Options) -> Result<Self, Failure> {
        Ok(Self { options })
    }

    fn plan(&self) -> Plan {
        let merged = Aggregate::by(["origin"])
            .max("date")
            .latest_by("date", ["visit", "status", "type", "snapshot"]);
        Plan::new(Self::OBJECT_TYPES)
            .columns([Column::Values])
            .stateless()
            .aggregate("visits", "The newest visit status of each origin", merged)
            .row::<Newest<'_>>()
    }

    fn process(&mut self, batches: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
        batches.each_origin_visit_status(out, |status, out| self.merge(&status, out))
    }
}

impl LastVisit {
    fn merge(&self, status: &OriginVisitStatus<'_>, out: &mut Out) -> Result<(), RecordError> {
        let snapshot = status.snapshot()?;
        if self.options.require_snapshot && snapshot.is_none() {
            return Ok(());
        }
        let newest = Newest {
            origin: status.origin()?,
            date: status.date()?,
            visit: status.visit()?,
            status: status.status()?,
            visit_type: status.visit_type()?,
            snapshot,
        };
        out.merge("visits", &newest)
    }
}

export!(LastVisit);
