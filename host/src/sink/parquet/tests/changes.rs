//! Folders that have rows of earlier runs.

use super::*;

fn two_columns(second: ColumnType) -> Output {
    output(
        "numbers",
        &[("n", ColumnType::Int, false), ("m", second, true)],
        None,
    )
}

fn write(folder: &Folder, outputs: &[Output], rows: &[Vec<u8>]) {
    let mut bound = Bound::new(folder, outputs, LIMITS);
    emit(&mut bound, 0, rows);
    bound.flush().unwrap();
}

#[test]
fn earlier_rows_are_found_and_removed_from_manifests_first() {
    let world = World::new();
    let outputs = [
        only_numbers(),
        output("texts", &[("t", ColumnType::Text, false)], None),
    ];
    let folder = world.open(&outputs);
    assert_eq!(folder.earlier_rows().unwrap(), [""; 0]);
    let mut bound = Bound::new(&folder, &outputs, LIMITS);
    emit(&mut bound, 0, &[row(&[("n", V::N(1))])]);
    emit(&mut bound, 1, &[row(&[("t", V::S("a"))])]);
    bound.flush().unwrap();
    drop((bound, folder));
    let again = world.open(&outputs[..1]);
    let found = again.earlier_rows().unwrap();
    assert!(
        found[0].starts_with("the table `numbers` of `"),
        "{found:?}"
    );
    {
        let other = world.open(&outputs[..1]);
        let held = again.remove_earlier_rows();
        let text = held.unwrap_err().to_string();
        assert!(text.contains("another process is writing"), "{text}");
        drop(other);
    }
    again.remove_earlier_rows().unwrap();
    assert_eq!(again.earlier_rows().unwrap(), [""; 0]);
    assert_eq!((world.files("numbers"), world.rows("texts").len()), (0, 1));
    write(&again, &outputs[..1], &[row(&[("n", V::N(2))])]);
    assert_eq!(fields(&world.rows("numbers")[0]), [Field::Long(2)]);
}

#[test]
fn rows_whose_file_is_gone_are_removed_all_the_same() {
    let world = World::new();
    let outputs = [only_numbers()];
    write(&world.open(&outputs), &outputs, &[row(&[("n", V::N(1))])]);
    let folder = std::fs::read_dir(world.path.join("numbers")).unwrap();
    for file in folder {
        std::fs::remove_file(file.unwrap().path()).unwrap();
    }
    let again = world.open(&outputs);
    again.remove_earlier_rows().unwrap();
    write(&again, &outputs, &[row(&[("n", V::N(2))])]);
    let rows = world.rows("numbers");
    assert_eq!(rows.len(), 1);
    assert_eq!(fields(&rows[0]), [Field::Long(2)]);
}

#[test]
fn files_of_somebody_else_are_not_joined() {
    let world = World::new();
    let table = world.path.join("numbers");
    std::fs::create_dir_all(&table).unwrap();
    std::fs::write(table.join("x.parquet"), "x").unwrap();
    let refused = world.open_as(&[only_numbers()], &owner(None)).map(drop);
    let text = refused.unwrap_err().to_string();
    assert!(text.contains("was not created by journal-host"), "{text}");
    std::fs::remove_file(table.join("x.parquet")).unwrap();
    let outputs = [only_numbers()];
    write(&world.open(&outputs), &outputs, &[row(&[("n", V::N(1))])]);
    std::fs::remove_file(world.path.join("_journal/numbers.json")).unwrap();
    let refused = world.open_as(&[only_numbers()], &owner(None)).map(drop);
    let text = refused.unwrap_err().to_string();
    assert!(text.contains("was not created by journal-host"), "{text}");
}

