//! The destinations of outputs, as configuration files have them.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Unexpected, Visitor};

/// The name under which a list or a mapping asks for its value, so that a variable of the environment can be either.
pub(super) const LIST_OR_MAPPING: &str = "ListOrMapping";

/// Reads outputs as the command line writes them: `[NAME=][KIND:]DESTINATION`.
///
/// # Errors
/// When the value is neither a destination, nor a list of them, nor a mapping from names to them.
pub(super) fn read<'de, D: Deserializer<'de>>(value: D) -> Result<Vec<String>, D::Error> {
    value.deserialize_newtype_struct(LIST_OR_MAPPING, OutputsVisitor)
}

/// Reads outputs: a destination, a list of `[NAME=]DESTINATION`, or a mapping from names to destinations.
struct OutputsVisitor;

impl<'de> Visitor<'de> for OutputsVisitor {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a file, a list of `[NAME=]FILE`, or a mapping from names to files or to destinations with a type")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, value: D) -> Result<Vec<String>, D::Error> {
        value.deserialize_any(self)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Vec<String>, E> {
        Ok(vec![text.to_owned()])
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<String>, A::Error> {
        let mut outputs = Vec::new();
        while let Some(output) = items.next_element()? {
            outputs.push(output);
        }
        Ok(outputs)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Vec<String>, A::Error> {
        let mut outputs = Vec::new();
        while let Some((name, Destination(destination))) = entries.next_entry()? {
            let name: String = name;
            outputs.push(format!("{name}={destination}"));
        }
        Ok(outputs)
    }
}

/// A destination in a file, as the command line writes it.
struct Destination(String);

impl<'de> Deserialize<'de> for Destination {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DestinationVisitor).map(Self)
    }
}

struct DestinationVisitor;

/// The members of a destination.
const FIELDS: &[&str] = &[
    "type",
    "file",
    "url",
    "table",
    "schema",
    "password_file",
    "topic",
    "folder",
];

/// What names a table after a file or folder.
fn with_table(table: Option<String>) -> String {
    table.map_or_else(String::new, |table| format!("?table={table}"))
}

/// A URL with parameters after its own ones.
fn with_parameters(mut url: String, given: [(&str, Option<String>); 3]) -> String {
    for (name, value) in given {
        let Some(value) = value else {
            continue;
        };
        let separator = if url.contains('?') { '&' } else { '?' };
        // What would end the value is written as a URL has it.
        let value = value.replace('%', "%25").replace('&', "%26");
        url = format!("{url}{separator}{name}={value}");
    }
    url
}

impl<'de> Visitor<'de> for DestinationVisitor {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a file, a URL, or a mapping with `type` and `file`, `folder`, `url` or `topic`, and for tables `table`",
        )
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<String, A::Error> {
        let mut members: [Option<String>; FIELDS.len()] = Default::default();
        while let Some((key, value)) = entries.next_entry::<String, String>()? {
            let known = FIELDS.iter().position(|field| *field == key);
            let index = known.ok_or_else(|| A::Error::unknown_field(&key, FIELDS))?;
            members[index] = Some(value);
        }
        let [kind, file, url, table, schema, password_file, topic, folder] = members;
        let kind = kind.ok_or_else(|| A::Error::missing_field("type"))?;
        if kind == "kafka" {
            let other = file
                .or(url)
                .or(table)
                .or(schema)
                .or(password_file)
                .or(folder);
            if other.is_some() {
                let message = "the type `kafka` has a `topic` and nothing else";
                return Err(A::Error::custom(message));
            }
            let topic = topic.ok_or_else(|| A::Error::missing_field("topic"))?;
            return Ok(format!("kafka:{topic}"));
        }
        if topic.is_some() {
            return Err(A::Error::unknown_field("topic", &["type", "file", "table"]));
        }
        if kind == "parquet" {
            if file.or(url).or(schema).or(password_file).is_some() {
                let message = "the type `parquet` has a `folder`, and it may have a `table`";
                return Err(A::Error::custom(message));
            }
            let folder = folder.ok_or_else(|| A::Error::missing_field("folder"))?;
            return Ok(format!("parquet:{folder}{}", with_table(table)));
        }
        if folder.is_some() {
            return Err(A::Error::unknown_field(
                "folder",
                &["type", "file", "table"],
            ));
        }
        if kind == "postgres" {
            if file.is_some() {
                return Err(A::Error::unknown_field(
                    "file",
                    &["type", "url", "table", "schema", "password_file"],
                ));
            }
            let url = url.ok_or_else(|| A::Error::missing_field("url"))?;
            if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
                let expected = "a URL that begins with `postgres://`";
                return Err(A::Error::invalid_value(
                    Unexpected::Other("another text"),
                    &expected,
                ));
            }
            let given = [
                ("table", table),
                ("schema", schema),
                ("password_file", password_file),
            ];
            return Ok(with_parameters(url, given));
        }
        let unknown = [
            ("url", url),
            ("schema", schema),
            ("password_file", password_file),
        ];
        if let Some((field, _)) = unknown.into_iter().find(|(_, value)| value.is_some()) {
            return Err(A::Error::unknown_field(field, &["type", "file", "table"]));
        }
        let file = file.ok_or_else(|| A::Error::missing_field("file"))?;
        Ok(format!("{kind}:{file}{}", with_table(table)))
    }
}
