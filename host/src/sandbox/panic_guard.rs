//! Keeps a panic of a library on untrusted bytes from ending the process.

use std::any::Any;
use std::thread;

use crate::{panics, text};

/// The stack of the thread, in bytes: parsers and compilers recurse with their input, and a stack that overflows
/// cannot be caught. Only the part that is touched takes memory.
pub(super) const STACK_BYTES: usize = 64 << 20;

/// Runs `work` on a thread of its own.
///
/// # Errors
/// The message of its panic, bounded and without control characters.
pub(super) fn panic_guard<R: Send>(work: impl FnOnce() -> R + Send) -> Result<R, String> {
    let done = thread::scope(|scope| {
        let thread = thread::Builder::new()
            .name("plugin-loader".to_owned())
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, || panics::caught(work))
            .map_err(|error| error.to_string())?;
        Ok(thread.join().and_then(|done| done))
    });
    done.and_then(|done| {
        done.map_err(|panic| text::clean(message(panic.as_ref()), text::REASON_BYTES))
    })
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("it panicked")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_comes_back_as_its_message() {
        assert_eq!(panic_guard(|| 7), Ok(7));
        assert_eq!(
            panic_guard(|| panic!("a\n{}", 1)),
            Err::<(), _>("a\\n1".to_owned())
        );
        assert_eq!(
            panic_guard(|| panic!("plain")),
            Err::<(), _>("plain".to_owned())
        );
    }

    fn down(left: usize) -> usize {
        let room = std::hint::black_box([left; 128]);
        if left == 0 {
            0
        } else {
            down(left - 1) + room[left % 128] / room[0]
        }
    }

    #[test]
    fn work_may_recurse_deeper_than_on_an_ordinary_thread() {
        assert_eq!(panic_guard(|| down(20_000)), Ok(20_000));
    }
}
