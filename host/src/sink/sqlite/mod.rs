//! SQLite: a table for each output, in a database that also has the positions of the consumer group.
//!
//! The workers of a process share one connection, because SQLite has one writer at a time. A checkpoint is one
//! transaction: rows, and positions that are compared with those that the worker went on from. A second process is kept
//! away by a lock.

mod encoder;
mod error;
mod keeper;
mod lock;
mod order;
mod positions;
mod prepare;
mod table;
#[cfg(test)]
mod tests;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub use rusqlite::ErrorCode as Code;
use rusqlite::{Connection, OpenFlags};

pub use self::error::SqliteError;
pub(super) use self::keeper::Keeper;
pub(super) use self::lock::resolved;
pub(super) use self::writer::MEMORY;

use self::encoder::RowEncoder;
use self::positions::SqliteStore;
use self::writer::Writer;
use super::tables::{Owner, Table};
use super::{Checkpoint, Committed, Encoder, Sink, SinkError, SinkFactory};
use crate::journal::group_offsets;
use crate::journal::offsets::OffsetStore;
use crate::journal::plan::{Output, Plan};

/// How long a look waits for another program that writes.
const LOOK_WAIT: Duration = Duration::from_secs(10);

/// A database with the tables that outputs are bound to.
#[derive(Debug)]
pub struct Database {
    writer: Arc<Writer>,
    tables: Arc<[Table]>,
    owner: Owner,
}

impl Database {
    /// Opens and locks a database for these outputs, each with the name of its table if it is not its own.
    ///
    /// # Errors
    /// When an output has no types, two have one table, or the database is in use or cannot be opened.
    pub fn open(
        file: &str,
        outputs: &[(&Output, Option<&str>)],
        owner: Owner,
    ) -> Result<Self, SqliteError> {
        let tables = Table::all(outputs, file, str::eq_ignore_ascii_case)?;
        Ok(Self {
            writer: Arc::new(Writer::open(Path::new(file))?),
            tables: tables.into(),
            owner,
        })
    }

    fn index(&self, output: &Output) -> usize {
        let mut tables = self.tables.iter();
        tables
            .position(|table| table.output == output.name)
            .unwrap_or_default()
    }
}

/// Whether the tables of a database take the rows of these outputs. Nothing is changed, and a database that does not exist
/// is not created.
///
/// # Errors
/// As for [`Database::open`], and when a table does not fit or belongs to somebody else.
pub fn check(
    file: &str,
    outputs: &[(&Output, Option<&str>)],
    owner: &Owner,
) -> Result<(), SqliteError> {
    let tables = Table::all(outputs, file, str::eq_ignore_ascii_case)?;
    let path = Path::new(file);
    refuse_folder(path, file)?;
    if !path.metadata().is_ok_and(|file| file.len() > 0) {
        return Ok(());
    }
    let connection = read_only(path).map_err(|source| SqliteError::Sqlite {
        file: file.to_owned(),
        action: "open",
        source: source.into(),
    })?;
    prepare::check(&connection, file, &tables, owner)
}

fn refuse_folder(path: &Path, file: &str) -> Result<(), SqliteError> {
    if path.is_dir() {
        return Err(SqliteError::Folder {
            file: file.to_owned(),
        });
    }
    Ok(())
}

/// Opens a database that may be another process's, without a lock.
fn read_only(file: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.busy_timeout(LOOK_WAIT)?;
    Ok(connection)
}

/// Whether another process writes to a database.
#[must_use]
pub fn is_held(file: &Path) -> bool {
    lock::Lock::is_held(file)
}

impl SinkFactory for Database {
    fn prepare(&self, _plan: &Plan) -> Result<(), SinkError> {
        prepare::prepare(&self.writer, &self.tables, &self.owner)?;
        self.writer.end_of_start()?;
        Ok(())
    }

    fn encoder(&self, output: &Output) -> Box<dyn Encoder> {
        let types = &self.tables[self.index(output)].types;
        Box::new(RowEncoder::new(types.clone()))
    }

    fn stream(&self, output: &Output) -> usize {
        self.index(output)
    }

    fn earlier_rows(&self) -> Result<Vec<String>, SinkError> {
        Ok(prepare::with_rows(&self.writer, &self.tables)?)
    }

    fn remove_earlier_rows(&self) -> Result<(), SinkError> {
        Ok(prepare::remove_rows(&self.writer, &self.tables)?)
    }

    fn deciding(&self) -> Option<String> {
        let file = || format!("`{}`", self.writer.file);
        self.owner.keeps_positions_of().map(|_| file())
    }

    fn unfinished(&self) -> Result<group_offsets::Committed, SinkError> {
        let run = self.owner.keeps_positions_of().unwrap_or_default();
        Ok(positions::of_run(&self.writer, run)?)
    }

    fn forget_runs(&self) -> Result<(), SinkError> {
        Ok(positions::forget_runs(&self.writer, &self.owner)?)
    }

    fn begin_run(&self, starts: &group_offsets::Committed) -> Result<(), SinkError> {
        let run = self.owner.keeps_positions_of().unwrap_or_default();
        Ok(positions::begin_run(&self.writer, run, starts)?)
    }

    fn end_run(&self) -> Result<(), SinkError> {
        let run = self.owner.keeps_positions_of().unwrap_or_default();
        Ok(positions::end_run(&self.writer, run)?)
    }

    fn sink(&self, _worker: usize) -> Result<Box<dyn Sink>, SinkError> {
        let writer = &self.writer;
        let group = self.owner.keeps_positions_of();
        Ok(Box::new(SqliteSink {
            store: group.map(|group| SqliteStore::new(Arc::clone(writer), group.into())),
            writer: Arc::clone(writer),
            tables: Arc::clone(&self.tables),
            group: group.map(str::to_owned),
        }))
    }
}

/// The sink of one worker.
struct SqliteSink {
    writer: Arc<Writer>,
    tables: Arc<[Table]>,
    group: Option<String>,
    store: Option<SqliteStore>,
}

impl Sink for SqliteSink {
    fn offsets(&mut self) -> Option<&mut dyn OffsetStore> {
        let store = self.store.as_mut()?;
        Some(store)
    }

    fn commit(&mut self, checkpoint: &Checkpoint<'_>) -> Result<Committed, SinkError> {
        let group = self.group.as_deref();
        self.writer.commit(&self.tables, group, checkpoint)
    }
}
