//! The memory of scripts' instances does not grow with the number of calls.

use std::fs;
use std::path::Path;

use journal_tests::{Host, paths, run};

use super::{LIMIT, file};

/// They have 131,376 records.
const COPIES: usize = 6;

/// Runs a script over copies of the shipped recording, with one record a call, in instances of little memory.
///
/// `bench` says how much an instance needs, but compiles the runtime each time.
#[track_caller]
fn fits(script: &Path, runtime: &Path, memory: &str) {
    let folder = run::folder("memory");
    let shipped = paths::repository().join("recordings/ripgrep.journal.zst");
    let mut host = Host::run(script)
        .arg("--runtime")
        .arg(runtime)
        .args(["--batch-records", "1", "--memory-limit", memory])
        .args(["--on-failure", "skip", "--max-failures", "1"])
        .args(["--log-level", "warn", "--output", "/dev/null"]);
    for number in 0..COPIES {
        let copy = folder.join(format!("{number}.journal.zst"));
        fs::copy(&shipped, &copy).expect("it can be copied");
        host = host.arg("--recording").arg(copy);
    }
    let finished = host.finish(LIMIT).success();
    assert!(
        !finished.stderr.contains("needs more memory"),
        "{}",
        finished.stderr
    );
}

#[test]
fn memory_of_python_is_flat_over_100_000_calls() {
    let script = file(
        "memory.py",
        "def process(all_objects, emit):\n    \
             for objects in all_objects.values():\n        \
                 for one in objects:\n            \
                     print(len(one))\n            \
                     emit({'fields': list(one), 'text': 'a' * 1000})\n",
    );
    fits(&script, &paths::runtime(), "30MiB");
}

#[test]
fn memory_of_javascript_is_flat_over_100_000_calls() {
    let script = file(
        "memory.js",
        "export function process(objects, emit) {\n  \
           for (const list of Object.values(objects))\n    \
             for (const one of list) {\n      \
               console.log(Object.keys(one).length);\n      \
               emit({ fields: Object.keys(one), text: 'a'.repeat(1000) });\n    \
             }\n}\n",
    );
    fits(&script, &paths::javascript_runtime(), "12MiB");
}
