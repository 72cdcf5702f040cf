//! Runs over recordings that end early go on where they were, if their rows are in a database or in Parquet files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use journal_tests::postgres::{PASSWORD, Postgres};
use journal_tests::{Finished, Host, paths, run};
use rustix::process::Signal;

use super::parquet::{named_rows, rows};
use super::sqlite::number;
use super::{LIMIT, objects, shipped};

/// How often the large recording has each record of the shipped one.
const COPIES: usize = 20;

/// Counts revisions that are there more or less often than the large recording has them.
const OTHERWISE: &str =
    "SELECT count(*) FROM (SELECT id FROM revisions GROUP BY id HAVING count(*) % 20 <> 0) AS ids";

/// What the second one of two processes says that are the same run.
const SAME: &str = "another process reads the same recordings with the same plugin";

/// A recording with an index, which has the shipped one many times.
fn large_recording(folder: &Path) -> PathBuf {
    let shipped = paths::repository().join("recordings/ripgrep.journal.zst");
    let file = folder.join("large.journal.zst");
    let mut record = Host::new().arg("record").arg("--output").arg(&file);
    for number in 0..COPIES {
        let copy = folder.join(format!("{number}.journal.zst"));
        std::fs::copy(&shipped, &copy).expect("there is room");
        record = record.arg("--recording").arg(copy);
    }
    let _ = record.finish(LIMIT).success();
    file
}

/// A run of two workers with many checkpoints.
fn over(recording: &Path, output: &str) -> Host {
    Host::run(&paths::plugin("list-revisions"))
        .arg("--recording")
        .arg(recording)
        .args(["--workers", "2", "--checkpoint-size", "256KiB"])
        .env("PGPASSWORD", PASSWORD)
        .args(["--output", output])
}

/// Kills a run in its middle, and has the same one go on to the end. Each further run is refused, and one beside it, too, which
/// says `same`.
fn assert_goes_on(recording: &Path, output: &str, same: &str, written: impl Fn() -> u64) {
    let all = shipped().counts(false, 1)["revision"].objects * COPIES as u64;
    let mut running = over(recording, output).spawn();
    running.until("a part is written", LIMIT, |_| {
        (written() > 0).then_some(())
    });
    running.signal(Signal::STOP);
    let refused = over(recording, output).finish(LIMIT).code(1);
    assert_said(&refused, same);
    let _ = running.kill();
    let before = written();
    assert!(
        0 < before && before < all,
        "{before} of {all}: it was killed in its middle"
    );
    let finished = over(recording, output).finish(LIMIT).success();
    assert_said(&finished, "did not come to its end: this one goes on after");
    assert_eq!(written(), all);
    let refused = over(recording, output).finish(LIMIT).code(1);
    assert_said(&refused, "rows are already in");
    assert_eq!(written(), all);
}

fn assert_said(finished: &Finished, part: &str) {
    assert!(finished.stderr.contains(part), "{}", finished.stderr);
}

#[test]
fn killed_run_over_a_recording_goes_on_in_sqlite() {
    let folder = run::folder("goes-on-sqlite");
    let (recording, file) = (large_recording(&folder), folder.join("rows.sqlite"));
    let rows = || number(&file, "SELECT count(*) FROM revisions");
    let output = file.display().to_string();
    assert_goes_on(&recording, &output, "is writing to", rows);
    assert_eq!(number(&file, OTHERWISE), 0);
    assert_eq!(number(&file, "SELECT count(*) FROM journal_offsets"), 0);
}

#[test]
fn killed_run_over_a_recording_goes_on_in_postgresql() {
    let folder = run::folder("goes-on-postgres");
    let recording = large_recording(&folder);
    let database = Postgres::shared().database("goes_on");
    let rows = || database.number("SELECT count(*) FROM revisions");
    assert_goes_on(&recording, &database.url(""), SAME, rows);
    assert_eq!(database.query(OTHERWISE).trim(), "0");
    assert_eq!(
        database
            .query("SELECT count(*) FROM journal_offsets")
            .trim(),
        "0"
    );
}

