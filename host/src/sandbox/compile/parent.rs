//! The host's side: it starts the child process, and says why one ended without an answer.

use std::env;
use std::io::{self, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::Signal;

use super::{COMMAND, CompileLimits, Compiled, Refusal};
use crate::sandbox::LoadError;
use crate::sandbox::error::{Cause, CompileLimit};

/// The first bytes of an answer, and its kinds.
const MAGIC: &[u8; 8] = b"jh-made1";
pub(super) const CODE: u8 = 0;
pub(super) const REFUSAL: u8 = 1;
const HEADER_BYTES: usize = MAGIC.len() + 1 + size_of::<u64>();
/// How much of what the child writes to its standard error is read.
const MESSAGE_BYTES: u64 = 4 << 10;

/// What comes before the body of an answer.
pub(super) fn header(kind: u8, body: usize) -> [u8; HEADER_BYTES] {
    let mut header = [kind; HEADER_BYTES];
    header[..MAGIC.len()].copy_from_slice(MAGIC);
    header[MAGIC.len() + 1..].copy_from_slice(&(body as u64).to_le_bytes());
    header
}

/// Why a child has no answer.
enum Failure {
    /// It cannot be started, or the pipes to it fail.
    System(io::Error),
    /// It was at work for too long.
    Wall,
    /// It ended early, and this is what it wrote to its standard error.
    Ended(ExitStatus, String),
}

/// Compiles a plugin in a child process.
pub(super) fn compile(
    limits: CompileLimits,
    path: &Path,
    bytes: &[u8],
) -> Result<Compiled, LoadError> {
    match ask(limits, bytes) {
        Ok(Ok(compiled)) => Ok(compiled),
        Ok(Err(refusal)) => Err(refusal.within(limits, path)),
        Err(failure) => Err(explain(failure, limits, path)),
    }
}

fn ask(limits: CompileLimits, bytes: &[u8]) -> Result<Result<Compiled, Refusal>, Failure> {
    let mut child = start(limits).map_err(Failure::System)?;
    let answer = exchange(&mut child, limits, bytes);
    if !matches!(answer, Ok(Some(_))) {
        // It may have ended already.
        let _gone = child.kill();
    }
    let mut message = String::new();
    if let Some(stderr) = child.stderr.take() {
        // What is not UTF-8 is no message of the host's.
        let _unreadable = stderr.take(MESSAGE_BYTES).read_to_string(&mut message);
    }
    let status = child.wait().map_err(Failure::System)?;
    match answer {
        Ok(None) => Err(Failure::Wall),
        Ok(Some(answer)) => read(answer).ok_or(Failure::Ended(status, message)),
        Err(error) => Err(Failure::System(error)),
    }
}

fn start(limits: CompileLimits) -> io::Result<Child> {
    let libraries = env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"LD_"));
    Command::new(this_executable()?)
        .arg0(env!("CARGO_PKG_NAME"))
        .arg(COMMAND)
        .arg(limits.memory_bytes.to_string())
        .arg(limits.seconds().to_string())
        // It needs no secret that a variable may hold.
        .env_clear()
        .envs(libraries)
        // Each further arena of the C library's allocator would reserve 64 MiB of the addresses that are limited.
        .env("MALLOC_ARENA_MAX", "1")
        .current_dir("/")
        // A key that interrupts the host ends the child with it, and not before it.
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
}

/// The file of this process, also if another version of the host has replaced it meanwhile.
fn this_executable() -> io::Result<PathBuf> {
    if cfg!(target_os = "linux") {
        Ok(PathBuf::from("/proc/self/exe"))
    } else {
        env::current_exe()
    }
}

/// Sends the plugin, and receives the answer as far as there is one; none if the time is up.
fn exchange(child: &mut Child, limits: CompileLimits, bytes: &[u8]) -> io::Result<Option<Vec<u8>>> {
    let end = Instant::now().checked_add(limits.wall());
    let sent = child.stdin.take().map(|mut stdin| stdin.write_all(bytes));
    if let Some(Err(error)) = sent
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        return Err(error);
    }
    let Some(mut stdout) = child.stdout.take() else {
        return Ok(Some(Vec::new()));
    };
    // Nothing that fitted into the child's memory is larger.
    let most = limits.memory_bytes.saturating_add(HEADER_BYTES);
    let mut answer = Vec::new();
    while wait(&stdout, end)? {
        let room = most.saturating_sub(answer.len()).min(READ_BYTES);
        let begin = answer.len();
        answer.resize(begin + room, 0);
        let size = stdout.read(&mut answer[begin..])?;
        answer.truncate(begin + size);
        if size == 0 {
            return Ok(Some(answer));
        }
    }
    Ok(None)
}

/// A pipe of Linux holds no more.
const READ_BYTES: usize = 64 << 10;

