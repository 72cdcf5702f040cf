//! Whose rows a table has, and which columns: a file beside the manifests, which the first run creates.

use std::io::ErrorKind;
use std::path::Path;

use journal_rows::Column;
use serde::{Deserialize, Serialize};

use super::manifests::{Manifests, write_named};
use super::{ParquetError, cleaning};
use crate::sink::tables::{Combining, Known, Owner, SchemaChange, Table, TableError};

/// The version of descriptions.
const VERSION: u32 = 1;

/// What is remembered of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Description {
    version: u32,
    plugin: String,
    output: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    combining: Combining,
    columns: Vec<Column>,
}

/// Describes a table that is new, and checks one that is there.
pub(super) fn prepare(manifests: &Manifests, table: &Table) -> Result<(), ParquetError> {
    let (layout, owner) = (&manifests.layout, &manifests.owner);
    let (path, folder) = (layout.description(&table.name), layout.journal());
    let shown = layout.shown();
    loop {
        let known = Description::read(&path)?;
        // Another run may have described the table meanwhile, and written to it.
        if known.is_none()
            && cleaning::has_rows(manifests, &table.name)?
            && Description::read(&path)?.is_none()
        {
            return Err(not_own(shown, table));
        }
        let needed = needed(known.as_ref(), &shown, table, owner)?;
        if known.as_ref() == Some(&needed) {
            return Ok(());
        }
        let text =
            serde_json::to_vec(&needed).map_err(|error| ParquetError::damaged(&path, &error))?;
        let temporary = layout.next_temporary(&folder);
        let is_named = write_named(&*manifests.files, &temporary, &text, |temporary| {
            let named = if known.is_none() {
                // Another run may describe the table, too.
                manifests.files.link(temporary, &path)
            } else {
                manifests.files.rename(temporary, &path)
            };
            match named {
                Ok(()) => Ok(true),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
                Err(error) => Err(ParquetError::write(&path)(error)),
            }
        })?;
        if is_named {
            return manifests.sync_folder(&folder);
        }
    }
}

/// The table has files that nobody has described.
fn not_own(folder: String, table: &Table) -> ParquetError {
    TableError::NotOwn {
        database: folder,
        table: table.name.clone(),
    }
    .into()
}

/// Checks a table that may be there. Nothing is changed.
pub(super) fn check(
    path: &Path,
    folder: &str,
    table: &Table,
    owner: &Owner,
) -> Result<(), ParquetError> {
    let known = Description::read(path)?;
    needed(known.as_ref(), folder, table, owner).map(drop)
}

/// The description of a table whose files have the rows of this plan, too.
fn needed(
    known: Option<&Description>,
    folder: &str,
    table: &Table,
    owner: &Owner,
) -> Result<Description, ParquetError> {
    let columns = table.row.columns();
    let Some(known) = known else {
        return Ok(Description {
            version: VERSION,
            plugin: owner.plugin.clone(),
            output: table.output.clone(),
            group: owner.group.clone(),
            combining: table.combining.clone(),
            columns: columns.to_vec(),
        });
    };
    let whose = Known {
        plugin: known.plugin.clone(),
        output: known.output.clone(),
        group: known.group.clone(),
        combining: String::new(),
    };
    table.check_owner(folder, owner, &whose)?;
    let Differences {
        added,
        removed,
        fixed,
    } = known.differences(table);
    let adds = owner.schema_change == SchemaChange::AddColumns;
    let can_add = fixed.is_empty();
    if !can_add || !(adds || added.is_empty() && removed.is_empty()) {
        let added = added
            .iter()
            .map(|column| format!("its files lack the column `{}`", column.name));
        let removed = removed
            .iter()
            .map(|name| format!("the plan lacks the column `{name}`"));
        return Err(ParquetError::OtherColumns {
            folder: folder.to_owned(),
            table: table.name.clone(),
            reasons: fixed.into_iter().chain(added).chain(removed).collect(),
            can_add,
        });
    }
    let mut needed = known.clone();
    if !added.is_empty() {
        needed.combining = table.combining.clone();
    }
    needed.columns.extend(added);
    Ok(needed)
}

/// How the columns of a plan differ from those of the files that are there.
#[derive(Default)]
struct Differences {
    added: Vec<Column>,
    removed: Vec<String>,
    /// What readers would not take, each as a sentence.
    fixed: Vec<String>,
}

impl Description {
    fn read(path: &Path) -> Result<Option<Self>, ParquetError> {
        let text = match std::fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(ParquetError::read(path)(error)),
        };
        let known: Self =
            serde_json::from_slice(&text).map_err(|error| ParquetError::damaged(path, &error))?;
        if known.version != VERSION {
            let reason = format!("it has the version {}", known.version);
            return Err(ParquetError::damaged(path, &reason));
        }
        Ok(Some(known))
    }

    /// Whether a column can be null does not count: each file says that for itself.
    fn differences(&self, table: &Table) -> Differences {
        let mut differences = Differences::default();
        if !self.combining.becomes(&table.combining) {
            let reason = "its rows were merged in another way, or by another key";
            differences.fixed.push(reason.to_owned());
        }
        let is_same = |one: &Column, other: &Column| one.name.eq_ignore_ascii_case(&other.name);
        for column in table.row.columns() {
            let mut known = self.columns.iter();
            let Some(known) = known.find(|known| is_same(known, column)) else {
                differences.added.push(column.clone());
                continue;
            };
            if known.column_type != column.column_type {
                let (name, old, new) = (&column.name, known.column_type, column.column_type);
                differences.fixed.push(format!(
                    "its column `{name}` is {old}, and the plan needs {new}"
                ));
            }
        }
        let of_plan = |known: &&Column| {
            let mut columns = table.row.columns().iter();
            columns.any(|column| is_same(known, column))
        };
        let removed = self.columns.iter().filter(|known| !of_plan(known));
        differences.removed = removed.map(|column| column.name.clone()).collect();
        differences
    }
}
