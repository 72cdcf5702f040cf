//! A destination of lines: a file that this process opened, or a stream.

use std::fmt;
use std::fs::{File, Metadata};
use std::io::{self, BufRead as _, BufReader, Read, Seek, SeekFrom};
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{OFlags, fcntl_getfl};
use rustix::io::Errno;

use super::compression::Compression;
use super::opened::{OpenError, Opened};
use super::tail::{Tail, cut_half};
use crate::sink::SinkError;
use crate::sink::files::{Files, unlock};

/// How much of a file is looked through for a row, where it may hold lines of the log.
const ROWS_ARE_WITHIN: u64 = 16 << 20;

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

/// What happened to a file during the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It has another name now.
    Moved,
    /// It has no name any more.
    Removed,
    /// Its name is that of another file.
    Replaced,
    /// It is shorter than it was.
    Truncated,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Moved => "was moved",
            Self::Removed => "was removed",
            Self::Replaced => "was replaced",
            Self::Truncated => "was truncated",
        })
    }
}

/// An open destination.
#[derive(Debug)]
pub(super) struct LineFile {
    pub(super) name: String,
    file: File,
    kind: Kind,
    /// The path that it was opened by; none for standard output.
    path: Option<PathBuf>,
    /// The format of its lines.
    compression: Option<Compression>,
    /// Its length after the last checkpoint. Where it is shorter, another program truncated it.
    length: u64,
    /// Whether it had a name when it was opened, as far as its file system counts names.
    had_name: bool,
    files: Arc<dyn Files>,
}

impl Drop for LineFile {
    fn drop(&mut self) {
        if self.kind == Kind::Own {
            unlock(&self.file, &self.name);
        }
    }
}

/// The range that one checkpoint appended.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Appended {
    start: u64,
    bytes: u64,
}

/// Whether standard error is this file, too.
fn is_standard_error(metadata: &Metadata) -> bool {
    let stderr = io::stderr().as_fd().try_clone_to_owned().map(File::from);
    let found = stderr.and_then(|file| file.metadata());
    found.is_ok_and(|found| (found.dev(), found.ino()) == (metadata.dev(), metadata.ino()))
}

/// Whether a file that may also hold lines of the log has a row near its beginning.
fn has_a_row(file: &File) -> io::Result<bool> {
    // The file may be open for writing only.
    let again = File::open(format!("/proc/self/fd/{}", file.as_raw_fd()))?;
    let mut lines = BufReader::new(again.take(ROWS_ARE_WITHIN)).split(b'\n');
    lines.try_fold(false, |found, line| Ok(found || line?.starts_with(b"{")))
}

impl LineFile {
    pub(super) fn new(
        name: String,
        file: File,
        kind: Kind,
        path: Option<PathBuf>,
        compression: Option<Compression>,
        files: &Arc<dyn Files>,
    ) -> Self {
        Self {
            name,
            file,
            kind,
            path,
            compression,
            length: 0,
            had_name: false,
            files: Arc::clone(files),
        }
    }

    /// Whether this process opened the file, and no other one writes to it.
    pub(super) fn is_own(&self) -> bool {
        self.kind == Kind::Own
    }

    /// Removes the rows of earlier runs, unless other processes may write to the file, too.
    pub(super) fn remove_rows(&mut self) -> Result<(), SinkError> {
        if self.is_own() {
            let cut = self.files.truncate(&self.file, 0);
            cut.map_err(|error| self.cannot_write(error))?;
            self.remember();
        }
        Ok(())
    }

    /// Takes the file as it is: what changes from now on is noticed.
    pub(super) fn remember(&mut self) {
        if let Ok(metadata) = self.file.metadata() {
            self.length = metadata.len();
            self.had_name = metadata.nlink() > 0;
        }
    }

    /// Removes the half line, or half member, that a crash left, or whoever truncated the file.
    pub(super) fn cut_half(&mut self) -> Result<(), OpenError> {
        let name = &self.name;
        match cut_half(&mut self.file, self.compression, self.files.as_ref()) {
            Ok(Tail::Whole) => Ok(()),
            Ok(Tail::Half { bytes, .. }) => {
                let unit = self.unit();
                tracing::warn!("cut the {bytes} bytes of a half {unit} off the end of {name}");
                Ok(())
            }
            Ok(Tail::Foreign) => Err(OpenError::foreign(name.clone(), self.compression)),
            Err(source) => Err(OpenError::Repair {
                file: name.clone(),
                unit: self.unit(),
                source,
            }),
        }
    }

