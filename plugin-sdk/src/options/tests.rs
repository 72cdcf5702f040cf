use std::collections::{BTreeMap, BTreeSet, HashMap};

use journal_options::{OptionSchema, SchemaError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::schema;
use crate::{NoOptions, Options};

/// Which one.
#[derive(Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Documented {
    /// The one.
    #[default]
    OneThing,
    Other,
}

#[derive(Deserialize, JsonSchema)]
enum Plain {
    A,
    B,
}

/// A thing of its own.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only the schema is looked at")]
struct Inner {
    /// From 1 on.
    #[schemars(range(min = 1))]
    count: u64,
    share: Option<f32>,
}

#[derive(Deserialize, JsonSchema)]
struct Wrapped(#[expect(dead_code, reason = "only the schema is looked at")] String);

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only the schema is looked at")]
struct Everything {
    flag: bool,
    #[serde(default)]
    small: u8,
    #[schemars(range(min = -1.5, max = 2))]
    number: f64,
    #[schemars(length(min = 1, max = 3))]
    text: String,
    letter: char,
    maybe: Option<String>,
    /// Docs of the field.
    #[serde(default)]
    documented: Documented,
    maybe_documented: Option<Documented>,
    plain: Plain,
    maybe_plain: Option<Plain>,
    inner: Inner,
    maybe_inner: Option<Inner>,
    wrapped: Wrapped,
    list: Vec<Inner>,
    pair: [u8; 2],
    set: BTreeSet<String>,
    map: HashMap<String, Inner>,
    by_number: BTreeMap<u32, Vec<i64>>,
    by_signed: Option<BTreeMap<i32, Documented>>,
    anything: Value,
    boxed: Box<Option<Inner>>,
}

fn read<O: Options>() -> Result<OptionSchema, SchemaError> {
    OptionSchema::read(&schema::<O>())
}

/// The schema of [`Inner`].
fn inner() -> Value {
    json!({
        "type": "object",
        "description": "A thing of its own.",
        "properties": {
            "count": { "type": "integer", "format": "uint64", "minimum": 1, "description": "From 1 on." },
            "share": { "type": ["number", "null"], "format": "float" },
        },
        "required": ["count"],
        "additionalProperties": false,
    })
}

#[test]
fn fields_of_all_kinds_are_described_in_the_form() {
    read::<Everything>().unwrap_or_else(|error| panic!("{}: {error}", error.pointer));
    read::<NoOptions>().unwrap();
    let schema = schema::<Everything>();
    let inner = inner();
    let nullable = |mut schema: Value| {
        schema["type"] = json!([schema["type"], "null"]);
        schema
    };
    for (name, expected) in [
        ("flag", json!({ "type": "boolean" })),
        (
            "small",
            json!({ "type": "integer", "format": "uint8", "minimum": 0, "maximum": 255, "default": 0 }),
        ),
        (
            "number",
            json!({ "type": "number", "format": "double", "minimum": -1.5, "maximum": 2 }),
        ),
        (
            "text",
            json!({ "type": "string", "minLength": 1, "maxLength": 3 }),
        ),
        (
            "letter",
            json!({ "type": "string", "minLength": 1, "maxLength": 1 }),
        ),
        ("maybe", json!({ "type": ["string", "null"] })),
        (
            "documented",
            json!({
                "type": "string",
                "enum": ["other", "one-thing"],
                "description": "Docs of the field.",
                "default": "one-thing",
            }),
        ),
        (
            "maybe_documented",
            json!({
                "type": ["string", "null"],
                "enum": ["other", "one-thing", null],
                "description": "Which one.",
            }),
        ),
        ("plain", json!({ "type": "string", "enum": ["A", "B"] })),
        (
            "maybe_plain",
            json!({ "type": ["string", "null"], "enum": ["A", "B", null] }),
        ),
        ("inner", inner.clone()),
        ("maybe_inner", nullable(inner.clone())),
        ("wrapped", json!({ "type": "string" })),
        ("list", json!({ "type": "array", "items": inner })),
        (
            "pair",
            json!({
                "type": "array",
                "items": { "type": "integer", "format": "uint8", "minimum": 0, "maximum": 255 },
                "minItems": 2,
                "maxItems": 2,
            }),
        ),
        (
            "set",
            json!({ "type": "array", "items": { "type": "string" }, "uniqueItems": true }),
        ),
        (
            "map",
            json!({ "type": "object", "additionalProperties": inner }),
        ),
        (
            "by_number",
            json!({
                "type": "object",
                "additionalProperties": { "type": "array", "items": { "type": "integer", "format": "int64" } },
            }),
        ),
        (
            "by_signed",
            json!({
                "type": ["object", "null"],
                "additionalProperties": {
                    "type": "string",
                    "enum": ["other", "one-thing"],
                    "description": "Which one.",
                },
            }),
        ),
        ("anything", json!(true)),
        ("boxed", nullable(inner.clone())),
    ] {
        assert_eq!(schema["properties"][name], expected, "{name}");
    }
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only the schema is looked at")]
enum WithData {
    Unit,
    Number(u32),
}

#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only the schema is looked at")]
enum Untagged {
    Text(String),
    Number(u32),
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only the schema is looked at")]
struct Tree {
    children: Vec<Tree>,
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only the schema is looked at")]
struct Pattern {
    #[schemars(regex(pattern = "^a"))]
    text: String,
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only the schema is looked at")]
struct Of<T> {
    x: T,
}

#[track_caller]
fn check_refused<O: Options>(pointer: &str, rule: &str, hint: &str) {
    let error = read::<O>().expect_err("it is refused");
    assert_eq!(
        (error.pointer.as_str(), error.to_string().as_str()),
        (pointer, rule)
    );
    assert!(error.hint.contains(hint), "{}", error.hint);
}

#[test]
fn what_the_form_cannot_say_is_refused_by_its_name() {
    let lacks = |name: &str| format!("`{name}` is not supported in a schema of options");
    let data = "an enum with data in its variants cannot be an option";
    check_refused::<Of<WithData>>("/properties/x/oneOf", &lacks("oneOf"), data);
    check_refused::<Of<Option<WithData>>>("/properties/x/anyOf", &lacks("anyOf"), data);
    check_refused::<Of<Untagged>>("/properties/x/anyOf", &lacks("anyOf"), data);
    check_refused::<WithData>("/oneOf", &lacks("oneOf"), data);
    let itself = "hold no values of their own type";
    check_refused::<Of<Tree>>("/$defs", &lacks("$defs"), itself);
    check_refused::<Tree>("/properties/children/items/$ref", &lacks("$ref"), itself);
    check_refused::<Pattern>(
        "/properties/text/pattern",
        &lacks("pattern"),
        "check this in `start`",
    );
    check_refused::<Of<(u8, u8)>>(
        "/properties/x/prefixItems",
        &lacks("prefixItems"),
        "named members",
    );
    let null = r#""null" alone is not a type of an option"#;
    check_refused::<Of<()>>("/properties/x/type", null, "");
    let text = r#""string" must be "object": options are members of one"#;
    check_refused::<Wrapped>("/type", text, "");
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only the schema is looked at")]
struct Flat {
    own: u8,
    #[serde(flatten)]
    inner: Inner,
}

#[test]
fn flattened_fields_are_options_like_the_others() {
    let options = json!({ "own": 1, "count": 2 });
    let schema = read::<Flat>().unwrap();
    assert!(schema.check(options.as_object().unwrap()).is_ok());
}
