//! Calls that give the host much to do: their deadline holds while the host works for them.

use std::fs;
use std::time::Duration;

use journal_tests::{Host, paths};

use super::plugins::embed_contract;
use super::{LIMIT, failure, shipped};

/// One `emit` of ten million keys of an aggregate.
#[test]
fn deadline_holds_within_one_emission() {
    let path = paths::repository().join("tests/data/hostile/ag-flood.wat");
    let text = fs::read_to_string(path).expect("it is in the repository");
    let mut module = wat::parse_str(text).expect("it is valid");
    embed_contract(&mut module, "0.1.0");
    let host = Host::new();
    fs::write(host.folder().join("plugin.wasm"), module).expect("the folder is ours");
    let (finished, usage) = host
        .args(["run", "plugin.wasm", "--recording"])
        .arg(shipped())
        .args(["--deadline", "1s", "--output", "/dev/null"])
        .args(["--batch-records", "1"])
        .finish_measured(LIMIT);
    let failure = failure(&finished.code(1));
    let by_the_clock = "did not return within 4 s, in which it got too little CPU time";
    if !failure.error.contains(by_the_clock) {
        let _ = failure.names("the processor ran longer than 1 s");
    }
    // Two calls, as one that fails is repeated; and start, compiling, and dropping the rows.
    assert!(usage.cpu < Duration::from_secs(6), "{usage:?}");
}
