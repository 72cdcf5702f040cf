//! Rows that replace each other by key, and keys that are removed.

use super::*;
use crate::sink::tables::tests::upsert;

const KEY: (&str, ColumnType, bool) = ("k", ColumnType::Text, false);
const AT: (&str, ColumnType, bool) = ("at", ColumnType::Timestamp, false);
const STATUS: (&str, ColumnType, bool) = ("status", ColumnType::Text, true);
const SIZE: (&str, ColumnType, bool) = ("size", ColumnType::Float, false);

/// The latest row of each key. The key is not the first column.
fn visits(columns: &[(&str, ColumnType, bool)]) -> Output {
    let mut visits = output("visits", columns, None);
    let columns = visits.row.as_ref().unwrap().columns().to_vec();
    visits.kind = upsert(columns, &["k"], "at");
    visits
}

fn all() -> Output {
    visits(&[STATUS, KEY, AT, SIZE])
}

fn live(key: &str, at: i64, status: V<'_>, size: u8) -> Vec<u8> {
    let mut row = row(&[("status", status), ("k", V::S(key)), ("at", V::T(at, 0))]);
    // One field more: a 32-bit float.
    row[0] += 1;
    row.extend(b"\xa4size\xca");
    row.extend(f32::from(size).to_be_bytes());
    row
}

fn removal(key: &str, at: i64) -> Vec<u8> {
    row(&[("_removed", V::Yes), ("at", V::T(at, 0)), ("k", V::S(key))])
}

/// The rows of the view, and those of the table.
fn written(rows: &[Vec<u8>], together: usize) -> (Vec<String>, Vec<String>) {
    let world = World::new();
    let outputs = [all()];
    let mut bound = Bound::new(&world.open(&outputs), &outputs, LIMITS);
    for part in rows.chunks(together) {
        emit(&mut bound, 0, part);
        bound.flush().unwrap();
    }
    (
        world.query("SELECT * FROM visits ORDER BY k"),
        world.query("SELECT * FROM visits_all ORDER BY k"),
    )
}

#[test]
fn latest_row_of_each_key_is_kept_whatever_comes_first() {
    let rows = [
        live("a", 1, V::S("z"), 9),
        live("a", 3, V::S("b"), 1),
        live("a", 3, V::S("b"), 2),
        live("a", 3, V::Nil, 9),
        // Later than all of its rows.
        live("b", 1, V::S("x"), 1),
        removal("b", 2),
        // Earlier than one of them.
        live("c", 2, V::S("y"), 1),
        removal("c", 1),
        // At the same time.
        live("d", 1, V::S("z"), 1),
        removal("d", 1),
        removal("e", 1),
    ];
    let time = |second: u8| format!("1970-01-01T00:00:0{second}Z");
    let expected = (
        vec![
            format!("b|a|{}|2.0", time(3)),
            format!("y|c|{}|1.0", time(2)),
        ],
        vec![
            format!("b|a|{}|2.0|0", time(3)),
            format!("NULL|b|{}|NULL|1", time(2)),
            format!("y|c|{}|1.0|0", time(2)),
            format!("NULL|d|{}|NULL|1", time(1)),
            format!("NULL|e|{}|NULL|1", time(1)),
        ],
    );
    for first in 0..rows.len() {
        let (end, start) = rows.split_at(first);
        let mut rotated = [start, end].concat();
        for _ in 0..2 {
            for together in [1, 4, rows.len()] {
                let found = written(&rotated, together);
                assert_eq!(found, expected, "{together} of {first}");
            }
            rotated.reverse();
        }
    }
}

#[test]
fn row_of_most_columns_can_be_compared() {
    let names: Vec<String> = (0..61).map(|number| format!("v{number}")).collect();
    let mut columns = vec![KEY, AT];
    columns.extend(names.iter().map(|name| (&**name, ColumnType::Int, true)));
    let world = World::new();
    let outputs = [visits(&columns)];
    assert_eq!(outputs[0].row_types().unwrap().stored().columns().len(), 64);
    let mut bound = Bound::new(&world.open(&outputs), &outputs, LIMITS);
    let last = |value| row(&[("k", V::S("k")), ("at", V::T(1, 0)), ("v60", value)]);
    for value in [V::N(2), V::Nil, V::N(3), V::N(1)] {
        emit(&mut bound, 0, &[last(value)]);
        bound.flush().unwrap();
    }
    assert_eq!(world.query("SELECT v60, v0 FROM visits"), ["3|NULL"]);
}

