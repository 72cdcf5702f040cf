//! Offset files are exchanged with upstream's client.

use std::fs;
use std::os::unix::fs::symlink;

use journal_tests::{Broker, oracle, run};

use super::{Input, LIMIT, committed, offsets};

/// Runs `swh journal client COMMAND` with a group and a file.
fn client(command: &str, group: &str, file: &str) {
    let address = Broker::shared().address();
    let _printed = oracle::script("client_offsets.py", [command, &address, group, file]);
}

#[test]
fn file_of_save_equals_that_of_upstreams_client() {
    let input = Input::new("same");
    let _ = input.read_all();
    let folder = run::folder("same");
    let theirs = folder.join("theirs.tsv").display().to_string();
    client("offsets", &input.group, &theirs);
    let ours = input.offsets("save").finish(LIMIT).success().stdout;
    assert_eq!(
        ours,
        fs::read_to_string(&theirs).expect("upstream wrote it")
    );
    assert!(ours.lines().count() > 1, "{ours}");

    let file = folder.join("ours.tsv");
    fs::write(&file, "an older file").expect("the folder can be written");
    let saved = input.offsets("save").arg("--output").arg(&file);
    assert_eq!(saved.finish(LIMIT).success().stdout, "");
    assert_eq!(fs::read_to_string(&file).expect("it was written"), ours);
    let link = folder.join("link.tsv");
    symlink("ours.tsv", &link).expect("the folder can be written");
    let saved = input.offsets("save").arg("--output").arg(&link);
    let _ = saved.finish(LIMIT).success();
    assert!(link.is_symlink(), "a link stays");
    fs::remove_file(&link).expect("it is there");
    let names = fs::read_dir(&folder).expect("the folder can be read");
    assert_eq!(names.count(), 2, "no other file is left");
}

#[test]
fn upstreams_client_restores_what_save_wrote_and_the_reverse() {
    let input = Input::new("exchange");
    let _ = input.read_all();
    let read = input.committed();
    assert!(!read.is_empty());
    let folder = run::folder("exchange");
    let file = |name: &str| folder.join(name).display().to_string();

    let ours = file("ours.tsv");
    let saved = input.offsets("save").args(["--output", &ours]);
    let _ = saved.finish(LIMIT).success();
    let upstream = input.prefix.group("upstream");
    client("set-offsets", &upstream, &ours);
    assert_eq!(committed(&upstream, &input.prefix), read);

    let theirs = file("theirs.tsv");
    client("offsets", &upstream, &theirs);
    let group = input.prefix.group("restored");
    let restored = offsets("restore", &group)
        .arg(&theirs)
        .finish(LIMIT)
        .success();
    assert_eq!(committed(&group, &input.prefix), read);
    assert!(
        restored.stderr.contains(&format!("`{upstream}`")),
        "the other group is named: {}",
        restored.stderr
    );
}
