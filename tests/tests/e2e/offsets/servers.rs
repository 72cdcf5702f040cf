//! Offsets that an output has in PostgreSQL beside its rows.

use std::collections::BTreeMap;
use std::ffi::OsString;

use journal_tests::kafka::TopicPartition;
use journal_tests::postgres::{self, Postgres};
use journal_tests::run;

use super::LIMIT;
use super::kept::{Database, Kept};

/// A schema of a database.
struct Schema(postgres::Database<'static>);

impl Database for Schema {
    fn output(&self) -> OsString {
        self.0.url("?schema=own").into()
    }

    fn offsets_of(&self, group: &str) -> BTreeMap<TopicPartition, i64> {
        let sql = format!(
            "SELECT topic, partition, next_offset FROM own.journal_offsets WHERE group_id = '{group}'"
        );
        let rows = self.0.query(&sql);
        let row = |row: &str| {
            let fields: Vec<&str> = row.split('|').collect();
            let number = |field: &str| field.parse().expect("it is a number");
            let partition = fields[1].parse().expect("it is a number");
            ((fields[0].to_owned(), partition), number(fields[2]))
        };
        rows.lines().map(row).collect()
    }

    fn origins(&self) -> u64 {
        let sql = "SELECT objects FROM own.counts WHERE object_type = 'origin'";
        self.0.number(sql)
    }
}

fn kept(name: &str) -> Kept<Schema> {
    Kept::new(name, Schema(Postgres::shared().database(name)))
}

#[test]
fn offsets_in_postgres_are_shown_saved_and_moved_and_the_group_with_them() {
    kept("moved").is_shown_saved_and_moved();
}

/// A database without tables has no positions, which a look does not change and `restore` gives it.
#[test]
fn group_that_a_new_schema_does_not_know_gets_positions_by_restore() {
    let kept = kept("unknown_schema");
    let _ = kept.input.read_all();
    let table = kept.offsets("show").finish(LIMIT).success().stdout;
    assert!(
        table.contains("4 partitions; a run with this output is refused"),
        "{table}"
    );
    let schemas = "SELECT count(*) FROM pg_namespace WHERE nspname = 'own'";
    assert_eq!(kept.database.0.number(schemas), 0, "a look creates nothing");
    let saved = run::folder("unknown_schema").join("offsets.tsv");
    let save = kept.input.offsets("save").arg("--output").arg(&saved);
    let _ = save.finish(LIMIT).success();
    let restore = kept.offsets("restore").arg(&saved);
    let _ = restore.finish(LIMIT).success();
    assert_eq!(kept.kept(), kept.input.ends());
    // The run goes on from them.
    kept.run();
    assert_eq!(kept.database.0.number("SELECT count(*) FROM own.counts"), 0);
}

#[test]
fn offsets_in_postgres_that_cannot_be_reached_stay_as_the_groups_do() {
    let kept = kept("unreached");
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
