//! The positions of a group in a folder, while no run writes to it.

use std::path::Path;
use std::sync::Arc;

use super::layout::Layout;
use super::lock::Lock;
use super::manifest::Id;
use super::manifests::{Draft, Manifests};
use super::{ParquetError, create_folders, positions};
use crate::journal::group_offsets::Committed;
use crate::sink::files::{Files, SystemFiles};
use crate::sink::tables::Owner;
use crate::sink::{PositionKeeper, SinkError, moves};

/// The positions of one group in a folder, which need not exist yet.
pub(super) struct Keeper {
    name: String,
    manifests: Manifests,
    lock: Option<Lock>,
    /// How often positions were replaced.
    replaced: u64,
}

impl Keeper {
    pub(super) fn new(folder: &Path, group: &str) -> Self {
        let files: Arc<dyn Files> = Arc::new(SystemFiles);
        let owner = Owner {
            group: Some(group.to_owned()),
            ..Owner::default()
        };
        Self {
            name: format!("`{}`", folder.display()),
            manifests: Manifests::new(&files, Layout::new(folder, Some(group)), owner),
            lock: None,
            replaced: 0,
        }
    }

    fn take_lock(&mut self) -> Result<(), ParquetError> {
        let (files, layout) = (&*self.manifests.files, &self.manifests.layout);
        let lock = Lock::open(files, layout)?;
        lock.exclusive()?;
        self.lock = Some(lock);
        Ok(())
    }
}

impl PositionKeeper for Keeper {
    fn name(&self) -> &str {
        &self.name
    }

    fn positions(&self) -> Result<Committed, SinkError> {
        let state = self.manifests.state()?;
        Ok(moves::without_topics(positions::positions(&state)))
    }

    fn lock(&mut self) -> Result<(), SinkError> {
        // A folder that does not exist is in nobody's use, and is created only once there is something to write.
        if self.lock.is_none() && self.manifests.layout.group.exists() {
            self.take_lock()?;
        }
        Ok(())
    }

    fn replace(&mut self, positions: &Committed) -> Result<(), SinkError> {
        if positions.is_empty() {
            return Ok(());
        }
        if self.lock.is_none() {
            create_folders(&self.manifests, &[])?;
            self.take_lock()?;
        }
        self.replaced += 1;
        let draft = Draft {
            id: Id {
                run: self.manifests.layout.run.clone(),
                worker: 0,
                checkpoint: self.replaced,
            },
            files: &[],
        };
        let advances = positions::replaced(positions);
        self.manifests.commit(&draft, |_| Ok(advances.clone()))?;
        Ok(())
    }
}
