//! Values, tables and destinations that are refused, with nothing committed.

use journal_tests::postgres::{Database, Postgres};
use journal_tests::{Host, paths};

use super::{LIMIT, counts, over_recording, recording, shipped};

#[test]
fn destinations_that_are_none_are_refused_before_anything_is_read() {
    for (output, parts) in [
        (
            "postgres://me:secret@h/d",
            &["has a password", "PGPASSWORD", "password_file"][..],
        ),
        ("postgres://h/d?password=secret", &["has a password"]),
        ("postgres://h", &["postgres://USER@HOST/DATABASE"]),
        (
            "postgres://h/d?tabel=t",
            &["the parameter `tabel`", "`table`"],
        ),
        ("postgres://h/d?sslmode=x", &["`verify-full`"]),
        ("rows=postgres:h/d", &["postgres://USER@HOST/DATABASE"]),
    ] {
        let refused = over_recording("count-objects", output)
            .finish(LIMIT)
            .code(2);
        for part in parts {
            assert!(
                refused.stderr.contains(part),
                "{output}: {part}: {}",
                refused.stderr
            );
        }
        assert!(!refused.stderr.contains("secret"), "{}", refused.stderr);
    }
    let away = over_recording("count-objects", "postgres://me@127.0.0.1:1/d")
        .finish(LIMIT)
        .code(1);
    for part in [
        "PostgreSQL cannot connect to `postgres://me@127.0.0.1:1/d`",
        "refused",
        "hint:",
    ] {
        assert!(away.stderr.contains(part), "{part}: {}", away.stderr);
    }
    let database = Postgres::shared().database("missing");
    for password in [None, Some("wrong")] {
        let host = Host::run(&paths::plugin("count-objects"))
            .arg("--recording")
            .arg(recording())
            .args(["--output", &database.url("")]);
        let refused = match password {
            Some(password) => host.env("PGPASSWORD", password),
            None => host,
        };
        let refused = refused.finish(LIMIT).code(1);
        assert!(
            refused
                .stderr
                .contains("hint: the password comes from `PGPASSWORD`"),
            "{}",
            refused.stderr
        );
    }
    let missing = database.url("").replace("/missing", "/absent");
    let refused = over_recording("count-objects", &missing)
        .finish(LIMIT)
        .code(1);
    for part in ["database \"absent\" does not exist", "createdb"] {
        assert!(refused.stderr.contains(part), "{part}: {}", refused.stderr);
    }
}

#[test]
fn tables_of_others_and_tables_that_do_not_fit_are_refused() {
    let database = Postgres::shared().database("tables");
    let run = |arguments: &[&str]| {
        over_recording("count-objects", &database.url(""))
            .args(arguments)
            .finish(LIMIT)
    };
    let _ = database.query("CREATE TABLE counts (object_type text)");
    let refused = run(&[]).code(1);
    assert!(
        refused.stderr.contains("was not created by journal-host"),
        "{}",
        refused.stderr
    );
    let _ = database.query("DROP TABLE counts");
    let _ = run(&[]).success();
    let other = over_recording(
        "commit-activity",
        &format!("months={}", database.url("?table=counts")),
    )
    .finish(LIMIT)
    .code(1);
    assert!(
        other
            .stderr
            .contains("belongs to the output `counts` of the plugin"),
        "{}",
        other.stderr
    );
    // Whoever replaces a table by a view does not want to be told how to change the view.
    let _ = database.query("ALTER TABLE counts RENAME TO renamed");
    let _ = database.query("CREATE VIEW counts AS SELECT * FROM renamed");
    let refused = run(&["--append"]).code(1);
    assert!(
        refused.stderr.contains("was not created by journal-host"),
        "{}",
        refused.stderr
    );
    let _ = database.query("DROP VIEW counts");
    let _ = database.query("ALTER TABLE renamed RENAME TO counts");
    // A column that the plan has is missing, and may be added.
    let _ = database.query("ALTER TABLE counts DROP COLUMN tombstones");
    let refused = run(&["--overwrite"]).code(1);
    let statement = "ALTER TABLE \"public\".\"counts\" ADD COLUMN \"tombstones\" numeric";
    for part in [statement, "psql", "--on-schema-change add-columns"] {
        assert!(refused.stderr.contains(part), "{part}: {}", refused.stderr);
    }
    let _ = run(&["--overwrite", "--on-schema-change", "add-columns"]).success();
    assert_eq!(counts(&database, "counts"), shipped().counts(false, 1));
    let _ = database.query("ALTER TABLE counts ALTER COLUMN bytes TYPE text");
    let refused = run(&["--overwrite", "--on-schema-change", "add-columns"]).code(1);
    let reason = "its column `bytes` is text, and the plan needs numeric";
    assert!(refused.stderr.contains(reason), "{}", refused.stderr);
    let _ = database.query("ALTER TABLE counts ALTER COLUMN bytes TYPE numeric USING bytes::numeric, ADD COLUMN more int NOT NULL DEFAULT 1");
    let refused = run(&["--overwrite", "--on-schema-change", "add-columns"]).code(1);
    assert!(
        refused.stderr.contains("DROP COLUMN \"more\""),
        "{}",
        refused.stderr
    );
}

