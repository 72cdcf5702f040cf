//! The destinations of outputs, as configuration files have them.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Reads outputs as the command line writes them: `[NAME=][KIND:]DESTINATION`.
///
/// # Errors
/// When the value is neither a destination, nor a list of them, nor a mapping from names to them.
pub(super) fn read<'de, D: Deserializer<'de>>(value: D) -> Result<Vec<String>, D::Error> {
    value.deserialize_any(OutputsVisitor)
}

/// Reads outputs: a destination, a list of `[NAME=]DESTINATION`, or a mapping from names to destinations.
struct OutputsVisitor;

impl<'de> Visitor<'de> for OutputsVisitor {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a file, a list of `[NAME=]FILE`, or a mapping from names to files or to destinations with a type")
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

impl<'de> Visitor<'de> for DestinationVisitor {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a file, or a mapping with `type` and `file`, for a database also `table`, or for a topic `topic`",
        )
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<String, A::Error> {
        let (mut kind, mut file, mut table, mut topic) = (None, None, None, None);
        while let Some((key, value)) = entries.next_entry::<String, String>()? {
            let member = match &*key {
                "type" => &mut kind,
                "file" => &mut file,
                "table" => &mut table,
                "topic" => &mut topic,
                other => {
                    let known = &["type", "file", "table", "topic"];
                    return Err(A::Error::unknown_field(other, known));
                }
            };
            *member = Some(value);
        }
        let kind = kind.ok_or_else(|| A::Error::missing_field("type"))?;
        // A member of another kind has no meaning, and is probably a mistake.
        let (name, missing, foreign) = if kind == "kafka" {
            (
                topic,
                "topic",
                file.or(table.take()).map(|_| "file` or `table"),
            )
        } else {
            (file, "file", topic.map(|_| "topic"))
        };
        let name = name.ok_or_else(|| A::Error::missing_field(missing))?;
        if let Some(foreign) = foreign {
            return Err(A::Error::custom(format_args!(
                "the type `{kind}` has no `{foreign}`"
            )));
        }
        let table = table.map_or_else(String::new, |table| format!("?table={table}"));
        Ok(format!("{kind}:{name}{table}"))
    }
}
