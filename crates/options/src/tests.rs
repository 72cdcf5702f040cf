//! Tests which schemas and values are allowed and refused, and that checking them is fast.

use serde_json::{Map, Value, json};

use super::*;

mod schemas;

/// A schema whose only option `x` has this schema.
fn of_x(x: &Value) -> Value {
    json!({ "type": "object", "properties": { "x": x } })
}

#[track_caller]
fn read(schema: &Value) -> OptionSchema {
    OptionSchema::read(schema).unwrap_or_else(|error| panic!("{}: {error}", error.pointer))
}

#[track_caller]
fn refused(schema: &Value) -> SchemaError {
    OptionSchema::read(schema).expect_err("it is refused")
}

/// The error for this value of `x`; `None` if it is allowed.
#[track_caller]
fn broken(x: &Value, value: &Value) -> Option<String> {
    let options = Map::from_iter([("x".to_owned(), value.clone())]);
    let error = read(&of_x(x)).check(&options).err()?;
    let text = error.to_string();
    let (path, rule) = text
        .strip_prefix("the option `")
        .and_then(|text| text.split_once("` breaks a rule of the plugin: "))
        .unwrap_or_else(|| panic!("{text}"));
    Some(format!("{path}: {rule}"))
}

#[track_caller]
fn check(x: &Value, taken: &[Value], others: &[(Value, &str)]) {
    for value in taken {
        assert_eq!(broken(x, value), None, "{x} {value}");
    }
    for (value, expected) in others {
        assert_eq!(broken(x, value).as_deref(), Some(*expected), "{x} {value}");
    }
}

