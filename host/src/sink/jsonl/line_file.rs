//! A destination of lines: a file that this process opened, or a stream.

use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{OFlags, fcntl_getfl};
use rustix::io::Errno;

use crate::sink::files::Files;

/// The kind of a file, which decides whether lines can be removed again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A regular file that this process opened and locked.
    Own,
    /// Standard output to a regular file, to which other processes may write, too.
    Shared,
    /// Standard output to a pipe, a terminal or another device: written lines cannot be removed, and a reader that goes
    /// away ends the run as it should.
    Standard {
        /// Whether it is a terminal, which nobody can ask once it is closed.
        terminal: bool,
    },
    /// A pipe or device with a name: written lines cannot be removed, and the operator expects a reader.
    Named,
}

/// An open destination.
#[derive(Debug)]
pub(super) struct LineFile {
    pub(super) name: String,
    pub(super) file: File,
    pub(super) kind: Kind,
    pub(super) files: Arc<dyn Files>,
}

impl Drop for LineFile {
    /// Releases the lock. Closing the file is not enough while a child process that another thread is starting has a
    /// copy of it.
    fn drop(&mut self) {
        if self.kind == Kind::Own
            && let Err(error) = self.file.unlock()
        {
            tracing::debug!("cannot unlock {}: {error}", self.name);
        }
    }
}

/// The range that one checkpoint appended.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Appended {
    start: u64,
    bytes: u64,
}

impl LineFile {
    /// Whether written lines can be removed again.
    pub(super) fn is_regular(&self) -> bool {
        matches!(self.kind, Kind::Own | Kind::Shared)
    }

    /// Whether a write failed with this error because nobody reads standard output any more.
    pub(super) fn has_lost_its_reader(&self, error: &io::Error) -> bool {
        let closed_terminal = error.raw_os_error() == Some(Errno::IO.raw_os_error());
        match self.kind {
            Kind::Standard { terminal } => {
                error.kind() == io::ErrorKind::BrokenPipe || (terminal && closed_terminal)
            }
            _ => false,
        }
    }

    /// Appends all of `lines` or fails; in both cases `appended` is the range that was written.
    pub(super) fn append(&mut self, lines: &[u8], appended: &mut Appended) -> io::Result<()> {
        appended.start = self.end()?;
        let mut left = lines;
        while !left.is_empty() {
            match self.files.write(&self.file, left) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => {
                    appended.bytes += count as u64;
                    left = &left[count..];
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Another process that shares the pipe or terminal may have made it non-blocking.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.until_writable()?,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn until_writable(&self) -> io::Result<()> {
        let mut wanted = [PollFd::new(&self.file, PollFlags::OUT)];
        match poll(&mut wanted, None) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The offset of the next write.
    fn end(&mut self) -> io::Result<u64> {
        match self.kind {
            Kind::Standard { .. } | Kind::Named => Ok(0),
            Kind::Shared if !fcntl_getfl(&self.file)?.contains(OFlags::APPEND) => {
                self.file.stream_position()
            }
            Kind::Own | Kind::Shared => Ok(self.file.metadata()?.len()),
        }
    }

    /// Makes written lines durable, as far as the destination supports it.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        if self.is_regular() {
            self.files.sync(&self.file)
        } else {
            Ok(())
        }
    }

    /// Removes what was appended last.
    pub(super) fn cut_back(&mut self, appended: Appended) -> io::Result<()> {
        let Appended { start, bytes } = appended;
        // Lines that others wrote to standard output after it must not be removed.
        let is_ours = match self.kind {
            Kind::Standard { .. } | Kind::Named => false,
            Kind::Own => true,
            Kind::Shared => self.file.metadata()?.len() == start + bytes,
        };
        if bytes == 0 || !is_ours {
            return Ok(());
        }
        self.files.truncate(&self.file, start)?;
        self.file.seek(SeekFrom::Start(start))?;
        self.files.sync(&self.file)
    }
}
