//! Topics that change while a group reads them.

use std::collections::BTreeMap;
use std::time::Duration;

use journal_tests::kafka::{Journal, Record};
use journal_tests::{Broker, Host, Prefix, Running, paths, spin};
use rustix::process::Signal;
use serde_json::Value;

use super::LIMIT;

/// It emits a row for each record of any object type.
const GUEST: &str = "guest-hostile";

/// Records of one object type.
pub(super) fn journal(object_type: &str, records: u32) -> Journal {
    let record = |number: u32| Record {
        object_type: object_type.into(),
        privileged: false,
        key: [&[0xc4, 20], [7; 16].as_slice(), &number.to_be_bytes()].concat(),
        value: Some(vec![0xc0]),
    };
    Journal {
        records: (0..records).map(record).collect(),
    }
}

/// A run that looks at its topics each second, and never ends.
fn following(broker: &Broker, prefix: &Prefix, group: &str) -> Host {
    Host::run(&paths::plugin(GUEST))
        .arg("--brokers")
        .arg(broker.address())
        .args(["--prefix", prefix.as_str(), "--group-id", group])
        .args(["--checkpoint-interval", "100ms"])
        .args(["--kafka", "topic.metadata.refresh.interval.ms=1000"])
}

/// How often each offset of an object type occurs in these rows.
fn offsets(rows: &[Value], object_type: &str) -> BTreeMap<u64, usize> {
    let mut offsets = BTreeMap::new();
    for row in rows {
        if row["object_type"] == object_type {
            let offset = row["offset"].as_u64().expect("a row has an offset");
            *offsets.entry(offset).or_default() += 1;
        }
    }
    offsets
}

/// The offsets from 0 on, each so often.
fn each(records: u32, times: usize) -> BTreeMap<u64, usize> {
    (0..u64::from(records))
        .map(|offset| (offset, times))
        .collect()
}

fn until_rows(running: &mut Running, object_type: &str, records: usize) {
    running.until("the rows are written", LIMIT, |running| {
        let offsets = offsets(&running.rows(), object_type);
        (offsets.values().sum::<usize>() >= records).then_some(())
    });
}

/// The new topic ends before, at, or after the position in the old one: librdkafka reports an offset out of range,
/// reads nothing, or passes records over.
#[test]
fn topic_that_is_created_again_is_read_from_its_beginning() {
    const OLD: u32 = 1000;
    let broker = Broker::shared();
    for new in [400, OLD, 2500] {
        let prefix = Prefix::new(&format!("again-{new}"));
        let (topic, group) = (prefix.topic("origin"), prefix.group("again"));
        broker.load(&prefix, &journal("origin", OLD), 1, 1);
        let mut running = following(broker, &prefix, &group).spawn();
        until_rows(&mut running, "origin", OLD as usize);
        super::until_committed(&mut running, &prefix, &group, OLD.into());
        broker.create_topic_again(&topic, 1);
        broker.append(&prefix, &journal("origin", new), 1);
        let of_new = |running: &Running| offsets(&running.rows()[OLD as usize..], "origin");
        running.until("the new topic is read", LIMIT, |running| {
            (of_new(running).len() == new as usize).then_some(())
        });
        running.until("the end of the new topic is committed", LIMIT, |_| {
            let committed = broker.committed(&group, &prefix);
            (committed.values().copied().collect::<Vec<_>>() == [i64::from(new)]).then_some(())
        });
        // Records that were read before the host saw that the topic is another one come again.
        let passed_over = new.saturating_sub(OLD);
        let again = of_new(&running).into_values().filter(|&times| times > 1);
        assert!(again.count() <= passed_over as usize);
        running.signal(Signal::TERM);
        let finished = running.finish(LIMIT).success();
        for part in [
            &*format!("`{topic}` was deleted and created again"),
            "since the group read it: partitions that are read from their beginning: 1",
        ] {
            assert!(finished.stderr.contains(part), "{}", finished.stderr);
        }
        // The group goes on in the new topic.
        let rest = following(broker, &prefix, &group)
            .args(["--on-eof", "stop"])
            .finish(LIMIT)
            .success();
        assert_eq!(rest.stdout, "");
    }
}

/// A broker's restart raises the leader's epoch of the old topic; the new one begins with a lower one, which librdkafka
/// holds to be outdated.
#[test]
fn topic_that_is_created_again_with_a_lower_leader_epoch_is_not_passed_over_in_silence() {
    let mut broker = Broker::start();
    let prefix = Prefix::new("epoch");
    let (topic, group) = (prefix.topic("origin"), prefix.group("epoch"));
    broker.load(&prefix, &journal("origin", 1000), 1, 1);
    broker.stop();
    broker.restart();
    let mut running = following(&broker, &prefix, &group).spawn();
    until_rows(&mut running, "origin", 1000);
    running.until("the rows are committed", LIMIT, |_| {
        (broker.committed_records(&group, &prefix) == 1000).then_some(())
    });
    broker.create_topic_again(&topic, 1);
    broker.append(&prefix, &journal("origin", 1500), 1);
    let finished = running.finish(LIMIT).code(1);
    assert!(
        finished.stderr.contains(&format!(
            "`{topic}` was deleted and created again, and nothing of its partition 0 came"
        )),
        "{}",
        finished.stderr
    );
    assert!(
        finished.stderr.contains("hint: start the run again"),
        "{}",
        finished.stderr
    );
    assert_eq!(offsets(&finished.rows(), "origin"), each(1000, 1));
    let rest = following(&broker, &prefix, &group)
        .args(["--on-eof", "stop"])
        .finish(LIMIT)
        .success();
    assert_eq!(offsets(&rest.rows(), "origin"), each(1500, 1));
}

