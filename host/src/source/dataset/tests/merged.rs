//! Rows that are damaged before they are sorted.

use super::out_of_step::{MEMORIES, kept, mixed, open_with, write_ids};
use super::*;

#[test]
fn cells_that_are_wrong_are_named_with_their_file_and_row() {
    let [good, digits] = [mixed(1), "0123".to_owned()];
    let ids = texts(&[&good, &good]);
    let ranks = Arc::new(Int64Array::from(vec![0, 1])) as ArrayRef;
    let perms = Arc::new(Int32Array::from(vec![1, 1])) as ArrayRef;
    let names = bytes(&[Some(b"a"), Some(b"b")]);
    let entries = vec![
        ("directory_id", Arc::clone(&ids)),
        ("name", Arc::clone(&names)),
        ("type", texts(&["file", "file"])),
        ("target", texts(&[&good, &digits])),
        ("perms", perms),
    ];
    let parents = vec![
        ("id", Arc::clone(&ids)),
        ("parent_id", texts(&[&good, &digits])),
        ("parent_rank", ranks),
    ];
    let branches = vec![
        ("snapshot_id", ids),
        ("name", names),
        ("target", texts(&[&digits, "012x"])),
        ("target_type", texts(&["alias", "alias"])),
    ];
    for (main, relation, columns, expected) in [
        ("directory", "directory_entry", entries, "target"),
        ("revision", "revision_history", parents, "parent_id"),
        ("snapshot", "snapshot_branch", branches, "target"),
    ] {
        let dir = temporary();
        write_ids(dir.path(), main, "merged", &[1]);
        write(dir.path(), relation, "odd", &columns);
        let opened = open_with(dir.path(), &[main], MEMORIES[0]);
        let error = opened.map(|_| ()).unwrap_err();
        let Error::Cell {
            file, column, row, ..
        } = error
        else {
            panic!("{error}");
        };
        assert_eq!(file, dir.path().join(relation).join("odd"));
        assert_eq!((column, row), (expected, 1));
        let files = kept(dir.path());
        assert!(!files.iter().any(|(name, _)| name.ends_with(".rows")));
    }
}
