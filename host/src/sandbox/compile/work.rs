//! What compiling is: bounds, inspection, and the compiler.

use std::error::Error;
use std::io;

use super::{Compiled, Refusal};
use crate::sandbox::error::Cause;
use crate::sandbox::panic_guard::panic_guard;
use crate::sandbox::{bounds, inspect, proposals};

/// Inspects and compiles a plugin on a thread of its own, which calls `begin` first. A panic is a refusal.
pub(super) fn guarded(
    engine: &wasmtime::Engine,
    bytes: &[u8],
    begin: impl FnOnce() -> io::Result<()> + Send,
) -> Result<Compiled, Refusal> {
    let work = || {
        begin().map_err(|error| Refusal::Broken(Cause::new(error)))?;
        compile(engine, bytes).map_err(|refusal| named(refusal, bytes))
    };
    panic_guard(work).unwrap_or_else(|panic| Err(of_panic(&panic)))
}

fn of_panic(panic: &str) -> Refusal {
    if proposals::is_joined(panic) {
        Refusal::Composed
    } else {
        Refusal::Broken(Cause::text(panic))
    }
}

/// The refusal, or the proposals of WebAssembly that are the reason for it.
fn named(refusal: Refusal, bytes: &[u8]) -> Refusal {
    match refusal {
        Refusal::Malformed(_) | Refusal::Componentize(_) | Refusal::Compile(_) => {
            let used = proposals::used(bytes);
            if used.is_empty() {
                refusal
            } else {
                Refusal::Proposals(used)
            }
        }
        other => other,
    }
}

fn compile(engine: &wasmtime::Engine, bytes: &[u8]) -> Result<Compiled, Refusal> {
    let component = inspect::component(bytes)?;
    let instance_bytes = bounds::check(&component)?;
    let code = engine.precompile_component(&component).map_err(|error| {
        let error = anyhow::Error::from(error);
        if error.chain().any(is_out_of_memory) {
            Refusal::OutOfMemory
        } else {
            Refusal::Compile(Cause::new(error))
        }
    })?;
    Ok(Compiled::new(instance_bytes, &code))
}

fn is_out_of_memory(error: &(dyn Error + 'static)) -> bool {
    let is_io = error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::OutOfMemory);
    let is_system = error
        .downcast_ref::<rustix::io::Errno>()
        .is_some_and(|error| *error == rustix::io::Errno::NOMEM);
    is_io || is_system || error.is::<wasmtime::error::OutOfMemory>()
}
