//! JSON Schemas, those of the contract and those that plugins bring.

use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::{Map, Value};

use crate::text;

/// The compiled size of one regular expression of a plugin's schema, in bytes.
const PATTERN_BYTES: usize = 64 << 10;

/// Regular expressions of a schema, references followed: each may take its full size.
const PATTERNS: usize = 64;

/// The parts of a schema, with every reference in the place of what it leads to. Checking a value
/// takes that many steps at worst, and 30 lines of references to references make a billion of them.
const PARTS: usize = 10_000;

/// How deep schemas may lie in each other, references followed: the validator recurses that deep.
const DEPTH: usize = 100;

/// A rule that a value breaks.
pub(crate) struct Violation {
    /// The place in the value, as a JSON pointer; empty for the whole.
    pub(crate) path: String,
    /// The rule, bounded and without control characters.
    pub(crate) rule: String,
}

/// Makes a validator of a schema after 2020-12.
///
/// The schema may be a guest's: references lead nowhere outside of it, and its regular expressions
/// are matched in linear time.
///
/// # Errors
/// What is wrong with the schema.
pub(crate) fn compile(schema: &Value) -> Result<Validator, Violation> {
    Walk::new(schema)
        .bound(schema, 0)
        .map_err(|rule| Violation {
            path: String::new(),
            rule: text::clean(&rule, text::REASON_BYTES),
        })?;
    jsonschema::options()
        .with_draft(Draft::Draft202012)
        .with_pattern_options(
            PatternOptions::regex()
                .size_limit(PATTERN_BYTES)
                .dfa_size_limit(PATTERN_BYTES),
        )
        .offline()
        .build(schema)
        .map_err(|error| violation(&error))
}

/// The first rule that `value` breaks.
pub(crate) fn check(validator: &Validator, value: &Value) -> Result<(), Violation> {
    validator.validate(value).map_err(|error| violation(&error))
}

/// Goes through a schema as its validator would at worst.
struct Walk<'a> {
    root: &'a Value,
    parts: usize,
    patterns: usize,
    /// The references on the way to the present place.
    open: Vec<&'a str>,
}

impl<'a> Walk<'a> {
    fn new(root: &'a Value) -> Self {
        Self {
            root,
            parts: 0,
            patterns: 0,
            open: Vec::new(),
        }
    }

    fn bound(&mut self, part: &'a Value, depth: usize) -> Result<(), String> {
        self.parts += 1;
        if self.parts > PARTS {
            return Err(format!("its references stand for more than {PARTS} parts"));
        }
        if depth > DEPTH {
            return Err(format!("its parts nest deeper than {DEPTH}"));
        }
        match part {
            Value::Array(parts) => parts
                .iter()
                .try_for_each(|part| self.bound(part, depth + 1)),
            Value::Object(members) => {
                self.count_patterns(members)?;
                self.follow(members, depth)?;
                members
                    .values()
                    .try_for_each(|part| self.bound(part, depth + 1))
            }
            _ => Ok(()),
        }
    }

    fn count_patterns(&mut self, members: &Map<String, Value>) -> Result<(), String> {
        let one = members.get("pattern").is_some_and(Value::is_string);
        let named = members.get("patternProperties").and_then(Value::as_object);
        self.patterns += usize::from(one) + named.map_or(0, Map::len);
        if self.patterns > PATTERNS {
            return Err(format!(
                "its references stand for more than {PATTERNS} regular expressions"
            ));
        }
        Ok(())
    }

    /// Follows a reference, unless that leads back to itself. Only pointers into this schema are
    /// followed, so that what is walked here is what the validator walks.
    fn follow(&mut self, members: &'a Map<String, Value>, depth: usize) -> Result<(), String> {
        let text = |name| members.get(name).and_then(Value::as_str);
        for name in [
            "$id",
            "$anchor",
            "$dynamicAnchor",
            "$dynamicRef",
            "$recursiveRef",
        ] {
            if depth > 0 && text(name).is_some() {
                return Err(format!("`{name}` is not supported in a plugin's schema"));
            }
        }
        let Some(reference) = text("$ref") else {
            return Ok(());
        };
        let target = reference
            .strip_prefix('#')
            .and_then(|place| self.root.pointer(place));
        let target =
            target.ok_or_else(|| format!("`{reference}` does not lead to a part of it"))?;
        if self.open.contains(&reference) {
            return Ok(());
        }
        self.open.push(reference);
        self.bound(target, depth + 1)?;
        self.open.pop();
        Ok(())
    }
}

