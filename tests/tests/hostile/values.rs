//! Values that are damaged, through every shipped plugin: each record is rejected, or is a row, and the run goes on.

use std::fs;

use journal_tests::{paths, run};

use crate::recordings::of_type;
use crate::table::{Case, succeeds};

const TYPES: [&str; 14] = [
    "content",
    "skipped_content",
    "hash_colliding_content",
    "directory",
    "revision",
    "release",
    "snapshot",
    "origin",
    "origin_visit",
    "origin_visit_status",
    "extid",
    "metadata_authority",
    "metadata_fetcher",
    "raw_extrinsic_metadata",
];

/// Every shipped plugin, and the option with which it reads all types.
const PLUGINS: [(&str, &str, &[&str]); 11] = [
    ("values through commit-activity", "commit-activity", &[]),
    ("values through count-objects", "count-objects", &[]),
    ("values through file-extensions", "file-extensions", &[]),
    ("values through first-seen", "first-seen", &[]),
    ("values through graph-edges", "graph-edges", &[]),
    ("values through last-visit", "last-visit", &[]),
    ("values through list-revisions", "list-revisions", &[]),
    (
        "values through months-and-extensions",
        "months-and-extensions",
        &[],
    ),
    (
        "values through print-objects",
        "print-objects",
        &["--option", "object_types=any"],
    ),
    ("values through replay", REPLAY, &[]),
    ("values through verify-objects", "verify-objects", &[]),
];

/// The plugin with outputs that only databases take.
const REPLAY: &str = "replay";
const LISTS: [&str; 4] = [
    "directory_entry",
    "revision_parent",
    "revision_extra_header",
    "snapshot_branch",
];

/// A map of one field, whose value is msgpack.
fn field(name: &str, value: &[u8]) -> Vec<u8> {
    let length = u8::try_from(name.len()).expect("names are short");
    [&[0x81, 0xa0 | length], name.as_bytes(), value].concat()
}

/// Values that no writer makes.
fn damaged() -> Vec<Vec<u8>> {
    let mut values = vec![
        vec![0xc1],
        vec![0xc0],
        vec![0x80],
        vec![0x90],
        vec![0xff; 1000],
        vec![0x91; 100_000],
        vec![0x81; 100_000],
        b"\xdf\xff\xff\xff\xff".to_vec(),
        b"\xdd\xff\xff\xff\xff\xc0".to_vec(),
        b"\xc6\xff\xff\xff\xff".to_vec(),
        b"\xdb\xff\xff\xff\xffabc".to_vec(),
        b"\x80\x80".to_vec(),
    ];
    let lists: [&[u8]; 6] = [
        b"\xdd\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff",
        b"\xc6\xff\xff\xff\xff",
        b"\xd7\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\xdb\x7f\xff\xff\xff",
    ];
    for name in [
        "entries",
        "branches",
        "parents",
        "extra_headers",
        "metadata",
        "message",
        "url",
        "date",
        "author",
        "id",
        "target",
        "length",
        "status",
        "authority",
    ] {
        values.extend(lists.iter().map(|value| field(name, value)));
        values.push(field(name, &[0x91; 10_000]));
        values.push(field(name, &[0x81; 10_000]));
    }
    values
}

pub(crate) fn cases() -> Vec<Case> {
    let records = |types: &[&str]| {
        let damaged = damaged();
        let of = |object_type: &&str| {
            let records = damaged.iter().map(|value| of_type(object_type, value));
            records.collect::<Vec<_>>().concat()
        };
        types.iter().map(of).collect::<Vec<_>>().concat()
    };
    let plugins = PLUGINS.iter().map(|(name, plugin, arguments)| {
        let file = fs::read(paths::plugin(plugin)).expect("the plugin was built");
        let case = succeeds(name, file, "objects")
            .over(records(&TYPES))
            .with(arguments)
            .with(&["--on-failure", "skip", "--max-failures", "100%"]);
        if *plugin == REPLAY {
            with_lists_in_a_database(case)
        } else {
            case
        }
    });
    plugins.collect()
}

fn with_lists_in_a_database(case: Case) -> Case {
    let file = run::folder("hostile-replay").join("rows.sqlite");
    LISTS.iter().fold(case, |case, list| {
        case.with(&["--output", &format!("{list}={}", file.display())])
    })
}
