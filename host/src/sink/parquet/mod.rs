//! Parquet: a folder with files of rows for each output, and with manifests that say which of these files count, and where
//! the consumer group is.
//!
//! A checkpoint writes its rows as files that nothing names yet. Its manifest names them and advances the positions; it is
//! the commit. Any number of processes write to a folder. [`layout`] has the paths, [`manifests`] the protocol.

mod cleaning;
mod data_file;
mod description;
mod encoder;
mod error;
mod keeper;
mod layout;
mod location;
mod lock;
mod manifest;
mod manifests;
mod positions;
mod row_group;
mod schema;
#[cfg(test)]
mod tests;
mod writing;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub use self::error::ParquetError;
pub(super) use self::location::{Location, has_rows, location, state};

use self::encoder::RowEncoder;
use self::keeper::Keeper;
use self::layout::Layout;
use self::lock::Lock;
use self::manifest::Id;
use self::manifests::{Draft, Manifests};
use self::positions::{Names, ParquetStore};
use self::schema::FileType;
use self::writing::Writing;
use super::files::Files;
use super::moves::Compared;
use super::tables::{Owner, Table};
use super::{Checkpoint, Committed, Encoder, PositionKeeper, Sink, SinkError, SinkFactory};
use crate::journal::group_offsets;
use crate::journal::offsets::OffsetStore;
use crate::journal::plan::{Output, Plan};

/// The memory that a worker takes beside the rows that it holds, in bytes: a group of rows as columns, which double as
/// they grow, the pages of one of these columns, and its dictionary.
pub(super) const MEMORY: usize = 3 * row_group::FULL;
/// Held rows that make a checkpoint due by default, in bytes: small files are slow to read.
pub(super) const HELD: usize = 128 << 20;
/// The default of the longest time between two checkpoints.
pub(super) const INTERVAL: Duration = Duration::from_mins(5);
/// How long a worker waits before it looks again whether another one has committed its checkpoint.
const PAUSE: Duration = Duration::from_millis(2);

/// A table with the type of its files.
#[derive(Debug)]
struct TableFiles {
    table: Table,
    file_type: FileType,
}

/// A folder with the tables that outputs are bound to.
#[derive(Debug)]
struct Folder {
    manifests: Arc<Manifests>,
    tables: Arc<[TableFiles]>,
}

/// Opens a folder for these outputs, each with the name of its table if it is not its own. Nothing is created yet.
pub(super) fn open(
    files: &Arc<dyn Files>,
    location: &Location,
    outputs: &[(&Output, Option<&str>)],
    owner: Owner,
) -> Result<Box<dyn SinkFactory>, ParquetError> {
    let folder = Path::new(&location.folder);
    Ok(Box::new(Folder::open(files, folder, outputs, owner)?))
}

/// Whether the tables of a folder take the rows of these outputs. Nothing is changed.
pub(super) fn check_tables(
    location: &Location,
    outputs: &[(&Output, Option<&str>)],
    owner: &Owner,
) -> Result<(), ParquetError> {
    let layout = Layout::new(Path::new(&location.folder), owner.group.as_deref());
    for table in Table::all(outputs, &location.folder, |one, other| one == other)? {
        let path = layout.description(&table.name);
        description::check(&path, &location.folder, &table, owner)?;
    }
    Ok(())
}

/// The positions of a group in a folder. Nothing is read yet.
pub(super) fn keeper(location: &Location, group: &str) -> Box<dyn PositionKeeper> {
    Box::new(Keeper::new(Path::new(&location.folder), group))
}

/// Creates what is missing of the folders of a group and of these tables.
fn create_folders(manifests: &Manifests, tables: &[TableFiles]) -> Result<(), ParquetError> {
    let layout = &manifests.layout;
    let tables = tables.iter().map(|one| layout.table(&one.table.name));
    let folders = [
        layout.folder.clone(),
        layout.journal(),
        layout.group.clone(),
    ];
    for folder in folders.into_iter().chain(tables) {
        if folder.is_dir() {
            continue;
        }
        let created = manifests.files.create_folder(&folder);
        created.map_err(|source| ParquetError::Create {
            folder: folder.display().to_string(),
            source,
        })?;
        let parent = folder.parent().filter(|path| !path.as_os_str().is_empty());
        manifests.sync_folder(parent.unwrap_or(Path::new(".")))?;
    }
    Ok(())
}

impl Folder {
    fn open(
        files: &Arc<dyn Files>,
        folder: &Path,
        outputs: &[(&Output, Option<&str>)],
        owner: Owner,
    ) -> Result<Self, ParquetError> {
        let shown = folder.display().to_string();
        let tables = Table::all(outputs, &shown, |one, other| one == other)?;
        let with_type = |table: Table| {
            let file_type = FileType::new(&table, &owner, folder)?;
            Ok(TableFiles { table, file_type })
        };
        let tables: Result<Vec<_>, ParquetError> = tables.into_iter().map(with_type).collect();
        let layout = Layout::new(folder, owner.group.as_deref());
        Ok(Self {
            tables: tables?.into(),
            manifests: Arc::new(Manifests::new(files, layout, owner)),
        })
    }

    fn index(&self, output: &Output) -> usize {
        let mut tables = self.tables.iter();
        tables
            .position(|one| one.table.output == output.name)
            .unwrap_or_default()
    }

