//! The one connection of a process to a database, which its workers share.

use std::cmp::Ordering;
use std::fs::OpenOptions;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, Statement, Transaction, TransactionBehavior};

use super::SqliteError;
use super::encoder::{Rows, Value, Values};
use super::lock::Lock;
use super::positions;
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
            source,
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
        let mut starts = starts(rows);
        // Neighbours in the table are written one after the other.
        starts.sort_unstable_by(|&one, &other| by_key(&rows[one..], &rows[other..]));
        for start in starts {
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
                source: std::io::Error::new(std::io::ErrorKind::StorageFull, error),
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

/// Where each row starts.
fn starts(rows: &[u8]) -> Vec<usize> {
    let mut left = Rows(rows);
    let mut starts = Vec::new();
    while !left.0.is_empty() {
        starts.push(rows.len() - left.0.len());
        left.next();
    }
    starts
}

/// A total order, whatever columns two rows have. Most rows with a key begin with it.
fn by_key(one: &[u8], other: &[u8]) -> Ordering {
    let (mut ones, mut others) = (Values(one), Values(other));
    loop {
        let order = match (ones.next(), others.next()) {
            (Some((one, value)), Some((other, others_value))) => {
                one.cmp(&other).then_with(|| value.order(others_value))
            }
            (None, None) => return Ordering::Equal,
            (one, other) => return one.is_some().cmp(&other.is_some()),
        };
        if order.is_ne() {
            return order;
        }
    }
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

    fn order(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Integer(one), Self::Integer(other)) => one.cmp(&other),
            (Self::Real(one), Self::Real(other)) => one.total_cmp(&other),
            (Self::Text(one), Self::Text(other)) | (Self::Blob(one), Self::Blob(other)) => {
                one.cmp(other)
            }
            _ => self.rank().cmp(&other.rank()),
        }
    }

    fn rank(self) -> u8 {
        match self {
            Self::Integer(_) => 0,
            Self::Real(_) => 1,
            Self::Text(_) => 2,
            Self::Blob(_) => 3,
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use journal_rows::{ColumnType, RowType, RowTypes};

    use super::*;
    use crate::sink::Encoder as _;
    use crate::sink::sqlite::encoder::RowEncoder;
    use crate::sink::tables::tests::column;

    #[test]
    fn rows_have_a_total_order_whatever_values_they_lack() {
        let columns = vec![
            column("a", ColumnType::Int, true),
            column("b", ColumnType::Float, true),
            column("c", ColumnType::Json, true),
        ];
        let mut encoder = RowEncoder::new(RowTypes::One(Arc::new(RowType::new(columns).unwrap())));
        let mut row = |row: &[u8]| {
            let mut bytes = Vec::new();
            encoder.encode(row, &mut bytes, 1 << 10).unwrap();
            bytes
        };
        let ascending = [
            row(b"\x80"),
            row(b"\x81\xa1a\x01"),
            row(b"\x82\xa1a\x01\xa1b\xca\x3f\0\0\0"),
            row(b"\x82\xa1a\x01\xa1b\xca\x3f\x80\0\0"),
            row(b"\x83\xa1a\x01\xa1b\xca\x3f\x80\0\0\xa1c\x01"),
            row(b"\x82\xa1a\x01\xa1c\x01"),
            row(b"\x81\xa1a\x02"),
            row(b"\x81\xa1c\x01"),
        ];
        for (index, one) in ascending.iter().enumerate() {
            for (other_index, other) in ascending.iter().enumerate() {
                let expected = index.cmp(&other_index);
                assert_eq!(by_key(one, other), expected, "{index} {other_index}");
            }
        }
    }
}
