use std::fs;

use serde_json::json;

use super::*;

fn read(schema: &Value) -> OptionSchema {
    OptionSchema::read(schema).unwrap_or_else(|error| panic!("{}: {error}", error.pointer))
}

fn schema() -> OptionSchema {
    read(&json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "required": ["word"],
        "properties": {
            "word": { "type": "string", "description": "What to\nlook for." },
            "maybe": { "type": ["string", "null"], "default": null },
            "limit": { "type": "integer", "minimum": 0, "maximum": 10, "default": 3 },
            "share": { "type": "number" },
            "deep": { "type": "boolean", "default": false },
            "unit": {
                "type": "string",
                "enum": ["objects", "bytes"],
                "default": "objects",
                "description": "What is counted.",
            },
            "size": { "type": ["integer", "null"], "format": "uint", "minimum": 1 },
            "types": { "type": "array", "items": { "type": "string" } },
            "sizes": { "type": ["array", "null"], "items": { "type": "integer" } },
            "map": { "type": "object", "additionalProperties": { "type": "integer" } },
        },
    }))
}

fn parsed(pairs: &[(&str, &str)]) -> Result<Value, OptionsError> {
    let mut all = vec![("word".to_owned(), "w".to_owned())];
    all.extend(
        pairs
            .iter()
            .map(|&(name, value)| (name.to_owned(), value.to_owned())),
    );
    parse(&schema(), &all, None).map(|mut options| {
        options.as_object_mut().unwrap().remove("word");
        options
    })
}

/// The options that an error lists.
#[track_caller]
fn known(error: &OptionsError) -> String {
    match error {
        OptionsError::NotTaken(error) => error.hint(|option| clean(option, MESSAGE_BYTES)),
        error => panic!("nothing is said of the options: {error}"),
    }
}

