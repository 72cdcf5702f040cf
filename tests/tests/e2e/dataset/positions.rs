//! A run whose output keeps the positions goes on where it was killed.

use std::fs;
use std::path::Path;

use journal_tests::{Host, run};
use rusqlite::{Connection, OpenFlags};

use super::{LIMIT, SHIPPED, copy, files_of, records};

/// A run that lists the positions of all records, with many checkpoints.
fn list(output: &Path) -> Host {
    SHIPPED
        .run("guest-positions")
        .args(["--batch-records", "100", "--checkpoint-size", "16KiB"])
        .arg("--output")
        .arg(output)
}

/// The number of rows and of different ones; 0 where there is no table yet.
fn rows(file: &Path) -> (usize, usize) {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let sql = "SELECT count(*), count(DISTINCT object_type || ' ' || partition || ' ' || offset) FROM rows";
    let read = Connection::open_with_flags(file, flags).and_then(|connection| {
        connection.busy_timeout(LIMIT)?;
        connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
    });
    let (all, different): (i64, i64) = read.unwrap_or_default();
    let unsigned = |number| usize::try_from(number).expect("it is not negative");
    (unsigned(all), unsigned(different))
}

/// Kills a run once it has written something more, and returns how many rows there are then.
fn kill_after_it_writes(file: &Path) -> usize {
    let before = rows(file).0;
    let mut running = list(file).spawn();
    running.until("rows are written", LIMIT, |_| {
        (rows(file).0 > before).then_some(())
    });
    let _killed = running.kill();
    let (all, different) = rows(file);
    assert_eq!(all, different);
    all
}

#[test]
fn killed_run_goes_on_and_each_row_is_there_once() {
    let file = run::folder("killed-dataset").join("rows.sqlite");
    let total = records(&SHIPPED.expected).len();
    for _ in 0..3 {
        let rows = kill_after_it_writes(&file);
        assert!(
            rows < total,
            "{rows} of {total}: it was killed in its middle"
        );
    }
    let _done = list(&file).finish(LIMIT).success();
    assert_eq!(rows(&file), (total, total));
    let refused = list(&file).finish(LIMIT).code(1);
    let said = "rows are already in";
    assert!(refused.stderr.contains(said), "{}", refused.stderr);
}

#[test]
fn run_over_other_files_does_not_go_on() {
    let file = run::folder("changed-dataset").join("rows.sqlite");
    let before = kill_after_it_writes(&file);
    let changed = copy(&SHIPPED);
    let removed = &files_of(&changed, "content")[0];
    fs::remove_file(removed).expect("the folder is ours");
    let refused = changed
        .run("guest-positions")
        .arg("--output")
        .arg(&file)
        .finish(LIMIT)
        .code(1);
    let said = "rows are already in";
    assert!(refused.stderr.contains(said), "{}", refused.stderr);
    assert_eq!(rows(&file), (before, before));
}
