//! Evaluates the JSON Schemas of the contract, only for tests.
//!
//! The schemas document the contract for plugins in other languages; the host and the SDK check answers with separate
//! code. Tests that check the same answers with the schema and with the code keep the two consistent. This crate
//! supports only the keywords that the schemas use. Any other keyword panics, so that no rule is ignored.

use serde_json::{Map, Value};

/// Whether the schema accepts the value.
///
/// # Panics
/// For an unsupported keyword, reference or pattern.
#[must_use]
pub fn accepts(schema: &Value, value: &Value) -> bool {
    Document(schema).accepts(schema, value)
}

/// The root schema, for resolving references.
struct Document<'a>(&'a Value);

impl Document<'_> {
    fn accepts(&self, schema: &Value, value: &Value) -> bool {
        match schema {
            Value::Bool(accepts) => *accepts,
            Value::Object(rules) => rules
                .iter()
                .all(|(name, rule)| self.holds(rules, name, rule, value)),
            other => panic!("{other} is not a schema"),
        }
    }

    fn holds(&self, rules: &Map<String, Value>, name: &str, rule: &Value, value: &Value) -> bool {
        match name {
            "$schema" | "$defs" | "title" | "description" | "default" | "then" | "else" => true,
            "$ref" => {
                let pointer = rule.as_str().and_then(|text| text.strip_prefix('#'));
                let target = pointer.and_then(|pointer| self.0.pointer(pointer));
                self.accepts(target.expect("it leads into the document"), value)
            }
            "type" => any(rule, |rule| {
                is_of_type(rule.as_str().expect("a name"), value)
            }),
            "const" => rule == value,
            "enum" => list(rule).contains(value),
            "oneOf" => {
                let accepting = list(rule).iter().filter(|part| self.accepts(part, value));
                accepting.count() == 1
            }
            "if" => {
                let branch = if self.accepts(rule, value) {
                    "then"
                } else {
                    "else"
                };
                rules
                    .get(branch)
                    .is_none_or(|branch| self.accepts(branch, value))
            }
            _ => match value {
                Value::String(text) => holds_of_text(name, rule, text),
                Value::Array(items) => self.holds_of_list(name, rule, items),
                Value::Object(members) => self.holds_of_object(rules, name, rule, members),
                _ => {
                    known(
                        name,
                        "minLength maxLength pattern items minItems maxItems uniqueItems \
                     properties required additionalProperties minimum",
                    ) && (name != "minimum" || value.as_f64() >= rule.as_f64())
                }
            },
        }
    }

    fn holds_of_list(&self, name: &str, rule: &Value, items: &[Value]) -> bool {
        match name {
            "items" => items.iter().all(|item| self.accepts(rule, item)),
            "minItems" => items.len() >= size(rule),
            "maxItems" => items.len() <= size(rule),
            "uniqueItems" => {
                let repeats = |(index, item): (usize, &Value)| items[..index].contains(item);
                rule == false || !items.iter().enumerate().any(repeats)
            }
            _ => known(
                name,
                "minLength maxLength pattern properties required additionalProperties minimum",
            ),
        }
    }

    fn holds_of_object(
        &self,
        rules: &Map<String, Value>,
        name: &str,
        rule: &Value,
        members: &Map<String, Value>,
    ) -> bool {
        match name {
            "properties" => rule
                .as_object()
                .expect("an object")
                .iter()
                .all(|(name, rule)| {
                    members
                        .get(name)
                        .is_none_or(|value| self.accepts(rule, value))
                }),
            "required" => list(rule)
                .iter()
                .all(|name| members.contains_key(name.as_str().expect("a name"))),
            "additionalProperties" => {
                let named = rules.get("properties");
                members
                    .iter()
                    .filter(|(name, _)| named.and_then(|named| named.get(name)).is_none())
                    .all(|(_, value)| self.accepts(rule, value))
            }
            _ => known(
                name,
                "minLength maxLength pattern items minItems maxItems uniqueItems minimum",
            ),
        }
    }
}

fn holds_of_text(name: &str, rule: &Value, text: &str) -> bool {
    match name {
        "minLength" => text.chars().count() >= size(rule),
        "maxLength" => text.chars().count() <= size(rule),
        "pattern" => matches(rule.as_str().expect("a pattern"), text),
        _ => known(
            name,
            "items minItems maxItems uniqueItems properties required additionalProperties minimum",
        ),
    }
}

