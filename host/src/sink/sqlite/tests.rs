//! The sink over a database that SQLite itself reads.

mod latest;
mod positions;
mod schema;
mod upserts;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use journal_aggregate::Merge;
use journal_rows::ColumnType;
use rusqlite::Connection;
use tempfile::TempDir;

use super::*;
use crate::sink::tables::tests::{sums, unique};
use crate::sink::tables::{SchemaChange, TableError};
use crate::sink::testing::{Bound, V, output, owner, plan, row};
use crate::sink::{RowLimits, Topics};

const LIMITS: RowLimits = RowLimits {
    call_bytes: 1 << 20,
    most_bytes: None,
};

/// Counts by kind: sums and a maximum.
fn counts() -> Output {
    output(
        "counts",
        &[
            ("kind", ColumnType::Text, false),
            ("n", ColumnType::Uint, false),
            ("last", ColumnType::Timestamp, true),
        ],
        Some(sums(&["kind"], &[("n", Merge::Sum), ("last", Merge::Max)])),
    )
}

struct World {
    _folder: TempDir,
    path: PathBuf,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.sqlite");
        Self {
            _folder: folder,
            path,
        }
    }

    fn open_as(&self, outputs: &[Output], owner: &Owner) -> Result<Database, SinkError> {
        let tables: Vec<_> = outputs.iter().map(|output| (output, None)).collect();
        let file = self.path.to_str().unwrap();
        let database = Database::open(file, &tables, owner.clone())?;
        database.prepare(&plan(outputs))?;
        Ok(database)
    }

    fn open(&self, outputs: &[Output]) -> Database {
        self.open_as(outputs, &owner(None)).unwrap()
    }

    /// What another program reads.
    fn query(&self, sql: &str) -> Vec<String> {
        query(&self.path, sql)
    }
}

/// The rows of a query, each value quoted as in SQL.
fn query(path: &Path, sql: &str) -> Vec<String> {
    let connection = Connection::open(path).unwrap();
    let mut statement = connection.prepare(sql).unwrap();
    let count = statement.column_count();
    let rows = statement.query_map([], |row| {
        let value = |index| {
            Ok(match row.get_ref(index)? {
                rusqlite::types::ValueRef::Null => "NULL".to_owned(),
                rusqlite::types::ValueRef::Integer(number) => number.to_string(),
                rusqlite::types::ValueRef::Real(number) => format!("{number:?}"),
                rusqlite::types::ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
                rusqlite::types::ValueRef::Blob(bytes) => crate::text::hex(bytes),
            })
        };
        let values: rusqlite::Result<Vec<_>> = (0..count).map(value).collect();
        Ok(values?.join("|"))
    });
    rows.unwrap().map(Result::unwrap).collect()
}

fn emit(bound: &mut Bound, output: usize, rows: &[Vec<u8>]) {
    for row in rows {
        let end = u32::try_from(row.len()).unwrap();
        bound.emit(output, row, &[end]).unwrap();
        bound.rows.end_call();
    }
}

#[test]
fn rows_of_every_type_are_what_sqlite_reads() {
    let world = World::new();
    let outputs = [output(
        "all",
        &[
            ("a", ColumnType::Int, false),
            ("b", ColumnType::Text, true),
            ("c", ColumnType::Id, false),
            ("d", ColumnType::Timestamp, true),
            ("e-f", ColumnType::Json, true),
        ],
        None,
    )];
    let mut bound = Bound::new(&world.open(&outputs), &outputs, LIMITS);
    let id = [7; 20];
    emit(
        &mut bound,
        0,
        &[
            row(&[
                ("a", V::N(i64::MIN)),
                ("b", V::S("it's \"é\"")),
                ("c", V::B(&id)),
                ("d", V::T(-1, 500_000_000)),
                ("e-f", V::S("x")),
            ]),
            row(&[("c", V::B(&id)), ("b", V::Nil), ("a", V::N(i64::MAX))]),
        ],
    );
    bound.flush().unwrap();
    let id = "07".repeat(20);
    assert_eq!(
        world.query("SELECT * FROM \"all\" ORDER BY a"),
        [
            format!("{}|it's \"é\"|{id}|1969-12-31T23:59:59.5Z|\"x\"", i64::MIN),
            format!("{}|NULL|{id}|NULL|NULL", i64::MAX),
        ]
    );
    let types =
        world.query("SELECT typeof(a), typeof(b), typeof(c), typeof(d) FROM \"all\" LIMIT 1");
    assert_eq!(types, ["integer|text|blob|text"]);
}

