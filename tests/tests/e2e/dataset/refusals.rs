//! What is no dataset is refused, and a dataset that lacks something is read with a warning.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use journal_tests::{Host, oracle, paths, run};

use super::{LIMIT, SHIPPED, assert_says, copy, files_of};

fn count(folder: &Path) -> Host {
    Host::run(&paths::plugin("count-objects"))
        .arg("--dataset")
        .arg(folder)
}

#[test]
fn what_is_no_dataset_is_refused() {
    let folder = run::folder("no-dataset");
    let refused = |folder: &Path| {
        let finished = count(folder).finish(LIMIT).code(2);
        assert_says(&finished, &[&folder.display().to_string(), "hint: "]);
    };
    refused(&folder);
    refused(&folder.join("none"));
    let file = folder.join("file");
    fs::write(&file, "ORC").expect("the folder is ours");
    refused(&file);
}

#[test]
fn parquet_exports_are_refused_by_name() {
    let folder = run::folder("of-2018");
    let table = folder.join("revision");
    fs::create_dir(&table).expect("the folder is ours");
    fs::write(table.join("revision-0.parquet"), "PAR1").expect("the folder is ours");
    let finished = count(&folder).finish(LIMIT).code(2);
    assert_says(&finished, &["Parquet"]);
}

#[test]
fn missing_table_is_a_warning_and_unknown_folders_are_passed_over() {
    let dataset = copy(&SHIPPED);
    fs::remove_dir_all(dataset.folder.join("release")).expect("the folder is ours");
    let swhids = dataset.folder.join("swhids");
    fs::create_dir(&swhids).expect("the folder is ours");
    fs::write(swhids.join("swhids.csv"), "swh:1:rev:").expect("the folder is ours");
    let finished = count(&dataset.folder).finish(LIMIT).success();
    let counts = finished.counts();
    assert!(!counts.contains_key("release"), "{counts:?}");
    assert_eq!(counts["revision"].objects, 4391, "{counts:?}");
    assert_says(&finished, &["release"]);
    assert!(!finished.stderr.contains("swhids"), "{}", finished.stderr);
}

#[test]
fn damaged_file_is_named() {
    let dataset = copy(&SHIPPED);
    let file = &files_of(&dataset, "revision")[1];
    let whole = fs::read(file).expect("it can be read");
    let name = file.file_name().and_then(|name| name.to_str());
    let name = name.expect("its name is text");
    let mut flipped = whole.clone();
    let middle = flipped.len() / 2;
    flipped[middle..middle + 64].fill(0xff);
    for damaged in [
        &whole[..whole.len() / 2],
        b"ORC",
        b"",
        b"not a file of ORC at all",
        &flipped,
    ] {
        fs::write(file, damaged).expect("the folder is ours");
        let finished = count(&dataset.folder).finish(LIMIT);
        let code = finished.status.code();
        assert!(matches!(code, Some(1 | 2)), "{code:?} {}", finished.stderr);
        assert_says(&finished, &["error: cannot ", name, "hint: "]);
    }
}

/// The name and the metadata of a file promise an order that its rows do not have.
#[test]
fn rows_in_another_order_are_not_lost_silently() {
    for (table, object_type) in [
        ("revision_history", "revision"),
        ("revision_extra_headers", "revision"),
        ("directory_entry", "directory"),
    ] {
        let dataset = copy(&SHIPPED);
        let file = files_of(&dataset, table).remove(0);
        let arguments = [OsStr::new("--in-place"), file.as_os_str()];
        let _done = oracle::script("shuffle_orc.py", arguments);
        let finished = count(&dataset.folder)
            .args(["--object-type", object_type])
            .finish(LIMIT)
            .code(1);
        assert!(!finished.stderr.contains("panicked"), "{}", finished.stderr);
    }
}

#[test]
fn types_that_no_dataset_has_are_left_out_unless_the_operator_names_them() {
    let host = || {
        SHIPPED.run("print-objects").args([
            "--option=object_types=origin",
            "--option=object_types=hash_colliding_content",
        ])
    };
    let read = host().finish(LIMIT).success();
    assert!(!read.rows().is_empty(), "{}", read.stderr);
    let line = "object types that have no topic are left out: `hash_colliding_content`";
    assert_eq!(read.stderr.matches(line).count(), 1, "{}", read.stderr);
    let named = [
        "--object-type",
        "origin",
        "--object-type",
        "hash_colliding_content",
    ];
    let refused = host().args(named).finish(LIMIT).code(2);
    let line = "has no topic for the object type `hash_colliding_content`";
    assert_says(&refused, &[line]);
}
