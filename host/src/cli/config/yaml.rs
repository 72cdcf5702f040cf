//! Lines of YAML that mean the same to every reader.

use serde_json::Value;

/// `key: value  # comment`, indented.
pub(super) fn line(indentation: usize, key: &str, value: &Value, comment: &str) -> String {
    let (indentation, key) = (" ".repeat(indentation), text(key));
    format!("{indentation}{key}: {}  # {comment}", scalar(value))
}

/// A value on one line: lists and mappings are JSON, which is YAML.
fn scalar(value: &Value) -> String {
    match value {
        Value::String(value) => text(value),
        other => other.to_string(),
    }
}

/// A text, in quotes unless it can be nothing else.
fn text(text: &str) -> String {
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/');
    let words = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];
    let is_word = words.contains(&text.to_ascii_lowercase().as_str());
    if begins && text.chars().all(is_plain) && !is_word {
        text.to_owned()
    } else {
        Value::from(text).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_could_be_something_else_are_quoted() {
        for (given, written) in [
            ("SASL_SSL", "SASL_SSL"),
            ("/data/p.wasm", "/data/p.wasm"),
            ("swh.journal.objects", "swh.journal.objects"),
            ("yes", "\"yes\""),
            ("30s", "\"30s\""),
            ("600000", "\"600000\""),
            ("-", "\"-\""),
            ("", "\"\""),
            ("a: b # c\n", "\"a: b # c\\n\""),
        ] {
            assert_eq!(text(given), written);
        }
        let value = serde_json::json!({"a": [1, "b"]});
        assert_eq!(line(2, "x", &value, "c"), "  x: {\"a\":[1,\"b\"]}  # c");
    }
}
