//! The durable operations on files: the only way in which a sink changes what is left after a crash.

use std::fmt::{Debug, Display};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// Releases the lock of a file that is about to be closed. Closing it is not enough while a child process that another
/// thread is starting has a copy of it.
pub(super) fn unlock(file: &File, name: &dyn Display) {
    if let Err(error) = file.unlock() {
        tracing::debug!("cannot unlock {name}: {error}");
    }
}

/// Performs the durable operations on a sink's files. The methods call the system; a test replaces them by ones that
/// fail or that end the process.
pub trait Files: Debug + Send + Sync {
    /// Opens a file for appending, and also for reading if it is `readable`. A file that does not exist is created.
    ///
    /// # Errors
    /// When the system refuses.
    fn open(&self, path: &Path, readable: bool) -> io::Result<File> {
        OpenOptions::new()
            .read(readable)
            .append(true)
            .create(true)
            .open(path)
    }

    /// Writes the beginning of `bytes` and returns how much of it was written, as [`Write::write`] does.
    ///
    /// # Errors
    /// When the system refuses.
    fn write(&self, mut file: &File, bytes: &[u8]) -> io::Result<usize> {
        file.write(bytes)
    }

    /// Makes all writes durable.
    ///
    /// # Errors
    /// When the system does not confirm it.
    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    /// Cuts the file back to `length` bytes.
    ///
    /// # Errors
    /// When the system refuses.
    fn truncate(&self, file: &File, length: u64) -> io::Result<()> {
        file.set_len(length)
    }

    /// Creates a folder, unless there is one already.
    ///
    /// # Errors
    /// When the system refuses.
    fn create_folder(&self, path: &Path) -> io::Result<()> {
        match fs::create_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
            created => created,
        }
    }

    /// Gives a file another name in its folder, in place of any file that has it.
    ///
    /// # Errors
    /// When the system refuses.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    /// Gives a file a second name in its folder.
    ///
    /// # Errors
    /// When the name is taken, or the system refuses.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::hard_link(from, to)
    }

    /// Removes a name of a file.
    ///
    /// # Errors
    /// When the system refuses.
    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    /// Makes the names in a folder durable.
    ///
    /// # Errors
    /// When the system does not confirm it.
    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }
}

/// The files of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemFiles;

impl Files for SystemFiles {}
