//! Why a database cannot be used or written.

use std::io;

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
        source: rusqlite::Error,
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
    /// The file has a second name, for which SQLite keeps other files.
    #[error(
        "`{file}` has a second name (a hard link): under it, another program would damage the database"
    )]
    HardLinks {
        /// The database.
        file: String,
    },
    /// Rows without types have no table.
    #[error("the output `{output}` declares no types for its columns, so its rows have no table")]
    Untyped {
        /// The output.
        output: String,
    },
    /// Two outputs would write to one table.
    #[error(
        "the outputs `{first}` and `{second}` are both bound to the table `{table}` of `{file}`"
    )]
    SameTable {
        /// The database.
        file: String,
        /// The table.
        table: String,
        /// An output.
        first: String,
        /// Another output.
        second: String,
    },
    /// No table can have the name of the output.
    #[error("no table can have the name `{table}`")]
    TableName {
        /// The name.
        table: String,
    },
    /// A table was not made by this program.
    #[error("the table `{table}` of `{file}` was not created by journal-host")]
    NotOwn {
        /// The database.
        file: String,
        /// The table.
        table: String,
    },
    /// A table belongs to another processor or another group.
    #[error("the table `{table}` of `{file}` belongs to {owner}, and not to {wanted}")]
    OtherOwner {
        /// The database.
        file: String,
        /// The table.
        table: String,
        /// Whose rows it has.
        owner: String,
        /// Whose rows were to be written.
        wanted: String,
    },
    /// A table does not fit the plan.
    #[error(
        "the table `{table}` of `{file}` does not fit the plan of the processor{}",
        Changes(statements, fixed)
    )]
    OtherSchema {
        /// The database.
        file: String,
        /// The table.
        table: String,
        /// Statements that make it fit.
        statements: Vec<String>,
        /// Reasons for which no statement does.
        fixed: Vec<String>,
    },
    /// A sum leaves the range of SQLite's integers.
    #[error(
        "a sum of the output `{output}` leaves the range from -2^63 to 2^63 - 1 in the table `{table}` of `{file}`, under \
         the key {key}"
    )]
    SumOutOfRange {
        /// The database.
        file: String,
        /// The table.
        table: String,
        /// The output.
        output: String,
        /// The key, as SQL writes it.
        key: String,
    },
}

fn holder(pid: Option<u32>) -> String {
    match pid {
        Some(pid) => format!("the process {pid}"),
        None => "another process".to_owned(),
    }
}

struct Changes<'a>(&'a [String], &'a [String]);

impl std::fmt::Display for Changes<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, reason) in self.1.iter().enumerate() {
            let before = if index == 0 { ": " } else { "; " };
            write!(f, "{before}{reason}")?;
        }
        if self.0.is_empty() {
            return Ok(());
        }
        f.write_str(if self.1.is_empty() {
            ". It takes:"
        } else {
            ". It also takes:"
        })?;
        self.0.iter().try_for_each(|sql| write!(f, "\n    {sql};"))
    }
}
