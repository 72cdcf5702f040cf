//! Why a database cannot be used or written.

use std::error::Error;
use std::fmt;
use std::io;

use crate::sink::tables::TableError;
use crate::text;

/// How much of a reason is shown, in characters.
const MAX_TEXT: usize = 1000;

/// Why a PostgreSQL database takes no rows.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// The server refuses an operation, or cannot be reached.
    #[error("PostgreSQL cannot {action} `{database}`")]
    Server {
        /// The database.
        database: String,
        /// What was tried.
        action: &'static str,
        /// The reason.
        #[source]
        source: Refusal,
    },
    /// A file that has to do with the password cannot be read.
    #[error("cannot read the password from `{file}`")]
    PasswordFile {
        /// The file.
        file: String,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// The certificates that are to be trusted cannot be read.
    #[error("cannot read the certificates of `{file}`: {reason}")]
    Certificates {
        /// The file.
        file: String,
        /// OpenSSL's reason.
        reason: String,
    },
    /// Neither the URL nor the environment names a user.
    #[error("the URL of `{database}` names no user")]
    NoUser {
        /// The database.
        database: String,
    },
    /// No thread could be started for a connection.
    #[error("cannot start a thread for a connection to `{database}`")]
    Thread {
        /// The database.
        database: String,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// The user's search path has no schema.
    #[error("no schema of `{database}` is in the search path of the user")]
    NoSchema {
        /// The database.
        database: String,
    },
    /// A table takes no rows.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The thread of a connection has ended.
    #[error("the connection to `{database}` has ended")]
    Ended {
        /// The database.
        database: String,
    },
}

impl PostgresError {
    /// Whether the same may succeed later, over another connection.
    pub(super) fn is_transient(&self) -> bool {
        matches!(self, Self::Server { source, .. } if source.is_transient())
    }
}

/// PostgreSQL's condition for a password that is wrong.
const INVALID_PASSWORD: &str = "28P01";

/// What a server or the way to it refused.
#[derive(Debug)]
pub struct Refusal {
    /// The class and the condition, as the SQL standard and PostgreSQL number them.
    code: Option<String>,
    text: String,
    /// Whether the same may succeed later, over another connection.
    is_transient: bool,
    /// Whether a connection was made and then lost.
    is_cut: bool,
}

impl Refusal {
    pub(super) fn of(error: &postgres::Error) -> Self {
        let code = error.code().map(|code| code.code().to_owned());
        let code = code.or_else(|| lacks_password(error).then(|| INVALID_PASSWORD.to_owned()));
        let text = match error.as_db_error() {
            Some(refused) => {
                let detail = refused.detail().map(|detail| format!(" ({detail})"));
                format!("{}{}", refused.message(), detail.unwrap_or_default())
            }
            None => chain(error),
        };
        let is_transient = match code.as_deref() {
            Some(code) => is_transient(code),
            None => true,
        };
        Self {
            code,
            text: text::clean(&text, MAX_TEXT),
            is_transient,
            is_cut: error.is_closed() || is_cut(error),
        }
    }

    /// The connection was lost.
    pub(super) fn lost(kind: io::ErrorKind) -> Self {
        Self {
            code: None,
            text: kind.to_string(),
            is_transient: true,
            is_cut: true,
        }
    }

    /// The five characters of PostgreSQL for the condition; none where no server has answered.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// Whether the same may succeed later, over another connection.
    pub(super) fn is_transient(&self) -> bool {
        self.is_transient
    }

    /// Whether a server is there that takes nobody now: it says so, or ends as it is asked.
    pub(super) fn is_starting(&self) -> bool {
        self.is_cut || matches!(self.code(), Some("57P01" | "57P02" | "57P03" | "53300"))
    }

    /// Whether a number left the range of its type.
    pub(super) fn is_out_of_range(&self) -> bool {
        self.code() == Some("22003")
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for Refusal {}

/// Conditions that pass: of the connection, of the server as it ends or starts, of transactions that disturb each other,
/// and of time that was up.
fn is_transient(code: &str) -> bool {
    matches!(
        code,
        "57P01"
            | "57P02"
            | "57P03"
            | "57P05"
            | "53300"
            | "40001"
            | "40P01"
            | "55P03"
            | "57014"
            | "25P03"
            | "25P04"
    ) || code.starts_with("08")
}

/// Whether the server wants a password and there is none, which the client says itself.
fn lacks_password(error: &(dyn Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error: &&(dyn Error + 'static)| {
        (*error).source()
    })
    .any(|error| error.to_string() == "password missing")
}

/// Whether a connection ended before its answer.
fn is_cut(error: &(dyn Error + 'static)) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return matches!(
                error.kind(),
                BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof
            );
        }
        cause = error.source();
    }
    false
}

/// The error and what caused it.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] io::Error);

    #[test]
    fn server_that_ends_a_connection_is_told_from_one_that_is_not_there() {
        let of = |kind: io::ErrorKind| is_cut(&Outer(kind.into()));
        assert!(of(io::ErrorKind::ConnectionReset));
        assert!(of(io::ErrorKind::UnexpectedEof));
        assert!(!of(io::ErrorKind::ConnectionRefused));
        assert!(!of(io::ErrorKind::TimedOut));
    }
}