#[test]
fn killed_run_over_a_recording_goes_on_in_parquet() {
    let folder = run::folder("goes-on-parquet");
    let (recording, files) = (large_recording(&folder), folder.join("rows.parquet"));
    let output = files.display().to_string();
    assert_goes_on(&recording, &output, SAME, || named_rows(&files));
    assert_each_id_is_there_as_often(&files);
}

/// The rows of the whole recording are there once.
fn assert_each_id_is_there_as_often(files: &Path) {
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for row in rows(files, "revisions") {
        *times.entry(row["id"].to_string()).or_default() += 1;
    }
    assert!(times.values().all(|times| times % COPIES == 0));
}

/// Has two processes share a recording and one output, kills one of them in its middle, and has it go on.
fn assert_shared(recording: &Path, output: &str, written: impl Fn() -> u64) {
    let all = shipped().counts(false, 1)["revision"].objects * COPIES as u64;
    let share = |share| over(recording, output).args(["--append", "--share", share]);
    let (mut first, second) = (share("1/2").spawn(), share("2/2").spawn());
    first.until("a part is written", LIMIT, |_| {
        (written() > 0).then_some(())
    });
    let _ = first.kill();
    let _ = second.finish(LIMIT).success();
    let before = written();
    assert!(
        0 < before && before < all,
        "{before} of {all}: one was killed in its middle"
    );
    let _ = share("1/2").finish(LIMIT).success();
    assert_eq!(written(), all);
}

#[test]
fn processes_that_share_a_recording_write_one_postgresql_database() {
    let folder = run::folder("shared-postgres");
    let recording = large_recording(&folder);
    let database = Postgres::shared().database("shared");
    let rows = || database.number("SELECT count(*) FROM revisions");
    assert_shared(&recording, &database.url(""), rows);
    assert_eq!(database.query(OTHERWISE).trim(), "0");
}

#[test]
fn processes_that_share_a_recording_write_one_folder_of_parquet() {
    let folder = run::folder("shared-parquet");
    let (recording, files) = (large_recording(&folder), folder.join("rows.parquet"));
    let output = files.display().to_string();
    assert_shared(&recording, &output, || named_rows(&files));
    assert_each_id_is_there_as_often(&files);
}

/// A run that fails at a record in its middle; the rows of the checkpoints before it are there.
struct Failing {
    file: PathBuf,
}

impl Failing {
    fn new(name: &str) -> Self {
        let file = run::folder(name).join("rows.sqlite");
        let failing = Self { file };
        let failed = failing.with(&[]).code(1);
        assert_said(&failed, "it is poison");
        let rows = failing.rows();
        assert!(rows > 0 && rows < all(), "{rows}");
        failing
    }

    fn with(&self, arguments: &[&str]) -> Finished {
        let shipped = paths::repository().join("recordings/ripgrep.journal.zst");
        self.over(&shipped, arguments)
    }

    fn over(&self, recording: &Path, arguments: &[&str]) -> Finished {
        poisoned(recording, arguments)
            .arg("--output")
            .arg(&self.file)
            .finish(LIMIT)
    }

    fn rows(&self) -> u64 {
        number(&self.file, "SELECT count(*) FROM rows")
    }
}

/// A run with many checkpoints.
fn poisoned(recording: &Path, arguments: &[&str]) -> Host {
    let host = Host::run(&paths::plugin("guest-positions"))
        .arg("--recording")
        .arg(recording)
        .args(["--batch-records", "100", "--checkpoint-size", "16KiB"])
        .args(arguments);
    if arguments.contains(&"--option") {
        host
    } else {
        host.args(["--option", "poison_every=3000"])
    }
}

fn all() -> u64 {
    objects(&shipped().counts(false, 1))
}

