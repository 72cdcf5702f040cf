//! What stands for datasets in a build without them: the error that says what is missing.

use std::path::PathBuf;
use std::sync::Arc;

use super::local::{Sequence, Share};
use super::{BatchLimits, Event, SourceError};
use crate::journal::batch::{Batches, Topic};
use crate::journal::offsets::{Partition, Remaining};
use crate::journal::topics::Subscription;
use crate::privacy::Guard;

/// What is read, and how.
#[derive(Clone, Debug)]
#[expect(dead_code, reason = "nothing reads a dataset")]
pub(crate) struct Options {
    /// The folder.
    pub(crate) folder: PathBuf,
    /// The tables that are left out.
    pub(crate) without: Vec<String>,
    /// How tables are sorted that are out of step.
    pub(crate) sort: SortOptions,
}

/// How relations are sorted.
#[derive(Clone, Debug)]
#[expect(dead_code, reason = "nothing reads a dataset")]
pub(crate) struct SortOptions {
    /// The folder for temporary files, and for what is kept.
    pub(crate) folder: PathBuf,
    /// The memory that a sort takes at most, in bytes.
    pub(crate) memory: usize,
    /// Whether nothing is sorted: what it would cost is said.
    pub(crate) is_dry_run: bool,
}

/// A dataset: there is none.
#[derive(Debug)]
pub(crate) enum Folder {}

/// Why no dataset is read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The build has no reader.
    #[error("this journal-host was built without datasets, so that it cannot read `{}`", .0.display())]
    NotBuilt(PathBuf),
}

impl Folder {
    /// The error that says what is missing.
    pub(crate) fn open(options: &Options) -> Result<Self, Error> {
        Err(Error::NotBuilt(options.folder.clone()))
    }
}

/// The records of a dataset: there are none.
pub(crate) struct Dataset(Arc<Folder>);

impl Dataset {
    /// The records of a folder.
    pub(crate) fn open(
        folder: &Arc<Folder>,
        _subscription: &Subscription,
        _workers: usize,
        _share: Share,
    ) -> Result<Vec<Self>, Error> {
        match **folder {}
    }
}

impl Sequence for Dataset {
    fn name(&self) -> String {
        match *self.0 {}
    }

    fn topics(&self) -> Vec<Arc<Topic>> {
        match *self.0 {}
    }

    fn fill(
        &mut self,
        _into: &mut Batches,
        _limits: BatchLimits,
        _end: Option<u64>,
        _guard: Option<&mut Guard>,
    ) -> Result<Event, SourceError> {
        match *self.0 {}
    }

    fn position(&self) -> u64 {
        match *self.0 {}
    }

    fn go_to(&mut self, _position: u64) -> Result<(), SourceError> {
        match *self.0 {}
    }

    fn remaining(&self) -> Remaining {
        match *self.0 {}
    }

    fn partitions(&self) -> Vec<Partition> {
        match *self.0 {}
    }
}
