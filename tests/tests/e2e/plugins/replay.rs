//! `replay` writes tables from which a script with upstream's classes reads every object back, whatever comes first.

mod history;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use history::{Event, History};
use journal_tests::kafka::Journal;
use journal_tests::postgres::{Database, PASSWORD, Postgres};
use journal_tests::{Broker, Host, Prefix, oracle, paths, run};
use rusqlite::Connection;
use serde_json::Value;

use crate::delivery::LIMIT;

const TABLES: [&str; 18] = [
    "content",
    "skipped_content",
    "hash_colliding_content",
    "directory",
    "directory_entry",
    "revision",
    "revision_parent",
    "revision_extra_header",
    "release",
    "snapshot",
    "snapshot_branch",
    "origin",
    "origin_visit",
    "origin_visit_status",
    "extid",
    "metadata_authority",
    "metadata_fetcher",
    "raw_extrinsic_metadata",
];
/// The tables of lists, and the views of them in the README.
const LISTS: [(&str, &str); 4] = [
    ("directory_entry", "entries"),
    ("revision_parent", "parents"),
    ("revision_extra_header", "extra_headers"),
    ("snapshot_branch", "branches"),
];

fn replay(output: &str) -> Host {
    Host::run(&paths::plugin("replay"))
        .env("PGPASSWORD", PASSWORD)
        .args(["--output", output])
}

fn removing(output: &str) -> Host {
    replay(output).args(["--option", "tombstones=remove"])
}

/// Reads all objects back and compares them with those of a recording. Returns the number of objects of each type.
fn read_back(recording: &Path, tables: &Path, removes: bool) -> Value {
    let paths = [recording, tables].map(|path| path.display().to_string());
    let option = removes.then(|| "--removes".to_owned());
    let counts = oracle::script("read_replayed.py", paths.into_iter().chain(option));
    serde_json::from_str(&counts).expect("the script prints JSON")
}

/// Asserts that there are objects of all types.
#[track_caller]
fn assert_all_types(counts: &Value) {
    let counts = counts.as_object().expect("it is an object");
    assert_eq!(counts.len(), 14, "{counts:?}");
}

/// Replays recordings one after the other, each in calls of its own.
fn add(host: impl Fn() -> Host, recordings: impl Iterator<Item = PathBuf>) {
    for recording in recordings {
        let _ = host()
            .args(["--append", "--batch-records", "37", "--recording"])
            .arg(recording)
            .finish(LIMIT)
            .success();
    }
}

/// The statements of the README that begin so.
fn statements(first: &str) -> Vec<String> {
    let readme = paths::repository().join("plugins/replay/README.md");
    let readme = fs::read_to_string(readme).expect("the page is there");
    let blocks = readme.split("```sql\n").skip(1);
    let blocks = blocks.filter_map(|block| Some(block.split_once("```")?.0));
    let statements = blocks.flat_map(|block| block.split(';'));
    let found = statements
        .map(|statement| statement.trim().to_owned())
        .filter(|statement| statement.starts_with(first));
    let found: Vec<_> = found.collect();
    assert!(!found.is_empty(), "{first}");
    found
}

#[test]
fn every_object_is_read_back_from_sqlite_whatever_comes_first() {
    let history = History::with_old_messages("replay-sqlite");
    let folder = run::folder("replay-sqlite");
    let whole = history.record(&folder, "whole", &history.events);
    let expected = history.record_as_upstream(&folder);
    let shuffled = history.shuffled();
    let parts = shuffled.chunks(shuffled.len() / 3 + 1).enumerate();
    let parts: Vec<_> = parts
        .map(|(number, part)| history.record(&folder, &number.to_string(), part))
        .collect();
    for removes in [true, false] {
        let file = folder.join(format!("{removes}.sqlite"));
        let output = file.display().to_string();
        let host = || {
            if removes {
                removing(&output)
            } else {
                replay(&output)
            }
        };
        add(host, parts.iter().cloned());
        assert_all_types(&read_back(&expected, &file, removes));
        // All records again change nothing.
        add(host, [whole.clone()].into_iter());
        assert_all_types(&read_back(&expected, &file, removes));
    }
}

#[test]
fn every_object_is_read_back_from_postgres_although_two_processes_write_and_one_is_killed() {
    let history = History::new("replay-postgres").without_nul();
    let folder = run::folder("replay-postgres");
    let expected = history.record_as_upstream(&folder);
    let prefix = Prefix::new("replay");
    write(&prefix, &history);
    let database = Postgres::shared().database("replay");
    let group = prefix.group("replay");
    let host = || {
        removing(&database.url(""))
            .args(["--brokers", &Broker::shared().address()])
            .args(["--prefix", prefix.as_str(), "--group-id", &group])
            .args(["--on-eof", "stop", "--workers", "2"])
            .args(["--checkpoint-interval", "20ms", "--batch-records", "20"])
            .args(["--kafka", "heartbeat.interval.ms=200"])
            .args(["--kafka", "session.timeout.ms=6000"])
    };
    let mut killed = host().spawn();
    killed.until("rows are written", LIMIT, |_| {
        (database.number("SELECT count(*) FROM directory_entry") > 0).then_some(())
    });
    let other = host().spawn();
    let _ = killed.kill();
    let _ = host().finish(LIMIT).success();
    let _ = other.finish(LIMIT).success();
    let tables = folder.join("tables.json");
    dump(&database, &tables);
    assert_all_types(&read_back(&expected, &tables, true));
    let ask = |sql: &str| database.number(sql);
    clean_up(ask, |sql| drop(database.query(sql)));
    dump(&database, &tables);
    assert_all_types(&read_back(&expected, &tables, true));
}

