//! The JSON Schema of a configuration file, from which editors complete it. It follows from the flags of `run`.

use std::any::TypeId;

use clap::{Arg, ArgAction, Args, Command};
use serde_json::{Map, Value, json};

use crate::cli::names::{flag, key};
use crate::cli::run;
use crate::config::{RecordCount, Setting, Size, Span, WorkerCount};

/// The schema.
pub(super) fn schema() -> Value {
    let command = run::Arguments::augment_args(Command::new("run"));
    let mut properties = Map::new();
    for setting in Setting::ALL {
        if let Some(argument) = argument(&command, setting) {
            properties.insert(key(setting), property(setting, argument));
        }
    }
    for (short, setting) in [
        ("password_file", Setting::PasswordFile),
        ("key_password_file", Setting::KeyPasswordFile),
    ] {
        if let Some(property) = properties.get(&key(setting)).cloned() {
            properties.insert(short.to_owned(), property);
        }
    }
    properties.insert("journal_client".to_owned(), journal_client());
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration of journal-host",
        "description": "Sections of other programs may stand beside these keys.",
        "type": "object",
        "properties": properties,
    })
}

fn argument(command: &Command, setting: Setting) -> Option<&Arg> {
    let flag = flag(setting);
    let is_it = |argument: &&Arg| match flag.strip_prefix("--") {
        Some(long) => argument.get_long() == Some(long),
        None => argument.get_id().as_str() == flag.to_ascii_lowercase(),
    };
    command.get_arguments().find(is_it)
}

fn property(setting: Setting, argument: &Arg) -> Value {
    let mut property = match setting {
        Setting::Options => json!({"type": "object"}),
        Setting::Kafka => kafka_settings(),
        Setting::Outputs => json!({"anyOf": [
            {"type": "string"},
            {"type": "array", "items": {"type": "string"}},
            {"type": "object", "additionalProperties": {"anyOf": [
                {"type": "string"},
                {
                    "type": "object",
                    "required": ["type", "file"],
                    "properties": {
                        "type": {"enum": ["jsonl", "sqlite"]},
                        "file": {"type": "string"},
                        "table": {"type": "string"},
                    },
                    "additionalProperties": false,
                },
                {
                    "type": "object",
                    "required": ["type", "folder"],
                    "properties": {
                        "type": {"const": "parquet"},
                        "folder": {"type": "string"},
                        "table": {"type": "string"},
                    },
                    "additionalProperties": false,
                },
                {
                    "type": "object",
                    "required": ["type", "topic"],
                    "properties": {
                        "type": {"enum": ["kafka"]},
                        "topic": {"type": "string"},
                    },
                    "additionalProperties": false,
                },
                {
                    "type": "object",
                    "required": ["type", "url"],
                    "properties": {
                        "type": {"const": "postgres"},
                        "url": {"type": "string"},
                        "table": {"type": "string"},
                        "schema": {"type": "string"},
                        "password_file": {"type": "string"},
                    },
                    "additionalProperties": false,
                },
            ]}},
        ]}),
        Setting::Privileged | Setting::Anonymise => with_booleans(value(argument)),
        _ => value(argument),
    };
    if let (Some(members), Some(help)) = (property.as_object_mut(), argument.get_help()) {
        members.insert("description".to_owned(), help.to_string().into());
    }
    property
}

/// The words of a setting that also takes `true` and `false`.
fn with_booleans(mut words: Value) -> Value {
    if let Some(words) = words.get_mut("enum").and_then(Value::as_array_mut) {
        words.extend([true.into(), false.into()]);
    }
    words
}

/// A value of the type that the flag takes, or null.
fn value(argument: &Arg) -> Value {
    let takes = argument.get_value_parser().type_id();
    let is = |known: TypeId| takes == known;
    let words = argument.get_possible_values();
    let one = if matches!(argument.get_action(), ArgAction::SetTrue) {
        json!({"type": ["boolean", "null"]})
    } else if !words.is_empty() {
        let words = words.iter().map(|word| Value::from(word.get_name()));
        json!({"enum": words.chain([Value::Null]).collect::<Vec<_>>()})
    } else if is(TypeId::of::<Size>()) {
        json!({"type": ["string", "integer", "null"], "examples": ["1MiB"]})
    } else if is(TypeId::of::<Span>()) {
        json!({"type": ["string", "null"], "examples": ["30s"]})
    } else if is(TypeId::of::<RecordCount>()) || is(TypeId::of::<WorkerCount>()) {
        json!({"type": ["integer", "null"], "minimum": 1})
    } else if is(TypeId::of::<u64>()) || is(TypeId::of::<u32>()) {
        json!({"type": ["integer", "null"], "minimum": 0})
    } else {
        json!({"type": ["string", "null"]})
    };
    if matches!(argument.get_action(), ArgAction::Append) {
        json!({"anyOf": [one, {"type": "array", "items": {"type": "string"}}]})
    } else {
        one
    }
}

fn kafka_settings() -> Value {
    json!({
        "type": ["object", "null"],
        "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
    })
}

/// The section of `swh.journal.client`.
fn journal_client() -> Value {
    let strings = json!({"anyOf": [
        {"type": ["string", "null"]},
        {"type": "array", "items": {"type": "string"}},
    ]});
    json!({
        "description": "The section of swh.journal.client. Keys at the top of the file override it.",
        "type": ["object", "null"],
        "properties": {
            "cls": {"const": "kafka"},
            "brokers": strings,
            "group_id": {"type": ["string", "null"]},
            "prefix": {"type": ["string", "null"]},
            "object_types": strings,
            "privileged": {"type": ["boolean", "null"]},
            "stop_after_objects": {"type": ["integer", "null"], "minimum": 0},
            "batch_size": {"type": ["integer", "null"], "minimum": 1},
            "auto_offset_reset": {"enum": ["earliest", "latest", null]},
            "on_eof": {"enum": ["continue", "stop", "restart", null]},
            "stop_on_eof": {"type": ["boolean", "null"], "deprecated": true},
            "create_topics": {"type": ["boolean", "null"]},
            "consumer_settings": kafka_settings(),
            "password_file": {"type": ["string", "null"]},
            "key_password_file": {"type": ["string", "null"]},
        },
    })
}
