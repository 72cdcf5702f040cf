//! Loads a plugin: from its file to compiled code.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use wasmtime::component::Component;

use super::cache::{Cache, Code, FileDigest, code_from};
use super::clock::Interrupt;
use super::error::Cause;
use super::instance::{Instance, Linked, Refused};
use super::plugin_log::PluginLog;
use super::state::Function;
use super::{
    CallError, Description, Engine, Limits, LoadError, describe, imports, inspect, runtime,
};
use crate::script::{self, Printing, Script, ScriptError};
use crate::text;

/// The largest file that is read. The largest plugin known, a whole Python, has 27 MiB.
const FILE_BYTES: usize = 64 << 20;
/// The size from which a file takes so long to compile that the operator wonders. A runtime of scripts is larger, all other
/// plugins known are far smaller.
const SLOW_BYTES: usize = 8 << 20;

/// The time that it takes to prepare or to load a plugin.
#[derive(Clone, Copy, Debug)]
pub struct LoadTimes {
    /// With reading and checking its file, and compiling it.
    pub compiled: Duration,
    /// With its code from the cache; none where nothing is cached.
    pub cached: Option<Duration>,
}

impl LoadTimes {
    /// The times with something that takes as long in both cases.
    #[must_use]
    pub fn and(self, more: Duration) -> Self {
        Self {
            compiled: self.compiled + more,
            cached: self.cached.map(|cached| cached + more),
        }
    }
}

/// Compiled code that has not run yet.
pub struct Prepared {
    path: PathBuf,
    code: Code,
    digest: FileDigest,
    script: Option<Arc<Script>>,
}

impl Prepared {
    /// Reads, checks and compiles a plugin, or loads its code from the cache. This needs files and perhaps another
    /// process, and starts no thread.
    ///
    /// # Errors
    /// When the file is no plugin for this host.
    pub fn of(engine: &Engine, path: &Path) -> Result<Self, LoadError> {
        Self::with(engine, path, cache().as_ref())
    }

    /// Prepares as [`of`](Self::of) does, several times, and measures the time without and with the cache.
    ///
    /// # Errors
    /// As [`of`](Self::of).
    pub fn timed(engine: &Engine, path: &Path) -> Result<(Self, LoadTimes), LoadError> {
        let timed = |cache| {
            let start = Instant::now();
            Self::with(engine, path, cache).map(|prepared| (prepared, start.elapsed()))
        };
        let (prepared, compiled) = timed(None)?;
        let Some(cache) = cache() else {
            let cached = None;
            return Ok((prepared, LoadTimes { compiled, cached }));
        };
        // The first of these fills the cache if it is empty.
        timed(Some(&cache))?;
        let (prepared, cached) = timed(Some(&cache))?;
        let cached = Some(cached);
        Ok((prepared, LoadTimes { compiled, cached }))
    }

    fn with(engine: &Engine, path: &Path, cache: Option<&Cache>) -> Result<Self, LoadError> {
        // A script is no part of what is compiled.
        let (bytes, script) = script::split(path, read(path)?)?;
        let digest = Sha256::digest(&bytes).into();
        let most_bytes = engine.compiler().most_bytes();
        let kept = cache.and_then(|cache| cache.get(engine.inner(), &digest, most_bytes));
        let code = if let Some(code) = kept {
            code
        } else {
            if bytes.len() >= SLOW_BYTES {
                let kept = if cache.is_some() { ", once" } else { "" };
                tracing::info!("compiling `{}`{kept}: about half a minute", path.display());
            }
            let compiled = engine.compiler().compile(engine.inner(), path, &bytes)?;
            if let Some(cache) = cache {
                cache.put(engine.inner(), &digest, &compiled);
            }
            code_from(engine.inner(), &compiled).map_err(|source| LoadError::Compile {
                path: path.to_owned(),
                source,
            })?
        };
        Ok(Self {
            path: path.to_owned(),
            code,
            digest,
            script: script.map(Arc::new),
        })
    }

    /// The runtime with the script that its instances load, and where the text goes that it prints, unless the script
    /// decides it.
    ///
    /// # Errors
    /// When it is a plugin without a script, and printed text is to go somewhere.
    pub fn running(
        mut self,
        script: Option<Arc<Script>>,
        printing: Option<Printing>,
    ) -> Result<Self, ScriptError> {
        // A file that has a script can be the runtime of another one.
        self.script = script.or(self.script);
        if printing.is_some() {
            let script = self.script.as_mut();
            let script = script.ok_or(ScriptError::PrintsNothing {
                path: self.path.clone(),
            })?;
            Arc::make_mut(script).printing = printing;
        }
        Ok(self)
    }
}

