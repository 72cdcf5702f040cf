//! Sources that are no cluster: one worker reads them from the first record to the last one, without a consumer group.
//!
//! To add one, add a variant of [`Local`] and a module beside this one.

use std::path::PathBuf;
use std::sync::Arc;

use super::git::{Git, Repository};
use super::recording::{self, Recording};
use super::{Source, SourceError};
use crate::journal::batch::Topic;
use crate::journal::topics::Subscription;

/// What is read.
#[derive(Clone, Debug)]
pub(crate) enum Local {
    /// A journal in a file.
    Recording(PathBuf),
    /// A git repository, which is open already: that starts programs, and a process that is confined cannot.
    Git(Arc<Repository>),
}

/// A source that is no cluster, and which of its records are read.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// The source.
    pub local: Local,
    /// Which of its topics are read.
    pub subscription: Subscription,
    /// Whether tombstones are handed out.
    pub tombstones: bool,
    /// Bytes of key and value of the largest record: a larger one is refused before it is read.
    pub largest_record: usize,
}

/// Such a source, once it is open.
pub(crate) trait LocalSource: Source {
    /// The topics that are read.
    fn topics(&self) -> Vec<Arc<Topic>>;

    /// Refuses a source that can only be read once.
    ///
    /// # Errors
    /// When it cannot be read again.
    fn check_rereading(&self) -> Result<(), SourceError>;

    /// The same source, for a worker.
    fn into_source(self: Box<Self>) -> Box<dyn Source>;
}

impl Options {
    /// Opens the source and chooses its topics.
    ///
    /// # Errors
    /// When it cannot be read, or lacks the topics.
    pub(crate) fn open(&self) -> Result<Box<dyn LocalSource>, SourceError> {
        match &self.local {
            Local::Recording(path) => Ok(Box::new(Recording::open(recording::Options {
                path: path.clone(),
                subscription: self.subscription.clone(),
                tombstones: self.tombstones,
                largest_record: self.largest_record,
            })?)),
            Local::Git(repository) => {
                let repository = Arc::clone(repository);
                Ok(Box::new(Git::open(repository, &self.subscription)?))
            }
        }
    }
}

impl LocalSource for Recording {
    fn topics(&self) -> Vec<Arc<Topic>> {
        self.topics()
    }

    fn check_rereading(&self) -> Result<(), SourceError> {
        Ok(self.check_rereading()?)
    }

    fn into_source(self: Box<Self>) -> Box<dyn Source> {
        self
    }
}

impl LocalSource for Git {
    fn topics(&self) -> Vec<Arc<Topic>> {
        self.topics()
    }

    fn check_rereading(&self) -> Result<(), SourceError> {
        Ok(())
    }

    fn into_source(self: Box<Self>) -> Box<dyn Source> {
        self
    }
}
