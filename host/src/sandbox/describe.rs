//! What a plugin says of itself.

use journal_contract::DESCRIPTION_SCHEMA;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{self, Response};
use super::{AnswerError, Description, Question, schema};
use crate::text;

#[derive(Deserialize)]
struct Told {
    name: String,
    version: String,
    summary: Option<String>,
    options: Option<Value>,
}

/// Checks the answer to `describe`. `file` names the plugin as long as its own name is not known.
pub(super) fn check(file: &str, answer: &str) -> Result<Description, AnswerError> {
    let refuse =
        |path: &str, rule: String| answer::refuse(file, Question::Describe, path.to_owned(), rule);
    let told: Told =
        Response::check(Question::Describe, DESCRIPTION_SCHEMA, file, answer)?.into_typed()?;
    for (path, value) in [("/name", &told.name), ("/version", &told.version)] {
        if text::clean(value, usize::MAX) != *value || value.contains('`') {
            return Err(refuse(
                path,
                "it must not hold backticks or control characters".to_owned(),
            ));
        }
    }
    if let Some(options) = &told.options {
        schema::compile(options).map_err(|broken| {
            let rule = format!("it must be a JSON Schema, and is not: {}", broken.rule);
            refuse(&format!("/options{}", broken.path), rule)
        })?;
    }
    Ok(Description {
        name: told.name,
        version: told.version,
        summary: told
            .summary
            .map(|summary| text::clean(&summary, text::MESSAGE_BYTES)),
        options: told
            .options
            .unwrap_or_else(|| json!({ "type": "object", "additionalProperties": false })),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(answer: &str) -> String {
        check("p.wasm", answer).unwrap_err().to_string()
    }

    #[test]
    fn a_description_that_keeps_the_rules_is_taken() {
        let answer = r#"{"name": "n", "version": "1", "later": true,
            "options": {"type": "object", "properties": {"a": {"type": "string", "pattern": "^x"}}}}"#;
        let description = check("p.wasm", answer).unwrap();
        assert_eq!(
            (description.name.as_str(), description.version.as_str()),
            ("n", "1")
        );
        assert_eq!(description.options["properties"]["a"]["type"], "string");
    }

    #[test]
    fn without_options_every_option_is_unknown() {
        let description = check("p.wasm", r#"{"name": "n", "version": "1"}"#).unwrap();
        let validator = schema::compile(&description.options).ok().unwrap();
        assert!(schema::check(&validator, &json!({})).is_ok());
        assert!(schema::check(&validator, &json!({"a": 1})).is_err());
    }

    #[test]
    fn what_breaks_a_rule_is_named_with_its_place() {
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
        for (name, version, place) in [
            ("a\\u001b[2J", "1", "name"),
            ("a`: b", "1", "name"),
            ("a", "`", "version"),
        ] {
            let text = refused(&format!(r#"{{"name": "{name}", "version": "{version}"}}"#));
            let rule = format!("at `/{place}`: it must not hold backticks or control characters");
            assert!(text.ends_with(&rule), "{text}");
        }
        assert!(
            refused(r#"{"name": "a", "version": "1", "options": []}"#).contains("at `/options`")
        );
    }

    #[test]
    fn options_that_are_no_json_schema_are_refused() {
        for options in [
            r#"{"properties": {"a": {"type": "strong"}}}"#,
            r##"{"properties": {"a": {"$ref": "#/nowhere"}}}"##,
            r#"{"properties": {"a": {"$ref": "http://example.org/schema"}}}"#,
            r#"{"properties": {"a": {"pattern": "("}}}"#,
            r#"{"properties": {"a": {"pattern": "((a{100}){100}){100}"}}}"#,
        ] {
            let answer = format!(r#"{{"name": "n", "version": "1", "options": {options}}}"#);
            let text = refused(&answer);
            assert!(
                text.contains("it must be a JSON Schema, and is not"),
                "{text}"
            );
        }
    }

    #[test]
    fn a_schema_that_refers_to_itself_does_not_exhaust_the_stack() {
        for options in [
            r##"{"$ref": "#"}"##,
            r##"{"properties": {"a": {"$ref": "#/properties/a"}}}"##,
            r##"{"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "allOf": [{"$ref": "#/$defs/a"}]}"##,
            r##"{"$defs": {"a": {"not": {"$ref": "#/$defs/a"}}}, "properties": {"a": {"$ref": "#/$defs/a"}}}"##,
        ] {
            let answer = format!(r#"{{"name": "n", "version": "1", "options": {options}}}"#);
            if let Ok(description) = check("p.wasm", &answer) {
                let validator = schema::compile(&description.options).ok().unwrap();
                let _ = schema::check(&validator, &json!({"a": 1}));
            }
        }
    }
}