const SKIP: [&str; 4] = ["--on-failure", "skip", "--max-failures", "100%"];

#[test]
fn failed_run_over_a_recording_goes_on_once_its_record_is_passed() {
    let failing = Failing::new("goes-on-failed");
    let finished = failing.with(&SKIP).success();
    assert_said(&finished, "this one goes on after");
    let skipped = all() - failing.rows();
    assert!((1..20).contains(&skipped), "{skipped}");
}

#[test]
fn run_with_other_options_does_not_go_on_in_the_rows_of_a_failed_one() {
    let failing = Failing::new("goes-on-other");
    let rows = failing.rows();
    let refused = failing.with(&["--option", "poison_every=2999"]).code(1);
    assert_said(&refused, "rows are already in");
    assert_eq!(failing.rows(), rows);
}

#[test]
fn run_that_overwrites_a_failed_one_begins_again_and_leaves_nothing_to_go_on_from() {
    let failing = Failing::new("goes-on-overwritten");
    let _ = failing
        .with(&[&SKIP[..], &["--overwrite"]].concat())
        .success();
    let rows = failing.rows();
    assert!(all() - rows < 20, "{rows}");
    let refused = failing.with(&SKIP).code(1);
    assert_said(&refused, "rows are already in");
    let _ = failing.with(&[&SKIP[..], &["--append"]].concat()).success();
    assert_eq!(failing.rows(), 2 * rows);
}

/// Each of these would leave rows out, or write some twice, if it went on.
#[test]
fn run_into_other_tables_or_from_another_path_does_not_go_on() {
    let failing = Failing::new("goes-on-elsewhere");
    let rows = failing.rows();
    let other_path = paths::repository().join("recordings/./ripgrep.journal.zst");
    let copy = failing.file.with_file_name("copy.journal.zst");
    std::fs::copy(&other_path, &copy).expect("there is room");
    let refused = failing.over(&copy, &SKIP).code(1);
    assert_said(&refused, "rows are already in");
    assert_eq!(failing.rows(), rows);
    let output = format!("sqlite:{}?table=other", failing.file.display());
    let other = [&SKIP[..], &["--output", &output]].concat();
    let _ = poisoned(&other_path, &other).finish(LIMIT).success();
    let written = number(&failing.file, "SELECT count(*) FROM other");
    assert!(all() - written < 20, "{written}");
}

#[test]
fn run_over_a_part_that_overwrites_a_failed_one_leaves_nothing_to_go_on_from() {
    let failing = Failing::new("goes-on-part");
    let part = ["--overwrite", "--stop-after", "100"];
    let _ = failing.with(&part).success();
    assert_eq!(failing.rows(), 100);
    let refused = failing.with(&SKIP).code(1);
    assert_said(&refused, "rows are already in");
}

#[test]
fn rows_that_were_removed_come_again() {
    let failing = Failing::new("goes-on-removed");
    let connection = rusqlite::Connection::open(&failing.file).expect("it is there");
    connection
        .execute("DROP TABLE rows", [])
        .expect("it is ours");
    drop(connection);
    let _ = failing.with(&SKIP).success();
    let rows = failing.rows();
    assert!(all() - rows < 20, "{rows}");
}

#[test]
fn run_whose_rows_go_to_a_file_as_well_does_not_go_on() {
    let folder = run::folder("goes-on-both");
    let file = folder.join("rows.sqlite");
    let run = || {
        Host::run(&paths::plugin("months-and-extensions"))
            .arg("--recording")
            .arg(paths::repository().join("recordings/ripgrep.journal.zst"))
            .arg("--output")
            .arg(format!("months={}", file.display()))
            .finish(LIMIT)
    };
    let _ = run().success();
    assert_said(&run().code(1), "rows are already in");
    let kept = number(&file, "SELECT count(*) FROM journal_offsets");
    assert_eq!(kept, 0);
}
