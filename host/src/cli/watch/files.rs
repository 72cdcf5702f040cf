//! The files whose changes are noticed, by their times and sizes: no other way works on every file system and in every
//! container.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The most files that are looked at.
pub(super) const FILES: usize = 10_000;
/// Folders inside each other.
const DEPTH: usize = 32;
/// Folders that builds and tools write to. Hidden ones are left out, too.
const WRITTEN: [&str; 3] = ["target", "__pycache__", "node_modules"];
/// The first build of a crate writes it.
const LOCK_FILE: &str = "Cargo.lock";

/// Files, and folders with all that is below them.
#[derive(Clone, Debug)]
pub(super) struct Watched(pub(super) Vec<PathBuf>);

/// The files at one time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Snapshot(BTreeMap<PathBuf, State>);

/// What changes with the content of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    modified: Option<SystemTime>,
    bytes: u64,
}

/// There are more files than are looked at.
#[derive(Debug, thiserror::Error)]
#[error("`{}` has more than {FILES} files to watch", .0.display())]
pub(super) struct TooMany(PathBuf);

impl Watched {
    /// Looks at all files. What cannot be read is not there.
    ///
    /// # Errors
    /// When there are too many.
    pub(super) fn look(&self) -> Result<Snapshot, TooMany> {
        let mut snapshot = Snapshot::default();
        for root in &self.0 {
            snapshot.add(root).ok_or_else(|| TooMany(root.to_owned()))?;
        }
        Ok(snapshot)
    }
}

impl Snapshot {
    /// The number of files.
    pub(super) fn files(&self) -> usize {
        self.0.len()
    }

    /// A file that is not as it was before, was removed or is new; none if all are as before.
    pub(super) fn changed_since<'a>(&'a self, before: &'a Self) -> Option<&'a Path> {
        let is_other = |(path, state): &(&PathBuf, &State)| before.0.get(*path) != Some(state);
        let is_gone = |path: &&PathBuf| !self.0.contains_key(*path);
        let changed = self.0.iter().find(is_other).map(|(path, _)| path);
        let changed = changed.or_else(|| before.0.keys().find(is_gone));
        changed.map(PathBuf::as_path)
    }

    /// Adds a file, or those of a folder. None where there are too many.
    fn add(&mut self, root: &Path) -> Option<()> {
        let Ok(metadata) = fs::metadata(root) else {
            return Some(());
        };
        if !metadata.is_dir() {
            return self.insert(root.to_owned(), &metadata);
        }
        let mut folders = vec![(root.to_owned(), 0)];
        while let Some((folder, depth)) = folders.pop() {
            let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
            for entry in entries.filter(|entry| !is_passed_over(&entry.file_name())) {
                let Ok(kind) = entry.file_type() else {
                    continue;
                };
                let path = entry.path();
                if kind.is_dir() {
                    if depth < DEPTH && !is_written(&entry.file_name()) {
                        folders.push((path, depth + 1));
                    }
                } else if let Ok(metadata) = fs::metadata(&path)
                    // A link to a folder may lead anywhere.
                    && metadata.is_file()
                {
                    self.insert(path, &metadata)?;
                }
            }
        }
        Some(())
    }

    fn insert(&mut self, path: PathBuf, metadata: &Metadata) -> Option<()> {
        let state = State {
            modified: metadata.modified().ok(),
            bytes: metadata.len(),
        };
        self.0.insert(path, state);
        (self.0.len() <= FILES).then_some(())
    }
}

/// Whether nobody edits the file: it is hidden, a copy that an editor keeps, or written by cargo.
fn is_passed_over(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name.starts_with(b".") || name.ends_with(b"~") || name == LOCK_FILE.as_bytes()
}

fn is_written(folder: &OsStr) -> bool {
    WRITTEN.iter().any(|written| folder == *written)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::time::Duration;

    use super::*;

    /// A folder with these files, which are empty.
    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            File::create(path).unwrap();
        }
        folder
    }

    fn look(root: &Path) -> Snapshot {
        Watched(vec![root.to_owned()]).look().unwrap()
    }

    #[test]
    fn sources_are_watched_and_what_builds_and_editors_write_is_not() {
        let folder = folder(&[
            "Cargo.toml",
            "Cargo.lock",
            "src/lib.rs",
            "src/data/table.csv",
            "src/lib.rs~",
            ".git/index",
            "src/.lib.rs.swp",
            "target/release/x.d",
            "lib/__pycache__/a.pyc",
        ]);
        let root = folder.path();
        let seen = look(root);
        let names = seen.0.keys().map(|path| path.strip_prefix(root).unwrap());
        let names: Vec<_> = names.collect();
        let expected = ["Cargo.toml", "src/data/table.csv", "src/lib.rs"];
        assert_eq!(names, expected.map(Path::new));
    }

    #[test]
    fn change_is_seen_by_time_and_size_and_names_its_file() {
        let folder = folder(&["a", "b", "c"]);
        let path = |name: &str| folder.path().join(name);
        let before = look(folder.path());
        assert_eq!(look(folder.path()).changed_since(&before), None);
        let later = SystemTime::now() + Duration::from_secs(5);
        let file = File::options().write(true).open(path("b")).unwrap();
        file.set_modified(later).unwrap();
        let touched = look(folder.path());
        assert_eq!(touched.changed_since(&before), Some(path("b").as_path()));
        // The same time, and another size.
        fs::write(path("b"), "x").unwrap();
        file.set_modified(later).unwrap();
        let grown = look(folder.path());
        assert_eq!(grown.changed_since(&touched), Some(path("b").as_path()));
        fs::remove_file(path("c")).unwrap();
        let removed = look(folder.path());
        assert_eq!(removed.changed_since(&grown), Some(path("c").as_path()));
        assert_eq!(grown.changed_since(&removed), Some(path("c").as_path()));
    }

    #[test]
    fn single_file_is_watched_also_while_it_is_away() {
        let folder = folder(&["a.py", "b"]);
        let path = folder.path().join("a.py");
        let before = look(&path);
        assert_eq!(before.files(), 1);
        fs::remove_file(&path).unwrap();
        let away = look(&path);
        assert_eq!(away.changed_since(&before), Some(path.as_path()));
        assert_eq!(away.files(), 0);
    }

    #[test]
    fn number_of_files_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..=FILES {
            File::create(folder.path().join(number.to_string())).unwrap();
        }
        let root = folder.path().to_owned();
        let error = Watched(vec![root.clone()]).look().unwrap_err();
        let expected = format!("`{}` has more than 10000 files to watch", root.display());
        assert_eq!(error.to_string(), expected);
    }
}
