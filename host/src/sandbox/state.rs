//! The host's data in a store.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::{FrameInfo, Trap, WasmCoreDump};

use super::bindings::swh::journal::log::Level;
use super::clock::{CallClock, Interrupt};
use super::engine::STACK_BYTES;
use super::limits::Limiter;
use super::plugin_log::{CALL_LINES, LoggedLines, PluginLog};
use super::{CallError, Limits};
use crate::observe::meter::{Meter, Stage};
use crate::sink::HeldRows;
use crate::text;

/// The limit on what the guest may pass at once in `describe` and `start`, in bytes.
const ANSWER_BYTES: usize = 1 << 20;

/// The limit on the rows that one call may emit. Small rows take more time than memory, in the call and at the checkpoint
/// after it.
const CALL_ROWS: usize = 10_000_000;

/// The function of the contract that is being called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Load,
    Describe,
    Start,
    Process,
    Checkpoint,
}

impl Function {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::Describe => "describe",
            Self::Start => "start",
            Self::Process => "process",
            Self::Checkpoint => "checkpoint",
        }
    }

    /// How much the guest may pass to the host at once, in bytes: an answer is small, and rows have
    /// their own bound.
    pub(super) fn passes_at_once(self, limits: Limits) -> usize {
        match self {
            Self::Load | Self::Describe | Self::Start => ANSWER_BYTES,
            Self::Process | Self::Checkpoint => limits.emit_bytes,
        }
    }

    fn may_emit(self) -> bool {
        matches!(self, Self::Process | Self::Checkpoint)
    }
}

/// How WASI's `proc_exit` reports itself: it has no function of its own in the contract, and so this is the location of a
/// panic, and the message is this and the code.
const EXIT: &str = "exit code";

/// A panic that the guest reported before it trapped, bounded and without control characters.
#[derive(Debug)]
pub(super) struct Panic {
    pub(super) message: String,
    pub(super) location: String,
}

impl Panic {
    /// The code with which the guest called `exit`, if it is no panic but that.
    fn exit_code(&self) -> Option<u32> {
        let code = self.message.strip_prefix(EXIT)?.strip_prefix(' ')?;
        (self.location == EXIT).then(|| code.parse().ok())?
    }

    /// Whether it is Go's end where its memory does not grow: Go writes a message then, unlike Rust and C.
    fn is_out_of_memory(&self) -> bool {
        let reason = self.message.strip_prefix("fatal error: ");
        reason.is_some_and(|reason| {
            ["out of memory", "cannot allocate memory"]
                .iter()
                .any(|words| reason.contains(words))
        })
    }
}

/// The state of one store.
pub(super) struct State {
    pub(super) limiter: Limiter,
    /// The buffer of emitted rows; rows are refused before one is bound.
    pub(super) rows: HeldRows,
    pub(super) plugin_log: Arc<PluginLog>,
    /// What the call has logged.
    pub(super) logged: LoggedLines,
    /// The meter of its time, if there is one.
    pub(super) meter: Option<Meter>,
    interrupt: Interrupt,
    clock: CallClock,
    limits: Limits,
    function: Function,
    emitted_bytes: usize,
    emitted_rows: usize,
    lines: u32,
    panic: Option<Panic>,
}

impl State {
    pub(super) fn new(
        plugin_log: Arc<PluginLog>,
        interrupt: Interrupt,
        limits: Limits,
        function: Function,
    ) -> Self {
        Self {
            limiter: Limiter::new(limits.memory_bytes),
            rows: HeldRows::default(),
            plugin_log,
            logged: LoggedLines::default(),
            meter: None,
            interrupt,
            clock: CallClock::start(),
            limits,
            function,
            emitted_bytes: 0,
            emitted_rows: 0,
            lines: 0,
            panic: None,
        }
    }

    /// Begins a call: resets everything that is counted for one call.
    pub(super) fn begin(&mut self, function: Function) {
        if let Some(meter) = &self.meter {
            meter.pass_to(Stage::Boundary);
        }
        self.clock = CallClock::start();
        self.function = function;
        self.emitted_bytes = 0;
        self.emitted_rows = 0;
        self.lines = 0;
        self.logged.begin();
        self.panic = None;
        self.limiter.forget();
    }

    /// Changes the limit on the CPU time of further calls.
    pub(super) fn set_deadline(&mut self, deadline: Duration) {
        self.limits.deadline = deadline;
    }

    /// Ends the call.
    pub(super) fn end(&self) {
        if let Some(meter) = &self.meter {
            meter.note_guest_memory(self.limiter.memory());
            meter.pass_to(Stage::Rest);
        }
        self.plugin_log.report_dropped();
    }

    /// Passes the thread to another stage; returns the previous one.
    pub(super) fn pass_to(&self, stage: Stage) -> Stage {
        let meter = self.meter.as_ref();
        meter.map_or(Stage::Rest, |meter| meter.pass_to(stage))
    }

    /// How long the call may go on before its clocks are looked at again, or why it has to end.
    pub(super) fn remaining(&self) -> Result<Duration, CallError> {
        self.clock.remaining(&self.limits, &self.interrupt)
    }

