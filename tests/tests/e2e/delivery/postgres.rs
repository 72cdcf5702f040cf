//! Rows in PostgreSQL: equal to those of JSON lines, and each exactly once.

mod chaos;
mod refusals;
mod unique;
mod upserts;

use std::path::{Path, PathBuf};

use journal_tests::kafka::{Counts, Sums};
use journal_tests::postgres::{Database, PASSWORD, Postgres};
use journal_tests::{Broker, Finished, Host, paths};
use serde_json::Value;

use super::{LIMIT, assert_redriven_rows_join, host, large, shipped};
use crate::plugins::newest::{self, Recordings};
use crate::sorted_rows::sorted;

/// A host that knows the password of the server.
fn with_password(host: Host) -> Host {
    host.env("PGPASSWORD", PASSWORD)
}

fn recording() -> PathBuf {
    paths::repository().join("recordings/ripgrep.journal.zst")
}

fn over_recording(plugin: &str, output: &str) -> Host {
    with_password(Host::run(&paths::plugin(plugin)))
        .arg("--recording")
        .arg(recording())
        .args(["--output", output])
}

/// The only column of a query, as JSON.
fn json(database: &Database<'_>, sql: &str) -> Vec<Value> {
    let rows = database.query(sql);
    let rows = rows.lines();
    rows.map(|row| serde_json::from_str(row).expect("it is JSON"))
        .collect()
}

/// What `count-objects` has counted, in this table.
fn counts(database: &Database<'_>, table: &str) -> Counts {
    let sql = format!("SELECT object_type, objects, bytes, tombstones FROM {table}");
    let rows = database.query(&sql);
    let row = |row: &str| {
        let mut fields = row.split('|');
        let object_type = fields.next().expect("it has fields").to_owned();
        let mut number = || {
            let field = fields.next().expect("it has fields");
            field.parse().expect("it is a number")
        };
        let sums = Sums {
            objects: number(),
            bytes: number(),
            tombstones: number(),
        };
        (object_type, sums)
    };
    rows.lines().map(row).collect()
}

/// A timestamp as JSON lines have it.
fn time(column: &str) -> String {
    format!(
        "regexp_replace(to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US'), '\\.?0*$', '') || 'Z'"
    )
}

#[test]
fn tables_have_the_rows_of_json_lines() {
    let database = Postgres::shared().database("lines");
    let _ = over_recording("list-revisions", &database.url(""))
        .finish(LIMIT)
        .success();
    let lines = over_recording("list-revisions", "-")
        .finish(LIMIT)
        .success();
    let hex = |column: &str| format!("encode({column}, 'hex')");
    let sql = format!(
        "SELECT json_build_object('id', {}, 'directory', {}, 'parents', parents, 'date', {}, 'committer_date', {},
            'subject', subject) FROM revisions",
        hex("id"),
        hex("directory"),
        time("date"),
        time("committer_date"),
    );
    let rows = json(&database, &sql.replace('\n', " "));
    assert!(rows.len() > 1000);
    assert_eq!(sorted(rows), sorted(lines.rows()));
    // The texts of the plugin's author are those of the table.
    let comments = "SELECT count(*) FROM pg_description d JOIN pg_class c ON c.oid = d.objoid WHERE relname = 'revisions'";
    assert!(database.number(comments) > 0);
    // Nothing else is left of the run.
    assert_eq!(database.number("SELECT count(*) FROM journal_offsets"), 0);
}

#[test]
fn aggregates_of_a_recording_are_totals() {
    let database = Postgres::shared().database("totals");
    // Small calls, and many checkpoints.
    let _ = over_recording("count-objects", &database.url("?schema=other&table=c"))
        .args(["--batch-records", "7", "--checkpoint-interval", "20ms"])
        .finish(LIMIT)
        .success();
    assert_eq!(counts(&database, "other.c"), shipped().counts(false, 1));
    // Keys that may be NULL.
    let _ = over_recording("commit-activity", &database.url(""))
        .args(["--checkpoint-interval", "20ms"])
        .finish(LIMIT)
        .success();
    let lines = over_recording("commit-activity", "-")
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
        let sql =
            format!("SELECT json_build_object({columns}, 'revisions', revisions) FROM {table}");
        assert_eq!(sorted(json(&database, &sql)), of(table), "{table}");
    }
}

