//! Prints a benchmark as a table.

use std::fmt::{self, Write};

use indicatif::{HumanBytes, HumanCount};

use super::{Benchmark, Measured, Spread};

/// Above this share of the time the meter distorts its figures.
const MUCH_METERING: f64 = 0.1;

/// The number of spaces between two columns.
const GAP: usize = 3;

/// A benchmark as a table: a row for each figure, a column for each plugin.
pub(crate) struct Table<'a> {
    /// The benchmark.
    pub benchmark: &'a Benchmark,
    /// A further note for the case that records were rejected.
    pub on_rejections: Option<String>,
}

type Row = (String, Vec<String>);

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Benchmark {
            host_version,
            recording,
            warm_up,
            plugins,
            ..
        } = self.benchmark;
        let rounds = plugins.first().map_or(0, |measured| measured.rounds.len());
        writeln!(f, "journal-host {host_version} over {recording}")?;
        for measured in plugins {
            writeln!(f, "with {}", measured.plugin)?;
        }
        writeln!(
            f,
            "medians of {rounds} rounds after {warm_up} to warm up; in brackets the least and the most\n"
        )?;
        write_rows(f, &self.rows())?;
        self.write_notes(f)
    }
}

impl Table<'_> {
    fn rows(&self) -> Vec<Row> {
        let mut rows = vec![
            self.row(
                "plugin",
                |m| format!("{} {}", m.name, m.version),
                Some("second / first".to_owned()),
            ),
            self.row("objects", |m| HumanCount(m.objects()).to_string(), None),
            self.row("rejected", |m| HumanCount(rejected(m)).to_string(), None),
            self.row(
                "objects/s",
                |m| spread(m.objects_per_second, count),
                self.ratio(|ratios| ratios.objects_per_second),
            ),
            self.row("MB/s", |m| spread(m.megabytes_per_second, short), None),
            self.row(
                "CPU per object",
                |m| spread(m.cpu_ns_per_object, time),
                self.ratio(|ratios| ratios.cpu_per_object),
            ),
        ];
        rows.extend(self.parts());
        rows.extend([
            self.row(
                "guest memory",
                |m| HumanBytes(m.guest_memory_bytes).to_string(),
                None,
            ),
            self.row("compile", |m| time(nanoseconds(m.compile_ns)), None),
            self.row("load from cache", loaded, None),
            self.row("start", |m| spread(m.start_ns, time), None),
        ]);
        rows
    }

    fn parts(&self) -> impl Iterator<Item = Row> {
        let names = self.benchmark.plugins.first().map(|m| m.parts_share.list());
        let names = names.into_iter().flatten().enumerate();
        names.map(|(index, (name, _))| {
            let cell = |m: &Measured| {
                let share = 100.0 * m.parts_share.list()[index].1;
                let each = m.parts_ns_per_object.list()[index].1;
                format!("{share:4.1} %  {}", spread(each, time))
            };
            let ratio = self.ratio(|ratios| ratios.parts.list()[index].1);
            self.row(&format!("  {name}"), cell, ratio)
        })
    }

    fn row(&self, label: &str, cell: impl Fn(&Measured) -> String, ratio: Option<String>) -> Row {
        let mut cells: Vec<_> = self.benchmark.plugins.iter().map(cell).collect();
        if self.benchmark.ratios.is_some() {
            cells.push(ratio.unwrap_or_default());
        }
        (label.to_owned(), cells)
    }

    fn ratio(&self, of: impl Fn(&super::Ratios) -> Spread) -> Option<String> {
        let ratio = of(self.benchmark.ratios.as_ref()?);
        Some(spread(ratio, |ratio| format!("{ratio:.2}")))
    }

    fn write_notes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plugins = &self.benchmark.plugins;
        let metering = plugins.iter().map(|m| m.metering_share);
        let metering = metering.fold(0.0, f64::max);
        writeln!(
            f,
            "\nThe meter itself took {:.1} % of the CPU time, which its parts include.",
            100.0 * metering
        )?;
        if metering > MUCH_METERING {
            writeln!(
                f,
                "This share is high because calls or chunks of rows are small: without it the figures are better."
            )?;
        }
        if let (true, Some(note)) = (plugins.iter().any(|m| rejected(m) > 0), &self.on_rejections) {
            writeln!(f, "{note}")?;
        }
        if plugins.iter().any(|m| m.objects() != plugins[0].objects()) {
            writeln!(
                f,
                "The plugins read different objects, so their figures are hardly comparable."
            )?;
        }
        Ok(())
    }
}

