//! `journal-host show`: objects as people read them, without a plugin.

use std::io::{self, Write};

use journal_objects::Readable;
use journal_recording::Frame;
use serde::Serialize;

use super::args::{
    self, ConfigArguments, ObjectArguments, PrivacyArguments, SortArguments, SourceArguments,
};
use super::names::Names;
use super::report::Report;
use crate::config::{DEFAULT_SHUTDOWN_TIMEOUT, Layer, MissingTopics, ReadConfig, ReadSource};
use crate::journal::batch::Topic;
use crate::journal::topics::ObjectTypes;
use crate::pipeline::build::{self, cluster_settings, subscription};
use crate::source::Damage;
use crate::text;
use crate::transfer::{self, ObjectId, Part, Wanted};

/// How many objects of each type are shown where none is named.
const SHOWN: u64 = 3;

/// Prints objects as JSON, without a plugin: the first ones of each object type, or those that are looked for.
///
/// Names and messages are text where they are UTF-8, identifiers are hexadecimal digits, times are RFC 3339. Over
/// Kafka, the command joins no consumer group and commits nothing.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    config: ConfigArguments,

    #[command(flatten)]
    source: SourceArguments,

    #[command(flatten)]
    sort: SortArguments,

    #[command(flatten)]
    objects: ObjectArguments,

    #[command(flatten)]
    privacy: PrivacyArguments,

    /// Show the object with this identifier, `swh:1:rev:...`. Over Kafka, its whole topic may be read.
    #[arg(long, value_name = "SWHID", value_parser = object_id, conflicts_with_all = ["key", "partition"])]
    id: Option<ObjectId>,

    /// Show the record with this key, in hexadecimal digits.
    #[arg(long, value_name = "HEX", value_parser = hex, conflicts_with = "partition")]
    key: Option<Key>,

    /// Show the record at this position of each topic, with `--offset`.
    #[arg(long, value_name = "P", requires = "offset")]
    partition: Option<u32>,

    /// The offset of the record in its partition.
    #[arg(long, value_name = "N", requires = "partition")]
    offset: Option<u64>,

    /// Maximum number of records of each object type [default: 3, or 1 where a record is named].
    #[arg(short = 'n', long = "count", value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,

    /// Print one line for each record.
    #[arg(long)]
    json: bool,
}

/// A key of a record.
#[derive(Clone, Debug)]
struct Key(Vec<u8>);

/// Reads, and prints.
pub(super) fn execute(arguments: Arguments) -> Result<(), Report> {
    let wanted = arguments.wanted();
    let count = arguments.count.unwrap_or(match wanted {
        Wanted::Any => SHOWN,
        _ => 1,
    });
    let is_compact = arguments.json;
    let mut layer = Layer::default();
    arguments.config.add_to(&mut layer);
    arguments.source.add_to(&mut layer);
    arguments.sort.add_to(&mut layer);
    arguments.objects.add_to(&mut layer);
    arguments.privacy.add_to(&mut layer);
    if let Wanted::Object(id) = &wanted
        && layer.journal.object_types.is_none()
    {
        let types = id.object_types().iter().map(|name| (*name).to_owned());
        layer.journal.object_types = Some(types.collect());
        layer.journal.missing_topics = Some(MissingTopics::Ignore);
    }
    let (config, origins) = args::configure::<ReadConfig>(layer);
    let names = Names(&origins);
    let config = config.map_err(|error| Report::of(&error, names))?;
    let object_types = match &config.objects.types[..] {
        [] => ObjectTypes::Any,
        types => ObjectTypes::Named(types.to_vec()),
    };
    let privacy = build::privacy(&config.privacy).map_err(|error| Report::of(&error, names))?;
    let part = Part {
        subscription: subscription(&config.objects, object_types),
        partitions: Vec::new(),
        from: None,
        until: None,
        privacy,
        // One object has one identifier, although it may be in more than one topic.
        max_records: matches!(wanted, Wanted::Object(_)).then_some(count),
        max_records_per_topic: Some(count),
    };
    let stop = args::install_signal_handlers(DEFAULT_SHUTDOWN_TIMEOUT)?;
    let mut print = |topic: &Topic, frame: &Frame<'_>, damage: Option<&Damage>| {
        print(&as_json(topic, frame, damage, is_compact)?)
    };
    let shown = match &config.source {
        ReadSource::Cluster(connection) => {
            stop.begin();
            let settings = cluster_settings(connection);
            transfer::show(&settings, &part, &wanted, &mut print, &stop)
        }
        ReadSource::Local(source) => build::local(source)
            .map_err(transfer::Error::from)
            .and_then(|local| transfer::show_local(local, &part, &wanted, &mut print, &stop)),
    };
    match shown.map_err(|error| Report::of(&error, names))? {
        0 => Err(nothing(&wanted)),
        _ => Ok(()),
    }
}

impl Arguments {
    fn wanted(&self) -> Wanted {
        match (&self.id, &self.key, self.partition, self.offset) {
            (Some(id), ..) => Wanted::Object(id.clone()),
            (None, Some(Key(key)), ..) => Wanted::Key(key.clone()),
            (None, None, Some(partition), Some(offset)) => Wanted::Position { partition, offset },
            _ => Wanted::Any,
        }
    }
}

