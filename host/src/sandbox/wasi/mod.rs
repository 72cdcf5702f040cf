//! WASI preview 1 for core modules that import it, with nothing behind it.
//!
//! C, Go and other languages compile to modules that call the functions of `wasi_snapshot_preview1` for arguments, clocks,
//! random numbers and files. Two modules that become a part of the component give the answers: they import the log of the
//! contract, and nothing else, so that such a plugin has the rights of any other.

use std::borrow::Cow;
use std::fmt::Write as _;

use wit_component::{ComponentEncoder, LibraryInfo, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// The module that plugins import.
pub(super) const MODULE: &str = "wasi_snapshot_preview1";
/// The name of `plugin.wat` in `functions.wat`, and in the component.
const PLUGIN: &str = "plugin";
/// Reaches the memory of a plugin.
const PLUGIN_TEXT: &str = include_str!("plugin.wat");
/// Where the names of functions that only fail are in memory, and the bytes for each.
const NAMES_AT: usize = 16384;
const NAME_BYTES: usize = 32;

/// The functions that only fail, with their parameters: `i` has 32 bits, and `l` has 64.
const FAILING: [(&str, &str); 27] = [
    ("fd_advise", "illi"),
    ("fd_allocate", "ill"),
    ("fd_datasync", "i"),
    ("fd_fdstat_set_rights", "ill"),
    ("fd_filestat_get", "ii"),
    ("fd_filestat_set_size", "il"),
    ("fd_filestat_set_times", "illi"),
    ("fd_pread", "iiili"),
    ("fd_pwrite", "iiili"),
    ("fd_readdir", "iiili"),
    ("fd_renumber", "ii"),
    ("fd_sync", "i"),
    ("path_create_directory", "iii"),
    ("path_filestat_get", "iiiii"),
    ("path_filestat_set_times", "iiiilli"),
    ("path_link", "iiiiiii"),
    ("path_open", "iiiiillii"),
    ("path_readlink", "iiiiii"),
    ("path_remove_directory", "iii"),
    ("path_rename", "iiiiii"),
    ("path_symlink", "iiiii"),
    ("path_unlink_file", "iii"),
    ("proc_raise", "i"),
    ("sock_accept", "iii"),
    ("sock_recv", "iiiiii"),
    ("sock_send", "iiiii"),
    ("sock_shutdown", "ii"),
];

/// The functions that give an answer.
const ANSWERING: [&str; 19] = [
    "args_get",
    "args_sizes_get",
    "clock_res_get",
    "clock_time_get",
    "environ_get",
    "environ_sizes_get",
    "fd_close",
    "fd_fdstat_get",
    "fd_fdstat_set_flags",
    "fd_prestat_dir_name",
    "fd_prestat_get",
    "fd_read",
    "fd_seek",
    "fd_tell",
    "fd_write",
    "poll_oneoff",
    "proc_exit",
    "random_get",
    "sched_yield",
];

/// Whether a function of WASI preview 1 has this name.
pub(super) fn has(function: &str) -> bool {
    ANSWERING.contains(&function) || FAILING.iter().any(|(name, _)| *name == function)
}

/// Adds the functions to a module that becomes a component.
pub(super) fn add_to(encoder: ComponentEncoder) -> anyhow::Result<ComponentEncoder> {
    let mut plugin = wat::parse_str(PLUGIN_TEXT)?;
    let mut resolve = Resolve::default();
    let world = format!("{}\nworld wasi {{ import log; }}\n", journal_contract::WIT);
    let package = resolve.push_str("journal.wit", &world)?;
    let world = resolve.select_world(&[package], Some("wasi"))?;
    embed_component_metadata(&mut plugin, &resolve, world, StringEncoding::UTF8)?;
    let functions = wat::parse_str(functions())?;
    // Unlike what `wit-component` calls an adapter, a library may have a memory.
    let library = LibraryInfo {
        instantiate_after_shims: false,
        arguments: Vec::new(),
    };
    encoder
        .library(PLUGIN, &plugin, library.clone())?
        .library(MODULE, &functions, library)
}

/// The texts that become a part of a plugin's code: the two modules, and the contract, whose types a module may lack.
pub(super) fn sources() -> [Cow<'static, str>; 3] {
    [
        PLUGIN_TEXT.into(),
        functions().into(),
        journal_contract::WIT.into(),
    ]
}

/// The text of all functions.
fn functions() -> String {
    let mut failing = String::new();
    for (index, (name, parameters)) in FAILING.iter().enumerate() {
        let types: Vec<&str> = parameters
            .chars()
            .map(|kind| if kind == 'l' { "i64" } else { "i32" })
            .collect();
        let (types, at, bytes) = (types.join(" "), NAMES_AT + index * NAME_BYTES, name.len());
        // Writing to a string cannot fail.
        let _ = writeln!(
            failing,
            r#"  (data (i32.const {at}) "{name}")
  (func (export "{name}") (param {types}) (result i32) (call $fail (i32.const {at}) (i32.const {bytes})))"#
        );
    }
    include_str!("functions.wat").replace(";; FAILING", failing.trim_start())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use wasmparser::{Parser, Payload};

    use super::*;

    #[test]
    fn functions_are_those_that_are_listed() {
        let module = wat::parse_str(functions()).unwrap();
        let mut exports = BTreeSet::new();
        for payload in Parser::new(0).parse_all(&module) {
            if let Payload::ExportSection(section) = payload.unwrap() {
                exports.extend(
                    section
                        .into_iter()
                        .map(|export| export.unwrap().name.to_owned()),
                );
            }
        }
        // As many as WASI preview 1 has.
        assert_eq!(exports.len(), 46);
        assert!(exports.iter().all(|name| has(name)), "{exports:?}");
        assert_eq!(ANSWERING.len() + FAILING.len(), 46);
    }

    #[test]
    fn names_of_failing_functions_fit() {
        let longest = FAILING.iter().map(|(name, _)| name.len()).max();
        assert!(
            longest.is_some_and(|bytes| bytes <= NAME_BYTES),
            "{longest:?}"
        );
    }
}
