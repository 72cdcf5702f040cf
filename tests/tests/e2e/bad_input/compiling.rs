//! Small files that are expensive to compile: the limits of the compiling process hold for all of them.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

use journal_tests::host::Usage;
use journal_tests::{Finished, Host, paths, run, until};
use rustix::process::{Pid, Signal, test_kill_process};

use super::plugins::embed_contract;
use super::{Failure, LIMIT, failure, shipped};

/// The limits of the cases, and what they may take: the system counts whole seconds, and the host itself takes some.
const COMPILE_LIMITS: [&str; 4] = ["--compile-memory", "256MiB", "--compile-timeout", "2s"];
const MOST_CPU: Duration = Duration::from_millis(4_500);
const MOST_BYTES: u64 = 340 << 20;

fn parsed(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"))
}

/// A run of a plugin that was never compiled.
fn first_run(bytes: &[u8]) -> Host {
    let host = Host::new();
    fs::write(host.folder().join("plugin.wasm"), bytes).expect("the folder is ours");
    let cache = host.folder().join("cache");
    fs::create_dir(&cache).expect("the folder is ours");
    host.env("XDG_CACHE_HOME", cache)
        .args(["run", "plugin.wasm", "--recording"])
        .arg(shipped())
        .args(["--output", "/dev/null"])
}

/// Runs a plugin within the limits, and asserts that they hold.
#[track_caller]
fn bounded(name: &str, bytes: &[u8]) -> Finished {
    let (finished, usage) = first_run(bytes)
        .args(COMPILE_LIMITS)
        .args(["--memory-limit", "64MiB"])
        .finish_measured(LIMIT);
    let Usage { cpu, peak_bytes } = usage;
    assert!(cpu <= MOST_CPU, "{name}: {cpu:?}:\n{}", finished.stderr);
    assert!(
        peak_bytes <= MOST_BYTES,
        "{name}: {} MiB:\n{}",
        peak_bytes >> 20,
        finished.stderr
    );
    finished
}

#[track_caller]
fn refused(name: &str, bytes: &[u8]) -> Failure {
    failure(&bounded(name, bytes).code(1))
}

/// A complete plugin with more code in its module.
fn plugin_with(code: &str) -> Vec<u8> {
    let mut module = parsed(&format!(
        r#"(module
            (memory (export "memory") 2)
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable)
            (func (export "swh:journal/processor@0.1.0#describe") (result i32) unreachable)
            (func (export "swh:journal/processor@0.1.0#start") (param i32 i32) (result i32) unreachable)
            (func (export "swh:journal/processor@0.1.0#process") (param i32 i32) (result i32) unreachable)
            (func (export "swh:journal/processor@0.1.0#checkpoint") (result i32) unreachable)
            {code})"#
    ));
    embed_contract(&mut module, "0.1.0");
    module
}

/// Functions of blocks inside each other: `open` begins a block.
fn nested(open: &str, depth: usize, functions: usize) -> String {
    let body = format!("{}{}", open.repeat(depth), ")".repeat(depth));
    format!("(func (param i32) (local i32 i64 i32 i64) {body})").repeat(functions)
}

/// Components that instantiate the one before them twice.
fn doubling(levels: usize, reference: impl Fn(usize) -> String) -> String {
    let mut text = "(component (component $c0)".to_owned();
    for level in 1..=levels {
        let before = reference(level - 1);
        write!(
            text,
            "(component $c{level} {before} (instance (instantiate $c{0})) (instance (instantiate $c{0})))",
            level - 1
        )
        .expect("a text grows");
    }
    write!(
        text,
        r#"(instance $i (instantiate $c{levels})) (export "swh:journal/processor@0.1.0" (instance $i)))"#
    )
    .expect("a text grows");
    text
}

#[test]
fn code_beyond_cheap_bounds_is_refused_before_it_is_compiled() {
    let values = "i32 ".repeat(1000);
    let cases = [
        (
            "loops",
            plugin_with(&nested("(loop ", 1000, 200)),
            "has more than 100 loops inside each other",
        ),
        (
            "blocks",
            plugin_with(&nested("(block ", 6000, 20)),
            "has more than 5000 blocks inside each other",
        ),
        (
            "parameters",
            plugin_with(&format!("(func (param {values}))")),
            "has more than 64 parameters or results in a signature",
        ),
        (
            "block results",
            plugin_with(&format!(
                "(func (block (result {values}) unreachable) unreachable)"
            )),
            "has more than 64 parameters or results in a signature",
        ),
        (
            "locals",
            plugin_with(&format!("(func (local {}))", values.repeat(40))),
            "has more than 10000 local variables in a function",
        ),
        (
            "component instances",
            parsed(&doubling(22, |_| String::new())),
            "has more than 1000 instances of components",
        ),
    ];
    for (name, bytes, what) in cases {
        refused(name, &bytes)
            .says(&format!("the plugin `plugin.wasm` {what}"))
            .hints("ask its author");
    }
}

