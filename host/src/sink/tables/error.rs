//! Why a table takes no rows.

use std::fmt;

/// Why a table takes no rows.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// Rows without types have no table.
    #[error("the output `{output}` declares no types for its columns, so its rows have no table")]
    Untyped {
        /// The output.
        output: String,
    },
    /// Two outputs would write to one table.
    #[error(
        "the outputs `{first}` and `{second}` are both bound to the table `{table}` of `{database}`"
    )]
    SameTable {
        /// The database.
        database: String,
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
    #[error("the table `{table}` of `{database}` was not created by journal-host")]
    NotOwn {
        /// The database.
        database: String,
        /// The table.
        table: String,
    },
    /// A table belongs to another processor or another group.
    #[error("the table `{table}` of `{database}` belongs to {owner}, and not to {wanted}")]
    OtherOwner {
        /// The database.
        database: String,
        /// The table.
        table: String,
        /// Whose rows it has.
        owner: String,
        /// Whose rows were to be written.
        wanted: String,
    },
    /// A table does not fit the plan.
    #[error(
        "the table `{table}` of `{database}` does not fit the plan of the processor{}",
        Changes(statements, fixed)
    )]
    OtherSchema {
        /// The database.
        database: String,
        /// The table.
        table: String,
        /// Statements that make it fit.
        statements: Vec<String>,
        /// Reasons for which no statement does.
        fixed: Vec<String>,
    },
    /// A sum leaves the range of the column.
    #[error(
        "a sum of the output `{output}` leaves the range from -2^63 to 2^63 - 1 in the table `{table}` of `{database}`, \
         under the key {key}"
    )]
    SumOutOfRange {
        /// The database.
        database: String,
        /// The table.
        table: String,
        /// The output.
        output: String,
        /// The key, as SQL writes it.
        key: String,
    },
}

struct Changes<'a>(&'a [String], &'a [String]);

impl fmt::Display for Changes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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
        self.0.iter().try_for_each(|sql| write!(f, " {sql};"))
    }
}