/// Accepts keywords that do not restrict a value of another type.
fn known(name: &str, names: &str) -> bool {
    assert!(
        names.split_whitespace().any(|known| known == name),
        "the keyword `{name}` is new"
    );
    true
}

fn is_of_type(name: &str, value: &Value) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => {
            value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|it| it.fract() == 0.0)
        }
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("`{other}` is not a type"),
    }
}

/// Whether the text matches a pattern of the form `^[a-z][a-z0-9]{0,9}$`.
fn matches(pattern: &str, text: &str) -> bool {
    let inner = pattern
        .strip_prefix('^')
        .and_then(|it| it.strip_suffix('$'));
    let mut rest = inner.expect("a pattern for the whole text");
    let mut left = text.chars().peekable();
    while !rest.is_empty() {
        let (class, after) = rest
            .strip_prefix('[')
            .and_then(|it| it.split_once(']'))
            .expect("a class of characters");
        let (least, most, after) = match after.strip_prefix('{').and_then(|it| it.split_once('}')) {
            None => (1, 1, after),
            Some((bounds, after)) => {
                let (least, most) = bounds.split_once(',').expect("two bounds");
                (
                    least.parse().expect("a number"),
                    most.parse().expect("a number"),
                    after,
                )
            }
        };
        let mut count: usize = 0;
        while count < most && left.next_if(|&c| is_in(class, c)).is_some() {
            count += 1;
        }
        if count < least {
            return false;
        }
        rest = after;
    }
    left.next().is_none()
}

fn is_in(class: &str, c: char) -> bool {
    let class: Vec<char> = class.chars().collect();
    let mut rest = class.as_slice();
    while let [first, others @ ..] = rest {
        rest = match others {
            ['-', last, others @ ..] => {
                if (first..=last).contains(&&c) {
                    return true;
                }
                others
            }
            others => {
                if *first == c {
                    return true;
                }
                others
            }
        };
    }
    false
}

fn any(rule: &Value, holds: impl Fn(&Value) -> bool) -> bool {
    match rule {
        Value::Array(rules) => rules.iter().any(holds),
        rule => holds(rule),
    }
}

fn list(rule: &Value) -> &[Value] {
    rule.as_array().expect("a list")
}

fn size(rule: &Value) -> usize {
    let size = rule.as_u64().expect("a size");
    usize::try_from(size).expect("a small one")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_rule_accepts_and_refuses_values() {
        for (schema, yes, no) in [
            (json!({ "type": ["string", "null"] }), json!(null), json!(1)),
            (
                json!({ "type": "integer", "minimum": 0 }),
                json!(2.0),
                json!(-1),
            ),
            (
                json!({ "minLength": 1, "maxLength": 2 }),
                json!("éé"),
                json!(""),
            ),
            (
                json!({ "pattern": "^[a-z_][a-z0-9_-]{0,2}$" }),
                json!("_9-"),
                json!("a999"),
            ),
            (json!({ "pattern": "^[a-z]{1,2}$" }), json!("a"), json!("")),
            (json!({ "enum": ["a", 1] }), json!(1), json!("b")),
            (
                json!({ "items": { "const": 1 }, "maxItems": 1 }),
                json!([1]),
                json!([2]),
            ),
            (
                json!({ "uniqueItems": true, "minItems": 1 }),
                json!([1, 2]),
                json!([1, 1]),
            ),
            (
                json!({ "properties": { "a": true }, "additionalProperties": false }),
                json!({ "a": 1 }),
                json!({ "b": 1 }),
            ),
            (json!({ "required": ["a"] }), json!({ "a": 1 }), json!({})),
            (
                json!({ "oneOf": [{ "type": "number" }, { "const": 1 }] }),
                json!(2),
                json!(1),
            ),
            (
                json!({ "if": { "required": ["a"] }, "then": { "required": ["b"] }, "else": true }),
                json!({ "a": 1, "b": 1 }),
                json!({ "a": 1 }),
            ),
            (
                json!({ "$defs": { "a": { "items": { "$ref": "#/$defs/a" }, "type": "array" } }, "$ref": "#/$defs/a" }),
                json!([[[]]]),
                json!([[1]]),
            ),
        ] {
            assert!(accepts(&schema, &yes), "{schema} {yes}");
            assert!(!accepts(&schema, &no), "{schema} {no}");
        }
    }

    #[test]
    #[should_panic(expected = "the keyword `anyOf` is new")]
    fn unknown_keyword_panics() {
        let _ = accepts(&json!({ "anyOf": [] }), &json!(1));
    }
}
