//! Runtimes: plugins that load a script before anything else.

use journal_contract::SCRIPT;
use wasmtime::Store;
use wasmtime::component::{Component, ComponentType, Instance, Lower};

use super::CallError;
use super::bindings::swh::journal::types::Failure;
use super::error::Cause;
use super::state::State;
use crate::script;
use crate::script::{Script, ScriptFile};

/// The function of the interface.
const LOAD: &str = "load";

/// A file as the contract has it.
#[derive(Clone, Copy, Debug, ComponentType, Lower)]
#[component(record)]
pub(super) struct File<'a> {
    path: &'a str,
    content: &'a [u8],
}

impl<'a> From<&'a ScriptFile> for File<'a> {
    fn from(file: &'a ScriptFile) -> Self {
        Self {
            path: &file.path,
            content: &file.content,
        }
    }
}

/// Where printed text goes, as the contract has it.
#[derive(Clone, Copy, Debug, ComponentType, Lower)]
#[component(enum)]
#[repr(u8)]
enum Printing {
    #[component(name = "log")]
    Log,
    #[component(name = "output")]
    Output,
}

impl From<script::Printing> for Printing {
    fn from(printing: script::Printing) -> Self {
        match printing {
            script::Printing::Log => Self::Log,
            script::Printing::Output => Self::Output,
        }
    }
}

/// The arguments of the function.
type Arguments<'a> = (&'a [File<'a>], &'a str, Option<Printing>);

/// Whether the component is a runtime.
pub(super) fn is_runtime(component: &Component) -> bool {
    component.get_export_index(None, SCRIPT).is_some()
}

/// Passes a script to the runtime.
///
/// # Errors
/// When the function is missing or has another type, or the call fails.
pub(super) fn load(
    instance: &Instance,
    store: &mut Store<State>,
    script: &Script,
) -> wasmtime::Result<Result<(), Failure>> {
    let interface = instance.get_export_index(&mut *store, None, SCRIPT);
    let index = instance.get_export_index(&mut *store, interface.as_ref(), LOAD);
    let index = index.ok_or_else(|| not_the_contract("it is missing"))?;
    let load = instance.get_typed_func::<Arguments<'_>, (Result<(), Failure>,)>(&mut *store, index);
    let load = load.map_err(|error| not_the_contract(&Cause::new(error).to_string()))?;
    let files: Vec<File<'_>> = script.files.iter().map(File::from).collect();
    let printing = script.printing.map(Printing::from);
    let (loaded,) = load.call(store, (&files, &script.main, printing))?;
    Ok(loaded)
}

fn not_the_contract(reason: &str) -> wasmtime::Error {
    let what = format!("does not have the contract's function `{LOAD}`: {reason}");
    CallError::Misbehaved { what }.into()
}
