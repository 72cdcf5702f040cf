//! A plugin that does not load, and calls into it that fail.

use super::{AUTHOR, Explain};
use crate::cli::names::Names;
use crate::config::Setting;
use crate::sandbox::{CallError, CompileLimit, LoadError, Question};

impl Explain for LoadError {
    fn hint(&self, names: Names<'_>) -> Option<String> {
        const REBUILD: &str = "build it again for this host's contract: in Rust with the plugin SDK of this host's version, in other languages as docs/languages.md says";
        Some(match self {
            Self::Engine(_) => {
                "WebAssembly needs 4 GiB of address space for each instance: look at `ulimit -v`".to_owned()
            }
            Self::Missing { .. } => {
                "name the `.wasm` file that building the plugin printed".to_owned()
            }
            Self::Folder { is_crate: true, .. } => {
                "name the `.wasm` file, which `journal-host build` makes of the folder of a crate".to_owned()
            }
            Self::Folder { is_crate: false, .. } => {
                "a folder is run as a script if it has a `__main__.py` (Python) or an `index.js` (JavaScript); a plugin is a `.wasm` file, which `journal-host build` makes of the folder of a crate".to_owned()
            }
            Self::NotAFile { .. } => "copy it to a file first".to_owned(),
            Self::Read { .. } => return None,
            Self::TooLarge { .. } => {
                "strip debug information from it: `wasm-tools strip` or `strip = true` in its profile"
                    .to_owned()
            }
            Self::NotWasm { text: true, .. } => {
                "it looks like WebAssembly text: `wasm-tools parse` makes it binary".to_owned()
            }
            Self::NotWasm { text: false, .. } => {
                "a plugin is the `.wasm` file that building it makes; a script is a file that ends in `.py`, `.js` or `.mjs`, \
                 and a runtime of scripts what `./build-runtime` makes"
                    .to_owned()
            }
            Self::Malformed { .. } | Self::Broken { .. } => {
                "it may be cut short or damaged: copy or build it again".to_owned()
            }
            Self::TooMuch { .. } => {
                "no known compiler makes such code: ask its author what the plugin is made with".to_owned()
            }
            Self::CompileLimit { limit, .. } => match limit {
                CompileLimit::Memory(_) => format!(
                    "{} allows more; usual plugins need some 30 MiB",
                    names.of(Setting::CompileMemory)
                ),
                CompileLimit::Cpu(_) => format!(
                    "{} allows more; usual plugins take a few seconds",
                    names.of(Setting::CompileTimeout)
                ),
                CompileLimit::Wall(_) => format!(
                    "the machine may be overloaded: {} allows more",
                    names.of(Setting::CompileTimeout)
                ),
                CompileLimit::MachineMemory => format!(
                    "give the machine or the container more memory: compiling may take {} of it",
                    names.of(Setting::CompileMemory)
                ),
            },
            Self::CompileProcess { .. } => {
                "the host starts its own executable once for this: look at the limits on processes and at `/proc`"
                    .to_owned()
            }
            Self::Program { .. } => {
                "build it as a library: with `-buildmode=c-shared` in Go, and with `-mexec-model=reactor` in C".to_owned()
            }
            Self::NoComponentType { .. } => {
                "in Rust, a plugin calls the SDK's macro `export!`; in other languages, it exports the functions of the contract, as docs/languages.md says".to_owned()
            }
            Self::Componentize { .. } | Self::Shape { .. } => REBUILD.to_owned(),
            Self::NoInterface { .. } => {
                "in Rust, a plugin implements the SDK's `Processor` and calls its macro `export!`; in other languages, it exports the functions of the contract, as docs/languages.md says".to_owned()
            }
            Self::OtherVersion { .. } => format!("{REBUILD}, or run it with a host that offers it"),
            Self::UnknownImports { imports, .. } => instead_of(imports.names()).to_owned(),
            Self::Proposals { .. } => {
                "build it without: compilers have flags for each proposal".to_owned()
            }
            Self::Composed { .. } => {
                "build it as one component instead of composing it of several".to_owned()
            }
            Self::Compile { .. } => {
                "it may be damaged, or of a newer version of the Component Model: build it again".to_owned()
            }
            Self::Script(error) => return error.hint(names),
            Self::NotARuntime { .. } => {
                format!("{} names what `build-runtime` made", names.of(Setting::Runtime))
            }
            Self::NoScript { .. } => {
                "name the script in its stead, which finds its runtime beside the host".to_owned()
            }
            Self::Describe { source, .. } => return source.hint(names),
        })
    }
}

