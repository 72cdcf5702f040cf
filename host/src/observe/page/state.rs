//! What the page shows of a run at one time, as texts: the server writes them into the page, and its script puts them in
//! again.

use indicatif::{HumanBytes, HumanCount};
use serde::Serialize;

use crate::observe::history::History;
use crate::observe::process;
use crate::observe::progress::{Phase, Progress};
use crate::text;

/// The number of rows of a table that are shown.
const ROWS: usize = 200;
/// The size of a chart, as its `viewBox` has it.
pub(super) const CHART: (u64, u64) = (240, 60);

/// The state of a run.
#[derive(Debug, Serialize)]
pub(super) struct State {
    /// Which run it is: another one has another page.
    pub(super) run: String,
    pub(super) phase: &'static str,
    /// The phase in a sentence.
    pub(super) message: String,
    pub(super) figures: Vec<Figure>,
    pub(super) charts: Vec<Chart>,
    pub(super) tables: Vec<Table>,
}

#[derive(Debug, Serialize)]
pub(super) struct Figure {
    pub(super) id: &'static str,
    pub(super) label: &'static str,
    pub(super) value: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Chart {
    pub(super) id: &'static str,
    pub(super) label: &'static str,
    /// The points of a line, as SVG has them.
    pub(super) points: String,
    /// The highest value.
    pub(super) top: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Table {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) columns: &'static [&'static str],
    pub(super) rows: Vec<Vec<String>>,
}

impl State {
    pub(super) fn of(run: &str, progress: &Progress, history: &History) -> Self {
        let (phase, message) = phase(progress);
        Self {
            run: run.to_owned(),
            phase,
            message,
            figures: figures(progress, history),
            charts: vec![
                chart("rate-chart", "Objects per second", &history.rates()),
                chart("lag-chart", "Left to read", &history.lags()),
            ],
            tables: tables(progress),
        }
    }
}

fn phase(progress: &Progress) -> (&'static str, String) {
    match progress.happenings().phase() {
        Phase::Running => match progress.without_brokers_for() {
            None => ("running", "The run works.".to_owned()),
            Some(time) => {
                let time = text::rough_time(time);
                let message = format!("The run waits: no broker has been connected for {time}.");
                ("running", message)
            }
        },
        Phase::Ending => ("ending", "The run was asked to end.".to_owned()),
        Phase::Failed(reason) => ("failed", format!("The run failed: {reason}")),
        Phase::Ended => ("ended", "The run has ended.".to_owned()),
    }
}

fn count(number: u64) -> String {
    HumanCount(number).to_string()
}

fn known(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| value.to_string())
}

fn figures(progress: &Progress, history: &History) -> Vec<Figure> {
    let rows = progress.rows().map(|(_, rows)| rows).sum();
    let file = progress.file_bytes();
    let done = file.map(|(read, total)| format!("{} %", read.saturating_mul(100) / total));
    let mut figures = vec![
        ("objects", "Objects", count(progress.objects())),
        (
            "rate",
            "Objects per second",
            known(history.rate().map(count)),
        ),
        ("lag", "Lag, in records", known(progress.lag().map(count))),
        (
            "left",
            "Time left",
            known(history.time_left().map(text::rough_time)),
        ),
        ("rows", "Durable rows", count(rows)),
        ("failures", "Failed records", count(progress.failures())),
        ("letters", "Dead letters", count(progress.dead_letters())),
        (
            "bytes",
            "Keys and values",
            HumanBytes(progress.bytes()).to_string(),
        ),
        (
            "checkpoint",
            "Since the last confirmed checkpoint",
            known(progress.confirmed_for().map(text::rough_time)),
        ),
        (
            "unconfirmed",
            "Records that would come again",
            known(progress.unconfirmed().map(count)),
        ),
        (
            "rebalances",
            "Changes of partitions",
            count(progress.rebalances()),
        ),
        (
            "memory",
            "Memory of the process",
            known(process::resident_bytes().map(HumanBytes)),
        ),
        (
            "guest",
            "Memory of the plugin",
            HumanBytes(progress.guest_memory_bytes()).to_string(),
        ),
        (
            "elapsed",
            "Time since the start",
            text::rough_time(progress.elapsed()),
        ),
    ];
    if let Some(done) = done {
        figures.insert(3, ("done", "Read of the recording", done));
    }
    let figures = figures.into_iter();
    figures
        .map(|(id, label, value)| Figure { id, label, value })
        .collect()
}

