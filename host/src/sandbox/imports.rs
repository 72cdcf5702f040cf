//! What the host offers to a guest: its log and its outputs.
//!
//! Each function has the store's data and nothing else: without concurrency support wasmtime does
//! not refuse re-entry, and a function that cannot call into the guest cannot re-enter it.

use std::mem;

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, WasmList, WasmStr};

use super::CallError;
use super::bindings::swh::journal::log::Level;
use super::state::{Panic, State, Unbound};
use crate::sink::RowError;
use crate::text;

#[cfg(target_endian = "big")]
compile_error!("ends of rows are read from the guest's memory in place, which is little-endian");

/// The interfaces that a plugin may import.
pub(super) fn link(engine: &wasmtime::Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    let mut log = linker.instance(journal_contract::LOG)?;
    log.func_wrap("log", write_line)?;
    log.func_wrap("panicked", panicked)?;
    let mut outputs = linker.instance(journal_contract::OUTPUTS)?;
    outputs.func_wrap("emit", emit)?;
    Ok(linker)
}

fn write_line(
    mut store: StoreContextMut<'_, State>,
    (level, message): (Level, WasmStr),
) -> wasmtime::Result<()> {
    if !store.data_mut().may_log() {
        return Ok(());
    }
    let message = text::clean(&message.to_str(&store)?, text::MESSAGE_BYTES);
    store.data().plugin_log.say(level, &message);
    Ok(())
}

fn panicked(
    mut store: StoreContextMut<'_, State>,
    (message, location): (WasmStr, WasmStr),
) -> wasmtime::Result<()> {
    let message = text::clean(&message.to_str(&store)?, text::MESSAGE_BYTES);
    let location = text::clean(&location.to_str(&store)?, text::REASON_BYTES);
    store.data_mut().note_panic(Panic { message, location });
    Ok(())
}

/// Rows go from the guest's memory to the sink in place.
fn emit(
    mut store: StoreContextMut<'_, State>,
    (output, rows, ends): (u32, WasmList<u8>, WasmList<u32>),
) -> wasmtime::Result<()> {
    let state = store.data_mut();
    state.may_emit()?;
    // Ends are counted as well, or a flood of empty rows would be free.
    state.count_emitted(
        rows.len()
            .saturating_add(ends.len().saturating_mul(size_of::<u32>())),
    )?;
    let output = output as usize;
    if output >= state.outputs.len() {
        let declared = state.outputs.len();
        return Err(CallError::Row(RowError::UnknownOutput { output, declared }).into());
    }
    // The sink leaves the store for the time of the call, because the rows are borrowed from it.
    let mut sink = mem::replace(&mut state.sink, Box::new(Unbound));
    let (rows, ends) = (rows.as_le_slice(&store), ends.as_le_slice(&store));
    let emitted = if fits(rows, ends) {
        sink.emit(output, rows, ends)
    } else {
        let output = store.data().outputs[output].name.clone();
        Err(RowError::BadEnds { output })
    };
    store.data_mut().sink = sink;
    Ok(emitted.map_err(|error| match error {
        // Rows within the bound can take more than it in the sink's encoding.
        RowError::TooMuch { limit, .. } => CallError::TooMuchEmitted { limit },
        error => CallError::Row(error),
    })?)
}

/// Whether `ends` cut `rows` into rows without a remainder.
fn fits(rows: &[u8], ends: &[u32]) -> bool {
    let end = ends.last().map_or(0, |&end| end as usize);
    end == rows.len() && ends.is_sorted()
}
