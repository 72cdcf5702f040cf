//! The plugin's options, from `KEY=VALUE` pairs and a file.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use journal_options::{OptionError, OptionSchema};
use serde_json::{Map, Value};

use crate::text::{MESSAGE_BYTES, clean};

/// The limit on a file of options, in bytes: authors pass whole tables. As a tree it takes several times as much memory.
const MOST_BYTES: u64 = 64 << 20;

/// Options that cannot be read, or that the plugin does not accept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OptionsError {
    /// The file of options could not be read.
    #[error("cannot read the options in `{}`", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// The file of options is too large.
    #[error("the options in `{}` have more than {MOST_BYTES} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The file of options is not JSON.
    #[error("the options in `{}` are not JSON", path.display())]
    NotJson {
        /// The file.
        path: PathBuf,
        /// The error of the JSON parser.
        #[source]
        source: serde_json::Error,
    },
    /// The file of options holds something else.
    #[error("the options in `{}` are not a JSON object", path.display())]
    NotAnObject {
        /// The file.
        path: PathBuf,
    },
    /// The plugin does not accept them. The message is cleaned here, because it quotes the plugin and the options.
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
pub(crate) fn read_file(path: &Path) -> Result<Map<String, Value>, OptionsError> {
    let mut text = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut text))
        .map_err(|source| OptionsError::File {
            path: path.to_owned(),
            source,
        })?;
    if text.len() as u64 > MOST_BYTES {
        return Err(OptionsError::TooLarge {
            path: path.to_owned(),
        });
    }
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

/// The options as one JSON object that `schema` accepts; pairs take precedence over the file.
///
/// The option's type decides how a pair's value is read: as a string, a number, `true` or `false`; repeated keys make a
/// list if the option is one; anything else is JSON. The plugin fills in defaults.
///
/// # Errors
/// When an option is unknown, missing, of the wrong type, or breaks another rule of the schema.
pub(crate) fn parse(
    schema: &OptionSchema,
    pairs: &[(String, String)],
    file: Option<Map<String, Value>>,
) -> Result<Value, OptionsError> {
    let mut options = file.unwrap_or_default();
    options.extend(typed(schema, pairs)?);
    schema.check(&options)?;
    Ok(Value::Object(options))
}

/// The values of pairs, by the types that the schema gives their options.
///
/// # Errors
/// When an option is unknown or of another type.
pub(crate) fn typed(
    schema: &OptionSchema,
    pairs: &[(String, String)],
) -> Result<Map<String, Value>, OptionsError> {
    let mut options = Map::new();
    for (name, values) in grouped(pairs) {
        options.insert(name.to_owned(), schema.value(name, &values)?);
    }
    Ok(options)
}

/// The pairs by name, in the order in which the names first occur.
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