/// Compiled code with its description; one in each run.
#[derive(Clone)]
pub struct Plugin {
    loaded: Arc<Loaded>,
}

struct Loaded {
    linked: Linked,
    description: Description,
    plugin_log: Arc<PluginLog>,
    interrupt: Interrupt,
    digests: Digests,
    interfaces: Interfaces,
}

/// SHA-256 of what a script consists of, as lowercase hex.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptDigests {
    /// Of the runtime's file.
    pub runtime: String,
    /// Of the script's files.
    pub script: String,
}

struct Digests {
    whole: String,
    parts: Option<ScriptDigests>,
}

impl Digests {
    fn of(file: &FileDigest, script: Option<&Script>) -> Self {
        let Some(script) = script else {
            let (whole, parts) = (text::hex(file), None);
            return Self { whole, parts };
        };
        let digest = script.digest();
        let parts = ScriptDigests {
            runtime: text::hex(file),
            script: text::hex(&digest),
        };
        let both = Sha256::new().chain_update(file).chain_update(digest);
        Self {
            whole: text::hex(&both.finalize()),
            parts: Some(parts),
        }
    }
}

/// What a component exports and imports, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interfaces {
    /// The interface that the host calls, with the version of the contract.
    pub processor: String,
    /// The interfaces that the plugin may call.
    pub imports: Vec<String>,
}

impl Plugin {
    /// Prepares a plugin, and loads it.
    ///
    /// # Errors
    /// When the file is no plugin for this host, or its description breaks a rule.
    pub fn load(engine: &Engine, path: &Path, limits: Limits) -> Result<Self, LoadError> {
        Self::of(engine, Prepared::of(engine, path)?, limits)
    }

    #[cfg(test)]
    pub(super) fn load_with(
        engine: &Engine,
        path: &Path,
        limits: Limits,
        cache: Option<&Cache>,
    ) -> Result<Self, LoadError> {
        Self::of(engine, Prepared::with(engine, path, cache)?, limits)
    }

    /// Links a prepared plugin, and calls `describe`.
    ///
    /// # Errors
    /// When its interface is another one, or its description breaks a rule.
    pub fn of(engine: &Engine, prepared: Prepared, limits: Limits) -> Result<Self, LoadError> {
        let Prepared {
            path,
            code,
            digest,
            script,
        } = prepared;
        match (&script, runtime::is_runtime(&code.component)) {
            (Some(_), false) => return Err(LoadError::NotARuntime { path }),
            (None, true) => return Err(LoadError::NoScript { path }),
            _ => {}
        }
        engine.start_ticking()?;
        let digests = Digests::of(&digest, script.as_deref());
        let linked = imports::link(engine.inner())
            .and_then(|linker| linker.instantiate_pre(&code.component))
            .map_err(|error| shape(&path, Cause::new(error)))?;
        let interfaces = Interfaces::of(engine.inner(), &code.component);
        let interrupt = engine.interrupt().clone();
        let linked = Linked {
            code: linked,
            instance_bytes: code.instance_bytes,
            script,
        };
        let path = linked.script.as_ref().map_or(&path, |script| &script.path);
        let mut description = ask(&linked, path, interrupt.clone(), limits)?;
        let name = linked
            .script
            .as_ref()
            .and_then(|script| script.name.clone());
        if let Some(name) = name.filter(|name| !name.is_empty()) {
            description.name = name;
        }
        let loaded = Loaded {
            linked,
            plugin_log: Arc::new(PluginLog::new(description.name.clone())),
            description,
            interrupt,
            digests,
            interfaces,
        };
        Ok(Self {
            loaded: Arc::new(loaded),
        })
    }

    /// The answer to `describe`.
    #[must_use]
    pub fn description(&self) -> &Description {
        &self.loaded.description
    }

