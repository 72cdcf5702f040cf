//! What a scalar of YAML means.

/// A scalar as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct Scalar {
    pub(in crate::config) text: String,
    pub(in crate::config) style: Style,
}

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum Style {
    /// Without quotes: its form decides what it is.
    Plain,
    /// In quotes or as a block: always a text.
    Quoted,
    /// In a variable of the environment: the setting decides what it is.
    Variable,
}

/// What a scalar is.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::config) enum Meaning<'a> {
    /// No value.
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Another number.
    Float(f64),
    /// A text.
    Text(&'a str),
}

impl Scalar {
    /// What it means to `PyYAML`, which reads YAML 1.1 except for numbers with colons.
    pub(in crate::config) fn meaning(&self) -> Meaning<'_> {
        let text = self.text.as_str();
        if self.style != Style::Plain {
            return Meaning::Text(text);
        }
        if let "" | "~" | "null" | "Null" | "NULL" = text {
            return Meaning::Null;
        }
        if let Some(value) = truth(text) {
            return Meaning::Bool(value);
        }
        if let Some(value) = integer(text) {
            return Meaning::Integer(value);
        }
        float(text).map_or(Meaning::Text(text), Meaning::Float)
    }
}

/// A truth value as YAML 1.1 writes it.
pub(super) fn truth(text: &str) -> Option<bool> {
    // Each word exists in lower case, with a capital, and in capitals, and in no other form.
    let lower = text.to_ascii_lowercase();
    let mut capital = lower.clone();
    if let Some(first) = capital.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let is_written = text == lower || text == capital || text == lower.to_ascii_uppercase();
    match lower.as_str() {
        "true" | "yes" | "on" if is_written => Some(true),
        "false" | "no" | "off" if is_written => Some(false),
        _ => None,
    }
}

/// A whole number: decimal, or with `0x`, `0b` or the leading zero of octal ones; underscores group digits.
pub(super) fn integer(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix(['-', '+']) {
        Some(digits) => (&text[..1], digits),
        None => ("", text),
    };
    if !digits.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let digits = digits.replace('_', "");
    let (digits, radix) = if let Some(digits) = digits.strip_prefix("0x") {
        (digits, 16)
    } else if let Some(digits) = digits.strip_prefix("0b") {
        (digits, 2)
    } else if digits.len() > 1 && digits.starts_with('0') {
        (&digits[1..], 8)
    } else {
        (&digits[..], 10)
    };
    if digits.starts_with(['-', '+']) {
        return None;
    }
    i64::from_str_radix(&format!("{sign}{digits}"), radix).ok()
}

/// A number with a point; an exponent has a sign.
fn float(text: &str) -> Option<f64> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let begins = digits.starts_with(|first: char| first.is_ascii_digit() || first == '.');
    let has_digit = digits.contains(|c: char| c.is_ascii_digit());
    if !(begins && has_digit && digits.contains('.')) {
        return None;
    }
    let (mantissa, exponent) = digits.split_once(['e', 'E']).unwrap_or((digits, "+0"));
    let is_number = |c: char| c.is_ascii_digit() || c == '.' || c == '_';
    if !mantissa.chars().all(is_number) || !exponent.starts_with(['-', '+']) {
        return None;
    }
    text.replace('_', "").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> Scalar {
        Scalar {
            text: text.to_owned(),
            style: Style::Plain,
        }
    }

    #[test]
    fn plain_scalars_mean_what_they_mean_to_pyyaml() {
        for (text, meaning) in [
            ("", Meaning::Null),
            ("~", Meaning::Null),
            ("null", Meaning::Null),
            ("true", Meaning::Bool(true)),
            ("True", Meaning::Bool(true)),
            ("yes", Meaning::Bool(true)),
            ("ON", Meaning::Bool(true)),
            ("no", Meaning::Bool(false)),
            ("oFF", Meaning::Text("oFF")),
            ("200", Meaning::Integer(200)),
            ("-1", Meaning::Integer(-1)),
            ("600_000", Meaning::Integer(600_000)),
            ("0x10", Meaning::Integer(16)),
            ("010", Meaning::Integer(8)),
            ("089", Meaning::Text("089")),
            ("1.5", Meaning::Float(1.5)),
            ("1.5e+3", Meaning::Float(1500.0)),
            ("1e3", Meaning::Text("1e3")),
            ("1.5e3", Meaning::Text("1.5e3")),
            ("30s", Meaning::Text("30s")),
            ("1.2.3", Meaning::Text("1.2.3")),
            (".", Meaning::Text(".")),
            ("0--1", Meaning::Text("0--1")),
            ("broker1:9092", Meaning::Text("broker1:9092")),
        ] {
            assert_eq!(plain(text).meaning(), meaning, "{text}");
        }
    }

    #[test]
    fn a_quoted_scalar_is_a_text() {
        for text in ["", "yes", "200"] {
            let scalar = Scalar {
                style: Style::Quoted,
                ..plain(text)
            };
            assert_eq!(scalar.meaning(), Meaning::Text(text));
        }
    }
}
