//! The plugin's options, from `KEY=VALUE` pairs and a file.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::schema::{self, Kind, OptionSpec};
use crate::sandbox::schema::{check, compile};
use crate::text::clean;

/// The most that is shown of one option's docs, in bytes.
const LINE_BYTES: usize = 4096;

/// Options that do not agree with the plugin's schema.
#[derive(Debug, thiserror::Error)]
pub enum OptionsError {
    /// The schema is a plugin's, and was found right when it was loaded.
    #[error("the plugin's schema of its options is broken: {rule}")]
    Schema {
        /// What is wrong with it.
        rule: String,
    },
    /// The file of options could not be read.
    #[error("cannot read the options in `{}`", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// The file of options is not JSON.
    #[error("the options in `{}` are not JSON", path.display())]
    NotJson {
        /// The file.
        path: PathBuf,
        /// Where it stops being JSON.
        #[source]
        source: serde_json::Error,
    },
    /// The file of options holds something else.
    #[error("the options in `{}` are not a JSON object", path.display())]
    NotAnObject {
        /// The file.
        path: PathBuf,
    },
    /// The plugin has no such option.
    #[error("the plugin has no option `{name}`")]
    Unknown {
        /// What was given.
        name: String,
        /// The options that there are.
        known: String,
    },
    /// An option without a default was not given.
    #[error("the option `{name}` is missing")]
    Missing {
        /// The option.
        name: String,
        /// The options that there are.
        known: String,
    },
    /// An option that takes one value was given several.
    #[error("the option `{name}` was given more than once, and takes one value")]
    Repeated {
        /// The option.
        name: String,
        /// What the plugin says of the option.
        known: String,
    },
    /// A value that is not of the option's type.
    #[error("the option `{name}` takes {expected}, and `{value}` is none")]
    Type {
        /// The option.
        name: String,
        /// What it takes, with its article: `an integer`.
        expected: &'static str,
        /// What was given.
        value: String,
        /// What the plugin says of the option.
        known: String,
    },
    /// A value of the right type that breaks another rule.
    #[error("the option `{name}` breaks a rule of the plugin: {rule}")]
    Rule {
        /// The option, or the place inside it.
        name: String,
        /// The rule.
        rule: String,
        /// What the plugin says of the option.
        known: String,
    },
    /// The options as a whole break a rule.
    #[error("the options break a rule of the plugin: {rule}")]
    Whole {
        /// The rule.
        rule: String,
    },
}

/// The options in a file that holds a JSON object.
///
/// # Errors
/// When the file cannot be read or holds something else.
pub fn read_file(path: &Path) -> Result<Map<String, Value>, OptionsError> {
    let text = fs::read(path).map_err(|source| OptionsError::File {
        path: path.to_owned(),
        source,
    })?;
    let options = serde_json::from_slice(&text).map_err(|source| OptionsError::NotJson {
        path: path.to_owned(),
        source,
    })?;
    match options {
        Value::Object(options) => Ok(options),
        _ => Err(OptionsError::NotAnObject {
            path: path.to_owned(),
        }),
    }
}

/// The options as one JSON object that agrees with `schema`; pairs win over the file.
///
/// A pair's value is taken by the option's type: a string as it is, a number, `true` or `false`; a
/// key that is repeated makes a list where the option is one; anything else is JSON.
///
/// # Errors
/// When an option is unknown, missing, of the wrong type, or breaks another rule of the schema.
pub fn parse(
    schema: &Value,
    pairs: &[(String, String)],
    file: Option<Map<String, Value>>,
) -> Result<Value, OptionsError> {
    let known = schema::known(schema);
    let mut options = file.unwrap_or_default();
    for (name, values) in grouped(pairs) {
        let option = match known.iter().find(|option| option.name == name) {
            Some(option) => option,
            None if schema::takes_others(schema) => &OptionSpec::other(name),
            None => return Err(unknown(name, &known)),
        };
        options.insert(name.to_owned(), value(option, &values)?);
    }
    check_names(schema, &known, &options)?;
    let options = Value::Object(options);
    let validator = compile(schema).map_err(|broken| OptionsError::Schema { rule: broken.rule })?;
    check(&validator, &options).map_err(|broken| {
        match broken.path.trim_start_matches('/').replace('/', ".") {
            name if name.is_empty() => OptionsError::Whole { rule: broken.rule },
            name => OptionsError::Rule {
                known: about(&known, &name),
                name,
                rule: broken.rule,
            },
        }
    })?;
    Ok(options)
}