    fn prepare(&self) -> Result<(), ParquetError> {
        let manifests = &*self.manifests;
        create_folders(manifests, &self.tables)?;
        let lock = Lock::open(&*manifests.files, &manifests.layout)?;
        if lock.try_exclusive()? {
            cleaning::remove_orphans(manifests)?;
        }
        // Whatever is written from here on, no other run of the group removes.
        lock.shared()?;
        for one in &*self.tables {
            description::prepare(manifests, &one.table)?;
        }
        manifests.keep_lock(lock);
        Ok(())
    }

    fn with_rows(&self) -> Result<Vec<String>, ParquetError> {
        let mut found = Vec::new();
        for TableFiles { table, .. } in &*self.tables {
            if cleaning::has_rows(&self.manifests, &table.name)? {
                let folder = self.manifests.layout.shown();
                found.push(format!("the table `{}` of `{folder}`", table.name));
            }
        }
        Ok(found)
    }

    fn remove_rows(&self) -> Result<(), ParquetError> {
        let tables: Vec<&str> = self.tables.iter().map(|one| &*one.table.name).collect();
        self.manifests
            .exclusively(|| cleaning::remove_rows(&self.manifests, &tables))
    }
}

impl SinkFactory for Folder {
    fn prepare(&self, _plan: &Plan) -> Result<(), SinkError> {
        Self::prepare(self)?;
        match &self.manifests.owner.run {
            Some(run) if !self.manifests.hold_run(run.name())? => Err(SinkError::SameRun {
                destination: format!("`{}`", self.manifests.layout.shown()),
            }),
            _ => Ok(()),
        }
    }

    fn encoder(&self, output: &Output) -> Box<dyn Encoder> {
        Box::new(RowEncoder::new(&self.tables[self.index(output)].table))
    }

    fn stream(&self, output: &Output) -> usize {
        self.index(output)
    }

    fn earlier_rows(&self) -> Result<Vec<String>, SinkError> {
        Ok(self.with_rows()?)
    }

    fn remove_earlier_rows(&self) -> Result<(), SinkError> {
        Ok(self.remove_rows()?)
    }

    fn deciding(&self) -> Option<String> {
        let name = || format!("`{}`", self.manifests.layout.shown());
        self.manifests.owner.keeps_positions_of().map(|_| name())
    }

    fn unfinished(&self) -> Result<group_offsets::Committed, SinkError> {
        let names = Names::of(&self.manifests.owner);
        Ok(names.of_run(&self.manifests.state()?))
    }

    fn forget_runs(&self) -> Result<(), SinkError> {
        Ok(positions::forget_runs(&self.manifests)?)
    }

    fn begin_run(&self, starts: &group_offsets::Committed) -> Result<(), SinkError> {
        Ok(positions::begin_run(&self.manifests, starts)?)
    }

    fn end_run(&self) -> Result<(), SinkError> {
        if let Some(run) = &self.manifests.owner.run {
            positions::end_run(&self.manifests, run.name())?;
            self.manifests.release_run()?;
        }
        Ok(())
    }

    fn sink(&self, worker: usize) -> Result<Box<dyn Sink>, SinkError> {
        let manifests = &self.manifests;
        let keeps_positions = manifests.owner.keeps_positions_of().is_some();
        Ok(Box::new(ParquetSink {
            store: keeps_positions.then(|| ParquetStore::new(manifests, worker)),
            names: Names::of(&manifests.owner),
            manifests: Arc::clone(manifests),
            tables: Arc::clone(&self.tables),
            writing: None,
        }))
    }
}

/// The sink of one worker.
struct ParquetSink {
    manifests: Arc<Manifests>,
    tables: Arc<[TableFiles]>,
    store: Option<ParquetStore>,
    names: Names,
    /// The files of a checkpoint that is not committed yet.
    writing: Option<Writing>,
}

impl Sink for ParquetSink {
    fn offsets(&mut self) -> Option<&mut dyn OffsetStore> {
        let store = self.store.as_mut()?;
        Some(store)
    }

    fn give_up(&mut self) {
        self.writing = None;
    }

    fn commit(&mut self, checkpoint: &Checkpoint<'_>) -> Result<Committed, SinkError> {
        let moves = match self.store {
            Some(_) => self.names.moves(checkpoint),
            None => Vec::new(),
        };
        let mut rows = checkpoint.rows.iter();
        if moves.is_empty() && rows.all(|stream| stream.bytes().is_empty()) {
            return Ok(Committed::Done);
        }
        let number = checkpoint.number;
        let kept = self
            .writing
            .take()
            .filter(|writing| writing.number == number);
        let mut writing = kept.unwrap_or_else(|| Writing::begin(&self.manifests, number));
        if !writing.go_on(&self.tables, checkpoint.rows)? {
            self.writing = Some(writing);
            return Ok(Committed::Again(Duration::ZERO));
        }
        let draft = Draft {
            id: Id {
                run: self.manifests.layout.run.clone(),
                worker: checkpoint.worker,
                checkpoint: number,
            },
            files: writing.files(),
        };
        // Where it is not known whether the manifest is there, the files have to be.
        let committed = self
            .manifests
            .commit(&draft, |state| positions::advanced(&moves, state));
        match committed {
            Ok(None) => {
                self.writing = Some(writing);
                Ok(Committed::Again(PAUSE))
            }
            Ok(Some(Compared::First)) => {
                writing.keep();
                Ok(Committed::Done)
            }
            // An earlier attempt has succeeded, with files of its own.
            Ok(Some(Compared::Next)) => Ok(Committed::Done),
            Ok(Some(Compared::Other)) => Ok(Committed::Stale),
            Err(error) => {
                writing.keep();
                Err(error.into())
            }
        }
    }
}