fn tables(progress: &Progress) -> Vec<Table> {
    let outputs = progress
        .rows()
        .map(|(name, rows)| vec![cleaned(name), count(rows)]);
    let stages = progress.stages();
    let whole = stages
        .iter()
        .map(|(_, time)| time.as_millis())
        .sum::<u128>()
        .max(1);
    let stages = stages.iter().map(|&(stage, spent)| {
        let share = spent.as_millis() * 100 / whole;
        vec![
            stage_name(stage).to_owned(),
            format!("{:.1} s", spent.as_secs_f64()),
            format!("{share} %"),
        ]
    });
    let topics = progress.lag_by_topic().into_iter();
    let topics = topics.map(|(topic, lag)| vec![cleaned(&topic), count(lag)]);
    let workers = progress.workers().enumerate().map(|(number, worker)| {
        let lag = worker.lag_by_partition();
        let sum: u64 = lag.values().flatten().sum();
        let names = lag
            .keys()
            .map(|partition| format!("{}:{}", partition.topic, partition.number));
        let mut names: Vec<String> = names.take(ROWS + 1).collect();
        if names.len() > ROWS {
            names[ROWS] = format!("and {} more", lag.len() - ROWS);
        }
        vec![
            number.to_string(),
            known(worker.assigned()),
            count(sum),
            cleaned_long(&names.join(", ")),
        ]
    });
    let kinds = progress
        .failures_by_kind()
        .filter(|&(_, records)| records > 0);
    let kinds = kinds.map(|(kind, records)| vec![kind.to_owned(), count(records)]);
    let failed = progress.happenings().failed().into_iter().map(|record| {
        vec![
            cleaned(&record.topic),
            record.partition.to_string(),
            record.offset.to_string(),
            record.kind.to_owned(),
            cleaned(&record.reason),
        ]
    });
    let table = |id, title, columns, rows| Table {
        id,
        title,
        columns,
        rows,
    };
    vec![
        table(
            "outputs",
            "Rows",
            &["output", "durable rows"],
            outputs.take(ROWS).collect(),
        ),
        table(
            "stages",
            "Time of the workers",
            &["stage", "time", "share"],
            stages.collect(),
        ),
        table(
            "topics",
            "Lag",
            &["topic", "records"],
            topics.take(ROWS).collect(),
        ),
        table(
            "workers",
            "Partitions",
            &["worker", "number", "lag", "partitions"],
            workers.take(ROWS).collect(),
        ),
        table("kinds", "Failures", &["kind", "records"], kinds.collect()),
        table(
            "failed",
            "Records that failed last",
            &["topic", "partition", "offset", "kind", "reason"],
            failed.collect(),
        ),
    ]
}

fn stage_name(stage: &str) -> &str {
    match stage {
        "poll" => "wait for records and take them",
        "call" => "calls of the plugin",
        "write" => "write rows",
        other => other,
    }
}

fn cleaned(text: &str) -> String {
    text::clean(text, text::REASON_BYTES)
}

fn cleaned_long(text: &str) -> String {
    text::clean(text, text::LINE_BYTES)
}

/// A line through values, over the whole width.
fn chart(id: &'static str, label: &'static str, values: &[u64]) -> Chart {
    let (width, height) = CHART;
    let top = values.iter().copied().max().unwrap_or_default();
    let last = (values.len() as u64).saturating_sub(1).max(1);
    let points = values.iter().zip(0_u64..).map(|(&value, index)| {
        let part = u128::from(value) * u128::from(height) / u128::from(top.max(1));
        let x = index * width / last;
        format!("{x},{}", u128::from(height).saturating_sub(part))
    });
    Chart {
        id,
        label,
        points: points.collect::<Vec<_>>().join(" "),
        top: count(top),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chart_goes_from_left_to_right_and_its_highest_value_to_the_top() {
        let chart = chart("c", "c", &[0, 5, 10]);
        assert_eq!(
            (chart.points.as_str(), chart.top.as_str()),
            ("0,60 120,30 240,0", "10")
        );
        assert_eq!(super::chart("c", "c", &[]).points, "");
    }
}
