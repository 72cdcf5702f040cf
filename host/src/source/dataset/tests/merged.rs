//! Files of several exports in the same folders, and rows that are damaged before they are sorted.

use super::out_of_step::{MEMORIES, kept, mixed, open_with, write_ids};
use super::*;

/// A row of `revision_extra_headers`: the number of the revision, the name and the value.
type Header = (u32, &'static str, &'static str);

fn write_headers(folder: &Path, name: &str, headers: &[Header]) {
    let ids: Vec<String> = headers.iter().map(|(number, ..)| mixed(*number)).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let cells = |cell: fn(&Header) -> &'static str| -> Vec<Option<&'static [u8]>> {
        let cells = headers.iter().map(cell);
        cells.map(|cell| Some(cell.as_bytes())).collect()
    };
    let columns = [
        ("id", texts(&ids)),
        ("key", bytes(&cells(|header| header.1))),
        ("value", bytes(&cells(|header| header.2))),
    ];
    write(folder, "revision_extra_headers", name, &columns);
}

/// The value of a revision with headers.
fn value(number: u32, headers: &[(&str, &str)]) -> Vec<u8> {
    let id: [u8; 20] = const_hex::decode_to_array(mixed(number)).unwrap();
    of(|e| {
        e.map(2).str("id").bin(&id);
        e.str("extra_headers").array(headers.len());
        for (key, value) in headers {
            e.array(2).bin(key.as_bytes()).bin(value.as_bytes());
        }
    })
}

#[test]
fn revision_that_is_in_two_exports_has_its_headers_once() {
    for memory in MEMORIES {
        let dir = temporary();
        let path = dir.path();
        // Others are there so that a part of the identifiers fits into memory.
        let first: Vec<u32> = [1, 2].into_iter().chain(100..700).collect();
        write_ids(path, "revision", "a.orc", &first);
        write_ids(path, "revision", "b.orc", &[3, 1]);
        let of_first = [(1, "k", "1"), (1, "k", "1"), (1, "x", "2")];
        write_headers(path, "a.orc", &of_first);
        let of_both = [&of_first[..], &[(2, "k", "1"), (3, "y", "3")]].concat();
        write_headers(path, "b.orc", &of_both);
        // The rows of a revision that is there once all count, whatever files they are in.
        write_headers(path, "c.orc", &[(3, "y", "3"), (3, "z", "4")]);
        let mut datasets = open_with(path, &["revision"], memory).unwrap();
        let records = read(&mut datasets[0], None).unwrap();
        assert_eq!(records.len(), 604);
        let once = value(1, &[("k", "1"), ("k", "1"), ("x", "2")]);
        assert_eq!(records[0].3, once);
        assert_eq!(records[1].3, value(2, &[("k", "1")]));
        let split = value(3, &[("y", "3"), ("y", "3"), ("z", "4")]);
        assert_eq!(records[602].3, split);
        assert_eq!(records[603].3, once);
    }
}

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
        assert!(files.is_empty(), "{files:?}");
    }
}
