//! Rows in SQLite: equal to those of JSON lines, and each exactly once.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use journal_tests::kafka::{Counts, Sums};
use journal_tests::{Broker, Finished, Host, Prefix, Running, paths, until};
use rusqlite::{Connection, OpenFlags};
use rustix::process::Signal;
use serde_json::Value;

use super::live::{Live, stop};
use super::topics::journal;
use super::{Disturbance, LIMIT, host, kills, large, objects, shipped};
use crate::sorted_rows::sorted;

/// The file, in the folder of a host.
const FILE: &str = "rows.sqlite";

fn connect(file: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    Ok(connection)
}

/// One number, or 0 where there is no such table yet.
pub(super) fn number(file: &Path, sql: &str) -> u64 {
    let asked = connect(file).and_then(|one| one.query_row(sql, [], |row| row.get::<_, i64>(0)));
    u64::try_from(asked.unwrap_or_default()).expect("it is not negative")
}

/// The only column of a query, as JSON.
pub(super) fn json(file: &Path, sql: &str) -> Vec<Value> {
    let connection = connect(file).expect("the database can be read");
    let mut statement = connection.prepare(sql).expect("the table is there");
    let rows = statement.query_map([], |row| row.get::<_, String>(0));
    let rows = rows
        .expect("it is a query")
        .map(|row| row.expect("it is text"));
    rows.map(|row| serde_json::from_str(&row).expect("it is JSON"))
        .collect()
}

/// What `count-objects` has counted.
fn counts(file: &Path) -> Counts {
    let connection = connect(file).expect("the database can be read");
    let sql = "SELECT object_type, objects, bytes, tombstones FROM counts";
    let mut statement = connection.prepare(sql).expect("the table is there");
    let unsigned = |number: i64| u64::try_from(number).expect("it is not negative");
    let rows = statement.query_map([], |row| {
        let sums = Sums {
            objects: unsigned(row.get(1)?),
            bytes: unsigned(row.get(2)?),
            tombstones: unsigned(row.get(3)?),
        };
        Ok((row.get(0)?, sums))
    });
    let rows = rows.expect("it is a query");
    rows.map(|row| row.expect("it can be read")).collect()
}

fn recording() -> PathBuf {
    paths::repository().join("recordings/ripgrep.journal.zst")
}

fn over_recording(plugin: &str, output: &Path) -> Host {
    Host::run(&paths::plugin(plugin))
        .arg("--recording")
        .arg(recording())
        .arg("--output")
        .arg(output)
}

#[test]
fn tables_have_the_rows_of_json_lines() {
    let folder = journal_tests::run::folder("sqlite");
    let file = folder.join(FILE);
    let _ = over_recording("list-revisions", &file)
        .finish(LIMIT)
        .success();
    let lines = over_recording("list-revisions", Path::new("-"))
        .finish(LIMIT)
        .success();
    let rows = json(
        &file,
        "SELECT json_object('id', lower(hex(id)), 'directory', lower(hex(directory)), 'parents', json(parents),
            'date', date, 'committer_date', committer_date, 'subject', subject) FROM revisions",
    );
    assert!(rows.len() > 1000);
    assert_eq!(sorted(rows), sorted(lines.rows()));
    // Another program reads the same.
    let shell = Command::new("python3")
        .args(["-c", "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); print(c.execute('SELECT count(*), min(date) FROM revisions').fetchone())"])
        .arg(&file)
        .output()
        .expect("python3 is installed");
    let count = lines.rows().len().to_string();
    assert!(
        String::from_utf8_lossy(&shell.stdout).contains(&count),
        "{shell:?}"
    );
}