#[test]
fn values_are_taken_by_their_options_type() {
    for (name, text, expected) in [
        ("maybe", "null", json!("null")),
        ("maybe", "7", json!("7")),
        ("limit", "7", json!(7)),
        ("share", "0.5", json!(0.5)),
        ("share", "2", json!(2)),
        ("deep", "true", json!(true)),
        ("unit", "bytes", json!("bytes")),
        ("size", "9", json!(9)),
        ("types", "[a", json!(["[a"])),
        ("sizes", "1", json!([1])),
        ("map", r#"{"a": 1}"#, json!({"a": 1})),
    ] {
        assert_eq!(
            parsed(&[(name, text)]).unwrap(),
            json!({ name: expected }),
            "{name}={text}"
        );
    }
}

#[test]
fn a_repeated_key_makes_a_list_where_the_option_is_one() {
    let options = parsed(&[("sizes", "1"), ("types", "a"), ("sizes", "2")]).unwrap();
    assert_eq!(options, json!({ "sizes": [1, 2], "types": ["a"] }));
    let error = parsed(&[("limit", "1"), ("limit", "2")]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the option `limit` was given more than once, and takes one value"
    );
}

#[test]
fn pairs_win_over_the_file() {
    let pairs = [("limit".to_owned(), "1".to_owned())];
    let Value::Object(file) = json!({ "limit": 2, "word": "file" }) else {
        unreachable!("it is an object")
    };
    let options = parse(&schema(), &pairs, Some(file)).unwrap();
    assert_eq!(options, json!({ "limit": 1, "word": "file" }));
}

#[test]
fn a_value_of_another_type_names_the_option_and_the_type() {
    for (name, text, sentence) in [
        (
            "limit",
            "many",
            "the option `limit` expects an integer, got `many`",
        ),
        (
            "limit",
            "1.5",
            "the option `limit` expects an integer, got `1.5`",
        ),
        (
            "share",
            "NaN",
            "the option `share` expects a number, got `NaN`",
        ),
        (
            "deep",
            "yes",
            "the option `deep` expects `true` or `false`, got `yes`",
        ),
        ("map", "a=1", "the option `map` expects JSON, got `a=1`"),
    ] {
        let error = parsed(&[(name, text)]).unwrap_err();
        assert_eq!(error.to_string(), sentence);
        let hint = known(&error);
        assert!(
            hint.starts_with(&format!("the plugin takes `{name}` (")),
            "{hint}"
        );
    }
}

#[test]
fn another_broken_rule_is_reported_with_its_path() {
    let text = |pairs: &[(&str, &str)]| parsed(pairs).unwrap_err().to_string();
    let limit = text(&[("limit", "11")]);
    assert_eq!(
        limit,
        "the option `limit` breaks a rule of the plugin: 11 is greater than the maximum of 10"
    );
    assert!(text(&[("size", "0")]).starts_with("the option `size` breaks a rule"));
    assert!(text(&[("unit", "bites")]).starts_with("the option `unit` breaks a rule"));
    let inside = text(&[("map", r#"{"a": {"b": "c"}}"#)]);
    assert!(
        inside.starts_with("the option `map.a` breaks a rule"),
        "{inside}"
    );
    let error = parsed(&[("map", r#"{"a": {"b": "c"}}"#)]).unwrap_err();
    assert_eq!(known(&error), "the plugin takes `map` (JSON)");
}

#[test]
fn unknown_and_missing_options_list_the_known_ones() {
    let error = parsed(&[("wrod", "x")]).unwrap_err();
    assert_eq!(error.to_string(), "the plugin has no option `wrod`");
    let hint = known(&error);
    for line in [
        "`word` (string, required): What to look for.",
        "`limit` (integer, default 3)",
        "`unit` (objects or bytes, default \"objects\"): What is counted.",
        "`types` (string, may be repeated)",
        "`maybe` (string)",
        "`size` (integer)",
    ] {
        assert!(
            hint.lines().any(|known| known.trim() == line),
            "{line} in {hint}"
        );
    }
    let error = parse(&schema(), &[], None).unwrap_err();
    assert_eq!(error.to_string(), "the option `word` is missing");
    let pairs = [("word".to_owned(), "w".to_owned())];
    let file = Map::from_iter([("x".to_owned(), json!(1))]);
    let error = parse(&schema(), &pairs, Some(file)).unwrap_err();
    assert_eq!(error.to_string(), "the plugin has no option `x`");
}

#[test]
fn a_plugin_without_options_says_so() {
    let schema = read(&json!({ "type": "object", "additionalProperties": false }));
    let pairs = [("a".to_owned(), "b".to_owned())];
    let error = parse(&schema, &pairs, None).unwrap_err();
    assert_eq!(known(&error), "the plugin takes no options");
    assert_eq!(parse(&schema, &[], None).unwrap(), json!({}));
}

#[test]
fn control_characters_in_names_reach_no_message() {
    let evil = "a\x1b[2Jb";
    let schema = |kind: &str, required: bool| {
        json!({
            "properties": { evil: { "type": kind, "maximum": 1 } },
            "required": if required { vec![evil] } else { vec![] },
        })
    };
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let cases = [
        (schema("integer", true), vec![]),
        (schema("integer", false), vec![pair(evil, "x")]),
        (
            schema("integer", false),
            vec![pair(evil, "1"), pair(evil, "1")],
        ),
        (schema("integer", false), vec![pair(evil, "7")]),
        (schema("integer", false), vec![pair("\x1b[2J", "7")]),
    ];
    for (schema, pairs) in cases {
        let error = parse(&read(&schema), &pairs, None).unwrap_err();
        let (text, hint) = (error.to_string(), known(&error));
        assert!(text.contains(r"\u{1b}[2J"), "{text}");
        let is_raw = |c: char| c.is_control() && c != '\n';
        assert!(
            !text.contains(is_raw) && !hint.contains(is_raw),
            "{text:?} {hint:?}"
        );
    }
}

#[test]
fn a_file_that_holds_no_object_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("options.json");
    fs::write(&path, "[1]").unwrap();
    let error = read_file(&path).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("the options in `{}` are not a JSON object", path.display())
    );
}

#[test]
fn file_that_is_too_large_is_not_read_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("options.json");
    let file = fs::File::create(&path).unwrap();
    // It has a hole and takes no space.
    file.set_len(1 << 40).unwrap();
    let error = read_file(&path).unwrap_err();
    assert!(matches!(error, OptionsError::TooLarge { .. }), "{error}");
}

/// A table of 200,000 rows and 7 MB, as authors pass it instead of a file, which a plugin cannot open.
#[test]
fn large_table_is_taken_and_its_one_wrong_row_is_named() {
    let row = |number: u32| json!([number, format!("https://example.org/{number}")]);
    let mut rows: Vec<Value> = (0..200_000).map(row).collect();
    let schema = read(&json!({ "properties": { "table": {
        "type": "array",
        "items": { "type": "array", "minItems": 2, "items": { "description": "A number or an address." } },
    } } }));
    let file = |rows: &Vec<Value>| Map::from_iter([("table".to_owned(), json!(rows))]);
    let options = parse(&schema, &[], Some(file(&rows))).unwrap();
    assert!(options.to_string().len() > 7_000_000);
    rows[199_999] = json!([1]);
    let error = parse(&schema, &[], Some(file(&rows))).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the option `table.199999` breaks a rule of the plugin: [1] has fewer than 2 items"
    );
}
