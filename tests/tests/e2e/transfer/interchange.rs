//! Upstream's writer and client against the host: what one writes, the other reads.

use std::path::Path;

use journal_tests::kafka::Journal;
use journal_tests::{Broker, Prefix, oracle, run};
use serde_json::Value;

use super::{
    CONTENT, LIMIT, of_recording, of_topics, on_the_broker, only, processed, produce, record,
};

/// The topics of the objects of upstream's tests, on the shared broker.
fn topics(prefix: &Prefix, objects: &Path) {
    Broker::shared().create_topics(&Journal::read(objects).topics(prefix), 4);
}

/// Without the public topics of object types that have privileged ones, or without the privileged ones.
fn seen_by(rows: Vec<Value>, privileged: bool) -> Vec<Value> {
    let of = |row: &Value| row["object_type"].as_str().unwrap_or_default().to_owned();
    let twice: Vec<String> = rows
        .iter()
        .filter(|row| row["privileged"] == true)
        .map(of)
        .collect();
    let mut rows = rows;
    rows.retain(|row| row["privileged"] == (privileged && twice.contains(&of(row))));
    for row in &mut rows {
        row.as_object_mut()
            .expect("a row is an object")
            .remove("privileged");
    }
    rows
}

/// What upstream's client passes to its worker function, in no order.
fn read_by_upstream(prefix: &Prefix, privileged: bool) -> Vec<String> {
    let flag = if privileged { "true" } else { "false" };
    let group = prefix.group(&format!("upstream-{flag}"));
    let address = Broker::shared().address();
    let arguments = [&*address, prefix.as_str(), &*group, flag];
    let printed = oracle::script("print_objects.py", arguments);
    let mut lines: Vec<String> = printed.lines().map(str::to_owned).collect();
    lines.sort_unstable();
    assert!(!lines.is_empty());
    lines
}

#[test]
fn records_of_upstreams_writer_are_read_with_equal_keys_values_and_timestamps() {
    let prefix = Prefix::new("upstreams-writer");
    topics(
        &prefix,
        &oracle::test_objects(&run::folder("upstreams-writer")),
    );
    let broker = Broker::shared().address();
    let _nothing = oracle::script("write_objects.py", [&*broker, prefix.as_str()]);

    let written = on_the_broker(&prefix);
    let tombstones = written.iter().filter(|row| row["value"].is_null());
    assert_eq!(tombstones.count(), 4, "three, and one of a privileged copy");
    assert_eq!(of_topics(&prefix), seen_by(written.clone(), false));
    let privileged = processed(|host| {
        host.args(["--brokers", &broker, "--prefix", prefix.as_str()])
            .args(["--group-id", &prefix.group("privileged")])
            .args(["--on-eof", "stop", "--privileged"])
    });
    assert_eq!(privileged, seen_by(written.clone(), true));

    let (host, path) = record(&prefix);
    let _done = host.finish(LIMIT).success();
    assert_eq!(of_recording(&path, &prefix), seen_by(written, false));
}

#[test]
fn upstreams_client_reads_the_objects_that_were_produced() {
    let objects = oracle::test_objects(&run::folder("produced"));
    let upstreams = Prefix::new("by-upstream");
    topics(&upstreams, &objects);
    let broker = Broker::shared().address();
    let _nothing = oracle::script("write_objects.py", [&*broker, upstreams.as_str()]);

    let produced = Prefix::new("by-us");
    let _done = produce(&objects, &produced)
        .args(["--partitions", "4"])
        .finish(LIMIT)
        .success();
    for privileged in [false, true] {
        assert_eq!(
            read_by_upstream(&produced, privileged),
            read_by_upstream(&upstreams, privileged)
        );
    }

    // A copy of a journal by way of a recording holds the same records, tombstones included.
    let (public, path) = record(&upstreams);
    let _done = public.finish(LIMIT).success();
    let copy = Prefix::new("copy");
    let _done = produce(&path, &copy).finish(LIMIT).success();
    let copied = on_the_broker(&copy);
    let original = seen_by(on_the_broker(&upstreams), false);
    assert_eq!(only(&copied, &CONTENT), only(&original, &CONTENT));
}