#[test]
fn view_has_the_columns_of_the_table_whatever_happens_to_it() {
    let sql = |world: &World| {
        let sql = world.query("SELECT sql FROM sqlite_schema WHERE name = 'visits'");
        sql.join("; ")
    };
    let world = World::new();
    let narrow = [visits(&[KEY, AT])];
    let mut bound = Bound::new(&world.open(&narrow), &narrow, LIMITS);
    emit(
        &mut bound,
        0,
        &[row(&[("k", V::S("a")), ("at", V::T(1, 0))])],
    );
    bound.flush().unwrap();
    drop(bound);
    let created = sql(&world);
    let expected =
        "CREATE VIEW \"visits\" AS SELECT \"k\", \"at\" FROM \"visits_all\" WHERE NOT \"_removed\"";
    assert_eq!(created, expected);
    // A wider plan is refused with statements that make the table fit.
    let wide = [visits(&[STATUS, KEY, AT])];
    let error = world.open_as(&wide, &owner(None)).unwrap_err().to_string();
    let statements = "It takes: DROP VIEW IF EXISTS \"visits\"; ALTER TABLE \"visits_all\" ADD COLUMN \"status\" TEXT; \
                      CREATE VIEW \"visits\" AS SELECT \"k\", \"at\", \"status\" FROM \"visits_all\" WHERE NOT \
                      \"_removed\";";
    assert!(error.ends_with(statements), "{error}");
    assert_eq!(sql(&world), created);
    let adds = Owner {
        schema_change: SchemaChange::AddColumns,
        ..owner(None)
    };
    let mut bound = Bound::new(&world.open_as(&wide, &adds).unwrap(), &wide, LIMITS);
    let later = [("k", V::S("a")), ("at", V::T(2, 0)), ("status", V::S("x"))];
    emit(&mut bound, 0, &[row(&later)]);
    bound.flush().unwrap();
    drop(bound);
    assert_eq!(
        world.query("SELECT * FROM visits"),
        ["a|1970-01-01T00:00:02Z|x"]
    );
    // A narrow plan goes on only where the column may stay, and it does so in the view.
    let error = world
        .open_as(&narrow, &owner(None))
        .unwrap_err()
        .to_string();
    let statements = "It takes: DROP VIEW IF EXISTS \"visits\"; ALTER TABLE \"visits_all\" DROP COLUMN \"status\"; \
                      CREATE VIEW \"visits\" AS SELECT \"k\", \"at\" FROM \"visits_all\" WHERE NOT \"_removed\";";
    assert!(error.ends_with(statements), "{error}");
    drop(world.open_as(&narrow, &adds).unwrap());
    assert!(sql(&world).contains("\"status\""));
    let by_hand = statements.trim_start_matches("It takes: ");
    let connection = Connection::open(&world.path).unwrap();
    connection.execute_batch(by_hand).unwrap();
    drop(connection);
    drop(world.open(&narrow));
    assert_eq!(sql(&world), created);
    // A view that somebody dropped comes back.
    let connection = Connection::open(&world.path).unwrap();
    connection.execute_batch("DROP VIEW visits").unwrap();
    drop(connection);
    drop(world.open(&narrow));
    assert_eq!(sql(&world), created);
}

#[test]
fn another_key_or_order_and_names_of_others_are_refused() {
    let world = World::new();
    drop(world.open(&[visits(&[KEY, AT, SIZE])]));
    let columns = [KEY, AT, SIZE];
    let refused = |output: Output| {
        let refused = world.open_as(&[output], &owner(None));
        refused.map(drop).unwrap_err().to_string()
    };
    let kind = |key: &[&str], order: &str| {
        let mut other = output("visits", &columns, None);
        let columns = other.row.as_ref().unwrap().columns().to_vec();
        other.kind = upsert(columns, key, order);
        other
    };
    assert!(refused(kind(&["at"], "k")).contains("merged in another way, or by another key"));
    // The view is no table of its own.
    let append = refused(output("visits", &columns, None));
    assert!(append.contains("the table `visits` of"), "{append}");
    assert!(append.contains("was not created by"), "{append}");
    let two = [all(), output("visits_all", &columns, None)];
    let error = world.open_as(&two, &owner(None)).map(drop).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("both bound to the table `visits_all`"),
        "{text}"
    );
    let own = World::new();
    let connection = Connection::open(&own.path).unwrap();
    connection.execute_batch("CREATE TABLE visits (a)").unwrap();
    let error = own.open_as(&[all()], &owner(None)).map(drop).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("the table `visits` of"), "{text}");
    assert_eq!(own.query("SELECT name FROM sqlite_schema"), ["visits"]);
}
