//! The plugin's options, from `KEY=VALUE` pairs and a file.

use std::fs;
use std::path::{Path, PathBuf};

use journal_options::{OptionError, OptionSchema};
use serde_json::{Map, Value};

use crate::text::{MESSAGE_BYTES, clean};

/// Options that cannot be read, or that the plugin does not take.
#[derive(Debug, thiserror::Error)]
pub enum OptionsError {
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
    /// The plugin does not take them. What is quoted of the plugin and the options is made harmless here.
    #[error("{}", clean(&.0.to_string(), MESSAGE_BYTES))]
    NotTaken(OptionError),
}

impl From<OptionError> for OptionsError {
    fn from(error: OptionError) -> Self {
        Self::NotTaken(error)
    }
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

/// The options as one JSON object that `schema` takes; pairs win over the file.
///
/// A pair's value is taken by the option's type: a string as it is, a number, `true` or `false`; a
/// key that is repeated makes a list where the option is one; anything else is JSON. Defaults are the plugin's to fill
/// in.
///
/// # Errors
/// When an option is unknown, missing, of the wrong type, or breaks another rule of the schema.
pub fn parse(
    schema: &OptionSchema,
    pairs: &[(String, String)],
    file: Option<Map<String, Value>>,
) -> Result<Value, OptionsError> {
    let mut options = file.unwrap_or_default();
    for (name, values) in grouped(pairs) {
        options.insert(name.to_owned(), schema.value(name, &values)?);
    }
    schema.check(&options)?;
    Ok(Value::Object(options))
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

#[cfg(test)]
mod tests;
