//! The files of a checkpoint, a group of rows at a time: between two groups a worker says that it lives.

use std::path::PathBuf;
use std::sync::Arc;

use super::data_file::DataFile;
use super::manifest::NamedFile;
use super::manifests::Manifests;
use super::row_group::RowGroup;
use super::{ParquetError, TableFiles};
use crate::sink::Stream;

/// The files of a checkpoint that is not committed yet. They are removed with it, unless they are kept.
pub(super) struct Writing {
    /// The number of the checkpoint.
    pub(super) number: u64,
    manifests: Arc<Manifests>,
    /// The table whose rows are written now.
    table: usize,
    current: Option<Current>,
    whole: Vec<NamedFile>,
    /// The names that are not those of other files.
    paths: Vec<PathBuf>,
}

/// The file at work.
struct Current {
    file: DataFile,
    group: RowGroup,
    /// The bytes of the table's rows that are written.
    written: usize,
}

impl Writing {
    pub(super) fn begin(manifests: &Arc<Manifests>, number: u64) -> Self {
        Self {
            number,
            manifests: Arc::clone(manifests),
            table: 0,
            current: None,
            whole: Vec::new(),
            paths: Vec::new(),
        }
    }

    /// Writes the next rows. Whether all are written.
    pub(super) fn go_on(
        &mut self,
        tables: &[TableFiles],
        rows: &[Stream],
    ) -> Result<bool, ParquetError> {
        let is_empty = |stream: &Stream| stream.bytes().is_empty();
        while rows.get(self.table).is_some_and(is_empty) {
            self.table += 1;
        }
        let (Some(table), Some(rows)) = (tables.get(self.table), rows.get(self.table)) else {
            return Ok(true);
        };
        let mut current = match self.current.take() {
            Some(current) => current,
            None => self.create(table)?,
        };
        let rows = rows.bytes();
        let rest = current.group.fill(&rows[current.written..]);
        let rest = rest.ok_or_else(|| current.file.damaged())?;
        current.file.write(&mut current.group)?;
        if rest.is_empty() {
            self.whole.push(current.file.finish()?);
            self.table += 1;
        } else {
            current.written = rows.len() - rest.len();
            self.current = Some(current);
        }
        Ok(false)
    }

    fn create(&mut self, of: &TableFiles) -> Result<Current, ParquetError> {
        let manifests = &self.manifests;
        let TableFiles { table, file_type } = of;
        let file = DataFile::create(&manifests.files, &manifests.layout, &table.name, file_type)?;
        self.paths.extend(file.paths());
        Ok(Current {
            file,
            group: RowGroup::new(table.row.columns()),
            written: 0,
        })
    }

    /// The files, once all are written.
    pub(super) fn files(&self) -> &[NamedFile] {
        &self.whole
    }

    /// A manifest names the files, or may.
    pub(super) fn keep(mut self) {
        self.paths.clear();
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        for path in &self.paths {
            // What stays is removed by a later run.
            if path.exists() {
                let _ = self.manifests.files.remove(path);
            }
        }
    }
}