impl Explain for CallError {
    fn hint(&self, names: Names<'_>) -> Option<String> {
        let name = |setting| names.of(setting);
        Some(match self {
            Self::Deadline { .. } => format!(
                "does it loop without end? If not, {} allows longer calls, and {} makes them smaller",
                name(Setting::Deadline),
                name(Setting::BatchRecords)
            ),
            Self::Wall { .. } => format!(
                "the machine may be overloaded: {} allows longer calls, and {} makes them smaller",
                name(Setting::Deadline),
                name(Setting::BatchRecords)
            ),
            Self::Memory { .. } => format!(
                "{} allows more ({} where that is set), and {} makes batches smaller",
                name(Setting::MemoryLimit),
                name(Setting::ProcessMemory),
                name(Setting::BatchBytes)
            ),
            Self::TooMuchEmitted { .. }
            | Self::TooMuchAtOnce {
                is_memory_limit: true,
                ..
            } => format!(
                "{} bounds this too ({} where that is set), and {} makes calls smaller",
                name(Setting::MemoryLimit),
                name(Setting::ProcessMemory),
                name(Setting::BatchRecords)
            ),
            Self::Stack { .. } => {
                "the processor recurses too deeply, perhaps endlessly: its author can fix that"
                    .to_owned()
            }
            Self::Response(error) => {
                let rules = match error.question {
                    Question::Describe => "crates/contract/wit/description.schema.json",
                    Question::Start => "crates/contract/wit/plan.schema.json",
                };
                let rules = format!("the rules for it are in `{rules}`");
                match error.hint {
                    Some(hint) => format!("{hint}; {rules}"),
                    None => rules,
                }
            }
            Self::TooManyRows { .. } => {
                format!("{} makes calls smaller", name(Setting::BatchRecords))
            }
            Self::Refused { .. } => {
                "`journal-host describe` lists the options that the plugin takes".to_owned()
            }
            Self::Misbehaved { .. }
            | Self::TooMuchAtOnce { .. }
            | Self::Row(_)
            | Self::MergedRow(_) => AUTHOR.to_owned(),
            Self::Interrupted
            | Self::Trapped { .. }
            | Self::Failure { .. }
            | Self::Retry { .. }
            | Self::Poisoned => return None,
            Self::InScript { error, .. } => return error.hint(names),
            Self::Exited { .. } => {
                "`exit` ends a program: a plugin returns a failure from the function that was called, and the host ends the run"
                    .to_owned()
            }
            Self::Panicked { message, .. } => return missing_in_a_plugin(message),
        })
    }

    fn is_wrong_use(&self) -> bool {
        matches!(self.reason(), Self::Refused { .. })
    }
}

/// What to do instead of importing these, of which a core module's have the form `MODULE.NAME`.
fn instead_of(imports: &[String]) -> &'static str {
    /// What a linker makes for a library that another program loads.
    const OF_LIBRARIES: [&str; 4] = [
        "env.__memory_base",
        "env.__table_base",
        "env.__stack_pointer",
        "env.__indirect_function_table",
    ];
    let any = |is: fn(&str) -> bool| imports.iter().any(|import| is(import));
    if any(|import| OF_LIBRARIES.contains(&import) || import.starts_with("GOT.")) {
        "link it as a plugin that stands alone, without `-shared`, `-fPIC` and `--import-table`"
    } else if any(|import| import == "env.memory") {
        "link it without `--import-memory`: a plugin has its own memory, and exports it"
    } else if any(|import| {
        import.starts_with("wasi_snapshot_preview1.") || import.starts_with("wasi.")
    }) {
        "WASI preview 1 has no such function, but an extension of it, such as for threads or sockets: build it without, as docs/languages.md says"
    } else if any(|import| import.starts_with("wasi")) {
        "a processor has no files, clock, environment or network: build it for WASI preview 1 as a module, as docs/languages.md says, or in Rust for `wasm32-unknown-unknown`"
    } else if any(|import| import.starts_with("env.")) {
        "`env` has what the linker did not find: link the library that defines it, without `--allow-undefined` or `--import-symbols`, as docs/languages.md says"
    } else {
        "a processor has nothing but its batches, its log and its outputs"
    }
}

