//! The durable operations on files: the only way in which a sink changes what is left after a crash.

use std::fmt::Debug;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

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
}

/// The files of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemFiles;

impl Files for SystemFiles {}
