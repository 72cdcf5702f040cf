//! The lock that keeps a second process from writing to a database.
//!
//! It is a file of its own: SQLite loses its locks on the database when any other handle of it is closed.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::SqliteError;
use crate::sink::files::unlock;

/// Follows the name of the database in that of its lock.
const ENDING: &str = "-lock";

/// A lock that is held until it is dropped. Its file stays.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
    path: PathBuf,
}

impl Drop for Lock {
    fn drop(&mut self) {
        unlock(&self.file, &self.path.display());
    }
}

/// The path of the database without links, so that two names of one database have one lock.
pub(in crate::sink) fn resolved(database: &Path) -> PathBuf {
    if let Ok(path) = database.canonicalize() {
        return path;
    }
    let (Some(folder), Some(name)) = (database.parent(), database.file_name()) else {
        return database.to_owned();
    };
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    folder
        .canonicalize()
        .map_or_else(|_| database.to_owned(), |folder| folder.join(name))
}

/// The file of the lock of a database.
pub(super) fn path(database: &Path) -> PathBuf {
    let mut path = resolved(database).into_os_string();
    path.push(ENDING);
    path.into()
}

impl Lock {
    /// Takes the lock, and writes the process into it.
    pub(super) fn take(database: &Path) -> Result<Self, SqliteError> {
        let path = path(database);
        let refused = |source| SqliteError::Lock {
            file: path.display().to_string(),
            source,
        };
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(refused)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let read = file.take(20).read_to_string(&mut text);
                return Err(SqliteError::Held {
                    file: database.display().to_string(),
                    pid: read.ok().and_then(|_| text.trim().parse().ok()),
                });
            }
            Err(TryLockError::Error(source)) => return Err(refused(source)),
        }
        let written = write_process(&file).map_err(refused);
        let lock = Self { file, path };
        written.map(|()| lock)
    }

    /// Whether another process has the lock now.
    pub(super) fn is_held(database: &Path) -> bool {
        let file = File::open(path(database));
        file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }
}

/// Writes the number of this process in place of what the file has.
fn write_process(mut file: &File) -> io::Result<()> {
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    writeln!(file, "{}", std::process::id())
}

#[cfg(test)]
mod tests {
    use super::super::writer::Writer;
    use super::*;

    #[test]
    fn link_to_a_database_that_comes_later_has_its_lock_and_a_second_name_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::os::unix::fs::symlink("database", path("link")).unwrap();
        let first = Writer::open(&path("link")).unwrap();
        let second = Writer::open(&path("database"));
        assert!(
            matches!(second, Err(SqliteError::Held { .. })),
            "{second:?}"
        );
        drop(first);
        std::fs::hard_link(path("database"), path("other")).unwrap();
        for name in ["database", "other"] {
            let refused = Writer::open(&path(name));
            assert!(
                matches!(refused, Err(SqliteError::HardLinks { .. })),
                "{refused:?}"
            );
        }
    }

    #[test]
    fn folder_is_no_database() {
        let folder = tempfile::tempdir().unwrap();
        let refused = Writer::open(folder.path());
        assert!(
            matches!(refused, Err(SqliteError::Folder { .. })),
            "{refused:?}"
        );
    }

    #[test]
    fn second_process_learns_the_number_of_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("a.sqlite");
        let lock = Lock::take(&database).unwrap();
        // Another name of the same file.
        let link = folder.path().join("link.sqlite");
        std::fs::write(&database, "").unwrap();
        std::os::unix::fs::symlink(&database, &link).unwrap();
        for name in [&database, &link] {
            assert!(Lock::is_held(name));
            match Lock::take(name) {
                Err(SqliteError::Held { pid, .. }) => assert_eq!(pid, Some(std::process::id())),
                other => panic!("{other:?}"),
            }
        }
        // A child process that another thread starts has one until its program begins.
        let copy = lock.file.try_clone().unwrap();
        drop(lock);
        assert!(!Lock::is_held(&link));
        assert!(Lock::take(&link).is_ok());
        drop(copy);
    }
}