/// What a plugin uses instead of something that the standard library offers and a plugin does not have. The texts are
/// those with which the library refuses it.
fn missing_in_a_plugin(message: &str) -> Option<String> {
    const CLOCK: &str = "time not implemented on this platform";
    const THREAD: &str = "failed to spawn thread";
    const ENVIRONMENT: &str = "environment variable";
    const UNSUPPORTED: &str = "not supported on this platform";
    let hint = if message.contains(CLOCK) {
        "a plugin has no clock: use the records' timestamps"
    } else if !message.contains(UNSUPPORTED) {
        return None;
    } else if message.contains(THREAD) {
        "a plugin has no threads: the host runs several instances with `--workers`"
    } else if message.contains(ENVIRONMENT) {
        "a plugin has no environment: pass what it needs as options"
    } else {
        "a plugin has no files, network, threads, clock or environment: pass what it needs as options, and emit rows"
    };
    Some(hint.to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::Origins;

    fn hint(error: &impl Explain) -> String {
        error.hint(Names(&Origins::default())).unwrap()
    }

    #[test]
    fn limits_are_named_by_what_raises_them() {
        let limit = Duration::from_secs(1);
        assert!(hint(&CallError::Deadline { limit }).contains("`--deadline`"));
        let at_once = |is_memory_limit| CallError::TooMuchAtOnce {
            function: "emit",
            limit: 1,
            is_memory_limit,
        };
        for error in [
            CallError::Memory { limit: 1 },
            CallError::TooMuchEmitted { limit: 1 },
            at_once(true),
        ] {
            assert!(hint(&error).contains("`--memory-limit`"), "{error}");
        }
        assert!(!hint(&at_once(false)).contains("`--memory-limit`"));
    }

    #[test]
    fn what_the_standard_library_does_not_have_in_a_plugin_is_named_with_the_way_out() {
        let hint = |message: &str| {
            let error = CallError::Panicked {
                message: message.to_owned(),
                location: String::new(),
            };
            error.hint(Names(&Origins::default()))
        };
        for (message, expected) in [
            ("time not implemented on this platform", "no clock"),
            (
                "failed to spawn thread: Error { kind: Unsupported, message: \"operation not supported on this platform\" }",
                "no threads",
            ),
            (
                "called `Result::unwrap()` on an `Err` value: Error { kind: Unsupported, message: \"operation not \
                 supported on this platform\" }",
                "no files",
            ),
        ] {
            assert!(
                hint(message).is_some_and(|hint| hint.contains(expected)),
                "{message}"
            );
        }
        assert_eq!(hint("index out of bounds"), None);
    }

    #[test]
    fn each_kind_of_import_has_a_way_out() {
        let hint = |imports: &[&str]| {
            hint(&LoadError::UnknownImports {
                path: "p.wasm".into(),
                imports: imports.into(),
            })
        };
        assert_eq!(
            hint(&["wasi:cli/environment@0.2.0"]),
            "a processor has no files, clock, environment or network: build it for WASI preview 1 as a module, as \
             docs/languages.md says, or in Rust for `wasm32-unknown-unknown`"
        );
        for (import, expected) in [
            ("wasi_unstable.fd_write", "build it for WASI preview 1"),
            ("wasi_snapshot_preview1.sock_open", "has no such function"),
            ("wasi.thread-spawn", "has no such function"),
            ("env.memory", "without `--import-memory`"),
            ("env.__memory_base", "without `-shared`"),
            ("GOT.mem.errno", "without `-shared`"),
            ("env.system", "the linker did not find"),
            ("other:package/interface", "nothing but its batches"),
        ] {
            let found = hint(&["other.function", import]);
            assert!(found.contains(expected), "{import}: {found}");
        }
        // Its memory is imported for them.
        assert!(hint(&["env.memory", "env.__memory_base"]).contains("without `-shared`"));
    }

    #[test]
    fn exit_has_a_way_out_and_other_languages_than_rust_have_one() {
        assert!(hint(&CallError::Exited { code: 3 }).contains("returns a failure"));
        let path = || "p.wasm".into();
        for error in [
            LoadError::NoComponentType { path: path() },
            LoadError::NoInterface {
                path: path(),
                offered: "i",
            },
            LoadError::OtherVersion {
                path: path(),
                found: "i".to_owned(),
                offered: "i",
            },
        ] {
            let hint = hint(&error);
            assert!(
                hint.contains("docs/languages.md") && hint.contains("SDK"),
                "{hint}"
            );
        }
    }

    #[test]
    fn files_that_are_no_plugin_have_a_way_out() {
        let path = || "p.wasm".into();
        let text = LoadError::NotWasm {
            path: path(),
            text: true,
        };
        assert!(hint(&text).contains("wasm-tools parse"));
        let folder = |is_crate| LoadError::Folder {
            path: path(),
            is_crate,
        };
        assert!(hint(&folder(true)).contains("`journal-host build` makes"));
        assert!(hint(&folder(false)).contains("`__main__.py` (Python) or an `index.js`"));
        assert_eq!(
            hint(&LoadError::Program { path: path() }),
            "build it as a library: with `-buildmode=c-shared` in Go, and with `-mexec-model=reactor` in C"
        );
    }
}
