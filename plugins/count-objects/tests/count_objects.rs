//! Counts over records of every kind.

use count_objects::CountObjects;
use journal_plugin_sdk::testing::{Harness, Rows};
use serde_json::{Value, json};

fn row(object_type: &str, objects: u64, bytes: u64, tombstones: u64) -> Value {
    json!({"object_type": object_type, "objects": objects, "bytes": bytes, "tombstones": tombstones})
}

#[test]
fn objects_bytes_and_tombstones_are_counted_by_type_for_any_split() {
    let mut harness = Harness::<CountObjects, _>::new().tombstone("origin", "gone");
    for number in 0_u8..100 {
        let key = [number];
        harness = harness.raw_record("origin", key, vec![0xc0; usize::from(number) + 1]);
        harness = harness.raw_record("a_type_of_tomorrow", key, [0xc0; 3]);
        if number % 3 == 0 {
            harness = harness.tombstone("a_type_of_tomorrow", key);
        }
    }
    let run = harness.same_for_any_split(50, Rows::InOrder).unwrap();
    let expected = [
        row("origin", 100, 5050, 1),
        row("a_type_of_tomorrow", 100, 300, 34),
    ];
    assert_eq!(run.rows("counts"), expected);
    assert!(run.rejections().is_empty());
}

#[test]
fn each_checkpoint_starts_at_zero_so_that_rows_can_be_summed() {
    let run = Harness::<CountObjects, _>::new()
        .raw_record("origin", "1", [0xc0])
        .checkpoint()
        .raw_record("origin", "2", [0xc0, 0xc0])
        .tombstone("snapshot", "3")
        .checkpoint()
        .run()
        .unwrap();
    let expected = [
        row("origin", 1, 1, 0),
        row("origin", 1, 2, 0),
        row("snapshot", 0, 0, 1),
    ];
    assert_eq!(run.rows("counts"), expected);
}

#[test]
fn journal_without_records_has_no_rows() {
    assert!(
        Harness::<CountObjects, _>::new()
            .run()
            .unwrap()
            .rows("counts")
            .is_empty()
    );
}
