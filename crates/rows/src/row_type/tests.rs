use super::*;

fn column(name: &str, column_type: ColumnType, nullable: bool) -> Column {
    Column {
        name: name.to_owned(),
        column_type,
        nullable,
        summary: String::new(),
    }
}

fn row_type(columns: &[(&str, ColumnType, bool)]) -> RowType {
    let columns = columns
        .iter()
        .map(|&(name, column_type, nullable)| column(name, column_type, nullable));
    RowType::new(columns.collect()).unwrap()
}

fn json(row_type: &RowType, row: &[u8]) -> Result<String, String> {
    let mut json = Vec::new();
    match row_type.append_json(row, &mut json, 1 << 20) {
        Ok(()) => Ok(String::from_utf8(json).unwrap()),
        Err(error) => Err(error.to_string()),
    }
}

/// A row with one column `a`.
fn one(column_type: ColumnType, value: &[u8]) -> Result<String, String> {
    let row = [b"\x81\xa1a", value].concat();
    let typed = json(&row_type(&[("a", column_type, false)]), &row);
    if let Ok(typed) = &typed {
        let mut untyped = Vec::new();
        crate::append_json(&row, &mut untyped, 1 << 20).unwrap();
        assert_eq!(typed.as_bytes(), untyped, "types change no row");
    }
    typed
}

