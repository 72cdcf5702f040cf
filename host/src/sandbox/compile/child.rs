//! The child process: it lowers its own limits, reads a plugin, and answers.

use std::fs;
use std::io::{self, Read, Write};
use std::process::ExitCode;

use rustix::process::{DumpableBehavior, Resource, Rlimit, Signal};
use rustix::process::{
    getrlimit, set_dumpable_behavior, set_parent_process_death_signal, setrlimit,
};

use super::{CompileLimits, Compiled, Refusal, parent, work};
use crate::confine::confine_wholly;
use crate::sandbox::error::Cause;
use crate::sandbox::{engine, panic_guard};

/// The addresses that a process of this host takes where the system does not say it.
const USUAL_ADDRESSES: u64 = 512 << 20;

/// Compiles the plugin on standard input within the limits, and answers on standard output.
#[must_use]
pub fn serve(limits: CompileLimits) -> ExitCode {
    let answer = prepare(limits)
        .map_err(|error| Refusal::Broken(Cause::new(error)))
        .and_then(|bytes| compile(limits, &bytes));
    match write(&answer, &mut io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Sets the limits that hold from the beginning, and reads the plugin.
fn prepare(limits: CompileLimits) -> io::Result<Vec<u8>> {
    // The host may end at any time, and nobody needs the answer then.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // Where memory is short, this process and not the host is ended. Not every system lets it say so.
    let _refused = fs::write("/proc/self/oom_score_adj", "1000");
    lower(Resource::Core, 0, 0)?;
    let seconds = limits.seconds();
    lower(Resource::Cpu, seconds, seconds.saturating_add(1))?;
    let mut bytes = Vec::new();
    io::stdin().lock().read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn compile(limits: CompileLimits, bytes: &[u8]) -> Result<Compiled, Refusal> {
    let engine = wasmtime::Engine::new(&engine::config())
        .map_err(|error| Refusal::Broken(Cause::new(error)))?;
    let present = addresses().unwrap_or(USUAL_ADDRESSES) + panic_guard::STACK_BYTES as u64;
    // From here on it opens no file and starts no program. On an old kernel the limits below have to do.
    confine_wholly();
    work::guarded(&engine, bytes, || {
        let memory = u64::try_from(limits.memory_bytes).unwrap_or(u64::MAX);
        let addresses = present.saturating_add(memory);
        lower(Resource::As, addresses, addresses)?;
        // No file or socket can be opened: none would get a descriptor.
        lower(Resource::Nofile, 0, 0)?;
        lower(Resource::Fsize, 0, 0)?;
        // No dump of memory is handed to a program of the system either.
        Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
    })
}

/// Lowers a limit of this process; a lower one stays.
fn lower(resource: Resource, current: u64, maximum: u64) -> io::Result<()> {
    let present = getrlimit(resource);
    let least = |limit: u64, present: Option<u64>| Some(present.unwrap_or(limit).min(limit));
    let limit = Rlimit {
        current: least(current, present.current),
        maximum: least(maximum, present.maximum),
    };
    Ok(setrlimit(resource, limit)?)
}

/// The addresses that this process has now, in bytes.
fn addresses() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmSize:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

fn write(answer: &Result<Compiled, Refusal>, to: &mut impl Write) -> io::Result<()> {
    let text;
    let (kind, body) = match answer {
        Ok(compiled) => (parent::CODE, compiled.bytes()),
        Err(refusal) => {
            text = serde_json::to_vec(refusal)?;
            (parent::REFUSAL, text.as_slice())
        }
    };
    to.write_all(&parent::header(kind, body.len()))?;
    to.write_all(body)?;
    to.flush()
}
