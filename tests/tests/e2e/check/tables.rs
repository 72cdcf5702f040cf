//! Tables of databases, which a check compares with the plan as a run does.

use journal_tests::postgres::{LossyProxy, PASSWORD, Postgres};
use journal_tests::{Host, paths, run};
use rusqlite::Connection;

use super::{LIMIT, check, has};

fn over_recording(host: Host) -> Host {
    host.env("PGPASSWORD", PASSWORD)
        .arg("--recording")
        .arg(paths::repository().join("recordings/ripgrep.journal.zst"))
        .arg("--append")
}

fn counted(host: Host, output: &str) -> Host {
    over_recording(host).args(["--output", output])
}

#[test]
fn table_that_a_run_refuses_fails_and_stays() {
    let file = run::folder("tables").join("rows.sqlite");
    let file = file.display().to_string();
    let database = Postgres::shared().database("checked");
    let plugin = paths::plugin("count-objects");
    for output in [file.clone(), database.url("")] {
        let new = counted(check(&plugin), &output).finish(LIMIT).success();
        has(&new.stdout, "ok       outputs: ");
        let _ = counted(Host::run(&plugin), &output).finish(LIMIT).success();
        // Its own table is fine, and another plugin's is not.
        let own = counted(check(&plugin), &output).finish(LIMIT).success();
        has(&own.stdout, "can be appended to");
        let other = format!("files={output}?table=counts");
        let refused = over_recording(check(&paths::plugin("file-extensions")))
            .args(["--output", &other])
            .finish(LIMIT)
            .code(1);
        has(&refused.stdout, "failed   outputs: the table `counts` of ");
        has(
            &refused.stdout,
            "belongs to the output `counts` of the plugin",
        );
        let run = over_recording(Host::run(&paths::plugin("file-extensions")))
            .args(["--output", &other])
            .finish(LIMIT)
            .code(1);
        has(&run.stderr, "belongs to the output `counts` of the plugin");
    }
}

/// A server may limit the connections of a user.
#[test]
fn check_connects_to_a_database_once_and_reports_it_once() {
    let database = Postgres::shared().database("asked");
    let proxy = LossyProxy::start(&database);
    let table = |name: &str| database.url_at(proxy.port, &format!("?sslmode=disable&table={name}"));
    let checked = over_recording(check(&paths::plugin("months-and-extensions")))
        .args(["--output", &format!("months={}", table("m"))])
        .args(["--output", &format!("extensions={}", table("e"))])
        .finish(LIMIT)
        .success();
    assert_eq!(proxy.connections(), 1);
    let reported = checked.stdout.matches("outputs: `postgres://").count();
    assert_eq!(reported, 1, "{}", checked.stdout);
    let refused = over_recording(check(&paths::plugin("months-and-extensions")))
        .args(["--output", &database.url_at(1, "?sslmode=disable")])
        .finish(LIMIT)
        .code(1);
    has(
        &refused.stdout,
        "failed   outputs: PostgreSQL cannot connect to",
    );
}

/// What a run would create for itself is not there after a check.
#[test]
fn check_leaves_no_table_in_a_database() {
    let database = Postgres::shared().database("untouched");
    let plugin = paths::plugin("count-objects");
    let checked = counted(check(&plugin), &database.url("?schema=own"));
    let _ = checked.finish(LIMIT).success();
    let tables = "SELECT count(*) FROM pg_tables WHERE schemaname IN ('own', 'public')";
    assert_eq!(database.number(tables), 0);
    let file = run::folder("untouched").join("rows.sqlite");
    let connection = Connection::open(&file).expect("it can be created");
    let made = connection.execute_batch("CREATE TABLE counts (a)");
    made.expect("it can be written to");
    let refused = counted(check(&plugin), &file.display().to_string());
    let refused = refused.finish(LIMIT).code(1);
    has(&refused.stdout, "was not created by journal-host");
    let tables = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| {
        row.get::<_, i64>(0)
    });
    assert_eq!(tables, Ok(1));
}