#[test]
fn instances_are_counted_through_aliases_and_exports() {
    let aliased = doubling(22, |level| {
        format!("(alias outer 1 {level} (component $c{level}))")
    });
    refused("aliases", &parsed(&aliased)).names("has more than 1000 instances of components");

    // Each level has a module, and instantiates it and the level before.
    let mut text = "(component (component $c0)".to_owned();
    for level in 1..=101 {
        write!(
            text,
            "(component $c{level} (core module $m) (core instance (instantiate $m)) \
             (alias outer 1 {0} (component $b)) (instance (instantiate $b)))",
            level - 1
        )
        .expect("a text grows");
    }
    text += r#"(instance $i (instantiate $c101)) (export "swh:journal/processor@0.1.0" (instance $i)))"#;
    refused("modules", &parsed(&text)).names("has more than 100 instances of modules");

    let imported = r#"(component
        (component $c (import "d" (component $d)) (instance (instantiate $d)))
        (component $e)
        (instance $i (instantiate $c (with "d" (component $e))))
        (export "swh:journal/processor@0.1.0" (instance $i)))"#;
    refused("imports", &parsed(imported)).names("that it does not define");
}

/// Globals are no memory of the guest, and each instance has its own.
#[test]
fn globals_of_all_instances_count_as_memory() {
    let globals = "(global i64 (i64.const 1))".repeat(90_000);
    let instances = "(core instance (instantiate $m))".repeat(100);
    let text = format!(
        r#"(component (core module $m {globals}) {instances} (instance (export "swh:journal/processor@0.1.0")))"#
    );
    let failure = refused("globals", &parsed(&text));
    failure
        .names("the processor needs more memory than 64 MiB")
        .hints("`--memory-limit`");
}

/// It passes the bounds, and takes minutes: each function has many values that are alive at the same time.
fn slow() -> Vec<u8> {
    let mut body = String::new();
    for number in 0..3000 {
        write!(
            body,
            "(local.set {0} (i32.mul (local.get {0}) (local.get {1})))",
            number % 900 + 1,
            number * 7 % 900 + 1
        )
        .expect("a text grows");
    }
    let locals = "i32 ".repeat(900);
    let inside = "(loop ".repeat(90) + &body + "(br_if 0 (local.get 0))" + &")".repeat(90);
    plugin_with(&format!("(func (param i32) (local {locals}) {inside})").repeat(40))
}

#[test]
fn the_time_limit_of_compiling_holds() {
    let failure = refused("slow", &slow()).hints("`--compile-timeout`");
    // On a busy machine, it may reach the limit by the clock before it has got that much CPU time.
    let by_the_clock = failure.error.contains("did not end within 20 s");
    if !by_the_clock {
        let _ = failure.says("compiling the plugin `plugin.wasm` takes more than 2 s of CPU time");
    }
}

#[test]
fn the_memory_limit_of_compiling_holds() {
    let (finished, usage) = first_run(&slow())
        .args(["--compile-memory", "24MiB"])
        .finish_measured(LIMIT);
    failure(&finished.code(1))
        .says("compiling the plugin `plugin.wasm` needs more than 24 MiB of memory")
        .hints("`--compile-memory`");
    assert!(usage.peak_bytes < 128 << 20, "{usage:?}");
}

/// The children of a process.
fn children(of: Pid) -> Vec<Pid> {
    let id = of.as_raw_nonzero();
    let list = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
    let numbers = list
        .split_whitespace()
        .filter_map(|number| number.parse().ok());
    numbers.filter_map(Pid::from_raw).collect()
}

#[test]
fn first_signal_ends_the_host_and_the_process_that_compiles() {
    for signal in [Signal::INT, Signal::TERM] {
        let mut host = first_run(&slow())
            .args(["--compile-timeout", "10m"])
            .spawn();
        let child = host.until("the plugin is being compiled", LIMIT, |host| {
            children(host.pid()).first().copied()
        });
        host.signal(signal);
        let finished = host.finish(LIMIT);
        assert!(!finished.status.success(), "{}", finished.stderr);
        until("the child has ended", LIMIT, || {
            test_kill_process(child).is_err().then_some(())
        });
    }
}

/// The size of the one entry of a cache.
fn entry_bytes(cache: &Path) -> u64 {
    let files = fs::read_dir(cache.join("journal-host")).expect("it was written to");
    let sizes = files.map(|file| {
        let file = file.expect("it can be read");
        file.metadata().expect("it is there").len()
    });
    sizes.max().expect("it has an entry")
}

#[test]
fn cached_plugin_is_not_compiled() {
    let folder = run::folder("cached");
    let run = |cache: &Path| {
        fs::create_dir_all(cache).expect("the folder is ours");
        Host::run(&paths::plugin("count-objects"))
            .env("XDG_CACHE_HOME", cache)
            .args(["--object-type", "origin", "--recording"])
            .arg(shipped())
    };
    let (warm, cold) = (folder.join("warm"), folder.join("cold"));
    let _done = run(&warm).finish(LIMIT).success();
    // The code fits into so much memory, and a plugin of this size cannot be compiled in it.
    let limit = format!("{}KiB", entry_bytes(&warm).div_ceil(1024));
    let limited = |cache| run(cache).args(["--compile-memory", &limit]).finish(LIMIT);
    let _done = limited(&warm).success();
    failure(&limited(&cold).code(1)).names("needs more than");
}
