//! What a run runs: a plugin, or a script with its runtime.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::{Config, Print, ScriptSettings};
use crate::sandbox::{Engine, LoadError, LoadTimes, Prepared};
use crate::script::{self, Language, Printing, Script};

/// A plugin, or a script with its runtime.
pub(crate) struct Program {
    /// The plugin's file, or the runtime's.
    plugin: PathBuf,
    script: Option<Arc<Script>>,
    printing: Option<Printing>,
}

impl Program {
    /// Finds out what is at `path`; a script is read, and its runtime found.
    ///
    /// # Errors
    /// When the script cannot be read, or there is no runtime for it.
    pub(crate) fn of(path: &Path, settings: &ScriptSettings) -> Result<Self, LoadError> {
        let printing = settings.print.map(|print| match print {
            Print::Log => Printing::Log,
            Print::Stdout => Printing::Output,
        });
        let Some(language) = Language::of(path) else {
            script::refuse_others(path, &settings.with)?;
            return Ok(Self {
                plugin: path.to_owned(),
                script: None,
                printing,
            });
        };
        let script = Script::read(language, path, &settings.with)?;
        Ok(Self {
            plugin: language.runtime(settings.runtime.as_deref())?,
            script: Some(Arc::new(script)),
            printing,
        })
    }

    /// The bytes of the file that is compiled. One that is missing is reported when it is loaded.
    pub(super) fn size(config: &Config) -> u64 {
        let runtime = Language::of(&config.plugin)
            .and_then(|language| language.runtime(config.script.runtime.as_deref()).ok());
        let plugin = runtime.as_ref().unwrap_or(&config.plugin);
        plugin.metadata().map_or(0, |metadata| metadata.len())
    }

    /// Compiles it.
    ///
    /// # Errors
    /// When the file is no plugin for this host.
    pub(crate) fn prepare(self, engine: &Engine) -> Result<Prepared, LoadError> {
        let prepared = Prepared::of(engine, &self.plugin)?;
        Ok(prepared.running(self.script, self.printing)?)
    }

    /// Compiles it several times, and measures how long that takes without and with the cache.
    ///
    /// # Errors
    /// As [`prepare`](Self::prepare).
    pub(crate) fn prepare_timed(self, engine: &Engine) -> Result<(Prepared, LoadTimes), LoadError> {
        let (prepared, times) = Prepared::timed(engine, &self.plugin)?;
        Ok((prepared.running(self.script, self.printing)?, times))
    }
}
