//! A process that runs a plugin gives up what no run needs.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use journal_tests::probe::{CALLS, PROBE};
use journal_tests::{Finished, Host, paths, run};

const LIMIT: Duration = Duration::from_mins(1);
/// The numbers of Linux for "Operation not permitted" and "Permission denied".
const EPERM: i32 = 1;
const EACCES: i32 = 13;

fn recording() -> PathBuf {
    paths::repository().join("recordings/ripgrep.journal.zst")
}

/// A run that tries what it must not do, beside a file that no setting names.
fn probed() -> (Host, PathBuf) {
    let secret = run::folder("secret").join("file");
    fs::write(&secret, "secret").expect("the folder is ours");
    let host = Host::run(&paths::plugin("count-objects"))
        .arg("--recording")
        .arg(recording())
        .args(["--output", "rows.jsonl"])
        // Under another name of the host, which has the probe.
        .list_steps(&run::folder("steps").join("steps"))
        .env(PROBE, &secret);
    (host, secret)
}

/// What the probe found: the number of the error of each attempt, 0 for none.
fn attempts(finished: &Finished) -> BTreeMap<String, i32> {
    let lines = finished.stderr.lines();
    let found: BTreeMap<String, i32> = lines
        .filter_map(|line| line.strip_prefix("probe: ")?.rsplit_once(' '))
        .map(|(name, code)| (name.to_owned(), code.parse().expect("it is a number")))
        .collect();
    assert!(!found.is_empty(), "no report:\n{}", finished.stderr);
    found
}

#[test]
fn run_cannot_do_what_it_does_not_need() {
    let (host, secret) = probed();
    let folder = host.folder().to_owned();
    let finished = host.finish(LIMIT).success();
    let found = attempts(&finished);
    for name in ["exec", "raw socket", "packet socket"] {
        assert_eq!(found[name], EPERM, "{name}");
    }
    for (name, _) in CALLS {
        assert_eq!(found[name], EPERM, "{name}");
    }
    for name in ["read", "list", "create", "remove"] {
        assert_eq!(found[name], EACCES, "{name}");
    }
    for name in [
        "listen",
        "datagram",
        "local socket",
        "names",
        "resolver",
        "thread",
    ] {
        assert_eq!(found[name], 0, "{name}");
    }
    assert!(secret.exists());
    let rows = fs::read_to_string(folder.join("rows.jsonl")).expect("it wrote its rows");
    assert!(rows.lines().count() > 0);
}

#[test]
fn run_without_confinement_keeps_its_rights() {
    let (host, secret) = probed();
    let found = attempts(&host.arg("--no-confine").finish(LIMIT).success());
    for name in ["exec", "read", "list", "create", "remove"] {
        assert_eq!(found[name], 0, "{name}");
    }
    assert!(!secret.exists());
}

/// A file that is missing is reported as missing, and not as forbidden.
#[test]
fn missing_files_are_still_called_missing() {
    let host = Host::run(&paths::plugin("count-objects")).args(["--recording", "nowhere.rec"]);
    let finished = host.finish(LIMIT).code(1);
    assert!(
        finished.stderr.contains("there is no") || finished.stderr.contains("No such file"),
        "{}",
        finished.stderr
    );
}
