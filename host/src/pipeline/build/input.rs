//! Sources before it is known which records are read.

use std::sync::Arc;
use std::time::SystemTime;

use super::{AskedStart, BuildError};
use crate::config::memory::MemoryPlan;
use crate::config::{self, Config, OnEof};
use crate::kafka::{self, Clients};
use crate::source::local::Local;
use crate::source::{SourceError, dataset, git};

/// A source that is no cluster. This may start programs, and starts no thread.
///
/// # Errors
/// When there is none.
pub(crate) fn local(source: &config::Local) -> Result<Local, SourceError> {
    Ok(match source {
        config::Local::Recordings(files) => Local::Recordings(files.clone()),
        config::Local::Git(source) => {
            let options = git::Options {
                repository: source.repository.clone(),
                origin: source.origin.clone(),
                visit_date: source.visit_date.map(git::VisitDate::from),
                all_objects: source.all_objects,
                max_content_size: source.max_content_size,
            };
            Local::Git(Arc::new(git::Repository::open(&options)?))
        }
        config::Local::Dataset(source) => Local::Dataset(open_dataset(source, false)?),
    })
}

/// The same for a check, which makes nothing that lasts.
///
/// # Errors
/// When there is none.
pub(crate) fn local_to_check(source: &config::Local) -> Result<Local, SourceError> {
    match source {
        config::Local::Dataset(source) => Ok(Local::Dataset(open_dataset(source, true)?)),
        other => local(other),
    }
}

fn open_dataset(
    source: &config::Dataset,
    is_dry_run: bool,
) -> Result<Arc<dataset::Folder>, SourceError> {
    let options = dataset::Options {
        folder: source.folder.clone(),
        without: source.without.clone(),
        sort: dataset::SortOptions {
            folder: source.temp.clone(),
            memory: source.sort_memory,
            is_dry_run,
        },
    };
    Ok(Arc::new(dataset::Folder::open(&options)?))
}

/// The settings of a cluster's clients, of all commands alike.
pub(crate) fn cluster_settings(connection: &config::Connection) -> kafka::Settings {
    kafka::Settings {
        brokers: connection.brokers.clone(),
        group_id: connection.group_id.clone(),
        kafka: connection.settings.clone(),
        broker_timeout: connection.broker_timeout,
        fetch: None,
        statistics: false,
    }
}

/// The source of records, before it is known which records are read.
pub(super) enum Input {
    Local(Local),
    Kafka {
        /// The clients, one for each worker among them, which are connecting to the brokers.
        clients: Box<Clients>,
        start: AskedStart,
        on_eof: OnEof,
    },
}

impl Input {
    /// `local` is the source, unless it is a cluster.
    pub(super) fn begin(
        config: &Config,
        memory: &MemoryPlan,
        local: Option<Local>,
    ) -> Result<Self, BuildError> {
        if let Some(local) = local {
            return Ok(Self::Local(local));
        }
        match &config.source {
            config::Source::Local(source) => Ok(Self::Local(self::local(source)?)),
            config::Source::Kafka(kafka) => {
                let start = AskedStart::of(kafka, SystemTime::now())?;
                let mut settings = cluster_settings(&kafka.connection);
                settings.fetch = memory.bounded.map(|bounds| bounds.fetch);
                settings.statistics = config.metrics.is_some();
                Ok(Self::Kafka {
                    clients: Box::new(
                        Clients::start(settings, config.workers).map_err(SourceError::from)?,
                    ),
                    start,
                    on_eof: kafka.on_eof,
                })
            }
        }
    }
}