fn write_rows(f: &mut fmt::Formatter<'_>, rows: &[Row]) -> fmt::Result {
    let width = |text: &str| text.chars().count();
    let labels = rows.iter().map(|(label, _)| width(label)).max();
    let labels = labels.unwrap_or_default();
    let columns = rows.iter().map(|(_, cells)| cells.len()).max();
    let widths: Vec<_> = (0..columns.unwrap_or_default())
        .map(|column| {
            let cells = rows.iter().filter_map(|(_, cells)| cells.get(column));
            cells.map(|cell| width(cell)).max().unwrap_or_default()
        })
        .collect();
    for (label, cells) in rows {
        let mut line = format!("{label:labels$}");
        for (cell, &width) in cells.iter().zip(&widths) {
            write!(line, "{:GAP$}{cell:width$}", "")?;
        }
        writeln!(f, "{}", line.trim_end())?;
    }
    Ok(())
}

fn rejected(measured: &Measured) -> u64 {
    measured.rounds.last().map_or(0, |round| round.rejected)
}

fn loaded(measured: &Measured) -> String {
    measured
        .load_ns
        .map_or_else(|| "no cache".to_owned(), |load| time(nanoseconds(load)))
}

fn spread(spread: Spread, show: impl Fn(f64) -> String) -> String {
    let Spread { median, min, max } = spread;
    format!("{} ({} to {})", show(median), show(min), show(max))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate is above zero and far below the largest integer"
)]
fn count(rate: f64) -> String {
    HumanCount(rate.round() as u64).to_string()
}

/// Three significant digits, or all before the decimal point.
fn short(number: f64) -> String {
    match number {
        ..10.0 => format!("{number:.2}"),
        ..100.0 => format!("{number:.1}"),
        _ => format!("{number:.0}"),
    }
}

fn time(nanoseconds: f64) -> String {
    match nanoseconds {
        ..1e4 => format!("{} ns", short(nanoseconds)),
        ..1e6 => format!("{} us", short(nanoseconds / 1e3)),
        ..1e9 => format!("{} ms", short(nanoseconds / 1e6)),
        _ => format!("{} s", short(nanoseconds / 1e9)),
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a hundred days of nanoseconds are exact, and no more is measured"
)]
fn nanoseconds(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_rates_have_three_significant_digits() {
        assert_eq!(time(6.504), "6.50 ns");
        assert_eq!(time(712.4), "712 ns");
        assert_eq!(time(9_999.0), "9999 ns");
        assert_eq!(time(12_345.0), "12.3 us");
        assert_eq!(time(1.5e9), "1.50 s");
        assert_eq!(count(1_234_567.4), "1,234,567");
    }

    #[test]
    fn columns_are_aligned_and_lines_end_without_blanks() {
        struct Rows(Vec<Row>);
        impl fmt::Display for Rows {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_rows(f, &self.0)
            }
        }
        let row = |label: &str, cells: &[&str]| {
            let cells = cells.iter().map(|&cell| cell.to_owned()).collect();
            (label.to_owned(), cells)
        };
        let rows = Rows(vec![
            row("", &["one", "other", ""]),
            row("longer", &["1", "22", "2.00"]),
        ]);
        assert_eq!(
            rows.to_string(),
            "         one   other\nlonger   1     22      2.00\n"
        );
    }
}
