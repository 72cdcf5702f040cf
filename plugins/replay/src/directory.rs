//! The tables of directories and their entries.

use journal_plugin_sdk::{
    Bytes, Columns, Directory, EntryType, Id, Out, Plan, RecordError, Timestamp,
};
use serde::Serialize;

use crate::columns::{RECORDED, variant};

const ENTRY: &str = "directory_entry";

#[derive(Serialize, Columns)]
struct DirectoryRow<'a> {
    /// The identifier.
    id: Id,
    /// The variant of the directory, which its entries have, too.
    variant: i64,
    /// The bytes of the Git object with its header, if the entries cannot reproduce them.
    raw_manifest: Option<Bytes<'a>>,
    /// When the record was written.
    recorded: Timestamp,
}

#[derive(Serialize, Columns)]
struct EntryRow<'a> {
    /// The directory.
    directory: Id,
    /// The variant of the directory.
    variant: i64,
    /// The number of the entry in the record, from 0.
    position: usize,
    /// The name.
    name: Bytes<'a>,
    /// The type of the target: `file` for a content, `dir` for a directory, `rev` for a revision.
    #[serde(rename = "type")]
    #[column(text)]
    entry_type: EntryType,
    /// The identifier of the target.
    target: Id,
    /// The mode in the form of Git, such as 33188, which is 100644 in octal.
    perms: u32,
}

pub(crate) fn declare(plan: Plan) -> Plan {
    plan.output(Directory::OBJECT_TYPE, "Directories")
        .row::<DirectoryRow<'_>>()
        .upsert_by(["id"], RECORDED)
        .output(ENTRY, "The entries of directories")
        .row::<EntryRow<'_>>()
        .unique_by(["directory", "variant", "position"])
}

pub(crate) fn write(
    directory: &Directory<'_>,
    recorded: Timestamp,
    out: &mut Out,
) -> Result<(), RecordError> {
    let id = directory.id()?;
    let variant = variant(directory.value());
    for (position, entry) in directory.entries()?.enumerate() {
        let entry = entry?;
        let row = EntryRow {
            directory: id,
            variant,
            position,
            name: entry.name.into(),
            entry_type: entry.entry_type,
            target: entry.target,
            perms: entry.perms,
        };
        out.emit_to(ENTRY, &row)?;
    }
    let row = DirectoryRow {
        id,
        variant,
        raw_manifest: directory.raw_manifest()?.map(Bytes::from),
        recorded,
    };
    out.emit_to(Directory::OBJECT_TYPE, &row)
}
