//! Offsets that an output has in PostgreSQL beside its rows.

use std::collections::BTreeMap;
use std::fs;

use journal_tests::kafka::TopicPartition;
use journal_tests::postgres::{Database, PASSWORD, Postgres};
use journal_tests::{Broker, Host, paths, run};
use serde_json::{Value, json};

use super::{Input, LIMIT, RECORDS};

/// A group whose offsets are in a schema of a database.
struct Kept {
    input: Input,
    database: Database<'static>,
}

impl Kept {
    fn new(name: &str) -> Self {
        Self {
            input: Input::new(name),
            database: Postgres::shared().database(name),
        }
    }

    fn output(&self) -> String {
        self.database.url("?schema=own")
    }

    fn run(&self) {
        let host = Host::run(&paths::plugin("count-objects"))
            .env("PGPASSWORD", PASSWORD)
            .args(["--brokers", &Broker::shared().address()])
            .args(["--prefix", self.input.prefix.as_str()])
            .args(["--group-id", &self.input.group])
            .args(["--on-eof", "stop", "--output", &self.output()]);
        let _ = host.finish(LIMIT).success();
    }

    fn offsets(&self, command: &str) -> Host {
        self.input
            .offsets(command)
            .env("PGPASSWORD", PASSWORD)
            .args(["--run-output", &self.output()])
    }

    fn kept(&self) -> BTreeMap<TopicPartition, i64> {
        let sql = format!(
            "SELECT topic, partition, next_offset FROM own.journal_offsets WHERE group_id = '{}'",
            self.input.group
        );
        let rows = self.database.query(&sql);
        let row = |row: &str| {
            let fields: Vec<&str> = row.split('|').collect();
            let number = |field: &str| field.parse().expect("it is a number");
            let partition = fields[1].parse().expect("it is a number");
            ((fields[0].to_owned(), partition), number(fields[2]))
        };
        rows.lines().map(row).collect()
    }
}

#[test]
fn offsets_in_postgres_are_shown_saved_and_moved_and_the_group_with_them() {
    let kept = Kept::new("moved");
    kept.run();
    let (input, ends) = (&kept.input, kept.input.ends());
    assert_eq!(kept.kept(), ends);
    // Without the output, the group alone is moved.
    let alone = input.offsets("reset").args(["--to", "earliest"]);
    let _ = alone.finish(LIMIT).success();
    let shown = kept.offsets("show").arg("--json").finish(LIMIT).success();
    let shown: Value = serde_json::from_str(&shown.stdout).expect("it prints JSON");
    assert_eq!(
        (&shown["lag"], &shown["offsets_in"]),
        (&json!(0), &json!(kept.output())),
        "{shown}"
    );
    let saved = run::folder("moved").join("offsets.tsv");
    let save = kept.offsets("save").arg("--output").arg(&saved);
    let _ = save.finish(LIMIT).success();
    let text = fs::read_to_string(&saved).expect("it was written");
    for ((topic, number), end) in &ends {
        assert!(
            text.contains(&format!("{topic}\t{number}\t{end}\n")),
            "{text}"
        );
    }

    let reset = || kept.offsets("reset").args(["--to", "earliest"]);
    let dry = reset().arg("--dry-run").finish(LIMIT).success().stdout;
    assert!(dry.contains("would change 4 offsets"), "{dry}");
    assert_eq!(kept.kept(), ends);
    let _ = reset().finish(LIMIT).success();
    assert!(kept.kept().values().all(|&offset| offset == 0));
    kept.run();
    let sql = "SELECT objects FROM own.counts WHERE object_type = 'origin'";
    let twice = 2 * u64::from(RECORDS);
    assert_eq!(kept.database.number(sql), twice, "everything came again");
    assert_eq!(
        (kept.kept(), input.committed()),
        (ends.clone(), ends.clone())
    );

    let _ = reset().finish(LIMIT).success();
    let restored = kept.offsets("restore").arg(&saved).finish(LIMIT).success();
    let said = restored.stdout;
    assert!(said.contains("changed 4 offsets"), "{said}");
    assert_eq!((kept.kept(), input.committed()), (ends.clone(), ends));
}

/// A database without tables has no positions, which a look does not change and `restore` gives it.
#[test]
fn group_that_a_new_schema_does_not_know_gets_positions_by_restore() {
    let kept = Kept::new("unknown_schema");
    let _ = kept.input.read_all();
    let table = kept.offsets("show").finish(LIMIT).success().stdout;
    assert!(
        table.contains("4 partitions; a run with this output is refused"),
        "{table}"
    );
    let schemas = "SELECT count(*) FROM pg_namespace WHERE nspname = 'own'";
    assert_eq!(kept.database.number(schemas), 0, "a look creates nothing");
    let saved = run::folder("unknown_schema").join("offsets.tsv");
    let save = kept.input.offsets("save").arg("--output").arg(&saved);
    let _ = save.finish(LIMIT).success();
    let restore = kept.offsets("restore").arg(&saved);
    let _ = restore.finish(LIMIT).success();
    assert_eq!(kept.kept(), kept.input.ends());
    // The run goes on from them.
    kept.run();
    assert_eq!(kept.database.number("SELECT count(*) FROM own.counts"), 0);
}

#[test]
fn offsets_in_postgres_that_cannot_be_reached_stay_as_the_groups_do() {
    let kept = Kept::new("unreached");
    kept.run();
    let ends = kept.input.ends();
    let refused = kept
        .offsets("reset")
        .args(["--to", "earliest"])
        .env("PGPASSWORD", "another")
        .finish(LIMIT)
        .code(1);
    let said = refused.stderr;
    assert!(said.contains("PostgreSQL cannot connect to"), "{said}");
    assert_eq!((kept.kept(), kept.input.committed()), (ends.clone(), ends));
}
