//! The functions that a guest may call: its log and its outputs.
//!
//! Each function gets only the store's data: without concurrency support wasmtime does not refuse re-entry, and a
//! function that cannot call the guest cannot re-enter it.

use std::mem;

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, WasmList, WasmStr};

use super::CallError;
use super::bindings::swh::journal::log::Level;
use super::state::{Panic, State};
use crate::observe::meter::Stage;
use crate::sink::RowError;
use crate::text;

#[cfg(target_endian = "big")]
compile_error!("ends of rows are read from the guest's memory directly, which is little-endian");

/// The interfaces that a plugin may import.
pub(super) fn link(engine: &wasmtime::Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    let mut log = linker.instance(journal_contract::LOG)?;
    log.func_wrap("log", write_line)?;
    log.func_wrap("panicked", panicked)?;
    let mut outputs = linker.instance(journal_contract::OUTPUTS)?;
    outputs.func_wrap("emit", emit)?;
    outputs.func_wrap("savepoint", savepoint)?;
    outputs.func_wrap("rollback", rollback)?;
    Ok(linker)
}

fn write_line(
    mut store: StoreContextMut<'_, State>,
    (level, message): (Level, WasmStr),
) -> wasmtime::Result<()> {
    if !store.data_mut().counts_line() {
        return Ok(());
    }
    let line = text::clean(&message.to_str(&store)?, text::MESSAGE_BYTES);
    store.data_mut().log(level, &line);
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

/// Rows go from the guest's memory to the buffer of held rows without a copy in between.
fn emit(
    mut store: StoreContextMut<'_, State>,
    (output, rows, ends): (u32, WasmList<u8>, WasmList<u32>),
) -> wasmtime::Result<()> {
    let state = store.data_mut();
    state.may_emit()?;
    // Ends count, too: otherwise a flood of empty rows would be free.
    state.count_emitted(
        ends.len(),
        rows.len()
            .saturating_add(ends.len().saturating_mul(size_of::<u32>())),
    )?;
    // The buffer is taken out of the store during the call, because the rows are borrowed from the store.
    let mut held = mem::take(&mut state.rows);
    let before = state.pass_to(Stage::Emit);
    let mut out_of_time = None;
    let emitted = held.emit_while(
        output as usize,
        rows.as_le_slice(&store),
        ends.as_le_slice(&store),
        || {
            // The guest's own checks do not run while the host works for it.
            out_of_time = store.data().remaining().err();
            out_of_time.is_none()
        },
    );
    let state = store.data_mut();
    state.rows = held;
    state.pass_to(before);
    Ok(emitted.map_err(|error| match (error, out_of_time) {
        (_, Some(out_of_time)) => out_of_time,
        // Rows within the limit on emitted bytes can exceed it in the sink's encoding.
        (RowError::TooMuch { limit, .. }, None) => CallError::TooMuchEmitted { limit },
        (error, None) => CallError::Row(error),
    })?)
}

fn savepoint(mut store: StoreContextMut<'_, State>, (): ()) -> wasmtime::Result<()> {
    let state = store.data_mut();
    state.may_emit()?;
    state.rows.savepoint();
    Ok(())
}

fn rollback(mut store: StoreContextMut<'_, State>, (): ()) -> wasmtime::Result<()> {
    let state = store.data_mut();
    state.may_emit()?;
    let before = state.pass_to(Stage::Emit);
    state.rows.rollback_to_savepoint();
    state.pass_to(before);
    Ok(())
}
