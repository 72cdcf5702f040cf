//! Counts commits by the day of the week, on each author's own clock.

use journal_plugin_sdk::{
    Aggregate, Batches, Column, Columns, Failure, Out, Plan, Processor, Weekday, export,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the operator can set.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// The first year to include, on the author's clock.
    #[serde(default)]
    since: u16,
}

/// What each commit adds to the output.
#[derive(Serialize, Columns)]
struct Row {
    /// On the author's clock.
    weekday: Weekday,
    /// The number of commits.
    commits: u64,
}

#[derive(Default)]
pub struct MyAggregate {
    since: u16,
}

impl Processor<Options> for MyAggregate {
    const OBJECT_TYPES: &'static [&'static str] = &["revision"];

    fn start(options: Options) -> Result<Self, Failure> {
        Ok(Self {
            since: options.since,
        })
    }

    fn plan(&self) -> Plan {
        let weekdays = Aggregate::by(["weekday"]).sum("commits");
        Plan::new(Self::OBJECT_TYPES)
            .columns([Column::Values])
            .stateless()
            .aggregate("weekdays", "Commits by the day of the week", weekdays)
            .row::<Row>()
    }

    fn process(&mut self, batches: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
        batches.each_revision(out, |revision, out| {
            // Some revisions have no date, or none that the calendar has.
            let Some(time) = revision.date()?.and_then(|date| date.local()) else {
                return Ok(());
            };
            if time.year < self.since {
                return Ok(());
            }
            let weekday = time.weekday;
            out.merge(
                "weekdays",
                &Row {
                    weekday,
                    commits: 1,
                },
            )
        })
    }
}

export!(MyAggregate);
