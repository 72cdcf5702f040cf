//! Scripts that take all memory.

use super::{Script, map};

/// What a script fails with where the engine has 4 MiB for it.
fn failure(text: &str) -> String {
    let script = Script::load(text).unwrap();
    script.runner.context.runtime().set_memory_limit(4 << 20);
    let failed = script.runner.start("{}").err();
    failed.unwrap_or_else(|| format!("{:?}", script.process(&[map(&[])])))
}

#[test]
fn script_is_told_that_memory_ran_out() {
    for text in [
        "for (;;) kept.push({}); export function process() {}",
        "for (;;) kept.push('x'.repeat(100000) + kept.length); export function process() {}",
        "let a; for (;;) a = { a }; export function process() {}",
        "await 0; for (;;) kept.push({}); export function process() {}",
        "export function process() { const f = () => Promise.resolve().then(() => { kept.push([]); f(); f(); }); f(); }",
        "export function process() { const f = async () => { for (;;) { await 0; kept.push({}); } }; f(); f(); }",
        "export function process() { const f = () => { queueMicrotask(f); queueMicrotask(f); }; f(); }",
        "export function processRevision() { for (;;) kept.push({}); }",
    ] {
        let failure = failure(&format!("const kept = []; {text}"));
        assert!(
            failure.contains("InternalError: out of memory"),
            "{text}: {failure}"
        );
    }
}
