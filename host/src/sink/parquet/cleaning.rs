//! Removes files that no reader of manifests sees: of runs that did not end, and of rows that are to be replaced.
//!
//! Whoever does this has the group's lock exclusively.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::PathBuf;

use super::ParquetError;
use super::layout::{JSON, PARQUET, TEMPORARY};
use super::manifest::NamedFile;
use super::manifests::{Manifests, names, write_named};
use crate::text::plural;

/// Removes the files of runs that did not end.
pub(super) fn remove_orphans(manifests: &Manifests) -> Result<(), ParquetError> {
    let layout = &manifests.layout;
    let mut removed = 0_u64;
    let mut remove = |path: PathBuf| {
        removed += 1;
        let done = manifests.files.remove(&path);
        done.map_err(ParquetError::write(&path))
    };
    for name in names(&layout.group)? {
        if name.starts_with('.') && name.ends_with(TEMPORARY) {
            remove(layout.group.join(name))?;
        }
    }
    let journal = layout.journal();
    for name in names(&journal)? {
        if name.starts_with('.') && layout.is_of_group(&name) {
            remove(journal.join(name))?;
        }
    }
    let mut whole = Vec::new();
    for table in tables(manifests)? {
        let folder = layout.table(&table);
        for name in names(&folder)?
            .into_iter()
            .filter(|name| layout.is_of_group(name))
        {
            if name.starts_with('.') {
                remove(folder.join(name))?;
            } else if name.ends_with(PARQUET) {
                whole.push(format!("{table}/{name}"));
            }
        }
    }
    let state = manifests.state()?;
    // Most often no file is too many, and the manifests need not be read for it.
    if whole.len() as u64 != state.files {
        let mut named = BTreeSet::new();
        for number in 1..=state.number {
            let manifest = manifests.required(number)?;
            named.extend(manifest.files.into_iter().map(|file| file.path));
        }
        for path in whole.iter().filter(|path| !named.contains(*path)) {
            remove(layout.folder.join(path))?;
        }
    }
    if removed > 0 {
        tracing::info!(
            "`{}`: removed {} of runs that did not end",
            layout.shown(),
            plural(removed, "file")
        );
    }
    Ok(())
}

/// Removes the rows of these tables: first from the manifests, so that readers never look for a file that is gone.
pub(super) fn remove_rows(manifests: &Manifests, tables: &[&str]) -> Result<(), ParquetError> {
    let layout = &manifests.layout;
    let mut removed = Vec::new();
    for number in 1..=manifests.state()?.number {
        let mut manifest = manifests.required(number)?;
        let is_of_these = |file: &NamedFile| tables.contains(&&*file.table);
        let (gone, stay): (Vec<_>, Vec<_>) = manifest.files.into_iter().partition(is_of_these);
        manifest.files = stay;
        if gone.is_empty() {
            continue;
        }
        removed.extend(gone.into_iter().map(|file| layout.folder.join(file.path)));
        let path = layout.manifest(number);
        let text = manifest
            .text()
            .map_err(|error| ParquetError::damaged(&path, &error))?;
        let temporary = layout.next_temporary(&layout.group);
        write_named(&*manifests.files, &temporary, &text, |temporary| {
            let renamed = manifests.files.rename(temporary, &path);
            renamed.map_err(ParquetError::write(&path))
        })?;
    }
    manifests.sync_folder(&layout.group)?;
    for path in removed {
        match manifests.files.remove(&path) {
            // Somebody has removed it before.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            done => done.map_err(ParquetError::write(&path))?,
        }
    }
    Ok(())
}

/// Whether a table has rows of anybody.
pub(super) fn has_rows(manifests: &Manifests, table: &str) -> Result<bool, ParquetError> {
    let names = names(&manifests.layout.table(table))?;
    let is_whole = |name: &String| name.ends_with(PARQUET) && !name.starts_with('.');
    Ok(names.iter().any(is_whole))
}

/// All tables of the folder.
fn tables(manifests: &Manifests) -> Result<Vec<String>, ParquetError> {
    let names = names(&manifests.layout.journal())?;
    let names = names.iter().filter(|name| !name.starts_with('.'));
    let tables = names.filter_map(|name| name.strip_suffix(JSON));
    Ok(tables.map(str::to_owned).collect())
}