    /// What sealing rows at a checkpoint may take. Rows of many calls wait for it, so it has more time than a call.
    pub(super) fn sealing_time(&self) -> impl Fn() -> Result<(), CallError> + use<> {
        let (clock, interrupt) = (CallClock::start(), self.interrupt.clone());
        let limits = Limits {
            deadline: self.limits.wall,
            wall: self.limits.wall.saturating_mul(4),
            ..self.limits
        };
        move || clock.remaining(&limits, &interrupt).map(drop)
    }

    /// Counts a log line, and returns whether the call may write one more.
    pub(super) fn counts_line(&mut self) -> bool {
        self.lines = self.lines.saturating_add(1);
        self.lines <= CALL_LINES || self.plugin_log.may_write(self.lines)
    }

    /// Writes a line that was counted, unless it was written before the call was repeated, or there are too many.
    pub(super) fn log(&mut self, level: Level, line: &str) {
        if self.logged.note(level, line) && self.plugin_log.may_write(self.lines) {
            self.plugin_log.write(level, line);
        }
    }

    /// Keeps the first panic: later ones are its consequences.
    pub(super) fn note_panic(&mut self, panic: Panic) {
        self.panic.get_or_insert(panic);
    }

    /// Whether the function that is being called may emit at all.
    pub(super) fn may_emit(&self) -> Result<(), CallError> {
        if self.function.may_emit() {
            return Ok(());
        }
        Err(CallError::Misbehaved {
            what: format!("emitted rows in `{}`", self.function.name()),
        })
    }

    /// Counts emitted rows and bytes against the call's limits.
    pub(super) fn count_emitted(&mut self, rows: usize, bytes: usize) -> Result<(), CallError> {
        self.emitted_rows = self.emitted_rows.saturating_add(rows);
        if self.emitted_rows > CALL_ROWS {
            return Err(CallError::TooManyRows { limit: CALL_ROWS });
        }
        self.emitted_bytes = self.emitted_bytes.saturating_add(bytes);
        if self.emitted_bytes <= self.limits.emit_bytes {
            return Ok(());
        }
        Err(CallError::TooMuchEmitted {
            limit: self.limits.emit_bytes,
        })
    }

    fn broken_convention(&self, error: &wasmtime::Error) -> CallError {
        let (function, cause) = (self.function.name(), error.root_cause().to_string());
        if cause.ends_with(TOO_MUCH_AT_ONCE) {
            return CallError::TooMuchAtOnce {
                function,
                limit: self.function.passes_at_once(self.limits),
                is_memory_limit: self.function.may_emit(),
            };
        }
        let cause = text::clean(&cause, text::REASON_BYTES);
        CallError::Misbehaved {
            what: format!("broke the calling convention in `{function}`: `{cause}`"),
        }
    }

    /// Turns an error of wasmtime into one that an operator understands.
    pub(super) fn explain(&mut self, error: wasmtime::Error) -> CallError {
        let error = match error.downcast::<CallError>() {
            Ok(own) => return own,
            Err(error) => error,
        };
        let is_of_memory = |panic: &Panic| self.limiter.refused() && panic.is_out_of_memory();
        let panic = self.panic.take().filter(|panic| !is_of_memory(panic));
        match (error.downcast_ref::<Trap>(), panic) {
            // The guest may have handled an earlier refused growth, and so a panic is the reason unless it says otherwise.
            (_, Some(panic)) => match panic.exit_code() {
                Some(code) => CallError::Exited { code },
                None => CallError::Panicked {
                    message: panic.message,
                    location: panic.location,
                },
            },
            (Some(Trap::StackOverflow), _) => CallError::Stack { limit: STACK_BYTES },
            _ if self.limiter.refused() => CallError::Memory {
                limit: self.limits.memory_bytes,
            },
            (Some(trap), None) => CallError::Trapped {
                reason: trap
                    .to_string()
                    .trim_start_matches("wasm trap: ")
                    .to_owned(),
                function: innermost(&error),
            },
            (None, None) => self.broken_convention(&error),
        }
    }
}

/// The end of wasmtime's error for a guest that passes more at once than the store allows; the error has no type of its
/// own.
const TOO_MUCH_AT_ONCE: &str = "fuel allocated for hostcalls has been exhausted";

/// The innermost function with a name.
fn innermost(error: &wasmtime::Error) -> Option<String> {
    let frames = error.downcast_ref::<WasmCoreDump>()?.frames();
    let name = frames.iter().find_map(FrameInfo::func_name)?;
    Some(text::clean(name, text::REASON_BYTES))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn rows_of_a_call_are_counted_apart_from_their_bytes() {
        let limits = Limits {
            deadline: Duration::from_secs(1),
            wall: Duration::from_secs(4),
            memory_bytes: 1 << 30,
            emit_bytes: 1 << 30,
        };
        let plugin_log = Arc::new(PluginLog::new("p".to_owned()));
        let mut state = State::new(plugin_log, Interrupt::default(), limits, Function::Process);
        state.count_emitted(CALL_ROWS, 1).unwrap();
        let error = state.count_emitted(1, 1).unwrap_err();
        assert!(matches!(error, CallError::TooManyRows { limit } if limit == CALL_ROWS));
        state.begin(Function::Process);
        state.count_emitted(CALL_ROWS, 1).unwrap();
    }
}
