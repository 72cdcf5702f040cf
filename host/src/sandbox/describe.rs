//! The description that a plugin gives of itself.

use journal_options::OptionSchema;

use super::answer::{Part, Response};
use super::{AnswerError, Description, Question};
use crate::text;

/// The longest name and version, in characters.
const NAME_CHARS: usize = 100;
/// The longest summary, of a plugin or of an output, in characters.
pub(super) const SUMMARY_CHARS: usize = 1000;

/// Checks the answer to `describe`. `file` names the plugin until its own name is known.
pub(super) fn check(file: &str, answer: &str) -> Result<Description, AnswerError> {
    let response = Response::read(Question::Describe, file, answer)?;
    let description = response.root();
    description.object(&["name", "version", "summary", "options"])?;
    check_summary(&description)?;
    let summary = description.value()["summary"].as_str();
    let summary = summary.unwrap_or_default().to_owned();
    Ok(Description {
        summary,
        name: label(&description.need("name")?)?,
        version: label(&description.need("version")?)?,
        options: match description.get("options") {
            None => OptionSchema::default(),
            Some(options) => schema(&options)?,
        },
    })
}

fn label(part: &Part<'_>) -> Result<String, AnswerError> {
    let label = part.text_of(1..=NAME_CHARS)?;
    if text::clean(label, usize::MAX) != label || label.contains('`') {
        return Err(part.refuse("it must not hold backticks or control characters"));
    }
    Ok(label.to_owned())
}

/// Checks the member `summary`, where there is one. It is for readers of the answer; the host has no use for it.
pub(super) fn check_summary<'a>(part: &Part<'a>) -> Result<&'a str, AnswerError> {
    part.get("summary")
        .map_or(Ok(""), |summary| summary.text_of(0..=SUMMARY_CHARS))
}

