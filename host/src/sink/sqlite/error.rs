//! Why a database cannot be used or written.

use std::io;

use crate::sink::tables::TableError;

/// Why a SQLite database takes no rows.
#[derive(Debug, thiserror::Error)]
pub enum SqliteError {
    /// SQLite refuses an operation.
    #[error("SQLite cannot {action} `{file}`")]
    Sqlite {
        /// The database.
        file: String,
        /// What was tried.
        action: &'static str,
        /// SQLite's reason.
        #[source]
        source: Reason,
    },
    /// The lock beside the database cannot be taken.
    #[error("cannot lock `{file}`")]
    Lock {
        /// The file of the lock.
        file: String,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// Another process writes to the database.
    #[error("{} is writing to `{file}`", holder(*pid))]
    Held {
        /// The database.
        file: String,
        /// The other process, if it has said who it is.
        pid: Option<u32>,
    },
    /// The path is a folder.
    #[error("`{file}` is a folder, and no database")]
    Folder {
        /// The path.
        file: String,
    },
    /// The file has a second name, for which SQLite keeps other files.
    #[error(
        "`{file}` has a second name (a hard link): under it, another program would damage the database"
    )]
    HardLinks {
        /// The database.
        file: String,
    },
    /// A table takes no rows.
    #[error(transparent)]
    Table(Box<TableError>),
}

/// What SQLite says. Its own source, a code and the text of that, would say the same again.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Reason(rusqlite::Error);

impl Reason {
    /// The kind of error, where it is one of SQLite's.
    pub fn code(&self) -> Option<rusqlite::ErrorCode> {
        self.0.sqlite_error_code()
    }
}

impl From<rusqlite::Error> for Reason {
    fn from(error: rusqlite::Error) -> Self {
        Self(error)
    }
}

impl From<TableError> for SqliteError {
    fn from(error: TableError) -> Self {
        Self::Table(Box::new(error))
    }
}

fn holder(pid: Option<u32>) -> String {
    match pid {
        Some(pid) => format!("the process {pid}"),
        None => "another process".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reason_is_said_once() {
        let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_NOTADB);
        let said = Some("file is not a database".to_owned());
        let error = SqliteError::Sqlite {
            file: "a.db".to_owned(),
            action: "open",
            source: rusqlite::Error::SqliteFailure(code, said).into(),
        };
        let text = format!("{:#}", anyhow::Error::from(error));
        assert_eq!(text, "SQLite cannot open `a.db`: file is not a database");
    }
}
