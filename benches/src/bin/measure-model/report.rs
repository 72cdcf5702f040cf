//! The table of measurements.

use std::collections::BTreeMap;
use std::time::Duration;

use guest_reader::Work;
use journal_benches::measure::Spread;
use serde::{Deserialize, Serialize};

/// The measurements of one round, in nanoseconds of CPU time per record.
pub(crate) struct Round {
    pub(crate) native: Vec<(Work, Native)>,
    pub(crate) sandbox: Vec<(Work, f64)>,
    pub(crate) python: Python,
}

/// What native code took.
pub(crate) struct Native {
    pub(crate) copying: f64,
    pub(crate) reading: f64,
    /// Reading the records of each object type, per record of that type.
    pub(crate) by_type: BTreeMap<String, f64>,
}

/// The measurements of upstream's packages.
pub(crate) struct Python {
    /// `kafka_to_value`.
    pub(crate) values: f64,
    /// `from_dict`, without `kafka_to_value`.
    pub(crate) objects: f64,
}

/// The output of the script with this name.
#[derive(Deserialize)]
struct Printed {
    records: u32,
    values: f64,
    objects: f64,
}

#[derive(Serialize)]
struct Row {
    what: String,
    /// Nanoseconds of CPU time per record.
    ns: Spread,
    /// The name of the other subject, and the ratio to it, computed for each round.
    to: Option<(&'static str, Spread)>,
    /// The maximum for the ratio, or for the time if there is no ratio.
    target: Option<f64>,
}

impl Python {
    pub(crate) fn parse(printed: &str) -> Self {
        let printed: Printed = serde_json::from_str(printed).expect("the script prints JSON");
        let ns = |seconds: f64| seconds * 1e9 / f64::from(printed.records);
        Self {
            values: ns(printed.values),
            objects: ns(printed.objects),
        }
    }
}

impl Round {
    fn copying(&self) -> f64 {
        self.native(Work::Copy).copying
    }

    fn native(&self, work: Work) -> &Native {
        let found = self.native.iter().find(|(found, _)| *found == work);
        &found.expect("every work is measured").1
    }

    fn reading_type(&self, work: Work, object_type: &str) -> f64 {
        self.native(work).by_type[object_type]
    }

    fn reading(&self, work: Work) -> f64 {
        self.native(work).reading
    }

    fn copying_and_reading(&self, work: Work) -> f64 {
        self.native(work).copying + self.reading(work)
    }

    fn sandbox(&self, work: Work) -> f64 {
        let found = self.sandbox.iter().find(|(found, _)| *found == work);
        found.expect("every work is measured").1
    }
}

/// Nanoseconds per record.
pub(crate) fn per_record(time: Duration, records: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "some millions")]
    let records = records as f64;
    time.as_secs_f64() * 1e9 / records
}

type Measure<'a> = &'a dyn Fn(&Round) -> f64;

fn row<'a>(
    rounds: &[Round],
    what: impl Into<String>,
    measure: Measure<'_>,
    to: impl Into<Option<(&'static str, Measure<'a>)>>,
    target: impl Into<Option<f64>>,
) -> Row {
    let ratio =
        |other: Measure<'_>| Spread::of(rounds.iter().map(|round| measure(round) / other(round)));
    Row {
        what: what.into(),
        ns: Spread::of(rounds.iter().map(measure)),
        to: to.into().map(|(name, other)| (name, ratio(other))),
        target: target.into(),
    }
}

fn rows(rounds: &[Round]) -> Vec<Row> {
    let mut rows = Vec::new();
    for (reading, lazily, structs, most) in [
        (
            "every field",
            Work::FieldsLazily,
            Work::FieldsAsStructs,
            1.0,
        ),
        (
            "months and extensions",
            Work::MonthsLazily,
            Work::MonthsAsStructs,
            0.5,
        ),
    ] {
        rows.extend(rows_of_reading(rounds, reading, (lazily, structs), most));
    }
    let copying: Measure<'_> = &Round::copying;
    rows.push(row(rounds, "the copy, natively", copying, None, None));
    let copying: Measure<'_> = &|round| round.sandbox(Work::Copy);
    rows.push(row(
        rounds,
        "the copy into the sandbox",
        copying,
        None,
        None,
    ));
    let counting: Measure<'_> = &|round| round.sandbox(Work::Count) - round.sandbox(Work::Copy);
    let what = "counting by type in the sandbox, beyond the copy";
    rows.push(row(rounds, what, counting, None, 30.0));

    let structs: Measure<'_> = &|round| round.reading(Work::FieldsAsStructs);
    let values: Measure<'_> = &|round| round.python.values;
    rows.push(row(
        rounds,
        "Python, `kafka_to_value`",
        values,
        (STRUCTS, structs),
        None,
    ));
    let objects: Measure<'_> = &|round| round.python.values + round.python.objects;
    let what = "Python, `kafka_to_value` and `from_dict`";
    rows.push(row(rounds, what, objects, (STRUCTS, structs), None));
    rows
}

const STRUCTS: &str = "structs";

/// The rows for one workload: natively, for the frequent object types, and in the sandbox.
fn rows_of_reading(
    rounds: &[Round],
    reading: &str,
    (lazily, structs): (Work, Work),
    most: f64,
) -> Vec<Row> {
    let of_structs: Measure<'_> = &|round| round.reading(structs);
    let of_lazy: Measure<'_> = &|round| round.reading(lazily);
    let mut rows = vec![
        row(
            rounds,
            format!("{reading}, rmp-serde structs"),
            of_structs,
            None,
            None,
        ),
        row(
            rounds,
            format!("{reading}, lazily"),
            of_lazy,
            (STRUCTS, of_structs),
            most,
        ),
    ];
    for object_type in ["content", "directory", "revision"] {
        if !rounds
            .iter()
            .all(|round| round.native(lazily).by_type.contains_key(object_type))
        {
            continue;
        }
        let of_structs: Measure<'_> = &|round| round.reading_type(structs, object_type);
        let of_lazy: Measure<'_> = &|round| round.reading_type(lazily, object_type);
        let what = format!("{reading}, lazily, a {object_type}");
        rows.push(row(rounds, what, of_lazy, (STRUCTS, of_structs), None));
    }
    for (how, work, most) in [("structs", structs, None), ("lazily", lazily, Some(1.35))] {
        let natively: Measure<'_> = &|round| round.copying_and_reading(work);
        let sandboxed: Measure<'_> = &|round| round.sandbox(work);
        let what = format!("{reading}, {how}, in the sandbox");
        rows.push(row(
            rounds,
            what,
            sandboxed,
            ("native with the copy", natively),
            most,
        ));
    }
    rows
}

#[expect(clippy::print_stdout, reason = "the table is the data")]
pub(crate) fn print_table(rounds: &[Round]) {
    let count = rounds.len();
    println!("| median (least to most) of {count} rounds | CPU ns/record | ratio | target |");
    println!("|---|---|---|---|");
    for Row {
        what,
        ns,
        to,
        target,
    } in rows(rounds)
    {
        let ratio = to.map_or(String::new(), |(name, ratio)| {
            format!("{ratio:.2} to {name}")
        });
        let target = target.map_or(String::new(), |target| format!("{target}"));
        println!("| {what} | {ns:.0} | {ratio} | {target} |");
    }
}

#[expect(clippy::print_stdout, reason = "the rows are the data")]
pub(crate) fn print_json(rounds: &[Round]) {
    for row in rows(rounds) {
        println!("{}", serde_json::to_string(&row).expect("a row has no map"));
    }
}