#[test]
fn columns_that_do_not_fit_are_refused() {
    let world = World::new();
    let first = [only_numbers()];
    let more = [two_columns(ColumnType::Text)];
    write(&world.open(&first), &first, &[row(&[("n", V::N(1))])]);
    let error = |outputs: &[Output], owner: &Owner| {
        let opened = world.open_as(outputs, owner);
        opened.map(drop).unwrap_err().to_string()
    };
    let text = error(&more, &owner(None));
    assert!(text.ends_with("its files lack the column `m`"), "{text}");
    let adds = Owner {
        schema_change: SchemaChange::AddColumns,
        ..owner(None)
    };
    let fields = [("n", V::N(2)), ("m", V::S("a"))];
    write(
        &world.open_as(&more, &adds).unwrap(),
        &more,
        &[row(&fields)],
    );
    // It stays so, and the plan before is refused.
    drop(world.open(&more));
    let text = error(&first, &owner(None));
    assert!(text.ends_with("the plan lacks the column `m`"), "{text}");
    assert!(world.open_as(&first, &adds).is_ok());
    let other = [two_columns(ColumnType::Bytes)];
    let text = error(&other, &adds);
    let part = "its column `m` is text, and the plan needs bytes";
    assert!(text.ends_with(part), "{text}");
    // A look says the same, and changes nothing.
    let location = Location {
        folder: world.path.display().to_string(),
        table: None,
    };
    let looked = check_tables(&location, &[(&other[0], None)], &adds);
    assert!(
        matches!(
            looked,
            Err(ParquetError::OtherColumns { can_add: false, .. })
        ),
        "{looked:?}"
    );
    assert!(check_tables(&location, &[(&more[0], None)], &owner(None)).is_ok());
}

#[test]
fn table_of_another_plugin_is_refused_and_a_redriven_one_is_not() {
    let world = World::new();
    let outputs = [only_numbers()];
    drop(world.open_as(&outputs, &owner(Some("g"))).unwrap());
    let other = Owner {
        plugin: "q".to_owned(),
        ..owner(Some("g"))
    };
    let refused = world.open_as(&outputs, &other).map(drop).unwrap_err();
    let SinkError::Parquet(error) = refused else {
        panic!("{refused:?}");
    };
    let ParquetError::Table(error) = *error else {
        panic!("{error:?}");
    };
    assert!(matches!(*error, TableError::OtherOwner { .. }), "{error:?}");
    let redrives = Owner {
        redrives: true,
        ..owner(None)
    };
    let folder = world.open_as(&outputs, &redrives).unwrap();
    write(&folder, &outputs, &[row(&[("n", V::N(1))])]);
    assert_eq!(world.rows("numbers").len(), 1);
    assert!(world.path.join("_journal/_recordings").is_dir());
}

#[test]
fn untyped_rows_and_a_file_in_place_of_the_folder_are_refused() {
    let world = World::new();
    let untyped = world.open_as(&[Output::untyped("a")], &owner(None));
    let text = untyped.map(drop).unwrap_err().to_string();
    assert!(text.contains("no types"), "{text}");
    assert!(!world.path.exists());
    std::fs::write(&world.path, "x").unwrap();
    let refused = world.open_as(&[only_numbers()], &owner(None)).map(drop);
    let text = refused.unwrap_err().to_string();
    assert!(text.contains("cannot create the folder"), "{text}");
    let location = Location {
        folder: world.path.display().to_string(),
        table: None,
    };
    assert!(state(&location).is_err());
}

#[test]
fn look_says_what_a_run_would_do() {
    use crate::sink::jsonl::State;

    let world = World::new();
    let location = Location {
        folder: world.path.display().to_string(),
        table: None,
    };
    assert_eq!(state(&location).unwrap(), State::Create);
    let outputs = [only_numbers()];
    let folder = world.open(&outputs);
    assert_eq!(state(&location).unwrap(), State::Append);
    assert!(!has_rows(&location));
    write(&folder, &outputs, &[row(&[("n", V::N(1))])]);
    assert!(has_rows(&location));
    let deep = Location {
        folder: world.path.with_file_name("no/such").display().to_string(),
        table: None,
    };
    assert!(state(&deep).is_err());
}
