//! Where things are in a folder of Parquet files.
//!
//! `TABLE/` has the rows of a table. `_journal/TABLE.json` says whose they are, and `_journal/GROUP/` has the manifests of
//! a group, or of the runs without one. Readers of Parquet pass over names that begin with `_` or `.`.

use std::collections::hash_map::RandomState;
use std::fmt::Write as _;
use std::hash::{BuildHasher as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest as _, Sha256};

use crate::text;

/// What the names of files of rows end with.
pub(super) const PARQUET: &str = ".parquet";
/// What the names of files that are not whole yet end with. They begin with a dot.
pub(super) const TEMPORARY: &str = ".tmp";
/// What the names of manifests and descriptions of tables end with.
pub(super) const JSON: &str = ".json";
/// The folder of what is not rows.
const JOURNAL: &str = "_journal";
/// The folder of manifests of runs without a group. No group's folder begins with `_`.
const WITHOUT_GROUP: &str = "_recordings";
/// The longest name of a group's folder that is the group's own.
const MAX_NAME: usize = 200;

/// The paths of one run.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) folder: PathBuf,
    /// The folder of the group's manifests.
    pub(super) group: PathBuf,
    /// Begins the names of all files that the group writes but its manifests.
    pub(super) tag: String,
    /// Is in the names of all files of this run.
    pub(super) run: String,
    named: AtomicU64,
}

impl Layout {
    pub(super) fn new(folder: &Path, group: Option<&str>) -> Self {
        let name = group.map_or_else(|| WITHOUT_GROUP.to_owned(), escaped);
        let run = RandomState::new().build_hasher().finish();
        Self {
            folder: folder.to_owned(),
            group: folder.join(JOURNAL).join(&name),
            tag: digest(&name),
            run: format!("{run:016x}"),
            named: AtomicU64::new(0),
        }
    }

    /// The name of the folder in messages.
    pub(super) fn shown(&self) -> String {
        self.folder.display().to_string()
    }

    /// The folder of what is not rows.
    pub(super) fn journal(&self) -> PathBuf {
        self.folder.join(JOURNAL)
    }

    /// The folder of a table's rows.
    pub(super) fn table(&self, table: &str) -> PathBuf {
        self.folder.join(table)
    }

    /// What says whose rows a table has.
    pub(super) fn description(&self, table: &str) -> PathBuf {
        self.journal().join(format!("{table}{JSON}"))
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.group.join("lock")
    }

    /// The lock of a run without a group.
    pub(super) fn lock_of_run(&self, run: &str) -> PathBuf {
        self.group.join(format!("lock-{}", digest(run)))
    }

    pub(super) fn manifest(&self, number: u64) -> PathBuf {
        self.group.join(format!("{number:020}{JSON}"))
    }

    /// The number of the manifest with this name, if it is one's.
    pub(super) fn manifest_number(name: &str) -> Option<u64> {
        let digits = name.strip_suffix(JSON).filter(|name| name.len() == 20)?;
        let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse().ok().filter(|_| is_number)
    }

    /// The name of the next file of rows.
    pub(super) fn next_name(&self) -> String {
        let number = self.named.fetch_add(1, Ordering::Relaxed);
        format!("{}-{}-{number:06}{PARQUET}", self.tag, self.run)
    }

    /// The path of a file of no rows in this folder, before it gets its name.
    pub(super) fn next_temporary(&self, folder: &Path) -> PathBuf {
        let number = self.named.fetch_add(1, Ordering::Relaxed);
        folder.join(format!(".{}-{}-{number}{TEMPORARY}", self.tag, self.run))
    }

    /// Whether the group wrote the file with this name, whole or not.
    pub(super) fn is_of_group(&self, name: &str) -> bool {
        let name = name.strip_prefix('.').unwrap_or(name);
        let rest = name.strip_prefix(&*self.tag);
        rest.is_some_and(|rest| rest.starts_with('-'))
    }
}

/// A group as the name of a folder.
fn escaped(group: &str) -> String {
    let mut name = String::with_capacity(group.len());
    for (index, byte) in group.bytes().enumerate() {
        let is_plain = byte.is_ascii_alphanumeric()
            || byte == b'-'
            || (index > 0 && matches!(byte, b'_' | b'.'));
        if is_plain {
            name.push(char::from(byte));
        } else {
            // A text takes whatever is written to it.
            let _ = write!(name, "%{byte:02X}");
        }
    }
    if name.len() > MAX_NAME {
        name = format!("{}%{}", &name[..MAX_NAME - 20], digest(group));
    }
    name
}

fn digest(text: &str) -> String {
    text::hex(&Sha256::digest(text)[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_group_has_a_folder_of_its_own() {
        for (group, expected) in [
            ("a.b_c-d", "a.b_c-d"),
            ("a/b", "a%2Fb"),
            ("..", "%2E."),
            ("_recordings", "%5Frecordings"),
            ("a%2Fb", "a%252Fb"),
            ("\u{e9}", "%C3%A9"),
        ] {
            assert_eq!(escaped(group), expected);
        }
        let (one, other) = ("x".repeat(300), "x".repeat(301));
        assert_ne!(escaped(&one), escaped(&other));
        assert!(escaped(&one).len() <= MAX_NAME);
    }

    #[test]
    fn files_of_a_group_and_manifests_are_told_by_their_names() {
        let layout = Layout::new(Path::new("d"), Some("g"));
        let other = Layout::new(Path::new("d"), None);
        let (first, second) = (layout.next_name(), layout.next_name());
        assert_ne!(first, second);
        assert!(layout.is_of_group(&first) && layout.is_of_group(&format!(".{first}.tmp")));
        assert!(!other.is_of_group(&first));
        assert_eq!(
            layout.manifest(7),
            Path::new("d/_journal/g/00000000000000000007.json")
        );
        assert_eq!(
            Layout::manifest_number("00000000000000000007.json"),
            Some(7)
        );
        for name in [
            "7.json",
            "lock",
            ".00000000000000000007.json",
            "+0000000000000000007.json",
        ] {
            assert_eq!(Layout::manifest_number(name), None, "{name}");
        }
    }
}
