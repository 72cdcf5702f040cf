//! A destination of lines: a file that this process opened, or a stream.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{OFlags, fcntl_getfl};
use rustix::io::Errno;

use crate::sink::files::Files;

/// The longest half line that a crash can leave, in bytes; a longer one is not from journal-host.
const MAX_HALF_LINE: u64 = 1 << 30;

/// The size of the reads that search for the end of the last complete line, in bytes.
const SEARCH_CHUNK: u64 = 64 << 10;

/// Why a destination cannot be written to.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A binding names no file.
    #[error("the output `{text}` names no file")]
    NoFile {
        /// The binding.
        text: String,
    },
    /// A binding names an output that the plan lacks.
    #[error("the processor has no output `{name}`; it has: {known}")]
    UnknownOutput {
        /// The output that was named.
        name: String,
        /// The outputs of the plan.
        known: String,
    },
    /// Two bindings are for the same output.
    #[error("two files are named for {what}")]
    BoundTwice {
        /// The output, or all outputs without a binding of their own.
        what: String,
    },
    /// The system cannot open it.
    #[error("cannot open {file} for appending")]
    Open {
        /// The file.
        file: String,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// The file is a folder.
    #[error("{file} is a directory, not a file")]
    Directory {
        /// The folder.
        file: String,
    },
    /// Another process has the lock.
    #[error("another process is writing to {file}")]
    Held {
        /// The file.
        file: String,
    },
    /// Locking failed.
    #[error("cannot lock {file}")]
    Lock {
        /// The file.
        file: String,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// The last line is incomplete and not from journal-host.
    #[error("{file} does not end with a line of JSON, so nothing can be appended to it")]
    NotJsonLines {
        /// The file.
        file: String,
    },
    /// The half line could not be removed.
    #[error("cannot cut the half line off the end of {file}")]
    Repair {
        /// The file.
        file: String,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
}

/// The kind of a file, which decides whether lines can be removed again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A regular file that this process opened and locked.
    Own,
    /// Standard output to a regular file, to which other processes may write, too.
    Shared,
    /// A pipe, a terminal or another device: written lines cannot be removed.
    Stream,
}

/// An open file that is not checked or changed yet.
#[derive(Debug)]
pub(super) struct Opened {
    name: String,
    file: File,
    regular: bool,
    standard_output: bool,
    /// Device and inode.
    pub(super) identity: (u64, u64),
}

impl Opened {
    /// Opens the file of a binding.
    pub(super) fn new(file: &str) -> Result<Self, OpenError> {
        if file == "-" {
            Self::standard_output()
        } else {
            Self::file(Path::new(file))
        }
    }

    fn standard_output() -> Result<Self, OpenError> {
        let name = "standard output".to_owned();
        let file = io::stdout().as_fd().try_clone_to_owned().map(File::from);
        match file.and_then(|file| file.metadata().map(|metadata| (file, metadata))) {
            Ok((file, metadata)) => Ok(Self {
                name,
                file,
                regular: metadata.is_file(),
                standard_output: true,
                identity: (metadata.dev(), metadata.ino()),
            }),
            Err(source) => Err(OpenError::Open { file: name, source }),
        }
    }

    fn file(path: &Path) -> Result<Self, OpenError> {
        let name = format!("`{}`", path.display());
        let known = path.metadata().ok();
        if known.as_ref().is_some_and(std::fs::Metadata::is_dir) {
            return Err(OpenError::Directory { file: name });
        }
        // A regular file is also read, to find its last line. A pipe must not be opened for reading, because writes
        // would then never fail after its reader has closed it.
        let readable = known.as_ref().is_none_or(std::fs::Metadata::is_file);
        let open = || {
            let file = OpenOptions::new()
                .read(readable)
                .append(true)
                .create(true)
                .open(path)?;
            if known.is_none() {
                sync_folder(path)?;
            }
            let metadata = file.metadata()?;
            Ok((file, metadata))
        };
        match open() {
            Ok((file, metadata)) => Ok(Self {
                name,
                file,
                regular: metadata.is_file(),
                standard_output: false,
                identity: (metadata.dev(), metadata.ino()),
            }),
            Err(source) => Err(OpenError::Open { file: name, source }),
        }
    }

    /// Locks a regular file and removes the half line that a crash left.
    pub(super) fn prepare(self, files: &Arc<dyn Files>) -> Result<LineFile, OpenError> {
        let Self {
            name,
            file,
            regular,
            standard_output,
            ..
        } = self;
        let kind = match (regular, standard_output) {
            (false, _) => Kind::Stream,
            (true, true) => Kind::Shared,
            (true, false) => Kind::Own,
        };
        let mut line_file = LineFile {
            name,
            file,
            kind,
            files: Arc::clone(files),
        };
        if kind != Kind::Own {
            return Ok(line_file);
        }
        match line_file.file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(OpenError::Held {
                    file: line_file.name.clone(),
                });
            }
            Err(TryLockError::Error(source)) => {
                return Err(OpenError::Lock {
                    file: line_file.name.clone(),
                    source,
                });
            }
        }
        match cut_half_line(&mut line_file.file, files.as_ref()) {
            Ok(Tail::Whole) => Ok(line_file),
            Ok(Tail::Cut(bytes)) => {
                let name = &line_file.name;
                tracing::warn!("cut the {bytes} bytes of a half line off the end of {name}");
                Ok(line_file)
            }
            Ok(Tail::Foreign) => Err(OpenError::NotJsonLines {
                file: line_file.name.clone(),
            }),
            Err(source) => Err(OpenError::Repair {
                file: line_file.name.clone(),
                source,
            }),
        }
    }
}

