//! The engine of the process, and the ticker that its deadlines depend on.

use std::num::NonZeroUsize;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use wasmtime::{Config, WasmBacktraceDetails};

use super::compile::Compiler;
use super::error::Cause;
use super::{Interrupt, LoadError, proposals};

/// The stack of a guest in bytes. Rust's threads have 2 MiB, of which the host's own frames below a guest need far less
/// than the rest. Calls are therefore possible on any thread with a stack of 2 MiB or more.
pub(super) const STACK_BYTES: usize = 512 << 10;

/// The resolution of deadlines, and so how long after its deadline a call may end. A hundred wake-ups
/// a second have no measurable cost.
const TICK: Duration = Duration::from_millis(10);

/// The engine of the process; its epoch ticker ends when it is dropped.
#[derive(Clone)]
pub struct Engine {
    inner: wasmtime::Engine,
    interrupt: Interrupt,
    compiler: Compiler,
    /// Set once the ticker runs.
    ticking: Arc<OnceLock<()>>,
}

impl Engine {
    /// Sets up WebAssembly for this process. Plugins are compiled by `compiler`. No thread is started before a plugin is
    /// loaded.
    ///
    /// # Errors
    /// When the system cannot run it.
    pub fn new(compiler: Compiler) -> Result<Self, LoadError> {
        let inner = wasmtime::Engine::new(&config())
            .map_err(|error| LoadError::Engine(Cause::new(error)))?;
        Ok(Self {
            inner,
            interrupt: Interrupt::default(),
            compiler,
            ticking: Arc::default(),
        })
    }

    /// Has calls of plugins that are loaded from now on end when this interrupt is due.
    #[must_use]
    pub fn interrupted_by(self, interrupt: Interrupt) -> Self {
        Self { interrupt, ..self }
    }

    pub(super) fn interrupt(&self) -> &Interrupt {
        &self.interrupt
    }

    /// Starts the ticker, without which no call ends at its deadline.
    pub(super) fn start_ticking(&self) -> Result<(), LoadError> {
        if self.ticking.set(()).is_ok() {
            tick(&self.inner)?;
        }
        Ok(())
    }

    pub(super) fn compiler(&self) -> Compiler {
        self.compiler
    }

    pub(super) fn inner(&self) -> &wasmtime::Engine {
        &self.inner
    }
}

/// The ticks that pass during `deadline`. The current tick does not count, so that no call gets less than its deadline;
/// wasmtime adds the number to the current epoch.
pub(super) fn ticks(deadline: Duration) -> u64 {
    let ticks = deadline.as_nanos().div_ceil(TICK.as_nanos());
    // A deadline that does not fit is no deadline; half the range keeps the sum with the current epoch from wrapping.
    u64::try_from(ticks)
        .unwrap_or(u64::MAX / 2)
        .min(u64::MAX / 2)
        + 1
}

/// Starts the thread that advances the epoch until the engine is dropped.
fn tick(engine: &wasmtime::Engine) -> Result<(), LoadError> {
    let engine = engine.weak();
    let ticker = move || {
        loop {
            thread::sleep(TICK);
            match engine.upgrade() {
                Some(engine) => engine.increment_epoch(),
                None => return,
            }
        }
    };
    thread::Builder::new()
        .name("epoch-ticker".to_owned())
        .spawn(ticker)
        .map(drop)
        .map_err(|error| LoadError::Engine(Cause::new(error)))
}

/// The settings of wasmtime, which compiled code and the host that runs it share.
pub(super) fn config() -> Config {
    let mut config = Config::new();
    // With all 4 GiB of a 32-bit memory reserved, and guards around it, no address that code can form
    // reaches anything else, and no bounds check is compiled in (which would cost up to 1.75x).
    config
        .memory_reservation(4 << 30)
        .memory_guard_size(32 << 20)
        .guard_before_linear_memory(true)
        .memory_may_move(false)
        .signals_based_traps(true)
        .memory_init_cow(true);
    config
        .max_wasm_stack(STACK_BYTES)
        .epoch_interruption(true)
        // No guest is asynchronous, and without concurrency support a call costs a third.
        .concurrency_support(false)
        // The bits of NaNs are the only result that may differ between machines; canonical NaNs cost nothing.
        .cranelift_nan_canonicalization(true)
        // One thread bounds the memory and the CPU time of compiling.
        .parallel_compilation(false);
    // A trap names functions where names are present. Debug information is not used: the guest controls it, and it is
    // expensive to parse.
    config
        .wasm_backtrace_max_frames(NonZeroUsize::new(20))
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .debug_info(false)
        // After a call that ended in the middle, the memory of a runtime says where its script was.
        .coredump_on_trap(true);
    config.shared_memory(false);
    for (proposal, _) in proposals::REFUSED {
        config.wasm_features(proposal, false);
    }
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_never_cut_short_and_never_wraps() {
        assert_eq!(ticks(Duration::from_millis(10)), 2);
        assert_eq!(ticks(Duration::from_millis(11)), 3);
        assert!(ticks(Duration::MAX) > u64::MAX / 4);
    }

    #[test]
    fn the_ticker_ends_with_its_engine() {
        let engine = Engine::new(Compiler::Here).unwrap();
        engine.start_ticking().unwrap();
        let weak = engine.inner().weak();
        assert!(weak.upgrade().is_some());
        drop(engine);
        let patience = std::time::Instant::now() + Duration::from_secs(10);
        while weak.upgrade().is_some() {
            assert!(
                std::time::Instant::now() < patience,
                "something keeps the engine"
            );
            thread::yield_now();
        }
    }
}
