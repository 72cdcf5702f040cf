//! Records that the processor rejects.

use std::fs;

use journal_tests::{Host, paths};

use super::{HOSTILE, KafkaInput, LIMIT, fails, hostile, origins};

const REJECTING: [&str; 2] = ["--option", "process=reject-even"];

/// The key of a record of [`origins`], as the log shows it.
fn key(number: u32) -> String {
    format!("{}{number:08x}", "07".repeat(16))
}

#[test]
fn rejected_record_stops_the_run_and_is_named_with_its_key() {
    let host = hostile(300)
        .args(REJECTING)
        .args(["--output", "rows.jsonl"]);
    let rows = host.folder().join("rows.jsonl");
    let host = host.args(["--batch-records", "1", "--stop-after", "7"]);
    fails(host)
        .says(&format!(
            "the processor rejected the record at `swh.journal.objects.origin` partition 0 offset 0 with the \
             key `{}`: its offset is even",
            key(0)
        ))
        .hints("`--on-failure skip`");
    assert_eq!(fs::read_to_string(rows).expect("it was opened"), "");
}

#[test]
fn rejected_record_on_kafka_does_not_change_the_groups_offset() {
    let input = KafkaInput::with("rejected", &origins(300, 1));
    let host = || input.read_by(Host::run(&paths::plugin(HOSTILE)));
    let _ = host().args(["--stop-after", "11"]).finish(LIMIT).success();
    fails(host().args(REJECTING))
        .says(&format!(
            "the processor rejected the record at `{}` partition 0 offset 12 with the key `{}`: its offset is \
             even",
            input.topic(),
            key(12)
        ))
        .hints("`--on-failure skip`");
    assert_eq!(input.committed(), 11);
    let skipped = host()
        .args(REJECTING)
        .args(["--on-failure", "skip"])
        .finish(LIMIT)
        .success();
    assert_eq!(skipped.rows().len(), 145);
    assert!(
        skipped.stderr.contains("144 rejected"),
        "{}",
        skipped.stderr
    );
    assert_eq!(input.committed(), 300, "skipped records are committed");
}

#[test]
fn skipped_records_are_logged_up_to_a_hundred_and_counted() {
    let finished = hostile(300)
        .args(REJECTING)
        .args(["--on-failure", "skip", "--batch-records", "7"])
        .finish(LIMIT)
        .success();
    let offsets = finished
        .rows()
        .into_iter()
        .map(|row| row["offset"].as_u64());
    let odd = (0..300).filter(|offset| offset % 2 == 1).map(Some);
    assert!(offsets.eq(odd), "rows of rejected records are dropped");
    let log = &finished.stderr;
    let count = |what: &str| log.lines().filter(|line| line.contains(what)).count();
    assert_eq!(
        count("skipped the record at `swh.journal.objects.origin` partition 0 offset "),
        100
    );
    assert_eq!(
        count(&format!("with the key `{}`: its offset is even", key(198))),
        1
    );
    assert_eq!(count(&format!("with the key `{}`", key(200))), 0);
    assert_eq!(count("more records were skipped"), 1);
    assert_eq!(count("300 objects"), 1, "{log}");
    assert_eq!(count("150 rejected"), 1, "{log}");
}
