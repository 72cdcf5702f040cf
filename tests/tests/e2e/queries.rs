//! The queries of README.md and docs/outputs.md, over the rows of the shipped recording.

use std::fs;
use std::path::Path;
use std::time::Duration;

use journal_tests::postgres::{PASSWORD, Postgres};
use journal_tests::{Host, paths, run};
use rusqlite::Connection;

/// Time limit for one run.
const LIMIT: Duration = Duration::from_mins(1);
/// The plugins whose rows are asked for.
const PLUGINS: [&str; 6] = [
    "commit-activity",
    "count-objects",
    "file-extensions",
    "graph-edges",
    "list-revisions",
    "print-objects",
];

fn page(name: &str) -> String {
    fs::read_to_string(paths::repository().join(name)).expect("the page is there")
}

/// The statements in the section about queries, without their comments.
fn statements() -> Vec<String> {
    let page = page("docs/outputs.md");
    let (_, section) = page.split_once("\n## Queries\n").expect("it has queries");
    let blocks = section.split("```sql\n").skip(1);
    let lines = blocks.flat_map(|block| {
        let (block, _) = block.split_once("```").expect("a block ends");
        block.lines().filter(|line| !line.starts_with("--"))
    });
    let text: Vec<&str> = lines.collect();
    let statements = text.join(" ");
    let statements = statements.split(';').map(str::trim);
    let found: Vec<_> = statements
        .filter(|one| !one.is_empty())
        .map(str::to_owned)
        .collect();
    assert!(found.len() > 5, "{found:?}");
    found
}

fn write(plugin: &str, output: &str) {
    let host = Host::run(&paths::plugin(plugin))
        .env("PGPASSWORD", PASSWORD)
        .arg("--recording")
        .arg(paths::repository().join("recordings/ripgrep.journal.zst"))
        .args(["--output", output]);
    let _ = host.finish(LIMIT).success();
}

/// The number of rows that SQLite returns. A statement that is not a query returns none.
fn rows_of(connection: &Connection, sql: &str) -> usize {
    let mut statement = connection.prepare(sql).expect(sql);
    let mut rows = statement.query([]).expect(sql);
    let mut count = 0;
    while rows.next().expect(sql).is_some() {
        count += 1;
    }
    count
}

#[test]
fn queries_of_the_docs_have_as_many_rows_in_sqlite_and_in_postgres() {
    let file = run::folder("queries").join("history.sqlite");
    let database = Postgres::shared().database("queries");
    for plugin in PLUGINS {
        write(plugin, &file.display().to_string());
        write(plugin, &database.url(""));
    }
    let connection = Connection::open(&file).expect("it is a database");
    for statement in statements() {
        let count = rows_of(&connection, &statement);
        // As the comment in the page says.
        let other = statement.replace(
            "lower(hex(revisions.directory))",
            "encode(revisions.directory, 'hex')",
        );
        let rows = database.query(&other);
        if statement.starts_with("SELECT") {
            assert!(count > 0, "{statement}");
            assert_eq!(rows.lines().count(), count, "{statement}");
        }
    }
}

/// The query that README.md has for the shell, with what it prints.
#[test]
fn query_of_the_readme_prints_its_picture() {
    let file = run::folder("readme").join("activity.sqlite");
    write("commit-activity", &file.display().to_string());
    let readme = page("README.md");
    let (_, query) = readme
        .split_once("activity.sqlite \"")
        .expect("it has a query");
    let (query, after) = query.split_once('"').expect("the query ends");
    let (_, picture) = after.split_once("```text\n").expect("it has an answer");
    let (picture, _) = picture.split_once("...").expect("it is the beginning");
    assert_eq!(picture.lines().count(), 3);
    let printed = years(&file, query);
    for (line, year) in picture.lines().zip(printed) {
        assert_eq!(line, year);
    }
}

fn years(file: &Path, query: &str) -> Vec<String> {
    let connection = Connection::open(file).expect("it is a database");
    let mut statement = connection.prepare(query).expect("it is a query");
    let rows = statement.query_map([], |row| {
        let (year, revisions): (String, i64) = (row.get(0)?, row.get(1)?);
        Ok(format!("{year}  {revisions}  {}", row.get::<_, String>(2)?))
    });
    let rows = rows.expect("it can be asked");
    rows.map(|row| row.expect("it is a row")).collect()
}