fn violation(error: &jsonschema::ValidationError<'_>) -> Violation {
    Violation {
        path: text::clean(error.instance_path().as_str(), text::REASON_BYTES),
        rule: text::clean(&error.to_string(), text::REASON_BYTES),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Definitions in a row, each of which refers `times` times to the next.
    fn chain(length: usize, times: usize, word: &str) -> Value {
        let mut definitions = Map::new();
        for place in 0..length {
            let next = json!({ "$ref": format!("#/$defs/{}", place + 1) });
            definitions.insert(place.to_string(), json!({ word: vec![next; times] }));
        }
        definitions.insert(length.to_string(), json!({ "type": "object" }));
        json!({ "type": "object", "$defs": definitions, "$ref": "#/$defs/0" })
    }

    fn refused(schema: &Value) -> String {
        compile(schema).expect_err("it is refused").rule
    }

    #[test]
    fn the_size_of_a_schema_obeyed() {
        for schema in [chain(8, 2, "anyOf"), chain(20, 1, "allOf")] {
            let validator = compile(&schema).ok().unwrap();
            assert!(check(&validator, &json!({})).is_ok());
            assert!(check(&validator, &json!(1)).is_err());
        }
    }

    #[test]
    fn the_size_of_a_schema_violated() {
        assert!(refused(&chain(30, 2, "anyOf")).contains("more than 10000 parts"));
        assert!(refused(&chain(30, 2, "allOf")).contains("more than 10000 parts"));
        assert!(refused(&chain(5000, 1, "allOf")).contains("nest deeper than 100"));
    }

    /// A schema with this many regular expressions, by the ways in which it can have them.
    fn with_patterns(count: usize) -> [Value; 3] {
        let named = (0..count).map(|place| (format!("^a{place}"), json!(true)));
        let named: Map<String, Value> = named.collect();
        let part = |place| json!({ "type": "string", "pattern": format!("^a{place}") });
        let parts: Vec<Value> = (0..count).map(part).collect();
        let reference = json!({ "$ref": "#/$defs/a" });
        // The definition itself is one more.
        let references = vec![reference; count - 1];
        [
            json!({ "patternProperties": named }),
            json!({ "properties": { "pattern": { "anyOf": parts } } }),
            json!({ "$defs": { "a": part(0) }, "anyOf": references }),
        ]
    }

    #[test]
    fn the_number_of_regular_expressions_obeyed() {
        for schema in with_patterns(64) {
            assert!(compile(&schema).is_ok(), "{schema}");
        }
    }

    #[test]
    fn the_number_of_regular_expressions_violated() {
        for schema in with_patterns(65) {
            let rule = refused(&schema);
            assert!(rule.contains("more than 64 regular expressions"), "{rule}");
        }
    }

    #[test]
    fn the_size_of_a_regular_expression_is_bounded() {
        let schema = |pattern: &str| json!({ "type": "string", "pattern": pattern });
        assert!(compile(&schema(r"^swh:1:(cnt|dir|rev|rel|snp):[0-9a-f]{40}$")).is_ok());
        refused(&schema("[a-z]{10000}"));
    }

    #[test]
    fn a_schema_may_describe_a_tree() {
        let tree = json!({
            "type": "object",
            "properties": { "children": { "type": "array", "items": { "$ref": "#" } } },
            "additionalProperties": false,
        });
        let validator = compile(&tree).ok().unwrap();
        assert!(check(&validator, &json!({ "children": [{ "children": [] }] })).is_ok());
        let Err(broken) = check(&validator, &json!({ "children": [{ "child": [] }] })) else {
            panic!("it is refused");
        };
        assert_eq!(broken.path, "/children/0");
    }

    #[test]
    fn references_that_are_not_pointers_into_the_schema_are_refused() {
        for part in [
            json!({ "$ref": "#name" }),
            json!({ "$ref": "https://json-schema.org/draft/2020-12/schema" }),
            json!({ "$dynamicRef": "#meta" }),
            json!({ "$id": "http://localhost/other", "$ref": "#" }),
        ] {
            refused(&json!({ "type": "object", "properties": { "a": part } }));
        }
    }
}
