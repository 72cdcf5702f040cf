//! Offsets that an output has beside its rows.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::path::PathBuf;

use journal_tests::kafka::TopicPartition;
use journal_tests::{Broker, run};
use rusqlite::{Connection, OpenFlags};

use super::LIMIT;
use super::kept::{Database, Kept};

/// A SQLite database.
struct SqliteFile(PathBuf);

impl SqliteFile {
    fn open(&self) -> Connection {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        Connection::open_with_flags(&self.0, flags).expect("the database can be read")
    }
}

impl Database for SqliteFile {
    fn output(&self) -> OsString {
        self.0.as_os_str().to_owned()
    }

    fn offsets_of(&self, group: &str) -> BTreeMap<TopicPartition, i64> {
        let database = self.open();
        let sql = "SELECT topic, partition, next_offset FROM journal_offsets WHERE group_id = ?1";
        let mut statement = database.prepare(sql).expect("the table is there");
        let rows =
            statement.query_map([group], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)));
        let rows = rows.expect("it is a query");
        rows.map(|row| row.expect("it can be read")).collect()
    }

    fn origins(&self) -> u64 {
        let sql = "SELECT objects FROM counts WHERE object_type = 'origin'";
        let count = self.open().query_row(sql, [], |row| row.get::<_, i64>(0));
        count.expect("it has a count").unsigned_abs()
    }
}

fn kept(name: &str) -> Kept<SqliteFile> {
    Kept::new(name, SqliteFile(run::folder(name).join("rows.sqlite")))
}

#[test]
fn offsets_in_a_database_are_shown_saved_and_moved_and_the_group_with_them() {
    kept("database").is_shown_saved_and_moved();
}

#[test]
fn offsets_in_a_database_that_is_in_use_stay() {
    let kept = kept("held");
    kept.run();
    let (ends, committed) = (kept.kept(), kept.input.committed());
    let lock =
        File::open(kept.database.0.with_extension("sqlite-lock")).expect("the lock is there");
    lock.lock().expect("nobody has it");
    let reset = || {
        kept.offsets("reset")
            .args(["--to", "earliest"])
            .finish(LIMIT)
    };
    let refused = reset().code(1);
    assert!(
        refused.stderr.contains("is writing to"),
        "{}",
        refused.stderr
    );
    assert!(
        refused.stderr.contains("stop that process first"),
        "{}",
        refused.stderr
    );
    // A look needs no lock.
    assert_eq!(kept.shown()["lag"], 0);
    drop(lock);
    let topic = kept.input.prefix.topic("origin");
    let member = Broker::shared().join(&kept.input.group, &topic, "classic");
    let refused = reset().code(1);
    assert!(
        refused.stderr.contains("has a member"),
        "{}",
        refused.stderr
    );
    drop(member);
    assert_eq!((kept.kept(), kept.input.committed()), (ends, committed));
}

/// A database that is new has the rows of nothing: a run that would go on from the group is refused.
#[test]
fn group_that_a_new_database_does_not_know_is_reported_and_gets_positions_by_restore() {
    let kept = kept("unknown");
    let _ = kept.input.read_all();
    let table = kept.offsets("show").finish(LIMIT).success().stdout;
    assert!(
        table.contains("4 partitions; a run with this output is refused"),
        "{table}"
    );
    assert!(!kept.database.0.exists(), "a look creates nothing");
    let checked = kept.arguments("check").finish(LIMIT).code(1);
    assert!(
        checked
            .stdout
            .contains("failed   lag: the group has committed offset"),
        "{}",
        checked.stdout
    );
    let saved = run::folder("unknown").join("offsets.tsv");
    let save = kept.input.offsets("save").arg("--output").arg(&saved);
    let _ = save.finish(LIMIT).success();
    // The variable names the output as the flag does.
    let restore = kept.input.offsets("restore").arg(&saved);
    let _ = restore
        .env("JOURNAL_HOST_OUTPUTS", kept.database.output())
        .finish(LIMIT)
        .success();
    assert_eq!(kept.kept(), kept.input.ends());
    let checked = kept.arguments("check").finish(LIMIT).success();
    let lag = "lag: 0 records in 4 partitions, from the offsets in";
    assert!(checked.stdout.contains(lag), "{}", checked.stdout);
}