#[test]
fn aggregates_of_a_recording_are_totals() {
    let folder = journal_tests::run::folder("sqlite");
    let file = folder.join(FILE);
    // Small calls, and many checkpoints.
    let _ = over_recording("count-objects", &file)
        .args(["--batch-records", "7"])
        .finish(LIMIT)
        .success();
    assert_eq!(counts(&file), shipped().counts(false, 1));
    // Keys that may be NULL.
    let activity = folder.join("activity.sqlite");
    let _ = over_recording("commit-activity", &activity)
        .finish(LIMIT)
        .success();
    let lines = over_recording("commit-activity", Path::new("-"))
        .finish(LIMIT)
        .success();
    let of = |name: &str| {
        let rows = lines.rows().into_iter().filter(|row| row["output"] == name);
        sorted(rows.map(|row| row["row"].clone()))
    };
    for (table, columns) in [
        ("months", "'month', month"),
        ("zones", "'zone', zone"),
        ("hours", "'weekday', weekday, 'hour', hour"),
    ] {
        let sql = format!("SELECT json_object({columns}, 'revisions', revisions) FROM {table}");
        assert_eq!(sorted(json(&activity, &sql)), of(table), "{table}");
    }
}

#[test]
fn repeated_recording_never_doubles_unasked() {
    let folder = journal_tests::run::folder("sqlite");
    for name in [FILE, "rows.jsonl"] {
        let file = folder.join(name);
        let run = |arguments: &[&str]| {
            over_recording("list-revisions", &file)
                .args(arguments)
                .finish(LIMIT)
        };
        let rows = || match name {
            FILE => {
                usize::try_from(number(&file, "SELECT count(*) FROM revisions")).expect("it fits")
            }
            _ => std::fs::read_to_string(&file)
                .expect("it is text")
                .lines()
                .count(),
        };
        let _ = run(&[]).success();
        let once = rows();
        let refused = run(&[]);
        assert_eq!(refused.status.code(), Some(1), "{}", refused.stderr);
        for part in ["rows are already in", "--append", "--overwrite"] {
            assert!(refused.stderr.contains(part), "{part}: {}", refused.stderr);
        }
        assert_eq!(rows(), once);
        let _ = run(&["--append"]).success();
        assert_eq!(rows(), 2 * once, "{name}");
        let _ = run(&["--overwrite"]).success();
        assert_eq!(rows(), once, "{name}");
    }
}

#[test]
fn outputs_have_their_destinations_also_in_a_file() {
    let folder = journal_tests::run::folder("sqlite");
    let config = folder.join("config.yaml");
    let text = format!(
        "recording: {}\noutputs:\n  months:\n    type: sqlite\n    file: {}\n    table: by_month\n  zones: jsonl:{}\n",
        recording().display(),
        folder.join("months.data").display(),
        folder.join("zones.db").display(),
    );
    std::fs::write(&config, text).expect("it can be written");
    let finished = Host::run(&paths::plugin("commit-activity"))
        .arg("--config")
        .arg(&config)
        .finish(LIMIT)
        .success();
    assert!(number(&folder.join("months.data"), "SELECT count(*) FROM by_month") > 10);
    let zones = std::fs::read_to_string(folder.join("zones.db")).expect("it is text");
    assert!(zones.starts_with("{\"zone\":"), "{zones}");
    // The third output is not bound.
    assert!(finished.stdout.contains("weekday"));
    let refused = over_recording("commit-activity", Path::new("months=csv:x")).finish(LIMIT);
    assert_eq!(refused.status.code(), Some(2), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("the kind `csv`, which is unknown"),
        "{}",
        refused.stderr
    );
}

/// A run with two workers that writes to this database.
fn writing(live: &Live<'_>, plugin: &str, file: &Path) -> Host {
    live.host(plugin)
        .args([
            "--workers",
            "2",
            "--kafka",
            "session.timeout.ms=6000",
            "--output",
        ])
        .arg(file)
}

/// Waits until the database has more rows than before.
fn until_it_writes(running: &mut Running, file: &Path, sql: &str) {
    let before = number(file, sql);
    running.until("rows are written", LIMIT, |_| {
        (number(file, sql) > before).then_some(())
    });
}

fn killed_again_and_again(
    live: &Live<'_>,
    host: impl Fn() -> Host,
    file: &Path,
    sql: &str,
) -> Running {
    for disturbance in kills() {
        let mut running = host().spawn();
        until_it_writes(&mut running, file, sql);
        if disturbance == Disturbance::Pause {
            running.signal(Signal::STOP);
            live.until_nobody_is_left();
            running.signal(Signal::CONT);
            until_it_writes(&mut running, file, sql);
        }
        let _ = running.kill();
    }
    host().spawn()
}

