//! Rows that replace each other by key, equal to those of SQLite.

use journal_tests::postgres::{Database, Postgres};
use journal_tests::{Broker, Host, Prefix};

use super::super::{LIMIT, upserts};
use super::{json, time, with_password};
use crate::sorted_rows::sorted;

/// A run that keeps the latest values in this database.
fn into(database: &Database<'_>) -> impl Fn() -> Host + use<> {
    let url = database.url("");
    move || with_password(upserts::keeping_latest()).args(["--output", &url])
}

/// The rows of the view, and those of the table.
fn rows(database: &Database<'_>) -> (Vec<String>, Vec<String>) {
    let row = format!(
        "'key', encode(key, 'hex'), 'written', {}, 'text', text, 'value', encode(value, 'hex')",
        time("written")
    );
    let shown = format!("SELECT json_build_object({row}) FROM latest");
    let all = format!("SELECT json_build_object({row}, '_removed', _removed) FROM latest_all");
    (sorted(json(database, &shown)), sorted(json(database, &all)))
}

#[test]
fn table_is_that_of_sqlite_whatever_comes_first() {
    let versions = upserts::versions();
    let expected = upserts::expected(&versions);
    for (number, parts) in upserts::arrivals(&versions).iter().enumerate() {
        let database = Postgres::shared().database(&format!("upserts-{number}"));
        upserts::add(into(&database), parts);
        assert_eq!(rows(&database), expected, "{number}");
    }
}

#[test]
fn table_is_the_same_although_two_processes_write_and_one_is_killed() {
    let versions = upserts::versions();
    let prefix = Prefix::new("upserts");
    upserts::write(&prefix, &versions);
    let database = Postgres::shared().database("upserts-journal");
    let group = prefix.group("upserts");
    let host = || {
        into(&database)()
            .args(["--brokers", &Broker::shared().address()])
            .args(["--prefix", prefix.as_str(), "--group-id", &group])
            .args(["--on-eof", "stop", "--workers", "2"])
            .args(["--checkpoint-interval", "20ms", "--batch-records", "10"])
            .args(["--kafka", "heartbeat.interval.ms=200"])
            .args(["--kafka", "session.timeout.ms=6000"])
    };
    let mut killed = host().spawn();
    killed.until("rows are written", LIMIT, |_| {
        (database.number("SELECT count(*) FROM latest_all") > 0).then_some(())
    });
    let other = host().spawn();
    let _ = killed.kill();
    let _ = host().finish(LIMIT).success();
    let _ = other.finish(LIMIT).success();
    assert_eq!(rows(&database), upserts::expected(&versions));
}

#[test]
fn view_gets_the_columns_that_are_added_and_views_on_it_stay() {
    let database = Postgres::shared().database("upserts-schema");
    let parts = [upserts::versions()];
    upserts::add(into(&database), &parts);
    let before = rows(&database);
    let comments = "SELECT count(*) FROM pg_description d JOIN pg_class c ON c.oid = d.objoid WHERE relname = 'latest'";
    assert!(database.number(comments) > 1);
    // An earlier version of the plugin had a column less.
    let _ = database.query(
        "DROP VIEW latest; ALTER TABLE latest_all DROP COLUMN text; CREATE VIEW latest AS SELECT key, written, value \
         FROM latest_all WHERE NOT _removed; CREATE VIEW mine AS SELECT key FROM latest",
    );
    let recording = journal_tests::run::folder("upserts-schema").join("all.journal");
    upserts::record(&recording, &parts[0]);
    let run = |arguments: &[&str]| {
        into(&database)()
            .args(["--append", "--recording"])
            .arg(&recording)
            .args(arguments)
            .finish(LIMIT)
    };
    let refused = run(&[]).code(1);
    let statements = "DROP VIEW IF EXISTS \"public\".\"latest\"; ALTER TABLE \"public\".\"latest_all\" ADD COLUMN \"text\" \
                      text COLLATE \"C\"; CREATE VIEW \"public\".\"latest\" AS SELECT \"key\", \"written\", \"value\", \
                      \"text\" FROM \"public\".\"latest_all\" WHERE NOT \"_removed\";";
    for part in [statements, "--on-schema-change add-columns"] {
        assert!(refused.stderr.contains(part), "{part}: {}", refused.stderr);
    }
    let _ = run(&["--on-schema-change", "add-columns"]).success();
    assert_eq!(rows(&database), before);
    assert!(database.number("SELECT count(*) FROM mine") > 0);
    // The same by hand.
    let _ = database.query(
        "DROP VIEW mine, latest; ALTER TABLE latest_all DROP COLUMN text; CREATE VIEW latest AS SELECT key, written, \
         value FROM latest_all WHERE NOT _removed",
    );
    let _ = database.query(statements);
    let _ = run(&[]).success();
    assert_eq!(rows(&database), before);
}
