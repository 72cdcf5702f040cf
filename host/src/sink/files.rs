//! The durable steps of files: the only way in which a sink changes what a crash would leave behind.

use std::fmt::Debug;
use std::fs::File;
use std::io::{self, Write};

/// Takes the durable steps of a sink's files. The methods do what the system does; a test replaces them by steps that
/// fail, or that end the process.
pub trait Files: Debug + Send + Sync {
    /// Writes the beginning of `bytes` and says how much of it that was, as [`Write::write`] does.
    ///
    /// # Errors
    /// When the system refuses.
    fn write(&self, mut file: &File, bytes: &[u8]) -> io::Result<usize> {
        file.write(bytes)
    }

    /// Makes what was written durable.
    ///
    /// # Errors
    /// When the system cannot say that it is.
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
