//! `produce --dataset`: topics have the objects of the export.

use std::collections::BTreeSet;

use journal_tests::{Broker, Host, Prefix, run};

use super::damaged::EXPORTED_IN_PART;
use super::out_of_step::{SHUFFLED, files_in};
use super::{Dataset, LIMIT, Record, SHIPPED, assert_same_objects, assert_says, files_of, records};

fn produce(dataset: &Dataset, prefix: &Prefix) -> Host {
    Host::new()
        .args(["produce", "--dataset"])
        .arg(&dataset.folder)
        .args(["--brokers", &Broker::shared().address()])
        .args(["--prefix", prefix.as_str()])
}

fn of_topics(prefix: &Prefix) -> Vec<Record> {
    let path = run::folder("of-topics").join("r.journal.zst");
    let _done = Host::new()
        .args(["record", "--brokers", &Broker::shared().address()])
        .args(["--prefix", prefix.as_str(), "--output"])
        .arg(&path)
        .finish(LIMIT)
        .success();
    records(&path)
}

#[test]
fn topics_have_the_objects_of_the_export() {
    let prefix = Prefix::new("produced-dataset");
    let done = produce(&SHIPPED, &prefix)
        .arg("--keep-partitions")
        .finish(LIMIT)
        .success();
    let expected = records(&SHIPPED.expected);
    assert_says(&done, &[&format!("{} records, ", expected.len())]);
    let found = of_topics(&prefix);
    assert_same_objects(&expected, &found);
    // The number of a file is that of its partition.
    let directories = found
        .iter()
        .filter(|record| record.object_type == "directory");
    let partitions: BTreeSet<_> = directories.map(|record| record.partition).collect();
    assert!(partitions.len() > 1);
    assert_eq!(partitions.len(), files_of(&SHIPPED, "directory").len());
}

/// The folder for sorts is often set for all commands of a machine.
#[test]
fn tables_are_sorted_in_the_folder_of_the_environment() {
    let (prefix, folder) = (
        Prefix::new("produced-sorted"),
        run::folder("sorted-produced"),
    );
    let done = produce(&SHUFFLED, &prefix)
        .args(["--process-memory", "64MiB"])
        .env("JOURNAL_HOST_TEMP", &folder)
        .finish(LIMIT)
        .success();
    assert_says(
        &done,
        &["rows are sorted once", &folder.display().to_string()],
    );
    assert_eq!(files_in(&folder).len(), 3);
    let found = of_topics(&prefix);
    assert_same_objects(&records(&SHUFFLED.expected), &found);
}

#[test]
fn topics_have_no_damaged_directory_and_the_log_names_it() {
    let prefix = Prefix::new("produced-in-part");
    let done = produce(&EXPORTED_IN_PART, &prefix).finish(LIMIT).success();
    assert_says(&done, &["left out: the object `swh:1:dir:"]);
    assert_says(&done, &[", 1 damaged record left out, all confirmed"]);
    assert_same_objects(&records(&EXPORTED_IN_PART.expected), &of_topics(&prefix));
}

#[test]
fn recording_and_dataset_exclude_each_other() {
    let prefix = Prefix::new("produced-both");
    let both = produce(&SHIPPED, &prefix)
        .arg("r.journal.zst")
        .finish(LIMIT);
    let both = both.code(2);
    assert_says(&both, &["cannot be used with"]);
    let neither = Host::new().args(["produce", "--brokers", "localhost:1"]);
    assert_says(
        &neither.finish(LIMIT).code(2),
        &["<RECORDING|--dataset <DIR>>"],
    );
}

#[test]
fn settings_of_a_dataset_are_no_settings_of_a_recording() {
    let of_recording =
        || Host::new().args(["produce", "r.journal.zst", "--brokers", "localhost:1"]);
    for flags in [["--temp", "t"], ["--without", "directory_entry"]] {
        let refused = of_recording().args(flags).finish(LIMIT).code(2);
        assert_says(&refused, &["--dataset", flags[0]]);
    }
}