/// Waits until there is something to read; returns whether there is before the end.
fn wait(stdout: &ChildStdout, end: Option<Instant>) -> io::Result<bool> {
    loop {
        let left = end.map(|end| end.saturating_duration_since(Instant::now()));
        let timeout = left.and_then(|left| Timespec::try_from(left).ok());
        match poll(&mut [PollFd::new(stdout, PollFlags::IN)], timeout.as_ref()) {
            Ok(0) if left.is_some_and(|left| left > Duration::ZERO) => {}
            Ok(ready) => return Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// The answer, if it is whole.
fn read(mut answer: Vec<u8>) -> Option<Result<Compiled, Refusal>> {
    let rest = answer.strip_prefix(MAGIC)?;
    let (&kind, rest) = rest.split_first()?;
    let (size, body) = rest.split_first_chunk::<8>()?;
    if u64::from_le_bytes(*size) != body.len() as u64 {
        return None;
    }
    match kind {
        CODE => {
            answer.drain(..HEADER_BYTES);
            Some(Ok(Compiled::from_bytes(answer)))
        }
        REFUSAL => serde_json::from_slice(body).ok().map(Err),
        _ => None,
    }
}

fn explain(failure: Failure, limits: CompileLimits, path: &Path) -> LoadError {
    let path = path.to_owned();
    let limit = match failure {
        Failure::System(source) => return LoadError::CompileProcess { path, source },
        Failure::Wall => CompileLimit::Wall(limits.wall()),
        Failure::Ended(status, message) => match reason(status, &message, limits) {
            Ok(limit) => limit,
            Err(source) => return LoadError::Broken { path, source },
        },
    };
    LoadError::CompileLimit { path, limit }
}

/// The limit that ended a child, or else what it died of.
fn reason(status: ExitStatus, message: &str, limits: CompileLimits) -> Result<CompileLimit, Cause> {
    let signal = status.signal();
    let is = |one: Signal| signal == Some(one.as_raw());
    if is(Signal::XCPU) {
        return Ok(CompileLimit::Cpu(limits.cpu));
    }
    // Rust aborts with this message where the system refuses memory.
    if message.contains("memory allocation of") {
        return Ok(CompileLimit::Memory(limits.memory_bytes));
    }
    if is(Signal::KILL) {
        return Ok(CompileLimit::MachineMemory);
    }
    if message.contains("overflowed its stack") {
        return Err(Cause::text("its code nests too deeply"));
    }
    let message = message.trim();
    Err(Cause::text(&format!("it ended with {status}: {message}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: CompileLimits = CompileLimits {
        memory_bytes: 1 << 20,
        cpu: Duration::from_millis(1500),
    };

    fn of(signal: Signal, message: &str) -> String {
        let status = ExitStatus::from_raw(signal.as_raw());
        let failure = Failure::Ended(status, message.to_owned());
        explain(failure, LIMITS, Path::new("p.wasm")).to_string()
    }

    #[test]
    fn a_limit_that_ended_the_child_is_named_with_the_plugin() {
        let aborted = "memory allocation of 77 bytes failed\n";
        assert_eq!(
            of(Signal::ABORT, aborted),
            "compiling the plugin `p.wasm` needs more than 1 MiB of memory"
        );
        assert_eq!(
            of(Signal::XCPU, ""),
            "compiling the plugin `p.wasm` takes more than 1500 ms of CPU time"
        );
        assert!(of(Signal::KILL, "").contains("the system ended"));
        let wall = explain(Failure::Wall, LIMITS, Path::new("p.wasm"));
        assert!(wall.to_string().contains("within 15 s"), "{wall}");
    }

    #[test]
    fn other_ends_are_a_crash_of_the_compiler() {
        let deep = "thread 'x' has overflowed its stack\nfatal runtime error: stack overflow";
        for (signal, message) in [(Signal::ABORT, deep), (Signal::SEGV, "")] {
            let text = of(signal, message);
            assert_eq!(text, "compiling the plugin `p.wasm` crashed the compiler");
        }
    }

    #[test]
    fn an_answer_that_is_cut_short_or_of_another_kind_is_none() {
        let whole = [&header(CODE, 9)[..], b"12345678c"].concat();
        let compiled = read(whole.clone()).unwrap().unwrap();
        assert_eq!(compiled.parts().unwrap().1, b"c");
        for end in 0..whole.len() {
            assert!(read(whole[..end].to_vec()).is_none(), "{end}");
        }
        let other = [&header(7, 1)[..], b"c"].concat();
        assert!(read(other).is_none());
        let refusal = serde_json::to_vec(&Refusal::NoInterface).unwrap();
        let refusal = [&header(REFUSAL, refusal.len())[..], &refusal].concat();
        assert!(matches!(read(refusal), Some(Err(Refusal::NoInterface))));
    }

    #[test]
    fn cpu_time_is_counted_in_whole_seconds_and_is_never_none() {
        let of = |milliseconds| CompileLimits {
            cpu: Duration::from_millis(milliseconds),
            ..LIMITS
        };
        let seconds = [1, 1000, 1001].map(|milliseconds| of(milliseconds).seconds());
        assert_eq!(seconds, [1, 1, 2]);
    }
}
