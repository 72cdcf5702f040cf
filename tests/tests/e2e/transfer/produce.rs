//! `journal-host produce`.

use std::collections::BTreeMap;
use std::fs;

use journal_tests::{Broker, Host, Prefix, paths, run};
use rustix::process::Signal;
use serde_json::Value;

use super::{
    CONTENT, LIMIT, held, made, of_recording, of_topics, on_the_broker, only, produce, recording,
    refusal,
};

/// Kafka's hash of keys, by its specification: 32 bits of `MurmurHash` 2 with Kafka's seed, without the sign.
fn murmur2(key: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let length = u32::try_from(key.len()).expect("keys are short");
    let mut hash = 0x9747_b28c ^ length;
    let chunks = key.chunks_exact(4);
    let rest = chunks.remainder();
    for chunk in chunks {
        let word = u32::from_le_bytes(chunk.try_into().expect("a chunk has four bytes"));
        let word = word.wrapping_mul(M);
        let word = (word ^ (word >> 24)).wrapping_mul(M);
        hash = hash.wrapping_mul(M) ^ word;
    }
    if !rest.is_empty() {
        let bytes = rest.iter().rev();
        hash ^= bytes.fold(0, |word, &byte| word << 8 | u32::from(byte));
        hash = hash.wrapping_mul(M);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(M);
    (hash ^ (hash >> 15)) & 0x7fff_ffff
}

fn bytes(digits: &Value) -> Vec<u8> {
    let digits = digits.as_str().expect("bytes are hexadecimal");
    let byte = |index| u8::from_str_radix(&digits[index..index + 2], 16);
    let bytes: Result<Vec<u8>, _> = (0..digits.len()).step_by(2).map(byte).collect();
    bytes.expect("bytes are hexadecimal")
}

#[test]
fn produced_records_keep_keys_values_tombstones_and_timestamps() {
    let path = recording(&made(200));
    let prefix = Prefix::new("produced");
    let finished = produce(&path, &prefix)
        .args(["--partitions", "5"])
        .finish(LIMIT)
        .success();
    assert!(
        finished.stderr.contains("200 records, ")
            && finished
                .stderr
                .contains(", all confirmed, in 2 topics, 2 of them new"),
        "{}",
        finished.stderr
    );
    let topics = Broker::shared().topics(&prefix);
    assert_eq!(topics.into_values().collect::<Vec<_>>(), [5, 5]);

    let written = on_the_broker(&prefix);
    let recorded = of_recording(&path, &Prefix::usual());
    // A processor gets a value without bytes as a tombstone, so values are compared on the broker.
    let empty = written.iter().filter(|row| row["value"] == "");
    assert_eq!(empty.count(), 1);
    let none = written.iter().filter(|row| row["value"].is_null());
    assert_eq!(none.count(), 1);
    let processed = of_topics(&prefix);
    assert_eq!(only(&processed, &CONTENT), only(&recorded, &CONTENT));
    for row in written.iter().filter(|row| row["key"] != "") {
        let expected = murmur2(&bytes(&row["key"])) % 5;
        assert_eq!(row["partition"], expected, "{row}");
    }
    let settings = Broker::shared().topic_settings(&prefix.topic("origin"));
    for (name, value) in [
        ("retention.ms", "-1"),
        ("cleanup.policy", "delete"),
        ("max.message.bytes", "104857600"),
    ] {
        assert_eq!(
            settings.get(name).map(String::as_str),
            Some(value),
            "{name}"
        );
    }
}

#[test]
fn records_of_one_key_keep_their_order() {
    let mut records = made(3000);
    for (number, record) in (0_u32..).zip(&mut records) {
        record.key = vec![0xc4, 1, u8::try_from(number % 7).expect("it is small")];
    }
    let prefix = Prefix::new("order");
    let _done = produce(&recording(&records), &prefix)
        .args(["--partitions", "3"])
        .finish(LIMIT)
        .success();
    let mut last: BTreeMap<String, i64> = BTreeMap::new();
    for row in on_the_broker(&prefix) {
        let key = format!("{} {}", row["object_type"], row["key"]);
        let time = row["timestamp_ms"].as_i64().expect("it has a timestamp");
        let before = last.insert(key, time);
        assert!(before.is_none_or(|before| before < time), "{row}");
    }
    assert_eq!(last.len(), 14);
}

#[test]
fn topics_that_hold_records_are_refused_without_append() {
    let path = recording(&made(30));
    let prefix = Prefix::new("append");
    let _done = produce(&path, &prefix).finish(LIMIT).success();
    let again = produce(&path, &prefix).finish(LIMIT).code(1);
    assert_eq!(
        refusal(&again),
        format!(
            "error: these topics hold 30 records already: `{prefix}.extid`, `{prefix}.origin`\n\
             hint: `--append` adds to them, and `--prefix` writes to other topics"
        )
    );
    assert_eq!(held(&prefix), 30);
    let more = produce(&path, &prefix)
        .arg("--append")
        .finish(LIMIT)
        .success();
    assert!(more.stderr.contains("0 of them new"), "{}", more.stderr);
    assert_eq!(held(&prefix), 60);
}

#[test]
fn empty_topics_are_used_with_their_partitions() {
    let prefix = Prefix::new("existing");
    Broker::shared().create_topics(&[prefix.topic("origin")], 2);
    let finished = produce(&recording(&made(30)), &prefix)
        .args(["--partitions", "3"])
        .finish(LIMIT)
        .success();
    assert!(
        finished
            .stderr
            .contains("exists and keeps its 2 partitions"),
        "{}",
        finished.stderr
    );
    let topics = Broker::shared().topics(&prefix);
    assert_eq!(topics[&prefix.topic("origin")], 2);
    assert_eq!(topics[&prefix.topic("extid")], 3);
    assert_eq!(held(&prefix), 30);
}

#[test]
fn recorded_partitions_are_kept_on_request() {
    let mut records = made(40);
    for (number, record) in (0..).zip(&mut records) {
        record.position = Some((number % 4, u64::from(number)));
    }
    let path = recording(&records);
    let prefix = Prefix::new("partitions");
    let run = || produce(&path, &prefix).arg("--keep-partitions");
    let few = run().args(["--partitions", "3"]).finish(LIMIT).code(1);
    assert_eq!(
        refusal(&few),
        format!(
            "error: the recording has records of partition 3 of `{prefix}.extid`, which has 3 partitions\n\
             hint: set `--partitions` to at least 4, or leave `--keep-partitions` out"
        )
    );
    assert!(Broker::shared().topics(&prefix).is_empty());
    let _done = run().finish(LIMIT).success();
    let members = ["object_type", "partition", "timestamp_ms", "key"];
    assert_eq!(
        only(&on_the_broker(&prefix), &members),
        only(&of_recording(&path, &Prefix::usual()), &members)
    );
}

#[test]
fn damaged_recording_writes_nothing() {
    let path = recording(&made(500));
    let whole = fs::read(&path).expect("it was written");
    let cut = run::folder("cut").join("cut.journal.zst");
    fs::write(&cut, &whole[..whole.len() - 20]).expect("the folder is ours");
    let prefix = Prefix::new("damaged");
    let finished = produce(&cut, &prefix).finish(LIMIT).code(1);
    let refusal = refusal(&finished);
    assert!(refusal.contains("is cut short after "), "{refusal}");
    assert!(refusal.contains("hint: nothing was written: "), "{refusal}");
    assert!(Broker::shared().topics(&prefix).is_empty());
}

#[test]
fn refused_record_is_named_with_the_number_of_confirmed_ones() {
    let prefix = Prefix::new("refused");
    let topics = [prefix.topic("origin"), prefix.topic("extid")];
    Broker::shared().create_topics_with(&topics, 1, &[("max.message.bytes", "100")]);
    let mut records = made(20);
    let large: Vec<u8> = (0_u32..200)
        .flat_map(|n| (n.wrapping_mul(2_654_435_761)).to_be_bytes())
        .collect();
    records.truncate(3);
    records[2].value = Some(large);
    let finished = produce(&recording(&records[2..]), &prefix)
        .finish(LIMIT)
        .code(1);
    let refusal = refusal(&finished);
    assert!(
        refusal.starts_with(&format!(
            "error: the brokers did not take a record of `{prefix}.extid` with the key `00000002`: "
        )),
        "{refusal}"
    );
    assert!(
        refusal.contains(": of 1 record, 0 are confirmed"),
        "{refusal}"
    );
}

#[test]
fn signal_ends_a_run_whose_records_are_not_confirmed() {
    let prefix = Prefix::new("unconfirmed");
    let topics = [prefix.topic("origin"), prefix.topic("extid")];
    // One node cannot confirm what two have to hold.
    Broker::shared().create_topics_with(&topics, 1, &[("min.insync.replicas", "2")]);
    let path = recording(&made(50));
    let mut running = produce(&path, &prefix)
        .env("JOURNAL_HOST_LOG", "journal_host=debug,librdkafka=debug")
        .spawn();
    running.until("the records are sent", LIMIT, |running| {
        running
            .stderr()
            .contains("50 records are sent")
            .then_some(())
    });
    running.signal(Signal::TERM);
    let finished = running.finish(LIMIT).code(1);
    let refusal = refusal(&finished);
    assert!(
        refusal.starts_with("error: a signal ended it: of 50 records, 0 are confirmed"),
        "{refusal}"
    );
}

#[test]
fn wrong_use_is_refused_by_name() {
    let path = recording(&made(1));
    let host = |arguments: &[&str]| Host::new().arg("produce").arg(&path).args(arguments);
    let refused = |arguments: &[&str]| refusal(&host(arguments).finish(LIMIT).code(2));
    assert_eq!(
        refused(&[]),
        "error: `--brokers` is required\nhint: name the bootstrap brokers of a Kafka cluster"
    );
    let brokers = ["--brokers", "127.0.0.1:1", "--kafka"];
    let acks = refused(&[&brokers[..], &["acks=0"]].concat());
    assert!(
        acks.starts_with("error: `--kafka acks` cannot be set: all brokers that hold a record"),
        "{acks}"
    );
    let pipe = Host::new()
        .args([
            "produce",
            "/dev/zero",
            "--brokers",
            &Broker::shared().address(),
        ])
        .finish(LIMIT)
        .code(1);
    assert_eq!(
        refusal(&pipe),
        "error: the recording `/dev/zero` is not a file\nhint: save it to a file first"
    );
}

#[test]
fn shipped_recording_is_produced_and_counted() {
    let path = paths::repository().join("recordings/ripgrep.journal.zst");
    let prefix = Prefix::new("shipped-produced");
    let _done = produce(&path, &prefix)
        .args(["--partitions", "8"])
        .finish(LIMIT)
        .success();
    let count = |host: Host| host.finish(LIMIT).success().counts();
    let host = || Host::run(&paths::plugin("count-objects"));
    let topics = host()
        .args(["--brokers", &Broker::shared().address()])
        .args(["--prefix", prefix.as_str(), "--on-eof", "stop"])
        .args(["--group-id", &prefix.group("counts")]);
    assert_eq!(count(topics), count(host().arg("--recording").arg(&path)));
}

/// The hash is Kafka's: these are the values of Kafka's own tests.
#[test]
fn hash_of_this_test_is_kafkas() {
    for (key, signed) in [
        ("21", -973_932_308),
        ("foobar", -790_332_482),
        ("a-little-bit-long-string", -985_981_536),
        ("abc", 479_470_107),
    ] {
        let expected = i32::cast_unsigned(signed) & 0x7fff_ffff;
        assert_eq!(murmur2(key.as_bytes()), expected, "{key}");
    }
}