fn schema(part: &Part<'_>) -> Result<OptionSchema, AnswerError> {
    OptionSchema::read(part.value())
        .map_err(|error| part.refuse_inside(&error.pointer, &error.rule, Some(error.hint)))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const RULES: &str = journal_contract::DESCRIPTION_SCHEMA;

    fn refused(answer: &str) -> String {
        check("p.wasm", answer).unwrap_err().to_string()
    }

    #[test]
    fn a_description_that_keeps_the_rules_is_taken() {
        let answer = r#"{"name": "n", "version": "1", "later": true,
            "options": {"type": "object", "properties": {"a": {"type": "string", "maxLength": 1}}}}"#;
        let description = check("p.wasm", answer).unwrap();
        assert_eq!(
            (description.name.as_str(), description.version.as_str()),
            ("n", "1")
        );
        assert_eq!(description.options.value("a", &["x"]).unwrap(), json!("x"));
    }

    #[test]
    fn without_options_every_option_is_unknown() {
        let description = check("p.wasm", r#"{"name": "n", "version": "1"}"#).unwrap();
        let error = description.options.value("a", &["x"]).unwrap_err();
        assert_eq!(error.to_string(), "the plugin has no option `a`");
    }

    #[test]
    fn value_that_breaks_a_rule_is_named_with_its_pointer() {
        assert_eq!(
            refused("{"),
            "the answer of the plugin `p.wasm` to `describe` breaks a rule: it must be JSON, and is not: \
             EOF while parsing an object at line 1 column 1"
        );
        assert!(
            refused(r#"{"version": "1"}"#)
                .ends_with(r#"breaks a rule: "name" is a required property"#)
        );
        assert!(
            refused(r#"{"name": 3, "version": "1"}"#)
                .contains("at `/name`: 3 is not of type \"string\"")
        );
        for (name, version, member) in [
            ("a\\u001b[2J", "1", "name"),
            ("a`: b", "1", "name"),
            ("a", "`", "version"),
        ] {
            let text = refused(&format!(r#"{{"name": "{name}", "version": "{version}"}}"#));
            let rule = format!("at `/{member}`: it must not hold backticks or control characters");
            assert!(text.ends_with(&rule), "{text}");
        }
        assert!(
            refused(r#"{"name": "a", "version": "1", "options": []}"#).contains("at `/options`")
        );
    }

    /// The error for a description that has these options, and its hint.
    fn refused_options(options: &str) -> (String, Option<&'static str>) {
        let answer = format!(r#"{{"name": "n", "version": "1", "options": {options}}}"#);
        let error = check("p.wasm", &answer).unwrap_err();
        (error.to_string(), error.hint)
    }

    #[test]
    fn options_outside_of_the_form_are_refused_with_their_pointer() {
        for (options, rule) in [
            (
                r#"{"properties": {"a": {"type": "strong"}}}"#,
                r#"at `/options/properties/a/type`: "strong" is not a type of an option"#,
            ),
            (
                r##"{"properties": {"a": {"$ref": "#/nowhere"}}}"##,
                "at `/options/properties/a/$ref`: `$ref` is not supported in a schema of options",
            ),
            (
                r#"{"properties": {"a": {"pattern": "((a{100}){100}){100}"}}}"#,
                "at `/options/properties/a/pattern`: `pattern` is not supported in a schema of options",
            ),
            (
                r#"{"type": "object", "properties": {"a": {}, "a": {}}}"#,
                r#"it must be JSON, and is not: the name "a" stands twice in one object at line 1 column 92"#,
            ),
        ] {
            let (text, hint) = refused_options(options);
            assert!(text.ends_with(rule), "{text}");
            assert_eq!(hint.is_some(), !rule.contains("must be JSON"), "{text}");
        }
    }

    #[test]
    fn large_and_deep_options_are_refused_and_their_names_are_cleaned() {
        let nested = format!("{}true{}", r#"{"items": "#.repeat(50), "}".repeat(50));
        let nested = nested.replace('{', r#"{"type": "array", "#);
        let many: Vec<String> = (0..20_000)
            .map(|number| format!(r#""{number}": true"#))
            .collect();
        for (options, rule) in [
            (
                format!(r#"{{"properties": {{"a": {nested}}}}}"#),
                "nest deeper than 32",
            ),
            (
                format!(r#"{{"properties": {{{}}}}}"#, many.join(",")),
                "has more than 10000 parts",
            ),
            (
                r#"{"\u001b[2J\u202e": 1}"#.to_owned(),
                r"at `/options/\u{1b}[2J\u{202e}`",
            ),
        ] {
            let (text, _) = refused_options(&options);
            assert!(text.contains(rule), "{text}");
            assert!(text.len() < 1000, "{text}");
        }
    }

    /// Whether the description is accepted. The contract's schema and the host must agree on that.
    #[track_caller]
    fn taken(description: &Value) -> bool {
        let rules = serde_json::from_str(RULES).unwrap();
        let document = journal_json_schema::accepts(&rules, description);
        let host = check("p.wasm", &description.to_string());
        assert_eq!(host.is_ok(), document, "{description}: {host:?}");
        document
    }

    #[test]
    fn document_of_the_contract_says_the_same() {
        let whole = json!({ "name": "n", "version": "1", "summary": "s", "options": {} });
        let values = [
            json!(null),
            json!(1),
            json!(""),
            json!("a"),
            json!([]),
            json!({}),
            json!(true),
        ];
        let long = [100, 101, 1000, 1001].map(|length| json!("é".repeat(length)));
        assert!(taken(&whole));
        for name in ["name", "version", "summary", "options", "other"] {
            for value in values.iter().chain(&long) {
                let mut changed = whole.clone();
                changed[name] = value.clone();
                taken(&changed);
            }
            let mut without = whole.clone();
            without.as_object_mut().unwrap().remove(name);
            taken(&without);
        }
        for value in values {
            taken(&value);
        }
    }

    #[test]
    fn document_of_the_contract_says_the_same_of_options() {
        let values = [
            json!(null),
            json!(true),
            json!(false),
            json!(-1),
            json!(7),
            json!(0.5),
            json!(""),
            json!("string"),
            json!("object"),
            json!("null"),
            json!([]),
            json!(["a"]),
            json!(["a", null]),
            json!([null]),
            json!([1]),
            json!(["array", "null"]),
            json!(["null"]),
            json!(["integer", "string"]),
            json!({}),
            json!({ "a": true }),
            json!({ "a": 1 }),
            json!({ "type": "integer" }),
            json!({ "$ref": "#" }),
        ];
        let names = [
            "type",
            "minimum",
            "maximum",
            "exclusiveMinimum",
            "exclusiveMaximum",
            "minLength",
            "maxLength",
            "enum",
            "const",
            "items",
            "minItems",
            "maxItems",
            "uniqueItems",
            "properties",
            "required",
            "additionalProperties",
            "title",
            "description",
            "default",
            "format",
            "$schema",
            "$ref",
            "anyOf",
            "pattern",
            "$defs",
            "other",
        ];
        let types = [
            None,
            Some("boolean"),
            Some("integer"),
            Some("number"),
            Some("string"),
            Some("array"),
            Some("object"),
        ];
        let rules: Value = serde_json::from_str(RULES).unwrap();
        let (mut both, mut neither) = (0, 0);
        for (kind, name) in types.iter().flat_map(|kind| names.map(|name| (kind, name))) {
            for value in &values {
                let mut option = kind.map_or(json!({}), |kind| json!({ "type": kind }));
                option[name] = value.clone();
                let options = json!({ "properties": { "x": option } });
                let description = json!({ "name": "n", "version": "1", "options": options });
                let document = journal_json_schema::accepts(&rules, &description);
                match check("p.wasm", &description.to_string()) {
                    Ok(_) => {
                        assert!(document, "{description}");
                        both += 1;
                    }
                    // The document's descriptions say which members belong together.
                    Err(error) if document => assert!(
                        [
                            "goes with",
                            "go with",
                            "a type of an option",
                            "of the `properties`",
                            "lists no string"
                        ]
                        .iter()
                        .any(|rule| error.rule.contains(rule)),
                        "{description}: {error}"
                    ),
                    Err(_) => neither += 1,
                }
            }
        }
        assert!(both > 500 && neither > 500, "{both} {neither}");
    }
}
