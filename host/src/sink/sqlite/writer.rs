//! The one connection of a process to a database, which its workers share.

use std::fs::OpenOptions;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, Statement, Transaction, TransactionBehavior};

use super::SqliteError;
use super::encoder::{Rows, Value, Values};
use super::error::Reason;
use super::lock::Lock;
use super::{order, positions};
use crate::sink::moves::Compared;
use crate::sink::tables::{Table, TableError};
use crate::sink::{Checkpoint, Committed, SinkError};
use crate::text;

/// How long a worker waits before it looks again whether another one has written its checkpoint.
const PAUSE: Duration = Duration::from_millis(2);
/// The same where another program writes to the database.
const LONG_PAUSE: Duration = Duration::from_millis(50);
/// How long another program may write before that is logged, and how often it is logged.
const SAY_EVERY: Duration = Duration::from_secs(10);
/// How long the start waits for another program that writes.
const START_WAIT: Duration = Duration::from_secs(10);
/// How long the start waits before that is logged: most programs write for milliseconds.
const START_SILENCE: Duration = Duration::from_millis(200);
/// SQLite's cache of pages, in KiB, and that of the pages that are not in the database yet.
const CACHE_KIB: i64 = 16 << 10;
/// The memory of a database, in bytes: the cache, its statements and index, and the order of the rows of one checkpoint.
/// Measured, with a margin.
pub(in crate::sink) const MEMORY: usize = 28 << 20;

/// The writer of a database.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) file: String,
    open: Mutex<Open>,
    /// Released after the connection is closed.
    _lock: Lock,
}

/// What one worker uses at a time.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) connection: Connection,
    /// Since when another program has kept the database.
    waits: Option<Instant>,
    said: Option<Instant>,
}

impl Writer {
    /// Takes the lock and opens the database, which is created if it does not exist.
    pub(super) fn open(path: &Path) -> Result<Self, SqliteError> {
        let file = path.display().to_string();
        // A link to a file that does not exist yet is followed once that is there. What goes wrong here, SQLite says.
        let _created = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(path);
        let path: PathBuf = super::lock::resolved(path);
        super::refuse_folder(&path, &file)?;
        if path.metadata().is_ok_and(|metadata| metadata.nlink() > 1) {
            return Err(SqliteError::HardLinks { file });
        }
        let lock = Lock::take(&path).map_err(|error| match error {
            SqliteError::Held { pid, .. } => SqliteError::Held {
                file: file.clone(),
                pid,
            },
            other => other,
        })?;
        let opened = || {
            let connection = Connection::open(&path)?;
            connection.busy_timeout(START_SILENCE)?;
            say_if_locked(&connection, &file);
            connection.busy_timeout(START_WAIT)?;
            let mode = |name: &str, value: &str| connection.pragma_update(None, name, value);
            // Readers go on while rows are written.
            mode("journal_mode", "WAL")?;
            mode("synchronous", "FULL")?;
            mode("temp_store", "MEMORY")?;
            connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
            Ok(connection)
        };
        let connection = opened().map_err(|source| SqliteError::Sqlite {
            file: file.clone(),
            action: "open",
            source,
        })?;
        Ok(Self {
            file,
            open: Mutex::new(Open {
                connection,
                waits: None,
                said: None,
            }),
            _lock: lock,
        })
    }

