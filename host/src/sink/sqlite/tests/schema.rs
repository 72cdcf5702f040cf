//! Tables that exist.

use super::*;

const A: (&str, ColumnType, bool) = ("a", ColumnType::Int, false);
const B: (&str, ColumnType, bool) = ("b", ColumnType::Text, true);

fn rows(columns: &[(&str, ColumnType, bool)]) -> [Output; 1] {
    [output("rows", columns, None)]
}

fn add_columns() -> Owner {
    Owner {
        schema_change: SchemaChange::AddColumns,
        ..owner(None)
    }
}

fn refused(world: &World, outputs: &[Output], owner: &Owner) -> String {
    world.open_as(outputs, owner).unwrap_err().to_string()
}

#[test]
fn table_has_the_types_and_the_comments_of_the_plan() {
    let world = World::new();
    let mut outputs = [counts()];
    outputs[0].summary = "Counts by kind".to_owned();
    world.open(&outputs);
    let sql = &world.query("SELECT sql FROM sqlite_schema WHERE name = 'counts'")[0];
    assert_eq!(
        sql,
        "CREATE TABLE \"counts\" ( -- Counts by kind\n    \"kind\" TEXT NOT NULL,\n    \"n\" INTEGER NOT NULL,\n    \
         \"last\" TEXT,\n    PRIMARY KEY (\"kind\")\n) STRICT, WITHOUT ROWID"
    );
    // Opening it again changes nothing.
    world.open(&outputs);
    assert_eq!(
        &world.query("SELECT sql FROM sqlite_schema WHERE name = 'counts'")[0],
        sql
    );
}

#[test]
fn missing_column_is_added_only_where_that_is_allowed() {
    let world = World::new();
    let mut bound = Bound::new(&world.open(&rows(&[A])), &rows(&[A]), LIMITS);
    emit(&mut bound, 0, &[row(&[("a", V::N(1))])]);
    bound.flush().unwrap();
    drop(bound);
    let wider = rows(&[B, A]);
    let error = refused(&world, &wider, &owner(None));
    assert!(
        error.contains("ALTER TABLE \"rows\" ADD COLUMN \"b\" TEXT;"),
        "{error}"
    );
    assert_eq!(world.query("SELECT * FROM rows"), ["1"]);
    let mut bound = Bound::new(
        &world.open_as(&wider, &add_columns()).unwrap(),
        &wider,
        LIMITS,
    );
    emit(&mut bound, 0, &[row(&[("a", V::N(2)), ("b", V::S("x"))])]);
    bound.flush().unwrap();
    drop(bound);
    assert_eq!(world.query("SELECT a, b FROM rows"), ["1|NULL", "2|x"]);
    // The plugin of before finds a column that it does not know.
    let error = refused(&world, &rows(&[A]), &owner(None));
    assert!(error.contains("DROP COLUMN \"b\""), "{error}");
    assert!(world.open_as(&rows(&[A]), &add_columns()).is_ok());
}

#[test]
fn changes_that_no_column_mends_are_refused() {
    let world = World::new();
    world.open(&rows(&[A, B]));
    let text = ("a", ColumnType::Text, false);
    let error = refused(&world, &rows(&[text, B]), &add_columns());
    assert!(
        error.contains("its column `a` is INTEGER, and the plan needs TEXT"),
        "{error}"
    );
    let nullable = ("a", ColumnType::Int, true);
    let error = refused(&world, &rows(&[nullable, B]), &add_columns());
    assert!(error.contains("`a` is NOT NULL"), "{error}");
    // Each row would lack a value that the table needs.
    let error = refused(&world, &rows(&[B]), &add_columns());
    assert!(error.contains("DROP COLUMN \"a\""), "{error}");
    let merged = output("rows", &[A, B], Some(sums(&["b"], &[("a", Merge::Sum)])));
    let error = refused(&world, &[merged], &add_columns());
    assert!(error.contains("merged in another way"), "{error}");
}

#[test]
fn tables_of_others_are_refused() {
    let world = World::new();
    world.open_as(&rows(&[A]), &owner(Some("g"))).unwrap();
    for (other, part) in [
        (owner(Some("h")), "the group `h`"),
        (owner(None), "recordings"),
        (
            Owner {
                plugin: "q".to_owned(),
                ..owner(Some("g"))
            },
            "the plugin `q`",
        ),
    ] {
        let error = refused(&world, &rows(&[A]), &other);
        assert!(
            error.contains("belongs to the output `rows` of the plugin `p` over the group `g`"),
            "{error}"
        );
        assert!(error.contains(part), "{error}");
    }
    let own = Connection::open(&world.path).unwrap();
    own.execute_batch("CREATE TABLE mine (a)").unwrap();
    let error = refused(&world, &[output("mine", &[A], None)], &owner(None));
    assert!(error.contains("was not created by journal-host"), "{error}");
    own.execute_batch("DROP TABLE rows; CREATE VIEW rows AS SELECT 1 AS a")
        .unwrap();
    let error = refused(&world, &rows(&[A]), &owner(Some("g")));
    assert!(error.contains("was not created by journal-host"), "{error}");
}

#[test]
fn redriven_rows_are_added_to_those_of_a_group_which_stay_its_own() {
    let world = World::new();
    let group = owner(Some("g"));
    world.open_as(&rows(&[A]), &group).unwrap();
    let redrive = Owner {
        redrives: true,
        ..owner(None)
    };
    let outputs = rows(&[A]);
    let database = world.open_as(&outputs, &redrive).unwrap();
    let mut bound = Bound::new(&database, &outputs, LIMITS);
    emit(&mut bound, 0, &[row(&[("a", V::N(1))])]);
    bound.flush().unwrap();
    drop((bound, database));
    assert_eq!(world.query("SELECT a FROM rows"), ["1"]);
    // The group goes on, and a recording is still refused.
    world.open_as(&outputs, &group).unwrap();
    assert!(refused(&world, &outputs, &owner(None)).contains("the group `g`"));
    let other = Owner {
        plugin: "q".to_owned(),
        ..redrive
    };
    assert!(refused(&world, &outputs, &other).contains("the plugin `q`"));
}

#[test]
fn other_files_are_left_alone() {
    let world = World::new();
    std::fs::write(&world.path, "{\"a\":1}\n".repeat(1000)).unwrap();
    let error = world.open_as(&rows(&[A]), &owner(None)).unwrap_err();
    assert!(
        matches!(error, SinkError::Sqlite(SqliteError::Sqlite { .. })),
        "{error:?}"
    );
    assert_eq!(std::fs::read(&world.path).unwrap().len(), 8000);
}
