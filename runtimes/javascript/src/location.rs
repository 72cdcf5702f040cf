//! Notes where the script is, for a call that does not end: the host reads the note from the memory then, and tells the
//! author. Notes begin after two hundred thousand jumps back and calls, so that most calls of a script make none.

#![expect(
    unsafe_code,
    reason = "the engine looks up by a function in C, and the linker must keep the note, which only the host reads"
)]

use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicU8, Ordering};

use rquickjs::{Ctx, qjs};

use crate::errors::{Frame, frame};
use crate::modules::OURS;
use crate::raw::Raw;

/// The engine looks up at each ten thousandth jump back or call, and each twentieth time a note is made. That is
/// often enough for a deadline of a second, on a slow machine, too.
const LOOKS: u32 = 20;
/// The longest note, in bytes.
const NOTE_BYTES: usize = 500;
/// What precedes a note in the memory: `SCRIPT_LOCATION` of the contract. It may be in the memory only once, and so no code
/// may use it but the initial value of the note.
const MARK: [u8; 33] = *b"swh:journal/script-location@0.1.0";

/// A note as the contract has it.
#[repr(C)]
struct Note {
    mark: [AtomicU8; MARK.len()],
    length: [AtomicU8; 4],
    text: [AtomicU8; NOTE_BYTES],
}

#[used]
static NOTE: Note = Note {
    mark: mark(),
    length: [const { AtomicU8::new(0) }; 4],
    text: [const { AtomicU8::new(0) }; NOTE_BYTES],
};

const fn mark() -> [AtomicU8; MARK.len()] {
    let mut mark = [const { AtomicU8::new(0) }; MARK.len()];
    let mut index = 0;
    while index < MARK.len() {
        mark[index] = AtomicU8::new(MARK[index]);
        index += 1;
    }
    mark
}

thread_local! {
    static LOOKED: Cell<u32> = const { Cell::new(0) };
}

/// What a note is made from.
struct Script {
    raw: Raw,
    main: String,
}

/// Has the engine note where the script is, which begins in the file `main`.
pub(crate) fn watch(ctx: &Ctx<'_>, main: &str) {
    let raw = Raw::new(ctx);
    // The engine is never freed either.
    let script: &'static mut Script = Box::leak(Box::new(Script {
        raw,
        main: main.to_owned(),
    }));
    // SAFETY: the context is alive, and what the function is called with is never freed.
    unsafe {
        let runtime = qjs::JS_GetRuntime(raw.context());
        qjs::JS_SetInterruptHandler(runtime, Some(look), std::ptr::from_mut(script).cast());
    }
}

/// Forgets what a call before has noted.
pub(crate) fn begin() {
    LOOKED.set(0);
    store("");
}

/// Called by the engine while a script is at work; 0 lets it go on.
unsafe extern "C" fn look(_: *mut qjs::JSRuntime, script: *mut c_void) -> c_int {
    let looked = LOOKED.get().wrapping_add(1);
    LOOKED.set(looked);
    if looked.is_multiple_of(LOOKS) {
        // SAFETY: `watch` has passed it, and nothing changes it.
        let script = unsafe { &*script.cast::<Script>() };
        if let Some(text) = script
            .raw
            .with(|ctx| text(&stack(script.raw, ctx)?, &script.main))
        {
            store(&text);
        }
    }
    0
}

/// The functions that are at work, as the engine writes them into an error.
fn stack(raw: Raw, ctx: &Ctx<'_>) -> Option<String> {
    let thrown = raw.function(Some(throw), c"throw").and_then(|throw| {
        let throw = throw.into_value(ctx).into_function();
        throw.map_or(Ok(()), |throw| throw.call(()))
    });
    let error = thrown.is_err().then(|| ctx.catch())?;
    let stack = error.as_object().map(|error| error.get("stack"))?;
    if stack.is_err() {
        ctx.catch();
    }
    stack.ok()
}

/// The engine writes the functions into an error at once only where a function in C throws it.
unsafe extern "C" fn throw(
    context: *mut qjs::JSContext,
    _: qjs::JSValue,
    _: c_int,
    _: *mut qjs::JSValue,
) -> qjs::JSValue {
    // SAFETY: the engine calls with its context.
    unsafe { qjs::JS_ThrowInternalError(context, c"".as_ptr()) }
}

/// The text of a note. The engine does not know the line of a function that has called nothing so far, but that of the call
/// to it.
fn text(stack: &str, main: &str) -> Option<String> {
    let lines = stack.lines().map(str::trim);
    let mut lines = lines.filter(|line| !line.ends_with(" (native)"));
    let innermost = lines.next()?;
    let is_of_script = |frame: &Frame| frame.file != OURS;
    let name = |frame: &Frame| {
        frame
            .function
            .clone()
            .unwrap_or_else(|| "<module>".to_owned())
    };
    let located = |frame: Frame| format!("{}\n{}\n{}", frame.file, frame.line, name(&frame));
    let Some(callee) = innermost.strip_suffix(" (missing)") else {
        let mut frames = std::iter::once(innermost).chain(lines).filter_map(frame);
        return frames.find(is_of_script).map(located);
    };
    let callee = callee.trim_start_matches("at ");
    let outer = lines.next().and_then(frame).filter(is_of_script);
    Some(match outer {
        Some(outer) => format!("{}\n{callee}", located(outer)),
        None => format!("{main}\n\n{callee}"),
    })
}

fn store(text: &str) {
    let length = text.floor_char_boundary(NOTE_BYTES);
    // Nothing reads a note while it is written: the host waits for the call.
    for (place, byte) in NOTE.text.iter().zip(text[..length].bytes()) {
        place.store(byte, Ordering::Relaxed);
    }
    let length = u32::try_from(length).unwrap_or(0).to_le_bytes();
    for (place, byte) in NOTE.length.iter().zip(length) {
        place.store(byte, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn note_has_the_innermost_line_of_the_script() {
        let stack =
            "    at throw (native)\n    at month (a/bad.js:2:10)\n    at process (bad.js:9:1)\n";
        assert_eq!(text(stack, "bad.js").unwrap(), "a/bad.js\n2\nmonth");
        let stack = "    at throw (native)\n    at get (journal_host:2:10)\n    at bad.js:9:1\n";
        assert_eq!(text(stack, "bad.js").unwrap(), "bad.js\n9\n<module>");
    }

    #[test]
    fn function_without_a_line_is_noted_with_its_caller() {
        let stack = "at throw (native)\n    at slow (missing)\n    at process (bad.js:9:1)\n";
        assert_eq!(text(stack, "bad.js").unwrap(), "bad.js\n9\nprocess\nslow");
        let stack = "at throw (native)\n    at process (missing)\n    at run (journal_host:9:1)\n";
        assert_eq!(text(stack, "bad.js").unwrap(), "bad.js\n\nprocess");
    }
}
