//! The plugin of a run, and its options.

use std::path::Path;

use super::Program;
use crate::config::options::{self, OptionsError};
use crate::config::{self, Config};
use crate::sandbox::{self, CompileLimits, Compiler, Engine, Interrupt, Limits, LoadError, Plugin};

/// A compiled plugin with the engine that it is made for.
pub(crate) struct CompiledPlugin {
    engine: Engine,
    plugin: sandbox::Prepared,
}

impl CompiledPlugin {
    /// Compiles the plugin of a configuration. This starts no thread.
    ///
    /// # Errors
    /// When the file is no plugin for this host.
    pub(crate) fn of(config: &Config) -> Result<Self, LoadError> {
        Self::at(&config.plugin, &config.script, &config.limits)
    }

    /// Compiles the plugin in this file, or the runtime of this script, as [`of`](Self::of) does.
    ///
    /// # Errors
    /// When the file is no plugin for this host.
    pub(crate) fn at(
        path: &Path,
        script: &config::ScriptSettings,
        limits: &config::Limits,
    ) -> Result<Self, LoadError> {
        let engine = Engine::new(compiler(limits))?;
        let plugin = Program::of(path, script)?.prepare(&engine)?;
        Ok(Self { engine, plugin })
    }

    /// Loads it.
    ///
    /// # Errors
    /// When its interface is another one, or its description breaks a rule.
    pub(crate) fn load(self, limits: Limits) -> Result<Plugin, LoadError> {
        Plugin::of(&self.engine, self.plugin, limits)
    }

    /// Has calls of the plugin end when this interrupt is due.
    pub(super) fn interrupted_by(self, interrupt: Interrupt) -> Self {
        Self {
            engine: self.engine.interrupted_by(interrupt),
            ..self
        }
    }
}

/// How plugins are compiled.
pub(crate) fn compiler(limits: &config::Limits) -> Compiler {
    Compiler::Child(CompileLimits {
        memory_bytes: limits.compile_memory,
        cpu: limits.compile_timeout,
    })
}

/// The plugin's options as JSON that its schema accepts.
///
/// # Errors
/// When they break a rule of the schema, or their file cannot be read.
pub(crate) fn plugin_options(
    given: &config::PluginOptions,
    plugin: &Plugin,
) -> Result<String, OptionsError> {
    let mut values = given.values.clone();
    if let Some(path) = &given.file {
        values.extend(options::read_file(path)?);
    }
    values.extend(given.over_file.clone());
    let options = options::parse(&plugin.description().options, &given.texts, Some(values))?;
    Ok(options.to_string())
}