#[test]
fn scalars_are_checked_by_type_and_null_is_allowed_only_if_named() {
    let other = json!([]);
    for (name, value) in [
        ("boolean", json!(true)),
        ("integer", json!(-7)),
        ("number", json!(0.5)),
        ("string", json!("")),
    ] {
        let rule = format!(r#"x: [] is not of type "{name}""#);
        let null = format!(r#"x: null is not of type "{name}""#);
        check(
            &json!({ "type": name }),
            std::slice::from_ref(&value),
            &[(other.clone(), &rule), (Value::Null, &null)],
        );
        let rule = format!(r#"{rule} or "null""#);
        for types in [json!([name, "null"]), json!(["null", name])] {
            let x = json!({ "type": types });
            check(&x, &[value.clone(), Value::Null], &[(other.clone(), &rule)]);
        }
    }
    let integer = json!({ "type": "integer" });
    check(
        &integer,
        &[json!(u64::MAX), json!(i64::MIN), json!(3.0), json!(1e300)],
        &[(json!(3.5), r#"x: 3.5 is not of type "integer""#)],
    );
}

#[test]
fn numbers_are_compared_exactly_with_their_bounds() {
    let within = json!({ "type": "integer", "minimum": 0, "maximum": 255 });
    check(
        &within,
        &[json!(0), json!(255), json!(255.0)],
        &[
            (json!(-1), "x: -1 is less than the minimum of 0"),
            (json!(256), "x: 256 is greater than the maximum of 255"),
        ],
    );
    let outside = json!({ "type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1.5 });
    check(
        &outside,
        &[json!(1), json!(1e-300), json!(1.25)],
        &[
            (
                json!(0),
                "x: 0 is less than or equal to the exclusive minimum of 0",
            ),
            (
                json!(-0.0),
                "x: -0.0 is less than or equal to the exclusive minimum of 0",
            ),
            (
                json!(1.5),
                "x: 1.5 is greater than or equal to the exclusive maximum of 1.5",
            ),
        ],
    );
    // A float cannot tell the two integers apart.
    let large = json!({ "type": "integer", "maximum": 9_007_199_254_740_992_u64 });
    assert_eq!(broken(&large, &json!(9_007_199_254_740_992_u64)), None);
    assert!(broken(&large, &json!(9_007_199_254_740_993_u64)).is_some());
    let fraction = json!({ "type": "number", "minimum": -2.5, "maximum": 2.5 });
    check(&fraction, &[json!(-2), json!(2), json!(-2.5)], &[]);
    assert!(broken(&fraction, &json!(-3)).is_some() && broken(&fraction, &json!(3)).is_some());
    assert!(broken(&fraction, &json!(1e300)).is_some());
}

#[test]
fn lengths_of_strings_count_characters() {
    let x = json!({ "type": "string", "minLength": 2, "maxLength": 3 });
    check(
        &x,
        &[json!("éé"), json!("abc")],
        &[
            (json!("é"), r#"x: "é" has fewer than 2 characters"#),
            (json!("abcd"), r#"x: "abcd" has more than 3 characters"#),
        ],
    );
}

#[test]
fn choices_allow_only_the_listed_strings() {
    let rule = r#"x: "c" is not one of "a" or "b""#;
    for x in [
        json!({ "enum": ["a", "b"] }),
        json!({ "type": "string", "enum": ["a", "b"] }),
    ] {
        let null = (Value::Null, r#"x: null is not of type "string""#);
        check(&x, &[json!("a"), json!("b")], &[(json!("c"), rule), null]);
    }
    // `null` must be allowed by the type and by the choices, as in JSON Schema.
    let nullable = json!({ "type": ["string", "null"], "enum": ["a", null] });
    check(&nullable, &[json!("a"), Value::Null], &[]);
    check(&json!({ "enum": ["a", null] }), &[Value::Null], &[]);
    for x in [
        json!({ "type": ["string", "null"], "enum": ["a"] }),
        json!({ "type": "string", "enum": ["a", null] }),
    ] {
        assert!(broken(&x, &Value::Null).is_some(), "{x}");
    }
    check(
        &json!({ "const": "a" }),
        &[json!("a")],
        &[(json!("b"), r#"x: "b" is not one of "a""#)],
    );
    let many: Vec<String> = (0..100).map(|number| number.to_string()).collect();
    let text = broken(&json!({ "enum": many }), &json!("x")).unwrap();
    assert!(text.ends_with(r#""18", "19" or 80 others"#), "{text}");
}

#[test]
fn lists_are_checked_by_item_and_length() {
    let x = json!({ "type": "array", "items": { "type": "integer" }, "minItems": 1, "maxItems": 3, "uniqueItems": true });
    check(
        &x,
        &[json!([1]), json!([1, 2, 3])],
        &[
            (json!([]), "x: [] has fewer than 1 items"),
            (json!([1, 2, 3, 4]), "x: [1,2,3,4] has more than 3 items"),
            (json!([1, "a"]), r#"x.1: "a" is not of type "integer""#),
            (json!([1, 2, 1.0]), "x.2: 1.0 is in the list already"),
        ],
    );
    check(
        &json!({ "type": "array" }),
        &[json!([1, null, [], {}])],
        &[],
    );
}

#[test]
fn objects_and_maps_are_checked_member_by_member() {
    let point = json!({
        "type": "object",
        "properties": { "a/b": { "type": "integer" }, "c": { "type": "string" } },
        "required": ["c"],
        "additionalProperties": false,
    });
    check(
        &point,
        &[json!({ "c": "" }), json!({ "a/b": 1, "c": "" })],
        &[
            (json!({ "a/b": 1 }), r#"x: "c" is a required property"#),
            (json!({ "c": 1 }), r#"x.c: 1 is not of type "string""#),
            (
                json!({ "c": "", "a~1b": 1 }),
                r#"x: "a~1b" is not a property of it: that is "a/b" or "c""#,
            ),
        ],
    );
    let map =
        json!({ "type": "object", "additionalProperties": { "type": "array", "items": point } });
    check(
        &map,
        &[json!({}), json!({ "a": [], "b": [{ "c": "" }] })],
        &[(
            json!({ "a": [{ "c": "" }, {}] }),
            r#"x.a.1: "c" is a required property"#,
        )],
    );
    check(
        &json!({ "type": "object", "properties": { "a": { "type": "integer" } } }),
        &[json!({ "b": "as JSON Schema has it" })],
        &[],
    );
    let none = json!({ "type": "object", "additionalProperties": false });
    check(
        &none,
        &[json!({})],
        &[(
            json!({ "a": 1 }),
            r#"x: "a" is not a property of it, and it takes none"#,
        )],
    );
}

#[test]
fn schema_without_a_type_allows_anything() {
    for x in [
        json!(true),
        json!({}),
        json!({ "description": "d", "default": 1, "format": "f" }),
    ] {
        check(&x, &[Value::Null, json!([{ "a": 1 }]), json!("")], &[]);
    }
}

#[test]
fn long_values_in_messages_are_truncated() {
    let x = json!({ "type": "integer" });
    let text = broken(&x, &json!(vec!["é"; 1_000_000])).unwrap();
    assert!(text.len() < 300 && text.contains('…'), "{text}");
    let text = broken(&x, &json!("é".repeat(1_000_000))).unwrap();
    assert!(text.len() < 300 && text.contains('…'), "{text}");
}

/// A linear search through all 9,000 choices for each row would take minutes.
#[test]
fn time_per_row_does_not_grow_with_the_schema() {
    let listed: Vec<String> = (0..9000).map(|number| format!("{number:0>80}")).collect();
    let row = json!({ "type": "array", "items": { "enum": listed }, "uniqueItems": true });
    let rows: Vec<Value> = vec![json!([listed[8999], listed[0]]); 20_000];
    check(
        &json!({ "type": "array", "items": row }),
        &[json!(rows)],
        &[],
    );
}

#[test]
fn repeated_option_gives_a_list_of_its_item_type() {
    let schema = read(&json!({ "properties": {
        "list": { "type": ["array", "null"], "items": { "enum": ["a", "b"] }, "description": "What\n to do." },
        "table": { "type": "array", "items": { "type": "array", "items": { "type": "integer" } } },
        "any": { "default": [1] },
    } }));
    assert_eq!(
        schema.value("list", &["a", "c"]).unwrap(),
        json!(["a", "c"])
    );
    assert_eq!(
        schema.value("table", &["[1, 2]", "[]"]).unwrap(),
        json!([[1, 2], []])
    );
    assert_eq!(schema.value("any", &["[1, 2]"]).unwrap(), json!([1, 2]));
    let error = schema.value("other", &["1"]).unwrap_err();
    assert_eq!(
        error.hint(str::to_owned),
        "the plugin's options are\n  `any` (JSON, default [1])\n  `list` (a or b, may be repeated): What to do.\n  \
         `table` (JSON, may be repeated)"
    );
}

#[test]
fn unnamed_options_are_allowed_only_if_the_schema_says_so() {
    let schema = read(&json!({ "additionalProperties": { "type": "integer" } }));
    assert_eq!(schema.value("a", &["7"]).unwrap(), json!(7));
    let options = |value: Value| Map::from_iter([("a".to_owned(), value)]);
    assert!(schema.check(&options(json!(7))).is_ok());
    assert!(schema.check(&options(json!(""))).is_err());
    for closed in [json!({}), json!({ "additionalProperties": false })] {
        let error = read(&closed).check(&options(json!(7))).unwrap_err();
        assert_eq!(error.hint(str::to_owned), "the plugin takes no options");
    }
}

#[test]
fn long_lists_of_options_in_hints_are_truncated() {
    let named = (0..1000).map(|number| (number.to_string(), json!(true)));
    let schema = read(&json!({ "properties": named.collect::<Map<_, _>>() }));
    let hint = schema.value("x", &[]).unwrap_err().hint(str::to_owned);
    assert_eq!(hint.lines().count(), 52);
    assert!(hint.ends_with("\n  and 950 more"));
}