#[test]
fn latest_values_are_those_of_the_newest_whatever_comes_first() {
    let recordings = Recordings::new("newest-postgres");
    let (forwards, backwards) = (
        Postgres::shared().database("forwards"),
        Postgres::shared().database("backwards"),
    );
    let into = |database: &Database<'_>| {
        let url = database.url("");
        move || {
            let host = with_password(Host::run(&paths::plugin("last-visit")));
            host.args(["--output", &url])
        }
    };
    newest::add(into(&forwards), recordings.parts.iter());
    newest::add(into(&backwards), recordings.parts.iter().rev());
    newest::add(into(&backwards), std::iter::once(&recordings.whole));
    let sql = format!(
        "SELECT json_build_object('origin', origin, 'date', {}, 'visit', visit, 'status', status, 'type', type, \
         'snapshot', encode(snapshot, 'hex')) FROM visits",
        time("date")
    );
    for database in [forwards, backwards] {
        assert_eq!(sorted(json(&database, &sql)), recordings.newest());
    }
}

#[test]
fn repeated_recording_never_doubles_unasked() {
    let database = Postgres::shared().database("repeated");
    let run = |arguments: &[&str]| {
        over_recording("list-revisions", &database.url(""))
            .args(arguments)
            .finish(LIMIT)
    };
    let rows = || database.number("SELECT count(*) FROM revisions");
    let _ = run(&[]).success();
    let once = rows();
    let refused = run(&[]).code(1);
    for part in [
        "rows are already in",
        "the table `revisions` of",
        "--append",
        "--overwrite",
    ] {
        assert!(refused.stderr.contains(part), "{part}: {}", refused.stderr);
    }
    assert_eq!(rows(), once);
    let _ = run(&["--append"]).success();
    assert_eq!(rows(), 2 * once);
    let _ = run(&["--overwrite"]).success();
    assert_eq!(rows(), once);
}

#[test]
fn outputs_have_their_destinations_also_in_a_file() {
    let database = Postgres::shared().database("file");
    let folder = journal_tests::run::folder("postgres-file");
    let password = folder.join("password & more");
    std::fs::write(&password, format!("{PASSWORD}\n")).expect("it can be written");
    let config = folder.join("config.yaml");
    let text = format!(
        "recording: {}\noutputs:\n  months:\n    type: postgres\n    url: {}\n    schema: s\n    table: by_month\n    \
         password_file: {}\n  zones: jsonl:{}\n",
        recording().display(),
        database.url("?sslmode=require"),
        password.display(),
        folder.join("zones").display(),
    );
    std::fs::write(&config, text).expect("it can be written");
    let finished = Host::run(&paths::plugin("commit-activity"))
        .arg("--config")
        .arg(&config)
        .finish(LIMIT)
        .success();
    assert!(database.number("SELECT count(*) FROM s.by_month") > 10);
    // The third output is not bound.
    assert!(finished.stdout.contains("weekday"));
}

#[test]
fn run_goes_on_from_the_database_and_not_from_the_group() {
    let large = large();
    let database = Postgres::shared().database("positions");
    let group = large.prefix.group("postgres-positions");
    let run = |arguments: &[&str]| -> Finished {
        with_password(host("count-objects", &large.prefix, &group))
            .args(["--workers", "2", "--output", &database.url("")])
            .args(arguments)
            .finish(LIMIT)
    };
    let _ = run(&[]).success();
    assert_eq!(counts(&database, "counts"), large.counts);
    // The group goes back, and the database does not.
    let reset = Host::new()
        .args(["offsets", "reset", "--to", "earliest"])
        .args(["--brokers", &Broker::shared().address()])
        .args(["--prefix", large.prefix.as_str(), "--group-id", &group])
        .finish(LIMIT);
    let _ = reset.success();
    let _ = run(&[]).success();
    assert_eq!(counts(&database, "counts"), large.counts);
    // Neither another group nor another database of the group adds to them unasked.
    let other = with_password(host(
        "count-objects",
        &large.prefix,
        &large.prefix.group("other"),
    ))
    .args(["--output", &database.url("")])
    .finish(LIMIT)
    .code(1);
    assert!(
        other.stderr.contains("belongs to the output `counts`"),
        "{}",
        other.stderr
    );
    let second = Postgres::shared().database("positions-new");
    let refused = with_password(host("count-objects", &large.prefix, &group))
        .args(["--output", &second.url("")])
        .finish(LIMIT)
        .code(1);
    for part in [
        "the group has committed offset",
        "the output has no position of it",
        "--from",
    ] {
        assert!(refused.stderr.contains(part), "{part}: {}", refused.stderr);
    }
    let two = with_password(host(
        "commit-activity",
        &large.prefix,
        &large.prefix.group("two"),
    ))
    .args(["--output", &format!("months={}", database.url(""))])
    .args(["--output", &second.url("")])
    .finish(LIMIT)
    .code(2);
    assert!(
        two.stderr
            .contains("would both keep the positions of the group"),
        "{}",
        two.stderr
    );
}