    /// The connection, whoever uses it now.
    pub(super) fn wait(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection, unless another worker uses it.
    pub(super) fn try_open(&self) -> Option<MutexGuard<'_, Open>> {
        match self.open.try_lock() {
            Ok(open) => Some(open),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    pub(super) fn cannot(&self, action: &'static str, source: rusqlite::Error) -> SqliteError {
        SqliteError::Sqlite {
            file: self.file.clone(),
            action,
            source: source.into(),
        }
    }

    /// From here on no call waits for another program.
    pub(super) fn end_of_start(&self) -> Result<(), SqliteError> {
        let waits = self.wait().connection.busy_timeout(Duration::ZERO);
        waits.map_err(|source| self.cannot("open", source))
    }

    /// Writes a checkpoint whole: the rows of each table, and the positions of the group if it has one.
    pub(super) fn commit(
        &self,
        tables: &[Table],
        group: Option<&str>,
        checkpoint: &Checkpoint<'_>,
    ) -> Result<Committed, SinkError> {
        let Some(mut open) = self.try_open() else {
            return Ok(Committed::Again(PAUSE));
        };
        match self.write(&mut open.connection, tables, group, checkpoint) {
            Ok(committed) => {
                open.waits = None;
                Ok(committed)
            }
            Err(Failure::Sqlite(error)) if is_busy(&error) => {
                open.say_that_it_waits(&self.file);
                Ok(Committed::Again(LONG_PAUSE))
            }
            Err(Failure::Sqlite(error)) => Err(self.failed(error)),
            Err(Failure::Sink(error)) => Err(error),
        }
    }

    fn write(
        &self,
        connection: &mut Connection,
        tables: &[Table],
        group: Option<&str>,
        checkpoint: &Checkpoint<'_>,
    ) -> Result<Committed, Failure> {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if let Some(group) = group
            && positions::advance(&transaction, group, checkpoint)? == Compared::Other
        {
            return Ok(Committed::Stale);
        }
        for (table, rows) in tables.iter().zip(checkpoint.rows) {
            self.insert(&transaction, table, rows.bytes())?;
        }
        transaction.commit()?;
        Ok(Committed::Done)
    }

    fn insert(
        &self,
        transaction: &Transaction<'_>,
        table: &Table,
        rows: &[u8],
    ) -> Result<(), Failure> {
        if rows.is_empty() {
            return Ok(());
        }
        let mut statement = transaction.prepare(&table.insert())?;
        if table.key().is_none() {
            for row in Rows(rows) {
                execute(&mut statement, row)?;
            }
            return Ok(());
        }
        for start in order::by_key(table, rows) {
            let row = &rows[start..];
            execute(&mut statement, row).map_err(|error| {
                if is_other_type(&error) {
                    Failure::Sink(self.sum_out_of_range(table, row).into())
                } else {
                    error.into()
                }
            })?;
        }
        Ok(())
    }

    /// A sum beyond the range of integers becomes a float, which no `STRICT` table takes in its place.
    fn sum_out_of_range(&self, table: &Table, row: &[u8]) -> SqliteError {
        let shape = table.shape.as_deref();
        let columns = table.row.columns();
        let key = Values(row).filter_map(|(index, value)| {
            let name = &columns.get(index)?.name;
            let is_key = shape.is_some_and(|shape| shape.key.contains(name));
            is_key.then(|| format!("{name} = {}", value.as_sql()))
        });
        TableError::SumOutOfRange {
            database: self.file.clone(),
            table: table.name.clone(),
            output: table.output.clone(),
            key: key.collect::<Vec<_>>().join(", "),
        }
        .into()
    }

    /// The error of a checkpoint, of which nothing was written.
    fn failed(&self, error: rusqlite::Error) -> SinkError {
        let full = matches!(error.sqlite_error_code(), Some(ErrorCode::DiskFull));
        if full {
            return SinkError::Write {
                destination: format!("`{}`", self.file),
                source: std::io::Error::new(std::io::ErrorKind::StorageFull, Reason::from(error)),
            };
        }
        self.cannot("write to", error).into()
    }
}

impl Open {
    fn say_that_it_waits(&mut self, file: &str) {
        let now = Instant::now();
        let since = *self.waits.get_or_insert(now);
        let last = self.said.filter(|said| *said > since).unwrap_or(since);
        if now.duration_since(last) >= SAY_EVERY {
            self.said = Some(now);
            tracing::warn!(
                "waiting for another program that has written to `{file}` for {} s without an end of its transaction",
                now.duration_since(since).as_secs()
            );
        }
    }
}

/// Tells the operator what the start is about to wait for.
fn say_if_locked(connection: &Connection, file: &str) {
    // Other errors come again, and are reported then.
    let tried = connection.execute_batch("BEGIN EXCLUSIVE; ROLLBACK");
    if tried.is_err_and(|error| is_busy(&error)) {
        tracing::info!(
            "waiting for the end of another program's transaction in `{file}`, for up to {} s",
            START_WAIT.as_secs()
        );
    }
}

/// Why nothing was written.
enum Failure {
    Sqlite(rusqlite::Error),
    Sink(SinkError),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

pub(super) fn is_busy(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    matches!(
        code,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}

/// Whether a `STRICT` table refused the type of a value.
fn is_other_type(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|error| error.extended_code);
    code == Some(rusqlite::ffi::SQLITE_CONSTRAINT_DATATYPE)
}

fn execute(statement: &mut Statement<'_>, row: &[u8]) -> rusqlite::Result<()> {
    statement.clear_bindings();
    for (index, value) in Values(row) {
        let value = ToSqlOutput::Borrowed(value.as_ref());
        statement.raw_bind_parameter(index + 1, value)?;
    }
    statement.raw_execute()?;
    Ok(())
}

impl<'a> Value<'a> {
    fn as_ref(self) -> ValueRef<'a> {
        match self {
            Self::Integer(number) => ValueRef::Integer(number),
            Self::Real(number) => ValueRef::Real(number),
            Self::Text(text) => ValueRef::Text(text),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        }
    }

    fn as_sql(self) -> String {
        match self {
            Self::Integer(number) => number.to_string(),
            Self::Real(number) => number.to_string(),
            Self::Text(text) => format!("{:?}", String::from_utf8_lossy(text)),
            Self::Blob(bytes) => {
                format!("x'{}'", text::hex(bytes))
            }
        }
    }
}
