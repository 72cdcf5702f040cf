//! A plugin gives the same rows over one history, whether it reads the repository, a recording of it, or Kafka.

use std::path::Path;

use journal_tests::{Broker, Host, Prefix, paths, run};

use super::{LIMIT, repository};
use crate::delivery::host as on_kafka;
use crate::sorted_rows::rows;

/// The plugins, each with its outputs and arguments.
const PLUGINS: [(&str, &[&str], &[&str]); 5] = [
    ("commit-activity", &["months", "zones", "hours"], &[]),
    ("file-extensions", &["files"], &[]),
    ("months-and-extensions", &["months", "extensions"], &[]),
    ("list-revisions", &["revisions"], &[]),
    (
        "print-objects",
        &["rows"],
        &["--option", "object_types=any"],
    ),
];

/// Commits over two years in several time zones, with files of several types, tags and a merge.
const HISTORY: &str = r#"
    for n in $(seq 60); do
        export GIT_AUTHOR_DATE="$((1600000000 + n * 1000003)) +0$((n % 10))30"
        export GIT_COMMITTER_DATE="$((1600000100 + n * 1000003)) -0$((n % 7))00"
        mkdir -p d$((n % 5)); echo $n > d$((n % 5))/f$((n % 11)).$(printf 'rs\nPY\nc\ntxt' | sed -n $((n % 4 + 1))p)
        git add .; git commit -qm "commit $n"
        if [ $((n % 20)) = 0 ]; then git tag -am "tag $n" v$n; fi
    done
    git checkout -qb side HEAD~5; echo side > LICENSE; chmod +x LICENSE; git add .; git commit -qm side
    git checkout -q main; git merge -q --no-ff -m merged side
"#;

/// Writes the recording to topics of several partitions.
fn produce(recording: &Path) -> Prefix {
    let prefix = Prefix::new("one-history");
    let _done = Host::new()
        .arg("produce")
        .arg(recording)
        .args(["--brokers", &Broker::shared().address()])
        .args(["--prefix", prefix.as_str(), "--partitions", "3"])
        .finish(LIMIT)
        .success();
    prefix
}

#[test]
fn repository_recording_and_topics_give_the_same_rows() {
    let folder = repository("one-history", HISTORY);
    let recording = run::folder("one-history").join("r.journal.zst");
    let _done = Host::new()
        .args(["record", "--git"])
        .arg(&folder)
        .arg("--output")
        .arg(&recording)
        .finish(LIMIT)
        .success();
    let prefix = produce(&recording);
    for (plugin, outputs, arguments) in PLUGINS {
        let local = |flag: &str, path: &Path| {
            let host = Host::run(&paths::plugin(plugin)).args(arguments);
            rows(host.arg(flag).arg(path), outputs)
        };
        let of_git = local("--git", &folder);
        assert!(of_git == local("--recording", &recording), "{plugin}");
        let host = on_kafka(plugin, &prefix, &prefix.group(plugin)).args(arguments);
        assert!(of_git == rows(host, outputs), "{plugin} on Kafka");
    }
}