#[test]
fn password_and_certificate_are_those_that_the_operator_names() {
    let server = Postgres::shared();
    let database = server.database("access");
    let run = |host: Host, url: &str| {
        host.arg("--recording")
            .arg(recording())
            .args(["--overwrite", "--output", url])
            .finish(LIMIT)
    };
    let plugin = || Host::run(&paths::plugin("count-objects"));
    let by_name = |parameters: &str| database.url(parameters).replace("127.0.0.1", "localhost");
    let folder = journal_tests::run::folder("postgres-access");
    let passfile = folder.join("passfile");
    let (_, port) = database
        .url("")
        .rsplit_once(':')
        .map(|(start, end)| (start.to_owned(), end.to_owned()))
        .expect("it has a port");
    let port = port.split('/').next().expect("it has a port").to_owned();
    std::fs::write(&passfile, format!("localhost:{port}:*:tester:{PASSWORD}\n"))
        .expect("it can be written");
    private(&passfile);
    let by_file = |url: &str| run(plugin().env("PGPASSFILE", &passfile), url);
    let _ = by_file(&by_name("")).success();
    // The file has no line for the address.
    let refused = by_file(&database.url("")).code(1);
    assert!(refused.stderr.contains("password"), "{}", refused.stderr);
    let refused = run(plugin().env("PGPASSWORD", "wrong"), &database.url("")).code(1);
    for part in ["password authentication failed", "hint:", "PGPASSWORD"] {
        assert!(refused.stderr.contains(part), "{part}: {}", refused.stderr);
    }
    assert!(!refused.stderr.contains("wrong"), "{}", refused.stderr);
    // The certificate is one of the name, and signed by itself.
    let trusting = format!(
        "&sslrootcert={}",
        copied(&server.certificate(), &folder).display()
    );
    for (url, is_taken) in [
        (by_name(&format!("?sslmode=verify-full{trusting}")), true),
        (by_name("?sslmode=verify-full"), false),
        (
            database.url(&format!("?sslmode=verify-full{trusting}")),
            false,
        ),
        (database.url(&format!("?sslmode=verify-ca{trusting}")), true),
        (database.url("?sslmode=verify-ca"), false),
        (database.url("?sslmode=require"), true),
    ] {
        let finished = run(with_password(plugin()), &url);
        if is_taken {
            let _ = finished.success();
        } else {
            let refused = finished.code(1);
            assert!(refused.stderr.contains("TLS"), "{url}: {}", refused.stderr);
            assert!(
                refused.stderr.contains("sslrootcert"),
                "{url}: {}",
                refused.stderr
            );
        }
    }
}

/// Makes a file one that only its owner may read.
fn private(file: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(file, mode).expect("it is ours");
}

fn copied(file: &Path, folder: &Path) -> PathBuf {
    let copy = folder.join("ca.pem");
    std::fs::copy(file, &copy).expect("it can be copied");
    copy
}

#[test]
fn redriven_rows_join_those_of_the_group() {
    let database = Postgres::shared().database("redriven");
    let rows = || database.number("SELECT count(*) FROM rows");
    assert_redriven_rows_join("postgres-redriven", &database.url(""), with_password, rows);
}