#[test]
fn aggregates_are_totals_over_checkpoints() {
    let world = World::new();
    let outputs = [counts()];
    let mut bound = Bound::new(&world.open(&outputs), &outputs, LIMITS);
    let count = |kind, n, last| row(&[("kind", V::S(kind)), ("n", V::N(n)), ("last", last)]);
    for (n, last) in [
        (1, V::Nil),
        (10, V::T(20, 0)),
        // The shorter text is the earlier time.
        (100, V::T(20, 500_000_000)),
        (1000, V::T(19, 999_999_999)),
        (10000, V::Nil),
    ] {
        emit(
            &mut bound,
            0,
            &[count("b", n, last), count("a", n, V::T(5, 0))],
        );
        emit(&mut bound, 0, &[count("b", n, last)]);
        bound.flush().unwrap();
    }
    assert_eq!(
        world.query("SELECT * FROM counts ORDER BY kind"),
        [
            "a|11111|1970-01-01T00:00:05Z",
            "b|22222|1970-01-01T00:00:20.5Z"
        ]
    );
}

#[test]
fn every_key_has_one_row() {
    let world = World::new();
    let mut outputs = vec![
        output(
            "nullable",
            &[
                ("n", ColumnType::Int, true),
                ("t", ColumnType::Text, true),
                ("i", ColumnType::Id, false),
                ("k", ColumnType::Int, true),
            ],
            Some(sums(&["t", "i", "k"], &[("n", Merge::Min)])),
        ),
        output(
            "total",
            &[("n", ColumnType::Int, true)],
            Some(sums(&[], &[("n", Merge::Sum)])),
        ),
    ];
    outputs[0].summary.clear();
    let mut bound = Bound::new(&world.open(&outputs), &outputs, LIMITS);
    let id = [1; 20];
    let text = |t, k, n| row(&[("t", t), ("i", V::B(&id)), ("k", k), ("n", V::N(n))]);
    for n in [3, 2, 4] {
        emit(
            &mut bound,
            0,
            &[
                text(V::Nil, V::N(0), n),
                text(V::S(""), V::N(0), n + 1),
                text(V::S(""), V::Nil, n + 2),
            ],
        );
        emit(&mut bound, 1, &[row(&[("n", V::N(n))])]);
        bound.flush().unwrap();
    }
    assert_eq!(
        world.query("SELECT t, k, n FROM nullable ORDER BY n"),
        ["NULL|0|2", "|0|3", "|NULL|4"]
    );
    assert_eq!(world.query("SELECT n FROM total"), ["9"]);
}

#[test]
fn unique_rows_have_one_row_for_each_key() {
    let world = World::new();
    let mut unique_rows = output(
        "nodes",
        &[("v", ColumnType::Text, true), ("k", ColumnType::Int, false)],
        None,
    );
    unique_rows.kind = unique(&["k"]);
    let outputs = [unique_rows];
    let mut bound = Bound::new(&world.open(&outputs), &outputs, LIMITS);
    let node = |k, v| row(&[("k", V::N(k)), ("v", v)]);
    emit(
        &mut bound,
        0,
        &[node(2, V::S("a")), node(1, V::Nil), node(2, V::S("a"))],
    );
    bound.flush().unwrap();
    emit(&mut bound, 0, &[node(1, V::Nil), node(3, V::S("c"))]);
    bound.flush().unwrap();
    let rows = || world.query("SELECT k, v FROM nodes ORDER BY k");
    assert_eq!(rows(), ["1|NULL", "2|a", "3|c"]);
    // A row that comes again changes nothing, whatever it has.
    emit(&mut bound, 0, &[node(1, V::S("later"))]);
    bound.flush().unwrap();
    assert_eq!(rows(), ["1|NULL", "2|a", "3|c"]);
}

#[test]
fn sum_beyond_the_range_names_the_key_and_commits_nothing() {
    let world = World::new();
    let outputs = [
        counts(),
        output("rows", &[("a", ColumnType::Int, false)], None),
    ];
    let mut bound = Bound::new(&world.open(&outputs), &outputs, LIMITS);
    let count = |kind, n| row(&[("kind", V::S(kind)), ("n", V::N(n)), ("last", V::Nil)]);
    emit(&mut bound, 0, &[count("a", 1), count("b", i64::MAX)]);
    bound.flush().unwrap();
    emit(&mut bound, 0, &[count("a", 1), count("b", 1)]);
    emit(&mut bound, 1, &[row(&[("a", V::N(1))])]);
    let error = bound.flush().unwrap_err().to_string();
    for part in ["output `counts`", "kind = \"b\"", "2^63"] {
        assert!(error.contains(part), "{part}: {error}");
    }
    assert_eq!(
        world.query("SELECT kind, n FROM counts ORDER BY kind"),
        ["a|1".to_owned(), format!("b|{}", i64::MAX)]
    );
    assert!(world.query("SELECT * FROM rows").is_empty());
}