    /// What the file consists of.
    fn unit(&self) -> &'static str {
        self.compression.map_or("line", Compression::unit)
    }

    /// The format of its lines.
    pub(super) fn compression(&self) -> Option<Compression> {
        self.compression
    }

    /// Makes sure that the rows of the next checkpoint reach the file that has the output's name now: a file that was
    /// moved, removed or replaced is opened again, and one that was truncated is continued at its new end.
    pub(super) fn follow(&mut self) -> Result<(), SinkError> {
        if let Some(change) = self.departure() {
            self.open_again()
                .map_err(|source| self.changed(change, source))?;
            tracing::info!(
                "{} {change}: rows go to the file that has its name now",
                self.name
            );
        }
        // Where its path is free or names another file, the next look opens that one.
        if self.has_lost_its_name() && self.departure().is_none() {
            let file = self.name.clone();
            return Err(self.changed(Change::Removed, OpenError::NoName { file }));
        }
        self.go_to_the_end()
    }

    /// Whether the path of the file names another one now, or none.
    ///
    /// The device and inode decide: some file systems do not count links.
    fn departure(&self) -> Option<Change> {
        if self.kind != Kind::Own {
            return None;
        }
        let path = self.path.as_ref()?;
        // Where another machine removed the file, it cannot be asked any more.
        let own = self.file.metadata().ok();
        let identity = |metadata: &Metadata| (metadata.dev(), metadata.ino());
        match path.metadata() {
            Ok(found) => {
                let is_own = own.is_some_and(|own| identity(&own) == identity(&found));
                (!is_own).then_some(Change::Replaced)
            }
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                let has_a_name = own.is_some_and(|own| own.nlink() > 0);
                Some(if has_a_name {
                    Change::Moved
                } else {
                    Change::Removed
                })
            }
            Err(error) => {
                // Nothing says that it is gone.
                tracing::debug!("cannot look for {}: {error}", self.name);
                None
            }
        }
    }

    fn open_again(&mut self) -> Result<(), OpenError> {
        if let Some(path) = &self.path {
            let opened = Opened::again(path, self.compression, self.files.as_ref())?;
            // The one before is unlocked and closed.
            *self = opened.prepare(&self.files)?;
        }
        Ok(())
    }

    /// Whether the file was removed in a way that leaves no name to open it by, such as standard output.
    fn has_lost_its_name(&self) -> bool {
        self.is_regular()
            && self.had_name
            && self
                .file
                .metadata()
                .is_ok_and(|metadata| metadata.nlink() == 0)
    }

    /// Notices that another program truncated the file.
    fn go_to_the_end(&mut self) -> Result<(), SinkError> {
        if !self.is_regular() {
            return Ok(());
        }
        let metadata = self.file.metadata();
        let length = metadata.map_err(|source| self.cannot_write(source))?.len();
        // That of standard output may be an offset beyond its end.
        let end = self.end().map_err(|source| self.cannot_write(source))?;
        let before = self.length.max(end);
        if length >= before {
            return Ok(());
        }
        self.warn_of_truncation(before, length);
        if self.kind == Kind::Own {
            self.cut_half()
                .map_err(|source| self.changed(Change::Truncated, source))?;
        } else {
            // A file that is not open for appending would get a hole.
            self.file
                .seek(SeekFrom::End(0))
                .map_err(|source| self.cannot_write(source))?;
        }
        self.remember();
        Ok(())
    }

    /// Whether the file is still the one with the output's name, and holds all `lines` that were appended.
    pub(super) fn holds(&mut self, lines: &[u8], appended: &mut Appended) -> bool {
        appended.bytes == lines.len() as u64 && self.still_has(lines, appended)
    }

    /// Whether the file is still the one with the output's name, and holds the beginning of `lines` that was appended.
    fn still_has(&mut self, lines: &[u8], appended: &mut Appended) -> bool {
        if self.departure().is_some() || self.has_lost_its_name() {
            return false;
        }
        let Ok(Some(start)) = self.locate(lines, *appended) else {
            return false;
        };
        if start < appended.start {
            self.warn_of_truncation(appended.start, start);
        }
        appended.start = start;
        true
    }

    fn warn_of_truncation(&self, from: u64, to: u64) {
        tracing::warn!(
            "{} shrank from {from} to {to} bytes: rows are appended at its new end",
            self.name
        );
    }

    /// The offset of the beginning of `lines` that was appended; none if another program truncated the file since.
    fn locate(&mut self, lines: &[u8], appended: Appended) -> io::Result<Option<u64>> {
        let Appended { start, bytes } = appended;
        let length = self.file.metadata()?.len();
        if length >= start + bytes {
            return Ok(Some(start));
        }
        // It may have been truncated just before: then they are at its end nevertheless.
        let start = match length.checked_sub(bytes) {
            Some(start) if self.kind == Kind::Own => start,
            _ => return Ok(None),
        };
        let mut found = Vec::new();
        self.file.seek(SeekFrom::Start(start))?;
        Read::by_ref(&mut self.file)
            .take(bytes)
            .read_to_end(&mut found)?;
        Ok(lines.starts_with(&found).then_some(start))
    }

    fn changed(&self, change: Change, source: OpenError) -> SinkError {
        SinkError::Changed {
            destination: self.name.clone(),
            change,
            source,
        }
    }

    pub(super) fn cannot_write(&self, source: io::Error) -> SinkError {
        SinkError::Write {
            destination: self.name.clone(),
            source,
        }
    }

    /// Whether written lines can be removed again.
    pub(super) fn is_regular(&self) -> bool {
        matches!(self.kind, Kind::Own | Kind::Shared)
    }

    /// Whether it is standard output to a terminal.
    pub(super) fn is_terminal(&self) -> bool {
        matches!(self.kind, Kind::Standard { terminal: true })
    }

    /// How many bytes it has, if it holds rows, as far as that is known: a stream has no length, and nobody can read back
    /// some files.
    pub(super) fn bytes_with_rows(&self) -> Option<u64> {
        let metadata = self.file.metadata().ok()?;
        if !self.is_regular() || metadata.len() == 0 {
            return None;
        }
        // The log goes to the same file with `> FILE 2>&1`.
        let has_rows = !is_standard_error(&metadata) || has_a_row(&self.file).unwrap_or(false);
        has_rows.then_some(metadata.len())
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

    /// Appends `lines`; `appended` is the range that was written, also after an error. It ends early if the file
    /// changed in the middle.
    pub(super) fn append(&mut self, lines: &[u8], appended: &mut Appended) -> io::Result<()> {
        *appended = Appended {
            start: self.end()?,
            bytes: 0,
        };
        let mut left = lines;
        while !left.is_empty() {
            match self.files.write(&self.file, left) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => {
                    appended.bytes += count as u64;
                    left = &left[count..];
                    // The rest of a line must not be written without its beginning.
                    if !left.is_empty() && self.is_regular() && !self.still_has(lines, appended) {
                        return Ok(());
                    }
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

    /// What was appended is durable.
    pub(super) fn keep(&mut self, appended: Appended) {
        self.length = appended.start + appended.bytes;
    }

    /// Removes the beginning of `lines` that was appended last.
    pub(super) fn cut_back(&mut self, lines: &[u8], appended: Appended) -> io::Result<()> {
        if appended.bytes == 0 || !self.is_regular() {
            return Ok(());
        }
        // Where another program truncated the file, they are gone already, and setting the length would fill the file
        // with zeros.
        let Some(start) = self.locate(lines, appended)? else {
            return Ok(());
        };
        let length = self.file.metadata()?.len();
        // Lines that others wrote to standard output after it must not be removed.
        if self.kind == Kind::Shared && length != start + appended.bytes {
            return Ok(());
        }
        self.files.truncate(&self.file, start)?;
        self.file.seek(SeekFrom::Start(start))?;
        self.files.sync(&self.file)
    }
}