#[test]
fn key_is_one_of_columns_that_compare() {
    let row = row_type(&[
        ("a", ColumnType::Id, false),
        ("b", ColumnType::Json, false),
        ("c", ColumnType::Float, true),
        ("d", ColumnType::Text, true),
    ]);
    let broken = |key: &[&str]| {
        let key: Vec<_> = key.iter().map(|&name| name.to_owned()).collect();
        row.broken_by_key(&key)
    };
    assert_eq!(broken(&["d", "a"]), None);
    for (key, part) in [
        (&[][..], "has no key"),
        (&["a", "a"], "the key `a` twice"),
        (&["a", "x"], "the key `x`, which is no column"),
        (&["b"], "the key `b`, whose type"),
        (&["c"], "the key `c`, whose type"),
    ] {
        let text = broken(key).unwrap();
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn each_type_takes_its_values_and_no_others() {
    use ColumnType as Type;
    let id = [&b"\xc4\x14"[..], &[7; 20]].concat();
    let values: [(&[u8], &[Type]); 16] = [
        (b"\xc3", &[Type::Bool]),
        (b"\x07", &[Type::Int, Type::Uint]),
        (b"\xd0\x07", &[Type::Int, Type::Uint]),
        (b"\xff", &[Type::Int]),
        (
            b"\xcf\x7f\xff\xff\xff\xff\xff\xff\xff",
            &[Type::Int, Type::Uint],
        ),
        (b"\xcf\x80\0\0\0\0\0\0\0", &[Type::Uint]),
        (b"\xd3\x80\0\0\0\0\0\0\0", &[Type::Int]),
        (b"\xca\x3f\0\0\0", &[Type::Float]),
        (b"\xcb\x3f\xe0\0\0\0\0\0\0", &[Type::Float]),
        (b"\xa1x", &[Type::Text]),
        (b"\xc4\x01x", &[Type::Bytes]),
        (&id, &[Type::Bytes, Type::Id]),
        (b"\xd6\xff\0\0\0\0", &[Type::Timestamp]),
        (b"\x91\x01", &[]),
        (b"\x81\xa1b\xc0", &[]),
        (b"\xc4\x00", &[Type::Bytes]),
    ];
    for (value, types) in values {
        for column_type in Type::ALL {
            let takes = types.contains(&column_type) || column_type == Type::Json;
            let written = one(column_type, value);
            assert_eq!(
                written.is_ok(),
                takes,
                "{column_type} {value:x?}: {written:?}"
            );
        }
    }
}

#[test]
fn value_of_another_type_is_named_with_its_column() {
    let error = one(ColumnType::Uint, b"\xa1x").unwrap_err();
    assert_eq!(error, "has a text instead of a uint in the field `a`");
    let error = one(ColumnType::Int, b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff").unwrap_err();
    assert_eq!(
        error,
        "has the integer 18446744073709551615 instead of an int in the field `a`"
    );
    let error = one(ColumnType::Id, b"\xc4\x01x").unwrap_err();
    assert_eq!(error, "has 1 bytes instead of an id in the field `a`");
    let error = one(ColumnType::Float, b"\xca\x7f\x80\0\0").unwrap_err();
    assert!(error.contains("inf"), "{error}");
    for (column_type, value) in [
        (ColumnType::Text, &b"\xa1\xff"[..]),
        (ColumnType::Timestamp, b"\xc7\x00\xff"),
        (ColumnType::Json, b"\x91\xcb\x7f\xf8\0\0\0\0\0\0"),
    ] {
        assert!(one(column_type, value).is_err(), "{value:x?}");
    }
}

#[test]
fn columns_come_in_any_order_and_nullable_ones_may_be_absent() {
    let row_type = row_type(&[
        ("a", ColumnType::Uint, false),
        ("b", ColumnType::Text, true),
        ("c", ColumnType::Uint, false),
    ]);
    for (row, expected) in [
        (
            &b"\x83\xa1a\x01\xa1b\xa1x\xa1c\x02"[..],
            r#"{"a":1,"b":"x","c":2}"#,
        ),
        (
            b"\x83\xa1c\x02\xa1b\xc0\xa1a\x01",
            r#"{"c":2,"b":null,"a":1}"#,
        ),
        (b"\x82\xa1a\x01\xa1c\x02", r#"{"a":1,"c":2}"#),
    ] {
        assert_eq!(json(&row_type, row).unwrap(), expected);
    }
    for (row, expected) in [
        (&b"\x81\xa1a\x01"[..], "has no value in the field `c`"),
        (b"\x82\xa1a\xc0\xa1c\x02", "has no value in the field `a`"),
        (
            b"\x82\xa1a\x01\xa1a\x01",
            "has a second value in the field `a`",
        ),
        (
            b"\x83\xa1a\x01\xa1c\x02\xa1d\x02",
            "has a value that the plan does not declare in the field `d`",
        ),
        (b"\x90", "is not a map"),
        (
            b"\x82\xa1a\x01\xa1c\x02\x00",
            "goes on after the end of its map",
        ),
        (b"\x81\x01\x01", "has a key that is not a text"),
    ] {
        assert_eq!(json(&row_type, row).unwrap_err(), expected);
    }
}

#[test]
fn json_is_limited() {
    let row_type = row_type(&[
        ("a", ColumnType::Text, false),
        ("b", ColumnType::Bytes, false),
    ]);
    let row = b"\x82\xa1a\xa3xyz\xa1b\xc4\x04\0\0\0\0";
    let length = json(&row_type, row).unwrap().len();
    for limit in 0..length + 4 {
        let mut json = Vec::new();
        let written = row_type.append_json(row, &mut json, limit);
        assert!(json.len() <= limit + 8);
        match written {
            Ok(()) => assert!(limit + 2 >= length, "{limit}"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::TooLong, "{limit}"),
        }
    }
}

#[test]
fn columns_that_a_database_cannot_have_are_refused() {
    let refused = |columns: &[&str]| {
        let columns = columns.iter();
        let columns = columns.map(|name| column(name, ColumnType::Text, false));
        RowType::new(columns.collect()).unwrap_err()
    };
    assert_eq!(refused(&[]), RowTypeError::Empty);
    assert_eq!(
        refused(&["id", "ID"]),
        RowTypeError::Repeated("ID".to_owned())
    );
    assert_eq!(refused(&["a b"]), RowTypeError::Name("a b".to_owned()));
    let many: Vec<_> = (0..65).map(|number| format!("c{number}")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    assert_eq!(refused(&many), RowTypeError::TooMany(65));
    assert!(
        RowType::new(
            many[..64]
                .iter()
                .map(|name| column(name, ColumnType::Json, true))
                .collect()
        )
        .is_ok()
    );
}
