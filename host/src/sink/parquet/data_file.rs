//! A file of rows: written under another name, made durable, and then named.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::file::writer::SerializedFileWriter;

use super::ParquetError;
use super::layout::{Layout, TEMPORARY};
use super::manifest::NamedFile;
use super::row_group::RowGroup;
use super::schema::FileType;
use crate::sink::files::Files;

/// A file of one table, until it has its name.
pub(super) struct DataFile {
    files: Arc<dyn Files>,
    /// What the encoder writes to; none once the file was closed.
    writer: SerializedFileWriter<Steps>,
    table: String,
    /// The name that it gets, and the one that it has.
    path: PathBuf,
    temporary: PathBuf,
    /// Its path in the folder.
    name: String,
    rows: u64,
}

/// The durable operations that the encoder causes.
struct Steps {
    files: Arc<dyn Files>,
    file: File,
}

impl Write for Steps {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.files.write(&self.file, bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl DataFile {
    /// Begins a file of this table. No other file has its name.
    pub(super) fn create(
        files: &Arc<dyn Files>,
        layout: &Layout,
        table: &str,
        file_type: &FileType,
    ) -> Result<Self, ParquetError> {
        let folder = layout.table(table);
        let name = layout.next_name();
        let (path, temporary) = (
            folder.join(&name),
            folder.join(format!(".{name}{TEMPORARY}")),
        );
        let file = files
            .open(&temporary, false)
            .map_err(ParquetError::write(&temporary))?;
        let steps = Steps {
            files: Arc::clone(files),
            file,
        };
        let (schema, properties) = (
            Arc::clone(&file_type.schema),
            Arc::clone(&file_type.properties),
        );
        let writer = SerializedFileWriter::new(steps, schema, properties)
            .map_err(|error| ParquetError::encoding(&temporary, error))?;
        Ok(Self {
            files: Arc::clone(files),
            writer,
            table: table.to_owned(),
            path,
            temporary,
            name: format!("{table}/{name}"),
            rows: 0,
        })
    }

    pub(super) fn write(&mut self, group: &mut RowGroup) -> Result<(), ParquetError> {
        self.rows += group.rows() as u64;
        let written = group.write(&mut self.writer);
        written.map_err(|error| ParquetError::encoding(&self.temporary, error))
    }

    /// Makes the file durable under its name.
    pub(super) fn finish(&mut self) -> Result<NamedFile, ParquetError> {
        let closed = self.writer.finish();
        closed.map_err(|error| ParquetError::encoding(&self.temporary, error))?;
        let file = &self.writer.inner().file;
        let written = ParquetError::write(&self.path);
        let bytes = self
            .files
            .sync(file)
            .and_then(|()| file.metadata())
            .and_then(|file| {
                self.files.rename(&self.temporary, &self.path)?;
                Ok(file.len())
            })
            .map_err(written)?;
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let synced = self.files.sync_folder(folder);
        synced.map_err(ParquetError::write(folder))?;
        Ok(NamedFile {
            table: self.table.clone(),
            path: self.name.clone(),
            rows: self.rows,
            bytes,
        })
    }

    /// What is to be written is no rows.
    pub(super) fn damaged(&self) -> ParquetError {
        ParquetError::Encoding {
            file: self.path.display().to_string(),
            reason: "held rows were damaged".to_owned(),
        }
    }

    /// The names that it may have.
    pub(super) fn paths(&self) -> [PathBuf; 2] {
        [self.temporary.clone(), self.path.clone()]
    }
}
