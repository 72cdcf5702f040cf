//! The files of a script while they are collected, within the limits on their number and size.

use std::collections::BTreeMap;
use std::path::Path;

use super::{BYTES, BadName, FILES, ScriptError, ScriptFile};

/// The limit on the length of a path, in bytes.
const NAME_BYTES: usize = 1000;
/// The endings of code for a machine.
const COMPILED: [&str; 4] = ["so", "pyd", "dylib", "dll"];

/// Files by their paths.
#[derive(Debug, Default)]
pub(super) struct Files {
    files: BTreeMap<String, Vec<u8>>,
    bytes: usize,
}

impl Files {
    /// How many bytes further files may have.
    pub(super) fn room(&self) -> usize {
        BYTES.saturating_sub(self.bytes)
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.files.contains_key(name)
    }

    /// Checks the name of a file in the folder or archive at `source`, before its bytes are read.
    pub(super) fn check(&self, source: &Path, name: &str) -> Result<(), ScriptError> {
        if let Some(reason) = bad_name(name) {
            return Err(ScriptError::BadName {
                path: source.to_owned(),
                name: name.to_owned(),
                reason,
            });
        }
        let extension = Path::new(name).extension();
        if extension.is_some_and(|found| COMPILED.iter().any(|one| found.eq_ignore_ascii_case(one)))
        {
            return Err(ScriptError::Compiled {
                path: source.to_owned(),
                name: name.to_owned(),
            });
        }
        if self.files.len() == FILES {
            return Err(ScriptError::TooMany { limit: FILES });
        }
        if self.files.contains_key(name) {
            return Err(ScriptError::Twice {
                name: name.to_owned(),
            });
        }
        Ok(())
    }

    /// Adds a file, whose bytes the caller has kept within [`room`](Self::room).
    pub(super) fn add(
        &mut self,
        source: &Path,
        name: String,
        content: Vec<u8>,
    ) -> Result<(), ScriptError> {
        self.check(source, &name)?;
        if content.len() > self.room() {
            return Err(ScriptError::TooLarge { limit: BYTES });
        }
        self.bytes += content.len();
        self.files.insert(name, content);
        Ok(())
    }

    /// All files, none of which has the path of another one's folder.
    pub(super) fn finish(self) -> Result<Vec<ScriptFile>, ScriptError> {
        for name in self.files.keys() {
            let folders = name.match_indices('/').map(|(end, _)| &name[..end]);
            if let Some(folder) = folders.into_iter().find(|folder| self.contains(folder)) {
                return Err(ScriptError::Twice {
                    name: folder.to_owned(),
                });
            }
        }
        let files = self.files.into_iter();
        Ok(files
            .map(|(path, content)| ScriptFile { path, content })
            .collect())
    }
}

/// The rule that a name breaks: names lie below the script's folder, on every system.
fn bad_name(name: &str) -> Option<BadName> {
    if name.len() > NAME_BYTES {
        return Some(BadName::TooLong(NAME_BYTES));
    }
    if name.contains(|c: char| c.is_control() || c == '\\') {
        return Some(BadName::Characters);
    }
    let leaves = |part: &str| matches!(part, "" | "." | "..");
    name.split('/').any(leaves).then_some(BadName::Outside)
}
