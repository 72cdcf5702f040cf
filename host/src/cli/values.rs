//! Parses values of the command line that the configuration does not parse itself.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Arg, Command, ValueEnum};

use crate::config::{
    Anonymise, LogFormat, MissingTopics, OnEof, OnFailure, OnSchemaChange, Print, Privileged,
};

/// `KEY=VALUE`.
pub(super) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("it is not of the form KEY=VALUE".to_owned()),
    }
}

/// An option of a plugin, `KEY=VALUE`.
pub(super) fn plugin_option(text: &str) -> Result<(String, String), String> {
    pair(text).map_err(|reason| {
        format!("{reason}; `journal-host describe PLUGIN` lists the plugin's options")
    })
}

/// The value of a flag that was renamed: it always fails, with the name of the new one.
pub(super) fn on_bad_record(_text: &str) -> Result<String, String> {
    Err("it is called `--on-failure` now".to_owned())
}

/// `KEY=VALUE` where the value may be a secret; the argument parser's error would show it.
#[derive(Clone)]
pub(super) struct SecretPair;

impl TypedValueParser for SecretPair {
    type Value = (String, String);

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<Self::Value, clap::Error> {
        let text = value.to_str().ok_or("it is not Unicode");
        text.map_err(str::to_owned)
            .and_then(pair)
            .map_err(|reason| {
                let argument = argument.map(Arg::to_string).unwrap_or_default();
                let text = format!("invalid value for '{argument}': {reason}\n");
                clap::Error::raw(ErrorKind::ValueValidation, text).with_cmd(command)
            })
    }
}

impl ValueEnum for OnEof {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Stop, Self::Continue, Self::Restart]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            Self::Stop => PossibleValue::new("stop").help("The run ends"),
            Self::Continue => PossibleValue::new("continue").help("The run waits for more"),
            Self::Restart => PossibleValue::new("restart").help("The run reads all records again"),
        })
    }
}

impl ValueEnum for Privileged {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Required, Self::IfAvailable, Self::No]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            Self::Required => PossibleValue::new("required")
                .help("Privileged topics are read, and the run fails where one is missing"),
            Self::IfAvailable => PossibleValue::new("if-available")
                .help("Anonymised topics are read where the privileged one is missing"),
            Self::No => PossibleValue::new("no").help("Only public topics are read"),
        })
    }
}

impl ValueEnum for Anonymise {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Persons, Self::Strict, Self::No]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            Self::Persons => PossibleValue::new("persons")
                .help("Authors and committers are replaced by hashes, as in public topics"),
            Self::Strict => PossibleValue::new("strict").help(
                "The same, and members that may repeat names or addresses are removed; identifiers cannot be checked",
            ),
            Self::No => PossibleValue::new("no").help("Records stay as they are"),
        })
    }
}

impl ValueEnum for MissingTopics {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Error, Self::Ignore]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            Self::Error => PossibleValue::new("error").help("The run fails"),
            Self::Ignore => {
                PossibleValue::new("ignore").help("The run reads the other object types")
            }
        })
    }
}

impl ValueEnum for Print {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Log, Self::Stdout]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            Self::Log => PossibleValue::new("log").help("It goes to the log"),
            Self::Stdout => PossibleValue::new("stdout").help(
                "It is the output `printed`, which goes to standard output unless `--output` says otherwise",
            ),
        })
    }
}

impl ValueEnum for OnSchemaChange {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Refuse, Self::AddColumns]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            Self::Refuse => PossibleValue::new("refuse").help(
                "End before anything is written, and print the statements that would make it fit",
            ),
            Self::AddColumns => PossibleValue::new("add-columns")
                .help("Add the columns that are missing, and end where that is not enough"),
        })
    }
}

impl ValueEnum for OnFailure {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Stop, Self::Skip, Self::DeadLetter]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            Self::Stop => PossibleValue::new("stop")
                .help("The run ends, and nothing since the last checkpoint counts"),
            Self::Skip => PossibleValue::new("skip").help("The record is counted and passed over"),
            Self::DeadLetter => PossibleValue::new("dead-letter")
                .help("The record is written to `--dead-letters` and passed over"),
        })
    }
}

impl ValueEnum for LogFormat {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Text, Self::Json]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            Self::Text => PossibleValue::new("text").help("Text, for people"),
            Self::Json => PossibleValue::new("json").help("One JSON object per line"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_cut_at_its_first_equals_sign() {
        assert_eq!(pair("a=b=c"), Ok(("a".into(), "b=c".into())));
        assert!(pair("=b").is_err());
        assert!(pair("ab").is_err());
    }
}