/// A query for the number of rows, and one for the number of records that they are of.
const ROWS: &str = "SELECT count(*) FROM rows";
const RECORDS: &str =
    "SELECT count(*) FROM (SELECT DISTINCT object_type, partition, offset FROM rows)";

#[test]
fn each_row_is_there_once_although_the_host_is_killed() {
    let live = Live::new("sqlite-rows");
    let folder = journal_tests::run::folder("sqlite");
    let file = folder.join(FILE);
    let host = || writing(&live, "guest-positions", &file);
    let running = killed_again_and_again(&live, host, &file, ROWS);
    // The group's own offsets follow those of the database.
    let (_, written) = live.end(running);
    assert_eq!(number(&file, ROWS), objects(&written));
    assert_eq!(number(&file, RECORDS), objects(&written));
    assert_eq!(
        number(&file, "SELECT sum(next_offset) FROM journal_offsets"),
        objects(&written)
    );
}

#[test]
fn sums_are_exact_although_the_host_is_killed() {
    let live = Live::new("sqlite-sums");
    let folder = journal_tests::run::folder("sqlite");
    let file = folder.join(FILE);
    let host = || writing(&live, "count-objects", &file);
    let running = killed_again_and_again(&live, host, &file, "SELECT sum(objects) FROM counts");
    let (_, written) = live.end(running);
    assert_eq!(counts(&file), written);
}

/// The records of dead letters, by object type, partition and offset.
fn positions_of_letters(file: &Path) -> BTreeSet<(String, u64, u64)> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    // The last line may be half there.
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let position = |line: &str| {
        let letter: Value = serde_json::from_str(line).expect("it is JSON");
        let number = |name: &str| letter[name].as_u64().expect("it is a number");
        let object_type = letter["object_type"].as_str().expect("it is text");
        (
            object_type.to_owned(),
            number("partition"),
            number("offset"),
        )
    };
    whole.lines().map(position).collect()
}

#[test]
fn rows_and_dead_letters_are_exact_and_redriven_rows_join_those_of_the_group() {
    let live = Live::new("sqlite-letters");
    let folder = journal_tests::run::folder("sqlite");
    let (file, letters) = (folder.join(FILE), folder.join("letters.jsonl"));
    let poisoned = || {
        writing(&live, "guest-positions", &file)
            .args(["--option", "poison_every=1000", "--max-failures", "100%"])
            .args(["--on-failure", "dead-letter", "--dead-letters"])
            .arg(&letters)
    };
    let mut running = killed_again_and_again(&live, poisoned, &file, ROWS);
    let failed = || positions_of_letters(&letters);
    running.until("both kinds of failures", LIMIT, |_| {
        let is_seen = |offset| failed().iter().any(|one| one.2 == offset);
        (is_seen(999) && is_seen(1999)).then_some(())
    });
    let prefix = live.prefix.as_str().to_owned();
    let (_, written) = live.end(running);
    assert_eq!(number(&file, ROWS), number(&file, RECORDS));
    let all = number(&file, ROWS) + failed().len() as u64;
    assert_eq!(all, objects(&written));
    let redriven = Host::new()
        .arg("redrive")
        .arg(&letters)
        .args(["--prefix", &prefix])
        .arg("--plugin")
        .arg(paths::plugin("guest-positions"))
        .arg("--output")
        .arg(&file)
        .finish(LIMIT)
        .success();
    assert!(
        redriven.stderr.contains("holds 0 dead letters now"),
        "{}",
        redriven.stderr
    );
    assert_eq!(number(&file, ROWS), objects(&written));
    assert_eq!(number(&file, RECORDS), objects(&written));
}

