//! Panics of libraries on untrusted bytes: they are caught, and print nothing.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;
use std::thread;

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work`, whose panic becomes an error. Nothing that it changes may be used after one.
///
/// # Errors
/// What it panicked with.
pub(crate) fn caught<R>(work: impl FnOnce() -> R) -> thread::Result<R> {
    silence();
    let before = QUIET.replace(true);
    let done = panic::catch_unwind(AssertUnwindSafe(work));
    QUIET.set(before);
    done
}

/// Makes panics of such work print nothing: they are reported as errors.
fn silence() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let others = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !QUIET.get() {
                others(panic);
            }
        }));
    });
}
