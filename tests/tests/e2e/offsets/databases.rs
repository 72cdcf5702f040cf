//! Offsets that an output has beside its rows.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::PathBuf;

use journal_tests::{Broker, Finished, Host, paths, run};
use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};

use super::{Input, LIMIT, RECORDS};

/// A group whose offsets are in a database.
struct Kept {
    input: Input,
    file: PathBuf,
}

impl Kept {
    fn new(name: &str) -> Self {
        let input = Input::new(name);
        let file = run::folder(name).join("rows.sqlite");
        Self { input, file }
    }

    fn run(&self) -> Host {
        self.arguments("run").args(["--on-eof", "stop"])
    }

    fn arguments(&self, command: &str) -> Host {
        Host::new()
            .arg(command)
            .arg(paths::plugin("count-objects"))
            .args(["--brokers", &Broker::shared().address()])
            .args(["--prefix", self.input.prefix.as_str()])
            .args(["--group-id", &self.input.group])
            .arg("--output")
            .arg(&self.file)
    }

    fn offsets(&self, command: &str) -> Host {
        let outputs = self.file.as_os_str().to_owned();
        self.input
            .offsets(command)
            .env("JOURNAL_HOST_OUTPUTS", outputs)
    }

    fn shown(&self) -> Value {
        let finished = self.offsets("show").arg("--json").finish(LIMIT).success();
        serde_json::from_str(&finished.stdout).expect("it prints JSON")
    }

    fn database(&self) -> Connection {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        Connection::open_with_flags(&self.file, flags).expect("the database can be read")
    }

    fn kept(&self) -> BTreeMap<(String, i32), i64> {
        let database = self.database();
        let sql = "SELECT topic, partition, next_offset FROM journal_offsets WHERE group_id = ?1";
        let mut statement = database.prepare(sql).expect("the table is there");
        let rows = statement.query_map([&self.input.group], |row| {
            Ok(((row.get(0)?, row.get(1)?), row.get(2)?))
        });
        let rows = rows.expect("it is a query");
        rows.map(|row| row.expect("it can be read")).collect()
    }

    /// How many origins the database has counted.
    fn origins(&self) -> i64 {
        let sql = "SELECT objects FROM counts WHERE object_type = 'origin'";
        self.database()
            .query_row(sql, [], |row| row.get(0))
            .expect("it has a count")
    }
}

#[test]
fn offsets_in_a_database_are_shown_saved_and_moved_and_the_group_with_them() {
    let kept = Kept::new("database");
    let _ = kept.run().finish(LIMIT).success();
    let (input, ends) = (&kept.input, kept.input.ends());
    assert_eq!(kept.kept(), ends);
    // Without the database, the group alone is moved.
    let alone = input
        .offsets("reset")
        .args(["--to", "earliest"])
        .finish(LIMIT);
    let _ = alone.success();
    assert_eq!(kept.kept(), ends);
    let shown = kept.shown();
    assert_eq!(
        (&shown["lag"], &shown["offsets_in"]),
        (&json!(0), &json!(kept.file)),
        "{shown}"
    );
    let table = kept.offsets("show").finish(LIMIT).success().stdout;
    let named = format!("offsets: those in `{}`", kept.file.display());
    assert!(table.contains(&named), "{table}");
    let saved = kept.file.with_extension("tsv");
    let save = kept.offsets("save").arg("--output").arg(&saved);
    let _ = save.finish(LIMIT).success();
    let text = fs::read_to_string(&saved).expect("it was written");
    for ((topic, number), end) in &ends {
        assert!(
            text.contains(&format!("{topic}\t{number}\t{end}\n")),
            "{text}"
        );
    }

    let reset = |more: &[&str]| -> Finished {
        let reset = kept.offsets("reset").args(["--to", "earliest"]).args(more);
        reset.finish(LIMIT).success()
    };
    let dry = reset(&["--dry-run"]).stdout;
    assert!(dry.contains("would change 4 offsets"), "{dry}");
    assert_eq!(kept.kept(), ends);
    let said = reset(&[]).stdout;
    assert!(said.contains("changed 4 offsets"), "{said}");
    assert!(kept.kept().values().all(|&offset| offset == 0));
    let _ = kept.run().finish(LIMIT).success();
    assert_eq!(
        kept.origins(),
        2 * i64::from(RECORDS),
        "everything came again"
    );
    assert_eq!(
        (kept.kept(), input.committed()),
        (ends.clone(), ends.clone())
    );

    let _ = reset(&[]);
    let restored = kept.offsets("restore").arg(&saved).finish(LIMIT).success();
    assert!(
        restored.stdout.contains("changed 4 offsets"),
        "{}",
        restored.stdout
    );
    assert_eq!((kept.kept(), input.committed()), (ends.clone(), ends));
}

#[test]
fn offsets_in_a_database_that_is_in_use_stay() {
    let kept = Kept::new("held");
    let _ = kept.run().finish(LIMIT).success();
    let (ends, committed) = (kept.kept(), kept.input.committed());
    let lock = File::open(kept.file.with_extension("sqlite-lock")).expect("the lock is there");
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
    let kept = Kept::new("unknown");
    let _ = kept.input.read_all();
    let table = kept.offsets("show").finish(LIMIT).success().stdout;
    assert!(
        table.contains("4 partitions; a run with this output is refused"),
        "{table}"
    );
    assert!(!kept.file.exists(), "a look creates nothing");
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
    // The flag names the output as the variable does.
    let restore = kept.input.offsets("restore").arg(&saved);
    let _ = restore
        .arg("--run-output")
        .arg(&kept.file)
        .finish(LIMIT)
        .success();
    assert_eq!(kept.kept(), kept.input.ends());
    let checked = kept.arguments("check").finish(LIMIT).success();
    let lag = "lag: 0 records in 4 partitions, from the offsets in";
    assert!(checked.stdout.contains(lag), "{}", checked.stdout);
}
