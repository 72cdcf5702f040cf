//! Reads the files of a folder.

use std::fs;
use std::path::Path;

use super::files::Files;
use super::{BadName, FILES, ScriptError, read};

/// Folders inside each other.
const DEPTH: usize = 32;

/// Adds the files of the folder below `prefix`, which is empty for the script's own folder. Hidden files and what
/// Python caches are left out; links are refused, because they may lead out of the folder.
pub(super) fn add(folder: &Path, prefix: &str, files: &mut Files) -> Result<(), ScriptError> {
    let mut folders = vec![(folder.to_owned(), prefix.to_owned(), 0)];
    let mut seen = 0;
    while let Some((path, prefix, depth)) = folders.pop() {
        let failed = |source| ScriptError::read(&path, source);
        for entry in fs::read_dir(&path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            let name = name.to_str().ok_or_else(|| ScriptError::BadName {
                path: path.clone(),
                name: name.to_string_lossy().into_owned(),
                reason: BadName::NotText,
            })?;
            if name.starts_with('.') || name == "__pycache__" {
                continue;
            }
            let inside = match prefix.as_str() {
                "" => name.to_owned(),
                prefix => format!("{prefix}/{name}"),
            };
            let kind = entry.file_type().map_err(failed)?;
            if kind.is_symlink() {
                return Err(ScriptError::Link {
                    path: folder.to_owned(),
                    name: inside,
                });
            }
            seen += 1;
            if seen > FILES || depth > DEPTH {
                return Err(ScriptError::TooMany { limit: FILES });
            }
            if kind.is_dir() {
                folders.push((entry.path(), inside, depth + 1));
                continue;
            }
            files.check(folder, &inside)?;
            let content = read(&entry.path(), files.room())?;
            files.add(folder, inside, content)?;
        }
    }
    Ok(())
}