#[test]
fn run_goes_on_from_the_database_and_not_from_the_group() {
    let large = large();
    let folder = journal_tests::run::folder("sqlite");
    let file = folder.join(FILE);
    let group = large.prefix.group("sqlite-positions");
    let run = |arguments: &[&str]| -> Finished {
        host("count-objects", &large.prefix, &group)
            .args(["--workers", "2", "--output"])
            .arg(&file)
            .args(arguments)
            .finish(LIMIT)
    };
    let _ = run(&[]).success();
    assert_eq!(counts(&file), large.counts);
    // The group goes back, and the database does not.
    let reset = Host::new()
        .args(["offsets", "reset", "--to", "earliest"])
        .args(["--brokers", &Broker::shared().address()])
        .args(["--prefix", large.prefix.as_str(), "--group-id", &group])
        .finish(LIMIT);
    assert!(reset.status.success(), "{}", reset.stderr);
    let _ = run(&[]).success();
    assert_eq!(counts(&file), large.counts);
}

#[test]
fn new_database_of_a_group_that_goes_on_needs_a_start() {
    let large = large();
    let folder = journal_tests::run::folder("sqlite");
    let file = folder.join(FILE);
    let group = large.prefix.group("sqlite-new");
    let run = || host("count-objects", &large.prefix, &group);
    let _ = run().finish(LIMIT).success();
    let refused = run().arg("--output").arg(&file).finish(LIMIT);
    assert_eq!(refused.status.code(), Some(1), "{}", refused.stderr);
    for part in [
        "the group has committed offset",
        "the output has no position of it",
        "--from",
    ] {
        assert!(refused.stderr.contains(part), "{part}: {}", refused.stderr);
    }
    assert_eq!(number(&file, "SELECT count(*) FROM counts"), 0);
    let _ = run()
        .args(["--from", "earliest", "--output"])
        .arg(&file)
        .finish(LIMIT)
        .success();
    assert_eq!(counts(&file), large.counts);
}

#[test]
fn topic_that_was_created_again_is_read_from_its_beginning() {
    const OLD: u32 = 1000;
    let broker = Broker::shared();
    let folder = journal_tests::run::folder("sqlite");
    for new in [400, OLD, 2500] {
        let file = folder.join(format!("{new}.sqlite"));
        let prefix = Prefix::new(&format!("sqlite-again-{new}"));
        let group = prefix.group("again");
        let run = || {
            host("guest-positions", &prefix, &group)
                .arg("--output")
                .arg(&file)
                .finish(LIMIT)
                .success()
        };
        broker.load(&prefix, &journal("origin", OLD), 1, 1);
        let _ = run();
        broker.create_topic_again(&prefix.topic("origin"), 1);
        broker.append(&prefix, &journal("origin", new), 1);
        let second = run();
        assert_eq!(
            number(&file, ROWS),
            u64::from(OLD + new),
            "{}",
            second.stderr
        );
        let said = "was created again since the output got rows of it";
        assert!(second.stderr.contains(said), "{}", second.stderr);
        let _ = run();
        assert_eq!(number(&file, ROWS), u64::from(OLD + new));
    }
}

#[test]
fn second_process_is_refused_with_the_number_of_the_first() {
    let live = Live::new("sqlite-lock");
    let folder = journal_tests::run::folder("sqlite");
    let file = folder.join(FILE);
    let sql = "SELECT sum(objects) FROM counts";
    let mut first = writing(&live, "count-objects", &file).spawn();
    until_it_writes(&mut first, &file, sql);
    let second = writing(&live, "count-objects", &file).finish(LIMIT);
    assert_eq!(second.status.code(), Some(1), "{}", second.stderr);
    let process = format!("the process {} is writing to", first.pid().as_raw_nonzero());
    assert!(second.stderr.contains(&process), "{}", second.stderr);
    // The first one does not mind.
    until_it_writes(&mut first, &file, sql);
    // Another program keeps the database for a while.
    let other = Connection::open(&file).expect("it can be opened");
    until("the database is free", LIMIT, || {
        other.execute_batch("BEGIN IMMEDIATE").ok()
    });
    let before = number(&file, sql);
    // Which is time for many checkpoints.
    live.until_more();
    live.until_more();
    assert_eq!(number(&file, sql), before);
    other.execute_batch("COMMIT").expect("it can be ended");
    until_it_writes(&mut first, &file, sql);
    stop(first);
}