/// A run of the guest that emits what its options say.
fn values(database: &Database<'_>, options: &[&str]) -> Host {
    let host = over_recording("guest-values", &database.url("")).arg("--append");
    options
        .iter()
        .fold(host, |host, option| host.args(["--option", option]))
}

#[test]
fn sum_that_leaves_its_range_ends_the_run_with_nothing_committed() {
    let database = Postgres::shared().database("range");
    let run = |sum: &str| values(&database, &["text=it's", sum]);
    let _ = run("sum=9223372036854775807").finish(LIMIT).success();
    let all = "SELECT (SELECT json_agg(v) FROM \"values\" v), (SELECT json_agg(s ORDER BY at) FROM sums s)";
    let before = database.query(all);
    let letters = journal_tests::run::folder("postgres-range").join("letters.jsonl");
    let refused = run("sum=1")
        .args(["--on-failure", "dead-letter", "--dead-letters"])
        .arg(&letters)
        .finish(LIMIT)
        .code(1);
    for part in [
        "a sum of the output `sums` leaves the range",
        "the table `sums` of",
        "under the key name = 'it''s', at = ",
        "hint:",
    ] {
        assert!(refused.stderr.contains(part), "{part}: {}", refused.stderr);
    }
    assert_eq!(database.query(all), before);
    let _ = run("sum=-1").finish(LIMIT).success();
    let sums = database.query("SELECT DISTINCT n, \"all\" FROM sums");
    // The sum of unsigned integers is larger than any of them.
    assert_eq!(sums, "9223372036854775806|36893488147419103230");
}

#[test]
fn values_at_the_ends_of_their_ranges_are_stored_or_refused_when_they_are_emitted() {
    let database = Postgres::shared().database("ends");
    let longest = "unsigned=9223372036854775807";
    // The key is as long as an index takes, less a timestamp and what keeps both apart.
    let _ = values(
        &database,
        &[
            "text=\u{e9}\u{1f600}\u{202e}",
            longest,
            "nanoseconds=999999999",
            "repeated=290",
        ],
    )
    .finish(LIMIT)
    .success();
    let row = database.query(
        "SELECT least, greatest, unsigned, truth, float = 2.2250738585072014e-308, text, bytes, encode(id, 'hex'),
            extract(epoch FROM first), extract(epoch FROM last), json, nothing IS NULL FROM \"values\"",
    );
    let expected = "-9223372036854775808|9223372036854775807|9223372036854775807|t|t|\u{e9}\u{1f600}\u{202e}|\\x00ff|\
         0707070707070707070707070707070707070707|-62167219199.000001|253402300799.999999|[\"\\u0000\\\"\",null]|t";
    assert_eq!(row, expected);
    for (options, part) in [
        (
            ["text=a", "nul=true"],
            "row 0 of those emitted to `values` has a text with the character U+0000",
        ),
        (["text=a", "unsigned=9223372036854775808"], "2^63 or more"),
        (["text=a", "repeated=2700"], "has a key of"),
    ] {
        let refused = values(&database, &options).finish(LIMIT).code(1);
        assert!(refused.stderr.contains(part), "{part}: {}", refused.stderr);
    }
    assert_eq!(database.number("SELECT count(*) FROM \"values\""), 1);
}
