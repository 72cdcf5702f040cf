//! Why a dataset cannot be read.

use std::io;
use std::path::PathBuf;

use indicatif::HumanBytes;

use crate::journal::topics::TopicError;

/// Why the dataset source cannot go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A folder cannot be listed.
    #[error("cannot read the folder `{}`", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// No table has a file.
    #[error("`{}` has no ORC file in a folder with the name of a table", .0.display())]
    NoTable(PathBuf),
    /// The folder is one of the exports of 2018 and 2019.
    #[error("`{}` is an export in Parquet files, as those of 2018 and 2019 are, and its tables are others", .0.display())]
    Parquet(PathBuf),
    /// A file of two tables that are in step is not there.
    #[error(
        "the table `{table}` has no file `{file}`, and the table `{other}` has the one that belongs to it"
    )]
    Incomplete {
        /// The file.
        file: String,
        /// Its table.
        table: &'static str,
        /// The table that has the other file.
        other: &'static str,
        /// The one of both whose rows belong to the other.
        relation: &'static str,
    },
    /// The folder for a sort has too little room.
    #[error(
        "sorting the table `{table}` takes about {} of disk space, and `{}` has {}",
        HumanBytes(*needed),
        folder.display(),
        HumanBytes(*free)
    )]
    NoSpace {
        /// The folder.
        folder: PathBuf,
        /// The table that is out of step.
        table: &'static str,
        /// About the bytes that are needed.
        needed: u64,
        /// The bytes that are free.
        free: u64,
    },
    /// The temporary files of a sort cannot be written or read.
    #[error("cannot sort in `{}`", folder.display())]
    Temporary {
        /// The folder.
        folder: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// Rows that were sorted before are damaged.
    #[error("the sorted rows in `{}` are damaged", .0.display())]
    Kept(PathBuf),
    /// Rows that were sorted before are those of other files with the same names and sizes.
    #[error("the sorted rows in `{}` belong to other files with the same names and sizes", .0.display())]
    KeptOfOthers(PathBuf),
    /// Other users may have written the file with the sorted rows.
    #[error("the sorted rows in `{}` are not used: other users can write to the file, or it belongs to one", .0.display())]
    KeptByOthers(PathBuf),
    /// Rows of a main table cannot be divided by their identifiers, because few of these are in many rows.
    #[error("the table `{table}` has too many rows with the same identifier")]
    RepeatedIds {
        /// The main table.
        table: &'static str,
        /// The table that is sorted.
        relation: &'static str,
    },
    /// A main table cannot be divided into as many parts as would fit into memory.
    #[error("the table `{table}` has more rows than a sort with this memory can take")]
    TooManyRows {
        /// The main table.
        table: &'static str,
        /// The table that is sorted.
        relation: &'static str,
    },
    /// Rows of a relation belong to no row of the main table.
    #[error("`{}` is out of step with the table `{main}`: its row {row} belongs to none that follows", file.display())]
    Unmatched {
        /// The file of the relation.
        file: PathBuf,
        /// The main table.
        main: &'static str,
        /// The row.
        row: u64,
    },
    /// A file is damaged, or has features that the reader lacks.
    #[error("cannot read `{}`: {reason}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// The reason.
        reason: String,
    },
    /// A file cannot be opened.
    #[error("cannot open `{}`", file.display())]
    Open {
        /// The file.
        file: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// A column that names the rows is not there.
    #[error("`{}` has no column `{column}`", file.display())]
    NoColumn {
        /// The file.
        file: PathBuf,
        /// The column.
        column: &'static str,
    },
    /// A column has another type than upstream's.
    #[error("the column `{column}` of `{}` has the type {found}", file.display())]
    ColumnType {
        /// The file.
        file: PathBuf,
        /// The column.
        column: &'static str,
        /// Its type.
        found: String,
    },
    /// A cell holds something else than its column is for.
    #[error("the column `{column}` in row {row} of `{}` {reason}", file.display())]
    Cell {
        /// The file.
        file: PathBuf,
        /// The column.
        column: &'static str,
        /// The row.
        row: u64,
        /// What is wrong.
        reason: &'static str,
    },
    /// The requested topics do not exist.
    #[error("the dataset `{}` {error}", folder.display())]
    Topics {
        /// The folder.
        folder: PathBuf,
        /// The reason.
        error: TopicError,
    },
    /// None of the tables that are asked for is there.
    #[error("the dataset `{}` has none of the tables that are read: {tables}", folder.display())]
    NothingToRead {
        /// The folder.
        folder: PathBuf,
        /// The tables.
        tables: String,
    },
    /// A record that does not fit the guest's memory.
    #[error(
        "row {row} of `{}` makes a record of {bytes} bytes, more than half of the memory limit of \
         {memory_limit_bytes} bytes",
        file.display()
    )]
    RecordTooLarge {
        /// The file.
        file: PathBuf,
        /// The row.
        row: u64,
        /// The bytes of the record.
        bytes: usize,
        /// The guest's limit.
        memory_limit_bytes: usize,
    },
}

/// How it is known that a table is out of step.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Reason {
    /// The name of a file does not have the form that upstream gives it.
    #[error("the file `{0}` is not named after its table and a UUID")]
    Name(String),
    /// A file of the main table has no file with rows of the relation.
    #[error("there is no file `{0}`")]
    Missing(String),
    /// A file of the relation has no file of the main table.
    #[error("no file of the main table belongs to `{0}`")]
    Extra(String),
    /// A file says that it belongs to others than its name says.
    #[error("the file `{file}` says that its UUID is `{uuid}`")]
    Renamed {
        /// The file.
        file: String,
        /// What it says.
        uuid: String,
    },
}
