//! `last-visit` and `first-seen` keep the rows that a script finds with upstream's classes, whatever comes first.

use std::path::{Path, PathBuf};

use journal_plugin_sdk::{Id, Timestamp, VisitStatus, owned};
use journal_recording::{Frame, Writer};
use journal_tests::{Host, oracle, paths, run};
use rusqlite::Connection;
use serde_json::Value;

use crate::delivery::LIMIT;
use crate::sorted_rows::sorted;

/// The query that has each row of `last-visit` as JSON in SQLite.
const VISITS: &str = "SELECT json_object('origin', origin, 'date', date, 'visit', visit, 'status', status, 'type', type,
    'snapshot', lower(hex(snapshot))) FROM visits";

/// Visit statuses of a few origins, many of which have the same date.
fn statuses() -> Vec<owned::OriginVisitStatus> {
    let status = |number: u64| {
        // Neither ascending nor descending, and the same in each run.
        let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let seconds = 1_500_000_000 + i64::try_from(mixed % 5).expect("it is small");
        let micros = u32::try_from(mixed / 5 % 2).expect("it is small");
        let kind = usize::try_from(mixed / 10).expect("it fits") % VisitStatus::ALL.len();
        let byte = u8::try_from(mixed / 60 % 200).expect("it is small");
        let status = owned::OriginVisitStatus::new()
            .origin(format!("https://example.org/{}", number % 17))
            .date(Timestamp::new(seconds, micros * 1000).expect("it is a time"))
            .visit(1 + mixed % 3)
            .status(VisitStatus::ALL[kind]);
        let status = match mixed % 4 {
            0 => status,
            _ => status.snapshot(Id([byte; 20])),
        };
        match mixed % 7 {
            0 => status,
            kind => status.visit_type(["git", "hg"][usize::from(kind > 3)]),
        }
    };
    (0..400).map(status).collect()
}

fn record(path: &Path, statuses: &[owned::OriginVisitStatus]) {
    let topic = "swh.journal.objects.origin_visit_status";
    let mut writer = Writer::create(path, &[topic]).expect("a recording can be made");
    for status in statuses {
        let frame = Frame {
            topic,
            key: &status.key(),
            value: Some(&status.encode()),
            partition: None,
            offset: None,
            timestamp_ms: None,
        };
        writer.write(&frame).expect("a frame can be written");
    }
    writer.finish().expect("a recording can be ended");
}

/// Recordings of visit statuses.
pub(crate) struct Recordings {
    /// With all of them.
    pub(crate) whole: PathBuf,
    /// With a part of them each.
    pub(crate) parts: Vec<PathBuf>,
}

impl Recordings {
    pub(crate) fn new(name: &str) -> Self {
        let folder = run::folder(name);
        let statuses = statuses();
        let whole = folder.join("whole.journal");
        record(&whole, &statuses);
        let part = |(number, part): (usize, &[owned::OriginVisitStatus])| {
            let path = folder.join(format!("{number}.journal"));
            record(&path, part);
            path
        };
        let parts = statuses.chunks(150).enumerate().map(part).collect();
        Self { whole, parts }
    }

    /// The rows of `last-visit`.
    pub(crate) fn newest(&self) -> Vec<String> {
        let rows = sorted(expected(&self.whole, "visits"));
        assert_eq!(rows.len(), 17);
        rows
    }
}

fn expected(recording: &Path, output: &str) -> Vec<Value> {
    let printed = oracle::script("newest.py", [recording]);
    let mut rows: Value = serde_json::from_str(&printed).expect("the script prints JSON");
    match rows[output].take() {
        Value::Array(rows) => rows,
        other => panic!("{other}"),
    }
}

fn lines(plugin: &str, recording: &Path) -> Vec<String> {
    let host = Host::run(&paths::plugin(plugin)).arg("--recording");
    sorted(host.arg(recording).finish(LIMIT).success().rows())
}

fn shipped() -> PathBuf {
    paths::repository().join("recordings/ripgrep.journal.zst")
}

/// Adds the rows of each recording to a table.
pub(crate) fn add(host: impl Fn() -> Host, parts: impl Iterator<Item = impl AsRef<Path>>) {
    for part in parts {
        let host = host().args(["--append", "--recording"]);
        let _ = host.arg(part.as_ref()).finish(LIMIT).success();
    }
}

/// The only column of a query, as JSON.
fn json(file: &Path, sql: &str) -> Vec<String> {
    let connection = Connection::open(file).expect("the database can be read");
    let mut statement = connection.prepare(sql).expect("the table is there");
    let rows = statement.query_map([], |row| row.get::<_, String>(0));
    let rows = rows.expect("it is a query").map(|row| {
        let text = row.expect("it is text");
        serde_json::from_str(&text).expect("it is JSON")
    });
    // The hexadecimal digits of no bytes are an empty text.
    sorted(rows.map(|mut row: Value| {
        if row["snapshot"] == "" {
            row["snapshot"] = Value::Null;
        }
        row
    }))
}

#[test]
fn rows_of_a_recording_equal_the_scripts() {
    let recordings = Recordings::new("newest-lines");
    assert_eq!(lines("last-visit", &recordings.whole), recordings.newest());
    for (plugin, output) in [("last-visit", "visits"), ("first-seen", "directories")] {
        let expected = sorted(expected(&shipped(), output));
        assert!(!expected.is_empty());
        assert_eq!(lines(plugin, &shipped()), expected, "{plugin}");
    }
}

#[test]
fn table_has_the_newest_statuses_whatever_comes_first() {
    let recordings = Recordings::new("newest-sqlite");
    let folder = run::folder("newest-sqlite-tables");
    let (forwards, backwards) = (folder.join("a.sqlite"), folder.join("b.sqlite"));
    let into = |file: &Path| {
        let output = file.to_owned();
        move || {
            Host::run(&paths::plugin("last-visit"))
                .arg("--output")
                .arg(&output)
        }
    };
    add(into(&forwards), recordings.parts.iter());
    add(into(&backwards), recordings.parts.iter().rev());
    // What comes again changes nothing.
    add(into(&backwards), std::iter::once(&recordings.whole));
    for file in [forwards, backwards] {
        assert_eq!(
            json(&file, VISITS),
            recordings.newest(),
            "{}",
            file.display()
        );
    }
}

#[test]
fn table_has_the_earliest_date_of_each_directory() {
    let file = run::folder("first-seen-sqlite").join("first.sqlite");
    let host = || {
        let host = Host::run(&paths::plugin("first-seen"));
        host.arg("--output").arg(&file)
    };
    add(host, [shipped(), shipped()].into_iter());
    let sql =
        "SELECT json_object('directory', lower(hex(directory)), 'date', date) FROM directories";
    assert_eq!(
        json(&file, sql),
        sorted(expected(&shipped(), "directories"))
    );
}