/// Writes the events to topics of a few partitions, the latest first.
fn write(prefix: &Prefix, history: &History) {
    let broker = Broker::shared();
    let all = Journal {
        records: history.events.iter().map(Event::record).collect(),
    };
    broker.create_topics(&all.topics(prefix), 4);
    let mut times: Vec<_> = history.events.iter().map(|event| event.time_ms).collect();
    times.sort_unstable();
    times.dedup();
    for time_ms in times.into_iter().rev() {
        let of_time = history
            .events
            .iter()
            .filter(|event| event.time_ms == time_ms);
        let journal = Journal {
            records: of_time.map(Event::record).collect(),
        };
        broker.append_at(prefix, &journal, time_ms);
    }
}

/// Writes all rows to a file, as the script reads them.
fn dump(database: &Database<'_>, file: &Path) {
    let mut lines = String::new();
    for table in TABLES {
        let sql = format!(
            "SET TimeZone = 'UTC'; SELECT json_build_object('table', '{table}', 'row', row_to_json(t)) FROM \"{table}\" AS t"
        );
        let rows = database.query(&sql);
        for row in rows.lines().filter(|row| !row.is_empty()) {
            let _ = writeln!(lines, "{row}");
        }
    }
    fs::write(file, lines).expect("it can be written");
}

/// Creates the views of the README, deletes the rows that no object has, and asserts that the views do not change.
fn clean_up(number: impl Fn(&str) -> u64, execute: impl Fn(&str)) {
    let views = statements("CREATE VIEW");
    assert_eq!(views.len(), LISTS.len());
    for statement in &views {
        execute(statement);
    }
    let count = |table: &str| number(&format!("SELECT count(*) FROM {table}"));
    let before = LISTS.map(|(table, view)| (count(table), count(view)));
    assert!(before.iter().all(|(_, shown)| *shown > 0), "{before:?}");
    assert!(before.iter().any(|(all, shown)| all > shown), "{before:?}");
    let deletes = statements("DELETE");
    assert_eq!(deletes.len(), LISTS.len());
    for statement in &deletes {
        execute(statement);
    }
    for ((table, view), (_, shown)) in LISTS.iter().zip(before) {
        assert_eq!((count(table), count(view)), (shown, shown), "{table}");
    }
}

#[test]
fn rows_of_removed_objects_are_deleted_by_the_statements_of_the_readme() {
    let history = History::new("replay-removed");
    let folder = run::folder("replay-removed");
    let file = folder.join("rows.sqlite");
    let recording = history.record(&folder, "whole", &history.shuffled());
    let host = || removing(&file.display().to_string());
    add(host, [recording].into_iter());
    let connection = Connection::open(&file).expect("it is a database");
    let ask = |sql: &str| {
        let number: i64 = connection.query_row(sql, [], |row| row.get(0)).expect(sql);
        number.unsigned_abs()
    };
    clean_up(ask, |sql| connection.execute_batch(sql).expect(sql));
    let expected = history.record_as_upstream(&folder);
    assert_all_types(&read_back(&expected, &file, true));
}

#[test]
fn shipped_history_is_read_back_after_a_replay_in_stages() {
    let recording = paths::repository().join("recordings/ripgrep.journal.zst");
    let file = run::folder("replay-stages").join("rows.sqlite");
    let finished = replay(&file.display().to_string())
        .args(["--missing-topics", "ignore"])
        .args(["--phases", "dependencies-first", "--recording"])
        .arg(&recording)
        .finish(LIMIT)
        .success();
    assert!(
        finished.stderr.contains("stage 1 of"),
        "{}",
        finished.stderr
    );
    let counts = read_back(&recording, &file, false);
    for (object_type, count) in [
        ("content", 6960),
        ("directory", 10_268),
        ("revision", 4391),
        ("release", 272),
        ("snapshot", 1),
        ("origin", 1),
        ("origin_visit", 1),
        ("origin_visit_status", 2),
    ] {
        assert_eq!(counts[object_type], count, "{object_type}");
    }
}

#[test]
fn empty_parent_is_read_back() {
    let recording = paths::repository().join("tests/data/records/empty-parent.frames");
    let file = run::folder("replay-empty-parent").join("rows.sqlite");
    let _ = replay(&file.display().to_string())
        .args(["--missing-topics", "ignore", "--recording"])
        .arg(&recording)
        .finish(LIMIT)
        .success();
    let counts = read_back(&recording, &file, false);
    assert_ne!(counts["revision"], Value::Null);
    let connection = Connection::open(&file).expect("it is a database");
    let sql = "SELECT count(*) FROM revision_parent WHERE parent IS NULL";
    let empty: i64 = connection.query_row(sql, [], |row| row.get(0)).expect(sql);
    assert!(empty > 0);
}
