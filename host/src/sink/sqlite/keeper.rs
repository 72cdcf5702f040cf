//! The positions of a group in a database, while no run writes to it.

use std::path::PathBuf;

use rusqlite::{Connection, OptionalExtension as _};

use super::SqliteError;
use super::positions;
use super::read_only;
use super::writer::Writer;
use crate::journal::group_offsets::Committed;
use crate::sink::{PositionKeeper, SinkError};

/// The positions of one group in a database, which need not exist yet.
pub(in crate::sink) struct Keeper {
    file: PathBuf,
    name: String,
    group: String,
    /// Has the lock.
    writer: Option<Writer>,
}

impl Keeper {
    pub(in crate::sink) fn new(file: &str, group: &str) -> Self {
        Self {
            file: file.into(),
            name: format!("`{file}`"),
            group: group.to_owned(),
            writer: None,
        }
    }

    fn cannot(&self, action: &'static str, source: rusqlite::Error) -> SinkError {
        let file = self.file.display().to_string();
        SqliteError::Sqlite {
            file,
            action,
            source: source.into(),
        }
        .into()
    }

    fn read(&self, connection: &Connection) -> Result<Committed, SinkError> {
        let table = "SELECT 1 FROM sqlite_schema WHERE name = 'journal_offsets'";
        let is_there = connection.query_row(table, [], |_| Ok(())).optional();
        let read = is_there.and_then(|is_there| match is_there {
            Some(()) => positions::without_topics(connection, &self.group),
            None => Ok(Committed::new()),
        });
        read.map_err(|source| self.cannot("read", source))
    }
}

impl PositionKeeper for Keeper {
    fn name(&self) -> &str {
        &self.name
    }

    fn positions(&self) -> Result<Committed, SinkError> {
        if let Some(writer) = &self.writer {
            return self.read(&writer.wait().connection);
        }
        if !self.file.exists() {
            return Ok(Committed::new());
        }
        let connection = read_only(&self.file);
        self.read(&connection.map_err(|source| self.cannot("open", source))?)
    }

    fn lock(&mut self) -> Result<(), SinkError> {
        // A database that does not exist is in nobody's use, and is created only once there is something to write.
        if self.writer.is_none() && self.file.exists() {
            self.writer = Some(Writer::open(&self.file)?);
        }
        Ok(())
    }

    fn replace(&mut self, positions: &Committed) -> Result<(), SinkError> {
        if positions.is_empty() {
            return Ok(());
        }
        if self.writer.is_none() {
            self.writer = Some(Writer::open(&self.file)?);
        }
        let replaced = self.writer.as_ref().map(|writer| {
            let connection = &mut writer.wait().connection;
            positions::replace(connection, &self.group, positions)
        });
        replaced
            .unwrap_or(Ok(()))
            .map_err(|source| self.cannot("write to", source))
    }
}
