//! Opens destinations.

use std::fs::{File, Metadata, TryLockError};
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::compression::Compression;
use super::line_file::{Kind, LineFile};
use crate::sink::files::Files;
use crate::sink::postgres::PostgresError;

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
    /// Only a table keeps one row for each key.
    #[error("the output `{output}` keeps one row for each key, which {destination} cannot")]
    NoTable {
        /// The output.
        output: String,
        /// What it is bound to.
        destination: &'static str,
    },
    /// A binding names a kind of destination that does not exist.
    #[error("`{text}` names the kind `{kind}`, which is unknown")]
    UnknownKind {
        /// The binding.
        text: String,
        /// The kind.
        kind: String,
    },
    /// The name of a file promises something compressed that is not written.
    #[error("`{file}` would be compressed by its name in a way that this version does not write")]
    Compressed {
        /// The file.
        file: String,
    },
    /// Two names of a file promise different formats.
    #[error("{file} has names that promise different compressions")]
    TwoCompressions {
        /// The file, by one of the names.
        file: String,
    },
    /// Dead letters are read again as lines.
    #[error("dead letters are not compressed, as `{file}` would be by its name")]
    CompressedLetters {
        /// The file.
        file: String,
    },
    /// JSON lines and tables would be written to one file.
    #[error("`{file}` is named for JSON lines and as a database")]
    TwoKinds {
        /// The file.
        file: String,
    },
    /// The name of a database ends in something that is no name of a table.
    #[error("`{text}` has a `?` without `table=`")]
    Query {
        /// What was named.
        text: String,
    },
    /// A binding names a table that cannot have this name.
    #[error("no table can have the name `{table}`")]
    TableName {
        /// The name.
        table: String,
    },
    /// A binding names a topic that cannot have this name.
    #[error("no topic can have the name `{}`", topic.escape_debug())]
    TopicName {
        /// The name.
        topic: String,
    },
    /// A binding names a kind that this program was built without.
    #[error("this journal-host was built without `{kind}`")]
    NotBuilt {
        /// The kind.
        kind: &'static str,
        /// The feature that a build takes.
        feature: &'static str,
    },
    /// A URL names no database. The URL itself is not shown.
    #[error("{reason}")]
    Url {
        /// What is wrong with it.
        reason: String,
    },
    /// A database cannot be reached.
    #[error(transparent)]
    Postgres(Box<PostgresError>),
    /// Files would go to something that is no folder.
    #[error("`{file}` is a file, and Parquet files go to a folder")]
    NotAFolder {
        /// The file.
        file: String,
    },
    /// A folder cannot be written to.
    #[error("cannot write to the folder `{folder}`")]
    Folder {
        /// The folder.
        folder: String,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// The file of a database is something else.
    #[error("{file} is not a SQLite database")]
    NotADatabase {
        /// The file.
        file: String,
    },
    /// Two bindings are for the same output.
    #[error("two destinations are named for {what}")]
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
    /// The path of a regular file names a pipe or a device since.
    #[error("{file} is not a regular file any more")]
    NotRegular {
        /// The file.
        file: String,
    },
    /// A file has no name any more, and cannot be opened by one.
    #[error("nobody could read what is written to {file}")]
    NoName {
        /// The file.
        file: String,
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
    /// A compressed file ends in something that this host does not write.
    #[error("{file} does not end with a {unit} of whole lines, so nothing can be appended to it")]
    NotMembers {
        /// The file.
        file: String,
        /// What it should consist of.
        unit: &'static str,
    },
    /// The half line could not be removed.
    #[error("cannot cut the half {unit} off the end of {file}")]
    Repair {
        /// The file.
        file: String,
        /// What the file consists of.
        unit: &'static str,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
}

impl OpenError {
    /// The error for a file that ends in something that this host does not write.
    pub(super) fn foreign(file: String, compression: Option<Compression>) -> Self {
        match compression {
            None => Self::NotJsonLines { file },
            Some(compression) => Self::NotMembers {
                file,
                unit: compression.unit(),
            },
        }
    }
}

/// An open file that is not checked or changed yet.
#[derive(Debug)]
pub(super) struct Opened {
    name: String,
    file: File,
    /// The path that it was opened by; none for standard output.
    path: Option<PathBuf>,
    regular: bool,
    standard_output: bool,
    /// The format that its name promises.
    pub(super) compression: Option<Compression>,
    /// Device and inode.
    pub(super) identity: (u64, u64),
}

impl Opened {
    /// Opens the file of a binding.
    pub(super) fn new(
        file: &str,
        compression: Option<Compression>,
        files: &dyn Files,
    ) -> Result<Self, OpenError> {
        if file == "-" {
            Self::standard_output()
        } else {
            Self::file(Path::new(file), compression, files)
        }
    }

    /// Opens a regular file whose path names another file, or none, since it was opened before.
    pub(super) fn again(
        path: &Path,
        compression: Option<Compression>,
        files: &dyn Files,
    ) -> Result<Self, OpenError> {
        // Opening a pipe would wait for its reader.
        let is_other = |found: &Metadata| !found.is_file() && !found.is_dir();
        if path.metadata().is_ok_and(|found| is_other(&found)) {
            return Err(OpenError::NotRegular { file: name(path) });
        }
        let opened = Self::file(path, compression, files)?;
        if opened.regular {
            Ok(opened)
        } else {
            Err(OpenError::NotRegular { file: opened.name })
        }
    }

    /// The error for a file of another format by the name that it was opened by before.
    pub(super) fn has_two_compressions(self) -> OpenError {
        OpenError::TwoCompressions { file: self.name }
    }

    fn standard_output() -> Result<Self, OpenError> {
        let name = "standard output".to_owned();
        let file = io::stdout().as_fd().try_clone_to_owned().map(File::from);
        match file.and_then(|file| file.metadata().map(|metadata| (file, metadata))) {
            Ok((file, metadata)) => Ok(Self {
                name,
                file,
                path: None,
                regular: metadata.is_file(),
                standard_output: true,
                compression: None,
                identity: (metadata.dev(), metadata.ino()),
            }),
            Err(source) => Err(OpenError::Open { file: name, source }),
        }
    }

    fn file(
        path: &Path,
        compression: Option<Compression>,
        files: &dyn Files,
    ) -> Result<Self, OpenError> {
        let name = name(path);
        let known = path.metadata().ok();
        if known.as_ref().is_some_and(std::fs::Metadata::is_dir) {
            return Err(OpenError::Directory { file: name });
        }
        // A regular file is also read, to find its last line. A pipe must not be opened for reading, because writes
        // would then never fail after its reader has closed it.
        let readable = known.as_ref().is_none_or(std::fs::Metadata::is_file);
        let open = || {
            let file = files.open(path, readable)?;
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
                path: Some(path.to_owned()),
                regular: metadata.is_file(),
                // Such as `/dev/stdout`. A regular file is locked however it is named.
                standard_output: !metadata.is_file() && is_standard_output(&metadata),
                compression,
                identity: (metadata.dev(), metadata.ino()),
            }),
            Err(source) => Err(OpenError::Open { file: name, source }),
        }
    }

    /// Locks a regular file and removes what a crash left half written.
    pub(super) fn prepare(self, files: &Arc<dyn Files>) -> Result<LineFile, OpenError> {
        let Self {
            name,
            file,
            path,
            regular,
            standard_output,
            compression,
            ..
        } = self;
        let kind = match (regular, standard_output) {
            (false, true) => Kind::Standard {
                terminal: file.is_terminal(),
            },
            (false, false) => Kind::Named,
            (true, true) => Kind::Shared,
            (true, false) => Kind::Own,
        };
        if kind == Kind::Own {
            lock(&name, &file)?;
        }
        // From here on the file is unlocked when it is dropped.
        let mut line_file = LineFile::new(name, file, kind, path, compression, files);
        if kind == Kind::Own {
            line_file.cut_half()?;
        }
        line_file.remember();
        Ok(line_file)
    }
}

fn name(path: &Path) -> String {
    format!("`{}`", path.display())
}

fn lock(name: &str, file: &File) -> Result<(), OpenError> {
    let file_name = || name.to_owned();
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => OpenError::Held { file: file_name() },
        TryLockError::Error(source) => OpenError::Lock {
            file: file_name(),
            source,
        },
    })
}

/// Whether this is the pipe or device that standard output is.
fn is_standard_output(metadata: &Metadata) -> bool {
    let standard = io::stdout().as_fd().try_clone_to_owned().map(File::from);
    let standard = standard.and_then(|file| file.metadata());
    standard.is_ok_and(|found| (found.dev(), found.ino()) == (metadata.dev(), metadata.ino()))
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