    /// SHA-256 of the plugin's file, or of a script's files and its runtime, as lowercase hex.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.loaded.digests.whole
    }

    /// SHA-256 of the runtime's file and of the script's files, where it is a script.
    #[must_use]
    pub fn script_digests(&self) -> Option<&ScriptDigests> {
        self.loaded.digests.parts.as_ref()
    }

    /// What it exports and imports.
    #[must_use]
    pub fn interfaces(&self) -> &Interfaces {
        &self.loaded.interfaces
    }

    /// Drops what it writes to its log from now on.
    pub fn silence(&self) {
        self.loaded.plugin_log.silence();
    }

    pub(super) fn plugin_log(&self) -> Arc<PluginLog> {
        Arc::clone(&self.loaded.plugin_log)
    }

    pub(super) fn interrupt(&self) -> Interrupt {
        self.loaded.interrupt.clone()
    }

    pub(super) fn linked(&self) -> &Linked {
        &self.loaded.linked
    }
}

impl Interfaces {
    fn of(engine: &wasmtime::Engine, component: &Component) -> Self {
        let component = component.component_type();
        let mut exports = component.exports(engine).map(|(name, _)| name);
        let processor = exports.find(|name| inspect::is_processor(name));
        Self {
            // Without one it would not have been compiled.
            processor: processor.unwrap_or_default().to_owned(),
            imports: component
                .imports(engine)
                .map(|(name, _)| name.to_owned())
                .collect(),
        }
    }
}

/// The cache of compiled code, if its folder can be used.
fn cache() -> Option<Cache> {
    Cache::of_this_user()
        .inspect_err(|reason| {
            tracing::warn!("compiled code is not kept, and so loading takes longer: {reason}");
        })
        .ok()
}

/// The file's bytes, if it is a regular file within the size limit.
fn read(path: &Path) -> Result<Vec<u8>, LoadError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => LoadError::Missing {
            path: path.to_owned(),
        },
        _ => LoadError::Read {
            path: path.to_owned(),
            source,
        },
    };
    // Checked before it is opened, because opening a pipe waits for a writer.
    let kind = fs::metadata(path).map_err(failed)?.file_type();
    if kind.is_dir() {
        return Err(LoadError::Folder {
            path: path.to_owned(),
            is_crate: path.join("Cargo.toml").is_file(),
        });
    }
    if !kind.is_file() {
        return Err(LoadError::NotAFile {
            path: path.to_owned(),
        });
    }
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(FILE_BYTES as u64 + 1).read_to_end(&mut bytes))
        .map_err(failed)?;
    if bytes.len() > FILE_BYTES {
        return Err(LoadError::TooLarge {
            path: path.to_owned(),
            limit: FILE_BYTES,
        });
    }
    Ok(bytes)
}

fn shape(path: &Path, source: Cause) -> LoadError {
    LoadError::Shape {
        path: path.to_owned(),
        offered: journal_contract::PROCESSOR,
        source,
    }
}

/// Calls `describe` in a store of its own.
fn ask(
    linked: &Linked,
    path: &Path,
    interrupt: Interrupt,
    limits: Limits,
) -> Result<Description, LoadError> {
    let file = path
        .file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy();
    let file = text::clean(&file, text::REASON_BYTES);
    let failed = |source: CallError| LoadError::Describe {
        path: path.to_owned(),
        source: match linked.script {
            Some(_) => failure_of_script(source),
            None => source,
        },
    };
    let plugin_log = Arc::new(PluginLog::new(file.clone()));
    let mut instance = Instance::new(linked, plugin_log, interrupt, limits, Function::Describe)
        .map_err(|refused| match refused {
            Refused::Call(error) => failed(error),
            Refused::Shape(cause) => shape(path, cause),
        })?;
    let answer = instance
        .call(Function::Describe, |guest, store| {
            guest.call_describe(store)
        })
        .map_err(failed)?;
    describe::check(&file, &answer).map_err(|error| failed(error.into()))
}

/// `describe` cannot return a failure, so a runtime reports an exception of the script's own lines as a panic. It is worded
/// like the failures that its other functions return.
fn failure_of_script(error: CallError) -> CallError {
    match error {
        CallError::Panicked { message, location } if location.is_empty() => {
            CallError::Failure { text: message }
        }
        CallError::Panicked { message, location } => CallError::Failure {
            text: format!("{location}: {message}"),
        },
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exception_of_a_script_is_worded_as_a_failure_with_its_line() {
        let told = |location: &str| {
            let error = CallError::Panicked {
                message: "ModuleNotFoundError: no numpy".to_owned(),
                location: location.to_owned(),
            };
            failure_of_script(error).to_string()
        };
        assert_eq!(
            told("bad.py:4"),
            "the processor failed: `bad.py:4: ModuleNotFoundError: no numpy`"
        );
        assert_eq!(
            told(""),
            "the processor failed: `ModuleNotFoundError: no numpy`"
        );
    }
}
