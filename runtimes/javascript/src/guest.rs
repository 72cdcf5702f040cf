//! Connects the runner to the contract.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use bindings::exports::swh::journal::processor::{self as contract, Guest as Processor};
use bindings::exports::swh::journal::script::{File, Guest as Script, Printing};
use bindings::swh::journal::{log, outputs};

use crate::{Batch, Host, Level, Runner};

#[allow(
    clippy::all,
    clippy::pedantic,
    missing_docs,
    unreachable_pub,
    unsafe_code,
    reason = "generated code"
)]
mod bindings;

/// What the clock shows: 2000-01-01T00:00:00Z, in microseconds.
const NOW: f64 = 946_684_800_000_000.0;

thread_local! {
    static RUNNER: RefCell<Option<Runner>> = const { RefCell::new(None) };
    /// Whether the next look at the clock is logged.
    static IS_CLOCK_LOGGED: Cell<bool> = const { Cell::new(false) };
}

/// The only thing that the engine asks of a system. It is defined here, so that it is not imported.
#[expect(unsafe_code, reason = "the engine's C names the function")]
#[unsafe(no_mangle)]
extern "C" fn __rquickjs_host_now_us() -> f64 {
    if IS_CLOCK_LOGGED.take() {
        let what = "a script has no clock, and it is always 2000-01-01T00:00:00Z: use the dates of objects";
        log::log(log::Level::Warn, what);
    }
    NOW
}

/// The host of this component.
struct Component;

impl Host for Component {
    fn log(&self, level: Level, text: &str) {
        let level = match level {
            Level::Error => log::Level::Error,
            Level::Warn => log::Level::Warn,
            Level::Info => log::Level::Info,
            Level::Debug => log::Level::Debug,
        };
        for line in text.split('\n') {
            log::log(level, line);
        }
    }

    fn emit(&self, output: u32, rows: &[u8], row_ends: &[u32]) {
        outputs::emit(output, rows, row_ends);
    }

    fn arm_clock(&self) {
        IS_CLOCK_LOGGED.set(true);
    }
}

struct Runtime;

impl Script for Runtime {
    fn load(
        files: Vec<File>,
        main: String,
        printing: Option<Printing>,
    ) -> Result<(), contract::Failure> {
        install_panic_hook();
        let files = files.into_iter().map(|file| (file.path, file.content));
        let prints_output = printing.map(|printing| printing == Printing::Output);
        let runner = Runner::load(files.collect(), main, prints_output, Rc::new(Component));
        let runner = runner.map_err(contract::Failure::Fatal)?;
        RUNNER.set(Some(runner));
        Ok(())
    }
}

impl Processor for Runtime {
    fn describe() -> String {
        let described = with(Runner::describe);
        described.unwrap_or_else(|failure| {
            let (what, position) = position(&failure);
            log::panicked(what, position);
            // The host has the reason.
            std::process::abort()
        })
    }

    fn start(options: String) -> Result<String, contract::Failure> {
        with(|runner| runner.start(&options)).map_err(contract::Failure::Fatal)
    }

    fn process(
        batches: Vec<contract::Batch>,
    ) -> Result<Vec<contract::Rejection>, contract::Failure> {
        let batches = batches.into_iter().map(|batch| Batch {
            object_type: batch.object_type,
            values: batch.values,
            value_ends: batch.value_ends,
        });
        let batches = batches.collect();
        let rejections = with(|runner| runner.process(batches));
        let rejections = rejections.map_err(contract::Failure::Fatal)?.into_iter();
        let rejections = rejections.map(|rejection| contract::Rejection {
            batch: rejection.batch,
            index: rejection.index,
            reason: rejection.reason,
        });
        Ok(rejections.collect())
    }

    fn checkpoint() -> Result<(), contract::Failure> {
        with(Runner::checkpoint).map_err(contract::Failure::Fatal)
    }
}

fn with<T>(work: impl FnOnce(&Runner) -> Result<T, String>) -> Result<T, String> {
    RUNNER.with_borrow(|runner| match runner {
        Some(runner) => work(runner),
        None => Err("the runtime has no script".to_owned()),
    })
}

/// What happened and its line, from `bad.js:1: ReferenceError: ...`.
fn position(short: &str) -> (&str, &str) {
    match short.split_once(": ") {
        Some((position, what))
            if position
                .rsplit(':')
                .next()
                .is_some_and(|line| line.parse::<u32>().is_ok()) =>
        {
            (what, position)
        }
        _ => (short, ""),
    }
}

/// Reports panics to the host: without it, a panic traps without a message.
fn install_panic_hook() {
    std::panic::set_hook(Box::new(|panic| {
        let message = panic.payload_as_str();
        let location = panic.location().map(ToString::to_string);
        log::panicked(
            message.unwrap_or("a panic without a message"),
            &location.unwrap_or_default(),
        );
    }));
}

/// The functions of the component.
#[allow(unsafe_code, reason = "generated code")]
mod component {
    use super::{Runtime, bindings};

    bindings::export_runtime!(Runtime with_types_in bindings);
}
