//! Objects of every type are those of the journal, without the members that the export has no columns for.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use journal_tests::{Host, oracle, paths, run, seed};
use rmpv::Value;

use super::{
    Dataset, LIMIT, ROWS_OF_A_FILE, Record, SHIPPED, assert_same_objects, files_of, records,
};
use crate::sorted_rows::sorted_lines;

/// Random objects of all types, as a recording without a header. Upstream's exporter anonymises those with names. Directories
/// with another identifier than their entries have are left out: they are damaged.
fn drawn() -> PathBuf {
    let folder = run::folder("drawn");
    let mut frames = Vec::new();
    for case in oracle::drawn_objects(&folder, seed::fresh("dataset"), 100) {
        // The key is the identifier after the two bytes that begin it.
        let is_damaged = case.object_type == "directory" && case.id.as_deref() != case.key.get(2..);
        if case.normal.is_none() || is_damaged {
            continue;
        }
        let has_persons = matches!(&*case.object_type, "revision" | "release");
        let privileged = if has_persons && !case.anonymised {
            "_privileged"
        } else {
            ""
        };
        let topic = format!("swh.journal.objects{privileged}.{}", case.object_type);
        let frame = Value::Array(vec![
            topic.into(),
            Value::Binary(case.key),
            Value::Binary(case.value),
        ]);
        rmpv::encode::write_value(&mut frames, &frame).expect("memory takes it");
    }
    let path = folder.join("drawn.frames");
    fs::write(&path, frames).expect("the folder is ours");
    path
}

#[test]
fn objects_of_an_export_are_those_of_the_journal() {
    let test_objects = oracle::test_objects(&run::folder("of-tests"));
    let of_tests = Dataset::exported(&test_objects, &[]);
    let privileged = Dataset::exported(&test_objects, &["--privileged", "--max-rows", "1"]);
    let drawn = Dataset::exported(&drawn(), &["--privileged"]);
    for dataset in [&*SHIPPED, &of_tests, &privileged, &drawn] {
        let expected = records(&dataset.expected);
        let mut types = BTreeMap::new();
        for record in &expected {
            *types.entry(&record.object_type).or_insert(0) += 1;
        }
        assert!(types.len() >= 8, "{types:?}");
        assert_same_objects(&expected, &dataset.records(Host::new()));
    }
}

/// The number of the file among those of its table, and the row in it, are the position.
#[test]
fn position_is_the_file_and_the_row() {
    let mut expected: BTreeMap<String, Vec<Record>> = BTreeMap::new();
    for record in records(&SHIPPED.expected) {
        let of_type = expected.entry(record.object_type.clone()).or_default();
        of_type.push(record);
    }
    let mut found: BTreeMap<(String, u32), Vec<Record>> = BTreeMap::new();
    for record in SHIPPED.records(Host::new()) {
        let file = (record.object_type.clone(), record.partition);
        found.entry(file).or_default().push(record);
    }
    for (object_type, expected) in expected {
        let files = files_of(&SHIPPED, &object_type).len();
        assert_eq!(files, expected.len().div_ceil(ROWS_OF_A_FILE));
        for number in 0..files {
            let number = u32::try_from(number).expect("there are few");
            let rows = &found[&(object_type.clone(), number)];
            let offsets = rows.iter().map(|row| row.offset);
            assert!(offsets.eq(0..rows.len() as u64), "{object_type} {number}");
            // Upstream wrote them one after the other.
            let mut starts = expected.iter();
            let start = starts.position(|first| first.object() == rows[0].object());
            let start = start.unwrap_or_else(|| panic!("no such object: {:?}", rows[0]));
            let written = expected[start..][..rows.len()].iter().map(Record::object);
            assert!(rows.iter().map(Record::object).eq(written));
        }
    }
}

#[test]
fn print_objects_prints_what_the_export_has_of_each_object() {
    let print = |host: Host| {
        let host = host.args(["--option", "object_types=any"]);
        host.finish(LIMIT).success()
    };
    let printed = print(SHIPPED.run("print-objects"));
    let printed = sorted_lines(&printed);
    let expected = Host::run(&paths::plugin("print-objects"))
        .arg("--recording")
        .arg(&SHIPPED.expected);
    assert!(printed.len() > 20_000);
    assert!(printed == sorted_lines(&print(expected)), "the rows differ");
}

#[test]
fn plugin_that_reads_what_the_export_lacks_is_told_that_the_source_has_none() {
    let folder = run::folder("replayed");
    let finished = SHIPPED
        .run("replay")
        .args(["--object-type", "revision", "--output"])
        .arg(folder.join("replayed.sqlite"))
        .finish(LIMIT)
        .code(1);
    let said = "this source has no `synthetic` of the revision";
    assert!(finished.stderr.contains(said), "{}", finished.stderr);
}
