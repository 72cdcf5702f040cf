//! One engine for the whole process, and the ticker that its deadlines hang on.

use std::num::NonZeroUsize;
use std::thread;
use std::time::Duration;

use wasmtime::{Config, WasmBacktraceDetails};

use super::LoadError;
use super::error::Cause;

/// The stack of a guest in bytes. Rust's threads have 2 MiB, of which the host's own frames below a
/// guest need far less than the rest. A call may therefore be made on any thread with 2 MiB or more.
pub(super) const STACK_BYTES: usize = 512 << 10;

/// How far apart two looks at the deadline are, and so how much later than its deadline a call
/// may end. A hundred wake-ups a second cost nothing measurable.
const TICK: Duration = Duration::from_millis(10);

/// One engine for the whole process; its epoch ticker dies with it.
#[derive(Clone)]
pub struct Engine {
    inner: wasmtime::Engine,
}

impl Engine {
    /// Sets up WebAssembly for this process.
    ///
    /// # Errors
    /// When the system cannot run it.
    pub fn new() -> Result<Self, LoadError> {
        let inner = wasmtime::Engine::new(&config())
            .map_err(|error| LoadError::Engine(Cause::new(error)))?;
        tick(&inner)?;
        Ok(Self { inner })
    }

    pub(super) fn inner(&self) -> &wasmtime::Engine {
        &self.inner
    }
}

/// The ticks that pass during `deadline`. The tick under way counts for nothing, so that no call
/// gets less than its deadline; the rest is wasmtime's to add to the epoch of now.
pub(super) fn ticks(deadline: Duration) -> u64 {
    let ticks = deadline.as_nanos().div_ceil(TICK.as_nanos());
    // A deadline beyond what fits is as good as none; half the range keeps the sum with the
    // current epoch from wrapping.
    u64::try_from(ticks)
        .unwrap_or(u64::MAX / 2)
        .min(u64::MAX / 2)
        + 1
}

/// Starts the thread that makes time pass for the guests, until the engine is gone.
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

fn config() -> Config {
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
        // No guest is asynchronous here, and a call costs a third without this.
        .concurrency_support(false)
        // NaNs are the one place where the same code may compute different bits on different
        // machines; making them equal is free.
        .cranelift_nan_canonicalization(true);
    // What a trap says: names of functions where there are any, and nothing taken from debug
    // information, which is the guest's own and expensive to parse.
    config
        .wasm_backtrace_max_frames(NonZeroUsize::new(20))
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .debug_info(false);
    // No toolchain for plugins needs these, and each is code that a hostile guest could reach.
    config
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        .wasm_tail_call(false)
        .wasm_relaxed_simd(false)
        .wasm_wide_arithmetic(false)
        .wasm_custom_page_sizes(false)
        .shared_memory(false);
    for feature in [
        wasmtime::WasmFeatures::THREADS,
        wasmtime::WasmFeatures::SHARED_EVERYTHING_THREADS,
        wasmtime::WasmFeatures::GC,
        wasmtime::WasmFeatures::EXCEPTIONS,
        wasmtime::WasmFeatures::LEGACY_EXCEPTIONS,
        wasmtime::WasmFeatures::FUNCTION_REFERENCES,
        wasmtime::WasmFeatures::STACK_SWITCHING,
    ] {
        config.wasm_features(feature, false);
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
        let engine = Engine::new().unwrap();
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
