//! The measurements, as Markdown tables and as JSON.

use std::fmt::{self, Display, Formatter};

use journal_benches::measure::Spread;
use serde::Serialize;

/// All tables of one comparison.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    machine: Machine,
    tables: Vec<Table>,
}

/// The machine that ran the comparison.
#[derive(Debug, Serialize)]
struct Machine {
    processors: usize,
    model: String,
    kernel: String,
}

/// One table: subjects that were measured in the same rounds.
#[derive(Debug, Serialize)]
pub(crate) struct Table {
    title: String,
    /// The unit of the values.
    unit: &'static str,
    /// Digits after the decimal point.
    #[serde(skip)]
    digits: usize,
    rows: Vec<Row>,
}

/// One subject.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    name: String,
    value: Spread,
    /// Records per second of wall time.
    rate: Option<Spread>,
    ratios: Vec<Ratio>,
}

/// A ratio, or a difference, of two subjects, computed for each round.
#[derive(Debug, Serialize)]
pub(crate) struct Ratio {
    /// The text after the value, such as `to plain Rust`.
    to: String,
    value: Spread,
    /// The target.
    target: Option<Target>,
    is_met: Option<bool>,
}

/// A bound that a number should meet.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Target {
    AtMost(f64),
    AtLeast(f64),
}

impl Target {
    fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtMost(most) => value <= most,
            Self::AtLeast(least) => value >= least,
        }
    }
}

impl Display for Target {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(most) => write!(formatter, "at most {most}"),
            Self::AtLeast(least) => write!(formatter, "at least {least}"),
        }
    }
}

impl Report {
    /// A report without tables.
    pub(crate) fn new() -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let processors = read("/proc/cpuinfo");
        let model = processors
            .lines()
            .find(|line| line.starts_with("model name"));
        let model = model.and_then(|line| line.split_once(": "));
        Self {
            machine: Machine {
                processors: std::thread::available_parallelism().map_or(0, Into::into),
                model: model.map_or("unknown", |(_, model)| model).to_owned(),
                kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            },
            tables: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, table: Table) {
        eprintln!("{table}");
        self.tables.push(table);
    }
}

impl Table {
    pub(crate) fn new(title: &str, unit: &'static str, digits: usize) -> Self {
        Self {
            title: title.to_owned(),
            unit,
            digits,
            rows: Vec::new(),
        }
    }

    /// Adds a row and returns it, so that ratios can be added.
    pub(crate) fn row(&mut self, name: &str, values: &[f64]) -> &mut Row {
        self.rows.push(Row {
            name: name.to_owned(),
            value: Spread::of(values.iter().copied()),
            rate: None,
            ratios: Vec::new(),
        });
        self.rows.last_mut().expect("it was added")
    }
}

impl Row {
    /// Sets the records per second.
    pub(crate) fn rate(&mut self, rates: &[f64]) -> &mut Self {
        self.rate = Some(Spread::of(rates.iter().copied()));
        self
    }

    /// Adds the ratio to another subject, with a value for each round.
    pub(crate) fn ratio(&mut self, to: &str, values: &[f64], target: Option<Target>) -> &mut Self {
        let value = Spread::of(values.iter().copied());
        self.ratios.push(Ratio {
            to: to.to_owned(),
            value,
            target,
            is_met: target.map(|target| target.is_met(value.median)),
        });
        self
    }
}

impl Display for Report {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let Machine {
            processors,
            model,
            kernel,
        } = &self.machine;
        writeln!(
            formatter,
            "{processors} processors, {model}, Linux {kernel}."
        )?;
        self.tables
            .iter()
            .try_for_each(|table| write!(formatter, "\n{table}"))
    }
}

impl Display for Table {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let Self {
            title,
            unit,
            digits,
            rows,
        } = self;
        writeln!(
            formatter,
            "| {title} | {unit} | records/s | ratio | target |"
        )?;
        writeln!(formatter, "|---|---|---|---|---|")?;
        for row in rows {
            let rate = row.rate.map(|rate| format!("{:.2} M", rate.median / 1e6));
            write!(
                formatter,
                "| {} | {:.digits$} | {} |",
                row.name,
                row.value,
                rate.unwrap_or_default()
            )?;
            let ratios: Vec<String> = row.ratios.iter().map(ToString::to_string).collect();
            let targets: Vec<String> = row.ratios.iter().map(Ratio::verdict).collect();
            writeln!(
                formatter,
                " {} | {} |",
                ratios.join("<br>"),
                targets.join("<br>")
            )?;
        }
        Ok(())
    }
}

impl Display for Ratio {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:.2} {}", self.value, self.to)
    }
}

impl Ratio {
    fn verdict(&self) -> String {
        match (self.target, self.is_met) {
            (Some(target), Some(true)) => format!("{target}: met"),
            (Some(target), _) => format!("**{target}: missed**"),
            (None, _) => String::new(),
        }
    }
}
