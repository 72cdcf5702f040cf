//! Why a folder of Parquet files cannot be used or written.

use std::io;
use std::path::Path;

use crate::sink::SinkError;
use crate::sink::tables::TableError;
use crate::text;

/// The most bytes of a reason that a message has.
const REASON: usize = 300;

/// Why a folder takes no rows.
#[derive(Debug, thiserror::Error)]
pub enum ParquetError {
    /// The system does not write a file.
    #[error("cannot write to `{file}`")]
    Write {
        /// The file or folder.
        file: String,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// The system does not read a file.
    #[error("cannot read `{file}`")]
    Read {
        /// The file or folder.
        file: String,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// A folder cannot be created.
    #[error("cannot create the folder `{folder}`")]
    Create {
        /// The folder.
        folder: String,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// The lock of a group cannot be taken.
    #[error("cannot lock `{file}`")]
    Lock {
        /// The file of the lock.
        file: String,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// Another process has the lock.
    #[error("another process is writing to `{folder}`")]
    Held {
        /// The folder.
        folder: String,
    },
    /// A file that says what was committed cannot be understood.
    #[error("`{file}` cannot be understood: {reason}")]
    Damaged {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A manifest was removed.
    #[error("the manifest {number} is missing in `{folder}`, which has later ones")]
    Missing {
        /// The number of the manifest.
        number: u64,
        /// The folder of the group's manifests.
        folder: String,
    },
    /// Rows cannot be encoded.
    #[error("cannot write rows to `{file}` as Parquet: {reason}")]
    Encoding {
        /// The file.
        file: String,
        /// The reason of the encoder.
        reason: String,
    },
    /// The files of a table have other columns.
    #[error("the table `{table}` of `{folder}` does not fit the plan of the processor: {}", reasons.join("; "))]
    OtherColumns {
        /// The folder.
        folder: String,
        /// The table.
        table: String,
        /// How they differ, each as a sentence.
        reasons: Vec<String>,
        /// Whether it is enough that columns are added.
        can_add: bool,
    },
    /// A table takes no rows.
    #[error(transparent)]
    Table(Box<TableError>),
}

impl From<TableError> for ParquetError {
    fn from(error: TableError) -> Self {
        Self::Table(Box::new(error))
    }
}

impl From<ParquetError> for SinkError {
    fn from(error: ParquetError) -> Self {
        match error {
            ParquetError::Write { file, source } => Self::Write {
                destination: format!("`{file}`"),
                source,
            },
            other => Self::Parquet(Box::new(other)),
        }
    }
}

impl ParquetError {
    pub(super) fn write(path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let file = path.display().to_string();
        move |source| Self::Write { file, source }
    }

    pub(super) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let file = path.display().to_string();
        move |source| Self::Read { file, source }
    }

    pub(super) fn damaged(path: &Path, reason: &dyn std::fmt::Display) -> Self {
        Self::Damaged {
            file: path.display().to_string(),
            reason: text::clean(&reason.to_string(), REASON),
        }
    }

    /// The error of the encoder, behind which may be one of the system.
    pub(super) fn encoding(path: &Path, error: parquet::errors::ParquetError) -> Self {
        let file = path.display().to_string();
        let reason = error.to_string();
        let source = match error {
            parquet::errors::ParquetError::External(source) => source.downcast::<io::Error>().ok(),
            _ => None,
        };
        match source {
            Some(source) => Self::Write {
                file,
                source: *source,
            },
            None => Self::Encoding { file, reason },
        }
    }
}
