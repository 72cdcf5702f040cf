//! Makes the subject and the conditions of a benchmark from the configuration.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use super::{Conditions, Error, Subject};
use crate::config::{Config, Local, Source};
use crate::pipeline::build::{self, BuildError};
use crate::sandbox::{Engine, LoadTimes, Plugin, Prepared, Processor};
use crate::source::recording;

impl Conditions {
    /// The conditions of a configuration whose source can be read again. This may start programs, and starts no thread.
    ///
    /// # Errors
    /// When the source is a cluster or no file, or when the limits contradict each other.
    pub(crate) fn new(config: &Config) -> Result<Self, Error> {
        let Source::Local(source) = &config.source else {
            return Err(Error::Cluster);
        };
        if let Local::Recordings(files) = source
            && let Some(other) = files.iter().find(|file| is_read_once(file))
        {
            return Err(Error::NotAFile(other.clone()));
        }
        let memory = build::usual_memory(config)?;
        Ok(Self {
            name: recording::shown(source.paths()),
            source: build::local(source)?,
            prefix: config.objects.prefix.clone(),
            privileged: build::privileged(config.objects.privileged),
            ignores_missing: build::ignores_missing(config),
            privacy: build::privacy(&config.privacy).map_err(BuildError::from)?,
            limits: build::limits(config, &memory),
            batch_limits: build::batch_limits(config, &memory),
        })
    }
}

/// Whether it is something else than a file. A missing file is reported when it is opened.
fn is_read_once(file: &Path) -> bool {
    let is_file = file.metadata().map(|metadata| metadata.is_file());
    recording::is_standard_input(file) || matches!(is_file, Ok(false))
}

impl Subject {
    /// Loads a prepared plugin, starts it with the options of the configuration, and returns how long loading takes,
    /// together with preparing.
    ///
    /// # Errors
    /// When the plugin does not load or start, or its options are wrong.
    pub(crate) fn load(
        engine: &Engine,
        (prepared, times): (Prepared, LoadTimes),
        config: &Config,
        conditions: &Conditions,
    ) -> Result<(Self, LoadTimes), BuildError> {
        let begin = Instant::now();
        let plugin = Plugin::of(engine, prepared, conditions.limits)?;
        let times = times.and(begin.elapsed());
        let options = build::plugin_options(&config.options, &plugin)?;
        let (_, plan) = Processor::start(&plugin, &options, conditions.limits)?;
        let subject = Self {
            object_types: build::object_types(config, &plan)?,
            plugin: Arc::new(plugin),
            options: options.into(),
            plan: Arc::new(plan),
        };
        Ok((subject, times))
    }
}
