//! Schemas that are refused.

use serde_json::{Map, Value, json};

use super::{of_x, read, refused};
use crate::OptionSchema;
use crate::read::{DEPTH, PARTS};

/// Each schema of an option is refused at the pointer, and by the rule.
#[track_caller]
fn check_refused(cases: &[(Value, &str, &str)]) {
    for (x, pointer, rule) in cases {
        let error = refused(&of_x(x));
        assert_eq!(error.pointer, format!("/properties/x{pointer}"), "{x}");
        assert_eq!(error.to_string(), *rule, "{x}");
        assert!(!error.hint.is_empty());
    }
}

#[test]
fn unsupported_member_is_named_with_its_pointer() {
    for (x, pointer) in [
        (json!({ "$ref": "#/$defs/%61" }), "/$ref"),
        (json!({ "$ref": "#/$defs/a~1b" }), "/$ref"),
        (json!({ "anyOf": [{}] }), "/anyOf"),
        (json!({ "type": "string", "pattern": "(" }), "/pattern"),
        (
            json!({ "type": "array", "prefixItems": [{}] }),
            "/prefixItems",
        ),
        (
            json!({ "type": "object", "properties": { "a/%61~": { "not": {} } } }),
            "/properties/a~1%61~0/not",
        ),
        (
            json!({ "type": "object", "additionalProperties": { "if": true } }),
            "/additionalProperties/if",
        ),
    ] {
        let (_, name) = pointer.rsplit_once('/').unwrap();
        let rule = format!("`{name}` is not supported in a schema of options");
        check_refused(&[(x, pointer, &rule)]);
    }
}

#[test]
fn unsupported_types_are_refused() {
    check_refused(&[
        (
            json!({ "type": "strong" }),
            "/type",
            r#""strong" is not a type of an option"#,
        ),
        (
            json!({ "type": "null" }),
            "/type",
            r#""null" alone is not a type of an option"#,
        ),
        (
            json!({ "type": ["string", "integer"] }),
            "/type",
            r#"["string","integer"] is not a type of an option"#,
        ),
        (
            json!({ "type": [] }),
            "/type",
            "[] is not a type of an option",
        ),
        (
            json!({ "minimum": 1 }),
            "/minimum",
            "`minimum` goes with the type `integer` or `number` alone",
        ),
        (
            json!({ "properties": {} }),
            "/properties",
            "`properties` goes with the type `object` alone",
        ),
        (
            json!({ "type": "integer", "enum": ["a"] }),
            "/enum",
            "`enum` goes with the type `string` alone",
        ),
    ]);
}

#[test]
fn malformed_members_are_refused() {
    check_refused(&[
        (
            json!({ "enum": ["a"], "maxLength": 1 }),
            "/maxLength",
            "`maxLength` does not go with a list of the strings",
        ),
        (
            json!({ "enum": ["a"], "const": "a" }),
            "/const",
            "`const` does not go with a list of the strings",
        ),
        (
            json!({ "enum": ["a", 1] }),
            "/enum",
            "1 is not a string, as every choice is",
        ),
        (json!({ "enum": [] }), "/enum", "it lists no string"),
        (json!({ "enum": [null] }), "/enum", "it lists no string"),
        (json!({ "enum": "a" }), "/enum", r#""a" is not a list"#),
        (
            json!({ "const": null }),
            "/const",
            "null is not a string, as every choice is",
        ),
        (
            json!({ "type": "integer", "minimum": "1" }),
            "/minimum",
            r#""1" is not a number"#,
        ),
        (
            json!({ "type": "string", "maxLength": -1 }),
            "/maxLength",
            "-1 is not a whole number from 0",
        ),
        (
            json!({ "type": "array", "items": [] }),
            "/items",
            "[] is not a schema: that is an object or `true`",
        ),
        (
            json!({ "type": "array", "items": false }),
            "/items",
            "false is not a schema: that is an object or `true`",
        ),
        (
            json!({ "type": "array", "uniqueItems": 1 }),
            "/uniqueItems",
            "1 is not `true` or `false`",
        ),
        (
            json!({ "type": "array", "uniqueItems": true, "items": { "type": "object" } }),
            "/uniqueItems",
            "`uniqueItems` goes with items that are booleans, numbers or strings",
        ),
        (
            json!({ "type": "object", "properties": [] }),
            "/properties",
            "[] is not an object",
        ),
        (
            json!({ "type": "object", "required": ["b"] }),
            "/required",
            r#""b" is not the name of one of the `properties`"#,
        ),
        (
            json!({ "type": "object", "required": {} }),
            "/required",
            "{} is not a list",
        ),
    ]);
}

#[test]
fn schema_of_all_options_must_be_an_object() {
    for (schema, pointer) in [
        (json!(true), ""),
        (json!([]), ""),
        (json!({ "type": "array" }), "/type"),
        (json!({ "type": ["object", "null"] }), "/type"),
        (json!({ "$defs": {} }), "/$defs"),
        (json!({ "enum": ["a"] }), "/enum"),
    ] {
        assert_eq!(refused(&schema).pointer, pointer, "{schema}");
    }
    for schema in [
        json!({}),
        json!({ "title": "Options", "$schema": "https://json-schema.org/draft/2020-12/schema" }),
    ] {
        assert_eq!(read(&schema), OptionSchema::default());
    }
}

/// A schema that nests schemas this deep below `x`.
fn nested(depth: usize) -> Value {
    (1..depth).fold(
        json!(true),
        |inner, _| json!({ "type": "array", "items": inner }),
    )
}

#[test]
fn depth_of_a_schema_is_bounded() {
    read(&of_x(&nested(DEPTH)));
    let error = refused(&of_x(&nested(DEPTH + 1)));
    assert_eq!(error.to_string(), "schemas nest deeper than 32");
}

#[test]
fn number_of_parts_is_bounded() {
    let named = |count: usize| {
        let named = (0..count).map(|number| (number.to_string(), json!(true)));
        json!({ "properties": named.collect::<Map<_, _>>() })
    };
    let choices = |count: usize| {
        let listed: Vec<String> = (0..count).map(|number| number.to_string()).collect();
        of_x(&json!({ "enum": listed }))
    };
    let required =
        |count: usize| json!({ "properties": { "a": true }, "required": vec!["a"; count] });
    for schema in [named(PARTS - 1), choices(PARTS - 2), required(PARTS - 2)] {
        read(&schema);
    }
    for schema in [named(PARTS), choices(PARTS - 1), required(PARTS - 1)] {
        assert!(
            refused(&schema)
                .to_string()
                .ends_with("has more than 10000 parts")
        );
    }
}