#[test]
fn another_writer_is_waited_for_and_nothing_is_written_meanwhile() {
    let world = World::new();
    let outputs = [output("rows", &[("a", ColumnType::Int, false)], None)];
    let database = world.open(&outputs);
    let other = Connection::open(&world.path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut sink = database.sink(0).unwrap();
    let (from, to) = Default::default();
    let checkpoint = Checkpoint {
        notes: &BTreeMap::new(),
        worker: 0,
        number: 1,
        from: &from,
        to: &to,
        topics: &Topics::new(),
        rows: &[],
        membership: None,
    };
    let committed = sink.commit(&checkpoint).unwrap();
    assert!(matches!(committed, Committed::Again(_)), "{committed:?}");
    other.execute_batch("COMMIT").unwrap();
    assert_eq!(sink.commit(&checkpoint).unwrap(), Committed::Done);
}

#[test]
fn second_writer_is_refused_with_the_process_of_the_first() {
    let world = World::new();
    let outputs = [counts()];
    let _first = world.open(&outputs);
    let second = world
        .open_as(&outputs, &owner(None))
        .unwrap_err()
        .to_string();
    let process = format!("the process {}", std::process::id());
    assert!(second.contains(&process), "{second}");
}

#[test]
fn rows_of_earlier_runs_are_named_and_removed() {
    let world = World::new();
    let outputs = [
        output("rows", &[("a", ColumnType::Int, false)], None),
        counts(),
    ];
    let database = world.open(&outputs);
    assert!(database.earlier_rows().unwrap().is_empty());
    let mut bound = Bound::new(&database, &outputs, LIMITS);
    emit(&mut bound, 0, &[row(&[("a", V::N(1))])]);
    bound.flush().unwrap();
    let names = database.earlier_rows().unwrap();
    assert!(
        names.len() == 1 && names[0].starts_with("the table `rows` of "),
        "{names:?}"
    );
    database.remove_earlier_rows().unwrap();
    assert!(database.earlier_rows().unwrap().is_empty());
    drop((bound, database));
    let left: Vec<_> = std::fs::read_dir(world.path.parent().unwrap())
        .unwrap()
        .collect();
    // The database and its lock: the journal is gone with the last connection.
    assert_eq!(left.len(), 2, "{left:?}");
}

fn table_error(error: SqliteError) -> TableError {
    match error {
        SqliteError::Table(error) => *error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn outputs_without_types_or_with_one_table_are_refused() {
    let world = World::new();
    let file = world.path.to_str().unwrap();
    let untyped = Output::untyped("rows");
    let refused = Database::open(file, &[(&untyped, None)], Owner::default()).unwrap_err();
    assert!(matches!(table_error(refused), TableError::Untyped { .. }));
    let (one, other) = (
        counts(),
        output("other", &[("a", ColumnType::Int, false)], None),
    );
    let both = [(&one, None), (&other, Some("COUNTS"))];
    let refused = Database::open(file, &both, Owner::default()).unwrap_err();
    assert!(matches!(table_error(refused), TableError::SameTable { .. }));
    let reserved = output("journal_tables", &[("a", ColumnType::Int, false)], None);
    let refused = Database::open(file, &[(&reserved, None)], Owner::default()).unwrap_err();
    assert!(matches!(table_error(refused), TableError::TableName { .. }));
    assert!(!world.path.exists());
}

/// Passes each line of the log on.
struct Lines(mpsc::Sender<String>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let line = String::from_utf8_lossy(bytes).into_owned();
        self.0.send(line).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn start_that_waits_for_another_program_says_so() {
    let world = World::new();
    let outputs = [counts()];
    drop(world.open(&outputs));
    let other = Connection::open(&world.path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (said, heard) = mpsc::channel();
    let log = tracing_subscriber::fmt()
        .with_writer(move || Lines(said.clone()))
        .with_ansi(false)
        .finish();
    let file = world.path.display().to_string();
    std::thread::scope(|scope| {
        // The other program goes on once the wait is announced.
        scope.spawn(move || {
            let line = heard.recv().unwrap();
            let expected = format!(
                "waiting for the end of another program's transaction in `{file}`, for up to 10 s"
            );
            assert!(line.contains(&expected), "{line}");
            other.execute_batch("ROLLBACK").unwrap();
        });
        tracing::subscriber::with_default(log, || drop(world.open(&outputs)));
    });
}
