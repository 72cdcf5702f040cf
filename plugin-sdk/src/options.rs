//! The schema of a processor's options, in the form that the host takes.
//!
//! Schemars derives more of JSON Schema than that form has. What the form can say in another way is rewritten here; the
//! rest stays as it is and is refused by the host, and by [`Harness`](crate::testing::Harness), with its name.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::Options;

/// The patterns by which schemars says that the keys of a map are integers.
const INTEGER_KEYS: [&str; 2] = [r"^\d+$", r"^-?\d+$"];

/// The schema of `O`, without references unless the type holds itself.
pub(crate) fn schema<O: Options>() -> Value {
    let settings =
        SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let schema = settings.into_generator().into_root_schema_for::<O>();
    let mut schema = schema.to_value();
    rewrite(&mut schema);
    schema
}

fn rewrite(schema: &mut Value) {
    let Value::Object(members) = schema else {
        return;
    };
    for name in ["items", "additionalProperties"] {
        members.get_mut(name).into_iter().for_each(rewrite);
    }
    for name in ["properties", "patternProperties"] {
        if let Some(Value::Object(each)) = members.get_mut(name) {
            each.values_mut().for_each(rewrite);
        }
    }
    for name in ["anyOf", "oneOf"] {
        if let Some(Value::Array(mut parts)) = members.remove(name) {
            parts.iter_mut().for_each(rewrite);
            match united(&parts) {
                // What stands beside it, such as the docs of the field, counts.
                Some(one) => one.into_iter().for_each(|(name, value)| {
                    members.entry(name).or_insert(value);
                }),
                None => {
                    members.insert(name.to_owned(), Value::Array(parts));
                }
            }
        }
    }
    name_integer_keys(members);
}

/// One schema for several, where the form has one: a choice of strings, or one schema and `null`.
fn united(parts: &[Value]) -> Option<Map<String, Value>> {
    let (nulls, others): (Vec<&Value>, Vec<&Value>) =
        parts.iter().partition(|part| part["type"] == "null");
    let nullable = !nulls.is_empty();
    if let [one] = others[..] {
        let mut one = one.as_object()?.clone();
        return (!nullable || allow_null(&mut one)).then_some(one);
    }
    let mut listed = Vec::new();
    for part in others {
        listed.extend(choices(part)?.iter().cloned());
    }
    let mut choice = Map::from_iter([
        ("type".to_owned(), json!("string")),
        ("enum".to_owned(), Value::Array(listed)),
    ]);
    if nullable {
        allow_null(&mut choice);
    }
    Some(choice)
}

/// The strings of a schema that takes these alone.
fn choices(schema: &Value) -> Option<&[Value]> {
    let listed = match (schema.get("enum"), schema.get("const")) {
        (Some(listed), _) => listed.as_array()?.as_slice(),
        (None, one) => std::slice::from_ref(one?),
    };
    listed.iter().all(Value::is_string).then_some(listed)
}

/// Lets a schema of one type take `null` too.
fn allow_null(schema: &mut Map<String, Value>) -> bool {
    let Some(named) = schema.get_mut("type").filter(|named| named.is_string()) else {
        return false;
    };
    *named = json!([named, "null"]);
    if let Some(one) = schema.remove("const") {
        schema.insert("enum".to_owned(), json!([one]));
    }
    if let Some(Value::Array(listed)) = schema.get_mut("enum") {
        listed.push(Value::Null);
    }
    true
}

/// A map from integers is a map from strings to the form; `start` refuses a key that is no integer.
fn name_integer_keys(members: &mut Map<String, Value>) {
    let keys = members.get("patternProperties").and_then(Value::as_object);
    let is_map = keys.is_some_and(|keys| {
        keys.len() == 1 && keys.keys().all(|key| INTEGER_KEYS.contains(&key.as_str()))
    });
    if !is_map || members.contains_key("properties") {
        return;
    }
    if let Some(Value::Object(keys)) = members.remove("patternProperties") {
        let each = keys.into_iter().map(|(_, schema)| schema).next();
        members.insert(
            "additionalProperties".to_owned(),
            each.unwrap_or(json!(true)),
        );
    }
}

#[cfg(test)]
mod tests;