/// Makes the name of a new file durable, which synchronising the file does not.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        // The folder may be writable but not readable, or the file system does not support this.
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::PermissionDenied
                    | io::ErrorKind::InvalidInput
                    | io::ErrorKind::Unsupported
            ) =>
        {
            Ok(())
        }
        other => other,
    }
}

enum Tail {
    Whole,
    /// This many bytes were removed.
    Cut(u64),
    /// The last line is incomplete and does not begin as a row does.
    Foreign,
}

fn cut_half_line(file: &mut File, files: &dyn Files) -> io::Result<Tail> {
    let length = file.metadata()?.len();
    let mut chunk = Vec::new();
    let mut begin = length;
    let mut first = None;
    while begin > 0 {
        let end = begin;
        begin = end.saturating_sub(SEARCH_CHUNK);
        file.seek(SeekFrom::Start(begin))?;
        chunk.clear();
        Read::by_ref(file)
            .take(end - begin)
            .read_to_end(&mut chunk)?;
        if let Some(index) = chunk.iter().rposition(|&byte| byte == b'\n') {
            begin += index as u64 + 1;
            first = chunk.get(index + 1).copied().or(first);
            break;
        }
        first = chunk.first().copied();
        if length - begin > MAX_HALF_LINE {
            return Ok(Tail::Foreign);
        }
    }
    match first {
        None => Ok(Tail::Whole),
        // A file that is a single complete object was not left by a crash: it belongs to somebody else.
        Some(b'{') if begin == 0 && is_an_object(file, length)? => Ok(Tail::Foreign),
        Some(b'{') => {
            files.truncate(file, begin)?;
            files.sync(file)?;
            Ok(Tail::Cut(length - begin))
        }
        Some(_) => Ok(Tail::Foreign),
    }
}

/// Whether the whole file is a JSON object.
fn is_an_object(file: &mut File, length: u64) -> io::Result<bool> {
    file.seek(SeekFrom::Start(0))?;
    let reader = io::BufReader::new(Read::by_ref(file).take(length));
    let object = serde_json::from_reader::<_, serde::de::IgnoredAny>(reader);
    Ok(object.is_ok())
}

/// An open destination.
#[derive(Debug)]
pub(super) struct LineFile {
    pub(super) name: String,
    file: File,
    kind: Kind,
    files: Arc<dyn Files>,
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
        self.kind != Kind::Stream
    }

    /// Whether it holds nothing, as far as that is known: a stream has no length.
    pub(super) fn is_empty(&self) -> bool {
        let length = self.file.metadata().map(|metadata| metadata.len());
        !self.is_regular() || length.unwrap_or(0) == 0
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
            Kind::Stream => Ok(0),
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
            Kind::Stream => false,
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