/// The options that `schema` knows, one a line, with type, default and docs.
#[must_use]
pub fn list_known(schema: &Value) -> String {
    list(&schema::known(schema))
}

fn list(known: &[OptionSpec<'_>]) -> String {
    if known.is_empty() {
        return "the plugin takes no options".to_owned();
    }
    let lines = known.iter().map(|option| format!("\n  {}", line(option)));
    format!("the plugin's options are{}", lines.collect::<String>())
}

fn line(option: &OptionSpec<'_>) -> String {
    clean(&option.to_string(), LINE_BYTES)
}

/// What the plugin says of the option at `path`, whose first part is its name.
fn about(known: &[OptionSpec<'_>], path: &str) -> String {
    let is_it = |option: &&OptionSpec<'_>| {
        let rest = path.strip_prefix(option.name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    match known.iter().find(is_it) {
        Some(option) => format!("the plugin takes {}", line(option)),
        None => list(known),
    }
}

/// The pairs by name, in the order in which each name came first.
fn grouped(pairs: &[(String, String)]) -> Vec<(&str, Vec<&str>)> {
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    for (name, value) in pairs {
        match groups.iter_mut().find(|group| group.0 == name) {
            Some(group) => group.1.push(value),
            None => groups.push((name, vec![value])),
        }
    }
    groups
}

fn unknown(name: &str, known: &[OptionSpec<'_>]) -> OptionsError {
    OptionsError::Unknown {
        name: clean(name, LINE_BYTES),
        known: list(known),
    }
}

fn check_names(
    schema: &Value,
    known: &[OptionSpec<'_>],
    options: &Map<String, Value>,
) -> Result<(), OptionsError> {
    let is_known = |name: &&String| known.iter().any(|option| option.name == *name);
    if !schema::takes_others(schema)
        && let Some(name) = options.keys().find(|name| !is_known(name))
    {
        return Err(unknown(name, known));
    }
    let missing = |option: &&OptionSpec<'_>| option.required && !options.contains_key(option.name);
    match known.iter().find(missing) {
        Some(option) => Err(OptionsError::Missing {
            name: clean(option.name, LINE_BYTES),
            known: list(known),
        }),
        None => Ok(()),
    }
}

/// The value of one option as its type wants it.
fn value(option: &OptionSpec<'_>, texts: &[&str]) -> Result<Value, OptionsError> {
    match texts {
        texts if option.list => texts.iter().map(|text| scalar(option, text)).collect(),
        [text] => scalar(option, text),
        _ => Err(OptionsError::Repeated {
            name: clean(option.name, LINE_BYTES),
            known: format!("the plugin takes {}", line(option)),
        }),
    }
}

fn scalar(option: &OptionSpec<'_>, text: &str) -> Result<Value, OptionsError> {
    let typed = match option.kind {
        Kind::Text => return Ok(Value::String(text.to_owned())),
        Kind::Integer => text
            .parse::<i64>()
            .map(Value::from)
            .or_else(|_| text.parse::<u64>().map(Value::from))
            .ok(),
        Kind::Number => text.parse::<f64>().ok().and_then(|number| {
            // An integer stays one, because 3.0 is not what everyone takes for a 3.
            let integer = text.parse::<i64>().ok().map(Value::from);
            integer.or_else(|| serde_json::Number::from_f64(number).map(Value::Number))
        }),
        Kind::Bool => text.parse::<bool>().ok().map(Value::Bool),
        Kind::Json => serde_json::from_str(text).ok(),
    };
    typed.ok_or_else(|| OptionsError::Type {
        name: clean(option.name, LINE_BYTES),
        expected: option.kind.expected(),
        value: clean(text, LINE_BYTES),
        known: format!("the plugin takes {}", line(option)),
    })
}

#[cfg(test)]
mod tests;
