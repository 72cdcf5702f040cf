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
        f.write_str("a file, or a mapping with `type`, `file` and, for a database, `table`")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<String, A::Error> {
        let (mut kind, mut file, mut table) = (None, None, None);
        while let Some((key, value)) = entries.next_entry::<String, String>()? {
            let member = match &*key {
                "type" => &mut kind,
                "file" => &mut file,
                "table" => &mut table,
                other => return Err(A::Error::unknown_field(other, &["type", "file", "table"])),
            };
            *member = Some(value);
        }
        let kind = kind.ok_or_else(|| A::Error::missing_field("type"))?;
        let file = file.ok_or_else(|| A::Error::missing_field("file"))?;
        let table = table.map_or_else(String::new, |table| format!("?table={table}"));
        Ok(format!("{kind}:{file}{table}"))
    }
}