/// Brokers forget the offsets of a topic that is deleted, unless a member commits one just after it.
#[test]
fn offset_of_a_topic_that_was_deleted_does_not_count_in_the_one_that_was_created_again() {
    let broker = Broker::shared();
    for new in [400, 2500] {
        let prefix = Prefix::new(&format!("foreign-{new}"));
        let (topic, group) = (prefix.topic("origin"), prefix.group("foreign"));
        broker.load(&prefix, &journal("origin", 1000), 1, 1);
        let to_the_end = || {
            following(broker, &prefix, &group)
                .args(["--on-eof", "stop"])
                .finish(LIMIT)
                .success()
        };
        assert_eq!(offsets(&to_the_end().rows(), "origin"), each(1000, 1));
        let note = broker.committed_note(&group, &topic);
        broker.create_topic_again(&topic, 1);
        broker.append(&prefix, &journal("origin", new), 1);
        broker.commit_with_note(&group, &topic, 0, 1000, &note);
        let again = to_the_end();
        assert_eq!(offsets(&again.rows(), "origin"), each(new, 1));
        assert!(
            again.stderr.contains(&format!(
                "`{topic}` was created again since the group read it"
            )),
            "{}",
            again.stderr
        );
        assert_eq!(to_the_end().stdout, "");
    }
}

#[test]
fn topic_that_is_created_after_the_start_is_read_by_all_workers_unless_it_is_privileged() {
    let broker = Broker::shared();
    let prefix = Prefix::new("created");
    let group = prefix.group("created");
    broker.load(&prefix, &journal("origin", 100), 1, 1);
    let mut running = following(broker, &prefix, &group)
        .args(["--workers", "2"])
        .spawn();
    until_rows(&mut running, "origin", 100);
    broker.create_topics(&[prefix.privileged_topic("revision")], 1);
    broker.create_topics(&[prefix.topic("release")], 1);
    let mut privileged = journal("revision", 50);
    for record in &mut privileged.records {
        record.privileged = true;
    }
    broker.append(&prefix, &privileged, 1);
    broker.append(&prefix, &journal("release", 3000), 1);
    until_rows(&mut running, "release", 3000);
    // The rest of the group was not disturbed.
    broker.append(&prefix, &journal("origin", 100), 1);
    until_rows(&mut running, "origin", 200);
    running.signal(Signal::TERM);
    let finished = running.finish(LIMIT).success();
    let rows = finished.rows();
    assert_eq!(offsets(&rows, "release"), each(3000, 1));
    assert_eq!(offsets(&rows, "origin"), each(200, 1));
    assert_eq!(rows.len(), 3200, "nothing of a privileged topic");
    let line = format!(
        "`{}` was created: this run reads it as well",
        prefix.topic("release")
    );
    assert_eq!(
        finished.stderr.matches(&line).count(),
        1,
        "{}",
        finished.stderr
    );
}

#[test]
fn partition_that_is_added_during_a_run_is_read_from_its_beginning() {
    let broker = Broker::shared();
    let prefix = Prefix::new("added");
    let (topic, group) = (prefix.topic("origin"), prefix.group("added"));
    broker.load(&prefix, &journal("origin", 500), 1, 1);
    let mut running = following(broker, &prefix, &group).spawn();
    until_rows(&mut running, "origin", 500);
    broker.add_partitions(&topic, 4);
    broker.append(&prefix, &journal("origin", 3000), 1);
    super::until_committed(&mut running, &prefix, &group, 3500);
    running.signal(Signal::TERM);
    let finished = running.finish(LIMIT).success();
    assert_eq!(finished.rows().len(), 3500);
    assert_eq!(broker.committed(&group, &prefix).len(), 4);
}

/// A topic that is deleted keeps no offset, which must not keep the run from its end.
#[test]
fn run_that_stops_at_the_end_does_not_wait_for_a_topic_that_was_deleted() {
    /// The second one takes much longer than deleting its topic.
    const ORIGINS: u32 = 500;
    const RELEASES: u32 = 5000;
    let broker = Broker::shared();
    let prefix = Prefix::new("gone");
    let group = prefix.group("gone");
    let mut both = journal("origin", ORIGINS);
    both.records.extend(journal("release", RELEASES).records);
    broker.load(&prefix, &both, 1, 1);
    let mut running = Host::run(&paths::plugin("guest-counter"))
        .arg("--brokers")
        .arg(broker.address())
        .args(["--prefix", prefix.as_str(), "--group-id", &group])
        .args(["--on-eof", "stop", "--checkpoint-interval", "100ms"])
        .args(["--kafka", "topic.metadata.refresh.interval.ms=1000"])
        .args(["--kafka", "queued.max.messages.kbytes=1"])
        .args(["--kafka", "max.partition.fetch.bytes=1000"])
        .args(["--batch-records", "10", "--option"])
        .arg(spin(Duration::from_millis(4)))
        .spawn();
    super::until_committed(&mut running, &prefix, &group, 1);
    broker.delete_topic(&prefix.topic("release"));
    let finished = running.finish(LIMIT).success();
    let counts = finished.counts();
    assert_eq!(counts["origin"].objects, u64::from(ORIGINS));
    let release = counts.get("release").map_or(0, |sums| sums.objects);
    assert!(
        release < RELEASES.into(),
        "it was deleted before it was read"
    );
    assert!(
        finished
            .stderr
            .contains("was deleted: nothing is left to read there"),
        "{}",
        finished.stderr
    );
}
