//! The folder that a binding names.

use std::fmt;
use std::io;
use std::path::Path;

use rustix::fs::{Access, access};

use super::layout::PARQUET;
use super::manifests::names;
use crate::sink::binding::{file_and_table, is_table};
use crate::sink::jsonl::{OpenError, State};

/// A table of a folder of Parquet files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::sink) struct Location {
    /// The folder.
    pub(in crate::sink) folder: String,
    /// The table; if absent, the one with the output's name.
    pub(in crate::sink) table: Option<String>,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.folder)
    }
}

/// Reads what follows `parquet:` in a binding, which is the whole text.
pub(in crate::sink) fn location(binding: &str, text: &str) -> Result<Location, OpenError> {
    let (folder, table) = file_and_table(binding, text)?;
    // Readers of Parquet pass over folders with such a name, and the manifests are in one.
    if let Some(table) = table.filter(|table| table.starts_with('_')) {
        return Err(OpenError::TableName {
            table: table.to_owned(),
        });
    }
    Ok(Location {
        folder: folder.to_owned(),
        table: table.map(str::to_owned),
    })
}

/// What a run would do with a folder.
pub(in crate::sink) fn state(location: &Location) -> Result<State, OpenError> {
    let path = Path::new(&location.folder);
    let cannot = |source| OpenError::Folder {
        folder: location.folder.clone(),
        source,
    };
    let (folder, state) = match path.metadata() {
        Ok(found) if found.is_dir() => (path, State::Append),
        Ok(_) => {
            return Err(OpenError::NotAFolder {
                file: location.folder.clone(),
            });
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let parent = path.parent().filter(|path| !path.as_os_str().is_empty());
            (parent.unwrap_or(Path::new(".")), State::Create)
        }
        Err(error) => return Err(cannot(error)),
    };
    access(folder, Access::WRITE_OK | Access::EXEC_OK).map_err(|error| cannot(error.into()))?;
    Ok(state)
}

/// Whether a folder has files of rows of any table.
pub(in crate::sink) fn has_rows(location: &Location) -> bool {
    let folder = Path::new(&location.folder);
    let has_file = |table: &String| {
        let names = names(&folder.join(table)).unwrap_or_default();
        names.iter().any(|name| name.ends_with(PARQUET))
    };
    let tables = names(folder).unwrap_or_default();
    tables.iter().filter(|name| is_table(name)).any(has_file)
}