/// The failure to find anything.
fn nothing(wanted: &Wanted) -> Report {
    let text = match wanted {
        Wanted::Any => "the source has no record".to_owned(),
        Wanted::Key(_) => "no record has this key".to_owned(),
        Wanted::Object(id) => format!("no object has the identifier `{id}`"),
        Wanted::Position { partition, offset } => {
            format!("there is no record at offset {offset} of partition {partition}")
        }
    };
    let hint = match wanted {
        Wanted::Any => None,
        Wanted::Key(_) => Some("the output of `show` without `--key` has the keys that there are"),
        Wanted::Object(_) => Some("the source has other objects: leave `--id` out to see some"),
        Wanted::Position { .. } => {
            Some("a recording may lack partitions and offsets: leave both out to see some records")
        }
    };
    Report::failure(anyhow::Error::msg(text), hint.map(str::to_owned))
}

fn object_id(text: &str) -> Result<ObjectId, String> {
    ObjectId::read(text).ok_or_else(|| {
        "it is no SWHID, such as swh:1:rev:0123456789abcdef0123456789abcdef01234567".to_owned()
    })
}

fn hex(text: &str) -> Result<Key, String> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let mut key = vec![0; digits.len() / 2];
    const_hex::decode_to_slice(digits, &mut key).map_err(|error| error.to_string())?;
    Ok(Key(key))
}

/// Prints a record. What it holds cannot steer a terminal.
fn print(json: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{}", text::escape_json(json))?;
    stdout.flush()
}

/// A record with all that is known of it.
#[derive(Serialize)]
struct Record<'a> {
    object_type: &'a str,
    #[serde(skip_serializing_if = "is_false")]
    privileged: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    partition: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// What is wrong with the object, where its source says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    damaged: Option<String>,
    #[serde(flatten)]
    value: Content<'a>,
}

/// The value of a record.
#[derive(Serialize)]
#[serde(untagged)]
enum Content<'a> {
    /// Absent for a tombstone.
    Object { object: Option<Readable<'a>> },
    /// It is no object.
    Damaged { error: String, value: String },
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_false(flag: &bool) -> bool {
    !flag
}

fn as_json(
    topic: &Topic,
    frame: &Frame<'_>,
    damage: Option<&Damage>,
    is_compact: bool,
) -> serde_json::Result<String> {
    let write = if is_compact {
        serde_json::to_string
    } else {
        serde_json::to_string_pretty
    };
    let mut record = Record {
        object_type: &topic.object_type,
        privileged: topic.privileged,
        partition: frame.partition,
        offset: frame.offset,
        timestamp: frame.timestamp_ms.and_then(time),
        key: (!frame.key.is_empty()).then(|| text::hex(frame.key)),
        damaged: damage.map(Damage::to_string),
        value: Content::Object {
            object: frame.value.map(Readable::new),
        },
    };
    write(&record).or_else(|error| {
        record.value = Content::Damaged {
            error: error.to_string(),
            value: frame.value.map(text::hex).unwrap_or_default(),
        };
        write(&record)
    })
}

/// Milliseconds since 1970 as RFC 3339.
fn time(ms: i64) -> Option<String> {
    let nanoseconds = u32::try_from(ms.rem_euclid(1000)).ok()? * 1_000_000;
    journal_rows::time_text(ms.div_euclid(1000), nanoseconds)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn shown(value: Option<&[u8]>) -> String {
        let topic = Topic {
            name: "p.origin".to_owned(),
            object_type: "origin".to_owned(),
            privileged: false,
        };
        let frame = Frame {
            topic: "p.origin",
            key: b"\x01\xff",
            value,
            partition: Some(3),
            offset: Some(7),
            timestamp_ms: Some(-1500),
        };
        as_json(&topic, &frame, None, true).unwrap()
    }

    #[test]
    fn record_has_its_position_key_and_object_with_its_fields_in_their_order() {
        assert_eq!(
            shown(Some(b"\x82\xa3url\xa1x\xa1a\x01")),
            r#"{"object_type":"origin","partition":3,"offset":7,"timestamp":"1969-12-31T23:59:58.5Z","key":"01ff","object":{"url":"x","a":1}}"#
        );
    }

    #[test]
    fn object_whose_source_found_it_damaged_is_shown_and_marked() {
        let topic = Topic {
            name: "p.directory".to_owned(),
            object_type: "directory".to_owned(),
            privileged: false,
        };
        let frame = Frame {
            topic: "p.directory",
            key: b"",
            value: Some(b"\x81\xa1a\x01"),
            partition: None,
            offset: None,
            timestamp_ms: None,
        };
        let damage = Damage {
            swhid: "swh:1:dir:00".to_owned(),
            file: "a.orc".into(),
            row: 7,
        };
        let json = as_json(&topic, &frame, Some(&damage), true).unwrap();
        let shown: Value = serde_json::from_str(&json).unwrap();
        let said = "the object `swh:1:dir:00` in row 7 of `a.orc` is damaged: its content has another identifier";
        assert_eq!(shown["damaged"], json!(said));
        assert_eq!(shown["object"], json!({"a": 1}));
    }

    #[test]
    fn tombstone_has_no_object_and_damage_is_shown_with_its_bytes() {
        let read = |text: String| serde_json::from_str::<Value>(&text).unwrap();
        assert_eq!(read(shown(None))["object"], Value::Null);
        let damaged = read(shown(Some(b"\x81\xa3url")));
        assert_eq!(damaged["error"], json!("the value ends early"));
        assert_eq!(damaged["value"], json!("81a375726c"));
        assert!(damaged.get("object").is_none());
    }
}
