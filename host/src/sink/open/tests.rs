//! Bindings that fit, and those that do not.

use super::*;

#[test]
fn one_file_is_not_of_two_kinds() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("z.sqlite").display().to_string();
    let bindings = [format!("a=sqlite:{file}"), format!("b=jsonl:{file}")];
    let outputs = [Output::untyped("a"), Output::untyped("b")];
    let owner = Owner {
        plugin: "p".to_owned(),
        ..Owner::default()
    };
    let files: Arc<dyn Files> = Arc::new(crate::sink::files::SystemFiles);
    let opened = open(&files, &bindings, &outputs, &owner, None).map(drop);
    assert!(
        matches!(opened, Err(BindError::Open(OpenError::TwoKinds { .. }))),
        "{opened:?}"
    );
    assert!(!folder.path().join("z.sqlite").exists());
}

#[test]
fn bindings_fit_the_outputs_where_these_are_known() {
    let outputs = [Output::untyped("rows")];
    let other = ["other=/dev/null".to_owned()];
    assert!(matches!(
        check(&other, Some(&outputs)),
        Err(BindError::Open(OpenError::UnknownOutput { .. }))
    ));
    assert!(check(&other, None).is_ok());
    assert!(matches!(
        check(&["rows=".to_owned()], None),
        Err(BindError::Open(OpenError::NoFile { .. }))
    ));
    let untyped = check(&["a.sqlite".to_owned()], Some(&outputs)).unwrap_err();
    assert!(untyped.to_string().contains("no types"), "{untyped}");
}

#[test]
fn unique_rows_go_to_tables_alone() {
    let kind = crate::sink::tables::tests::unique(&["a"]);
    let output = |name: &str| Output {
        kind: kind.clone(),
        ..Output::untyped(name)
    };
    let outputs = [output("a"), output("b")];
    let checked = |bindings: &[&str]| {
        let bindings: Vec<_> = bindings.iter().map(|&text| text.to_owned()).collect();
        check_kinds(&outputs, &parse(&bindings).unwrap())
    };
    assert!(checked(&["a.sqlite"]).is_ok());
    for (bindings, part) in [
        (
            &[][..],
            "`a` keeps one row for each key, which standard output cannot",
        ),
        (&["-"], "which standard output cannot"),
        (&["a.jsonl"], "which a file of JSON lines cannot"),
        (
            &["a=a.sqlite", "b=kafka:t"],
            "`b` keeps one row for each key, which a topic cannot",
        ),
    ] {
        let text = checked(bindings).unwrap_err().to_string();
        assert!(text.contains(part), "{text}");
    }
    #[cfg(feature = "parquet")]
    {
        let text = checked(&["a.parquet"]).unwrap_err().to_string();
        let part = "which a folder of Parquet files cannot";
        assert!(text.contains(part), "{text}");
    }
}

#[cfg(feature = "parquet")]
#[test]
fn rows_that_replace_others_go_to_no_folder() {
    use crate::sink::tables::tests::{column, upsert};
    use journal_rows::ColumnType;

    let columns = vec![
        column("k", ColumnType::Int, false),
        column("o", ColumnType::Int, false),
    ];
    let outputs = [Output {
        kind: upsert(columns, &["k"], "o"),
        ..Output::untyped("a")
    }];
    let bindings = parse(&["a=parquet:d".to_owned()]).unwrap();
    let text = check_kinds(&outputs, &bindings).unwrap_err().to_string();
    assert!(text.contains("`a` keeps one row for each key"), "{text}");
    let lines = parse(&["a.jsonl".to_owned()]).unwrap();
    assert!(check_kinds(&outputs, &lines).is_ok());
}

#[cfg(feature = "parquet")]
#[test]
fn checkpoints_are_larger_where_each_is_a_file() {
    let defaults = |binding: &str| checkpoint_defaults(&[binding.to_owned()]);
    assert_eq!(defaults("a.jsonl"), CheckpointDefaults::default());
    let expected = CheckpointDefaults {
        held: Some(128 << 20),
        interval: Some(Duration::from_mins(5)),
    };
    assert_eq!(defaults("rows=parquet:d"), expected);
    let twice = ["a=parquet:d".to_owned(), "b=parquet:./d".to_owned()];
    assert_eq!(memory(&twice, 2), 2 * parquet::MEMORY);
}

#[test]
fn database_is_told_from_other_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.sqlite");
    assert_eq!(database_state(&path).unwrap(), State::Create);
    std::fs::write(&path, "").unwrap();
    assert_eq!(database_state(&path).unwrap(), State::Append);
    std::fs::write(&path, "{}\n").unwrap();
    let refused = database_state(&path);
    assert!(matches!(refused, Err(OpenError::NotADatabase { .. })));
}
