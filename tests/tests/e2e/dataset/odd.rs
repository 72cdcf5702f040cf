//! Rows and columns that upstream seldom or never writes, written with another library.

use std::path::PathBuf;
use std::sync::LazyLock;

use journal_tests::{Host, oracle, run};

use super::{Dataset, LIMIT, assert_same_objects, records};

static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = run::folder("odd-datasets");
    let _done = oracle::script("odd_orc.py", [&folder]);
    folder
});

fn assert_read(name: &str, zone: &str) {
    let dataset = Dataset::in_folder(&FOLDER.join(name));
    let expected = records(&dataset.expected);
    assert!(expected.len() > 5, "{name}");
    assert_same_objects(&expected, &dataset.records(Host::new().env("TZ", zone)));
}

#[test]
fn times_are_read_whatever_zone_the_file_and_the_machine_are_in() {
    assert_read("times", "UTC");
    assert_read("times", "Asia/Kolkata");
}

#[test]
fn columns_are_found_by_name_and_those_that_are_missing_are_absent() {
    assert_read("columns", "UTC");
}

#[test]
fn zone_that_is_made_of_minutes_is_said_to_be_derived_once() {
    let said = |name: &str| {
        let dataset = Dataset::in_folder(&FOLDER.join(name));
        let shown = Host::new()
            .args([
                "show",
                "--object-type",
                "revision",
                "-n",
                "100",
                "--dataset",
            ])
            .arg(&dataset.folder)
            .finish(LIMIT)
            .success();
        let said = "time zones of the table `revision` are derived from their minutes";
        shown.stderr.matches(said).count()
    };
    assert_eq!((said("columns"), said("times")), (1, 0));
}

#[test]
fn missing_and_empty_values_stay_apart() {
    assert_read("nulls", "UTC");
}
