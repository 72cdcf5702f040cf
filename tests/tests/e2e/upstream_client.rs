//! Twins of the scenarios of upstream's `tests/test_client.py` (swh.journal 3.0), and of what its `client.py` does
//! besides. Where an earlier test covers a scenario, the table names it.
//!
//! | upstream | here |
//! |---|---|
//! | `test_client` | `objects_are_passed_once_and_the_run_ends_at_the_end` |
//! | `test_client_with_error_reporter` | `bad_input::rejections`: rejected records are named in the log, or end the run |
//! | `test_client_statsd` | `counts_and_states_are_sent_to_statsd` |
//! | `test_client_stop_after_objects` | `run_stops_after_exactly_so_many_objects`, `delivery::ends::stop_after_commits_exactly_after_the_last_claimed_record` |
//! | `test_client_restart_and_stop_after_objects` | `each_pass_but_the_last_has_every_object_once` |
//! | `test_client_batch_size` | `call_has_at_most_the_records_of_the_limit` |
//! | `test_client_subscribe_all` | `all_topics_of_the_prefix_are_read_where_no_object_type_is_named` |
//! | `test_client_subscribe_one_topic` | `one_object_type_is_read_where_it_is_named` |
//! | `test_client_subscribe_absent_topic` | `absent_object_types_and_prefixes_are_errors` |
//! | `test_client_subscribe_absent_prefix` | the same |
//! | `test_client_subscriptions_with_anonymized_topics` | `privileged_topic_is_read_instead_of_the_anonymised_one` |
//! | `test_client_subscriptions_without_anonymized_topics` | `bad_input::brokers::privileged_topic_that_is_absent_ends_the_run_unless_it_is_only_preferred` |
//! | `test_client_with_deserializer` | `processor_gets_the_bytes_of_each_value_and_may_leave_objects_out` |
//! | `test_client_create_topics` | `configuration::missing_topics_are_created_where_that_is_asked_for` |
//! | `handle_message_batch`: no value | `records_without_a_value_are_passed_over_and_committed` |
//! | `process_messages`: a live journal | `delivery::ends::run_that_waits_at_the_end_reads_new_records` |
//! | `process_messages`: end of each partition | `delivery::ends::counts_from_kafka_equal_an_independent_count_public_and_privileged` |
//! | `group_id`: sharded clients | `delivery::groups` |
//! | `commit_batch`: a group goes on | `delivery::ends::run_interrupted_by_a_signal_and_started_again_counts_everything_once` |
//! | `list_topics`: no authorised topic | `bad_input::security::topics_that_the_account_may_not_read_are_not_found` |
//! | objects as dicts | `upstream::objects_of_upstreams_tests_equal_those_of_upstreams_client` |

use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::time::Duration;

use journal_tests::kafka::{Journal, Record};
use journal_tests::{Broker, Finished, Host, Prefix, oracle, paths};

const LIMIT: Duration = Duration::from_mins(1);

/// Records of one object type, each with a key and a value of its own.
fn records(object_type: &str, count: u8) -> Vec<Record> {
    let record = |number: u8| Record {
        object_type: object_type.into(),
        privileged: false,
        key: [&[0xc4, 20], [number; 20].as_slice()].concat(),
        // A msgpack text.
        value: Some(vec![0xa1, b'a' + number % 26]),
    };
    (0..count).map(record).collect()
}

/// Topics with these numbers of records, in several partitions.
fn load(name: &str, types: &[(&str, u8)]) -> Prefix {
    let records = types
        .iter()
        .flat_map(|&(object_type, count)| records(object_type, count));
    let journal = Journal {
        records: records.collect(),
    };
    let prefix = Prefix::new(name);
    Broker::shared().load(&prefix, &journal, 3, 1);
    prefix
}

fn host(plugin: &str, prefix: &Prefix, group: &str) -> Host {
    Host::run(&paths::plugin(plugin))
        .args(["--brokers", &Broker::shared().address()])
        .args(["--prefix", prefix.as_str()])
        .args(["--group-id", &prefix.group(group)])
}

/// A run to the end that prints the position of each record.
fn positions(prefix: &Prefix) -> Host {
    positions_of("client", prefix)
}

/// The same for another group.
fn positions_of(group: &str, prefix: &Prefix) -> Host {
    host("guest-positions", prefix, group).args(["--on-eof", "stop"])
}

/// The number of rows of each object type.
fn types(finished: &Finished) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for row in finished.rows() {
        let object_type = row["object_type"].as_str().expect("it is a text");
        *counts.entry(object_type.to_owned()).or_default() += 1;
    }
    counts
}

fn counts(expected: &[(&str, usize)]) -> BTreeMap<String, usize> {
    let pairs = expected.iter();
    pairs
        .map(|&(object_type, count)| (object_type.to_owned(), count))
        .collect()
}

#[test]
fn objects_are_passed_once_and_the_run_ends_at_the_end() {
    let prefix = load("client", &[("revision", 1)]);
    let finished = positions(&prefix).finish(LIMIT).success();
    assert_eq!(types(&finished), counts(&[("revision", 1)]));
    // The group has read it.
    assert_eq!(positions(&prefix).finish(LIMIT).success().stdout, "");
}

#[test]
fn counts_and_states_are_sent_to_statsd() {
    let prefix = load("statsd", &[("revision", 9)]);
    let server = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
    let port = server.local_addr().expect("it is bound").port();
    let _done = positions(&prefix)
        .env("STATSD_HOST", "localhost")
        .env("STATSD_PORT", port.to_string())
        .env("STATSD_TAGS", "site:paris")
        .finish(LIMIT)
        .success();
    // The process has ended: all packets are here.
    server.set_nonblocking(true).expect("it is a socket");
    let mut lines = Vec::new();
    let mut packet = vec![0; 65_536];
    while let Ok(length) = server.recv(&mut packet) {
        let text = String::from_utf8_lossy(&packet[..length]).into_owned();
        lines.extend(text.lines().map(str::to_owned));
    }
    let tags = format!("group:{},site:paris", prefix.group("client"));
    let counted: usize = lines
        .iter()
        .filter_map(|line| line.strip_prefix("swh_journal_client.handle_message_total:"))
        .map(|rest| {
            let (count, tagged) = rest.split_once("|c|#").expect("it is a counter");
            assert_eq!(tagged, tags);
            count.parse::<usize>().expect("it is a number")
        })
        .sum();
    assert_eq!(counted, 9, "{lines:?}");
    let stopped = format!("swh_journal_client.stop_total:1|c|#{tags}");
    assert_eq!(lines.iter().filter(|line| **line == stopped).count(), 1);
    let idle = format!(
        "swh_journal_client.status:1|g|#group:{},site:paris,status:idle",
        prefix.group("client")
    );
    assert!(lines.contains(&idle), "{lines:?}");
    let states = lines.iter().rev().take(3);
    assert!(
        states.clone().all(|line| line.contains(".status:0|g|")),
        "{lines:?}"
    );
}

#[test]
fn run_stops_after_exactly_so_many_objects() {
    for count in [1_usize, 2] {
        let prefix = load("stop-after", &[("revision", 9)]);
        let host = host("guest-positions", &prefix, "client").args(["--on-eof", "continue"]);
        let host = host.args(["--stop-after", &count.to_string()]);
        let finished = host.finish(LIMIT).success();
        assert_eq!(types(&finished), counts(&[("revision", count)]));
    }
}

#[test]
fn each_pass_but_the_last_has_every_object_once() {
    const OBJECTS: usize = 9;
    for count in [1_usize, 2, 10, 20] {
        let prefix = load("restart", &[("revision", 9)]);
        let host = host("guest-positions", &prefix, "client").args(["--on-eof", "restart"]);
        let host = host.args(["--stop-after", &count.to_string()]);
        let finished = host.finish(LIMIT).success();
        let rows: Vec<_> = finished.stdout.lines().map(str::to_owned).collect();
        assert_eq!(rows.len(), count);
        for pass in rows.chunks(OBJECTS) {
            let mut unique = pass.to_vec();
            unique.sort_unstable();
            unique.dedup();
            assert_eq!(unique.len(), pass.len(), "an object came twice in a pass");
        }
    }
}

#[test]
fn call_has_at_most_the_records_of_the_limit() {
    for size in [1_usize, 5, 100] {
        let objects = 2 * size + 1;
        let number = u8::try_from(objects).expect("few objects");
        let prefix = load("batches", &[("content", number)]);
        let limit = ["--batch-records", &size.to_string()];
        let all = positions(&prefix).args(limit).finish(LIMIT).success();
        assert_eq!(types(&all), counts(&[("content", objects)]));
        // With larger calls there would be no third one.
        let third = host("guest-counter", &prefix, "third").args(limit);
        let third = third.args(["--on-eof", "stop"]);
        let third = third.args(["--option", "trap_at_call=3"]).finish(LIMIT);
        let third = third.code(1);
        let said = "the test wants call 3 to trap";
        assert!(third.stderr.contains(said), "{}", third.stderr);
    }
}

#[test]
fn all_topics_of_the_prefix_are_read_where_no_object_type_is_named() {
    let prefix = load("all", &[("something", 1), ("else", 2)]);
    let finished = positions(&prefix).finish(LIMIT).success();
    assert_eq!(types(&finished), counts(&[("something", 1), ("else", 2)]));
}

#[test]
fn one_object_type_is_read_where_it_is_named() {
    let prefix = load("one", &[("something", 1), ("else", 2)]);
    let finished = positions(&prefix).args(["--object-type", "else"]);
    let finished = finished.finish(LIMIT).success();
    assert_eq!(types(&finished), counts(&[("else", 2)]));
}

#[test]
fn absent_object_types_and_prefixes_are_errors() {
    let prefix = load("absent", &[("something", 1)]);
    let fails = |host: Host, sentence: &str| {
        let finished = host.finish(LIMIT).code(1);
        assert_eq!(finished.stdout, "");
        assert!(finished.stderr.contains(sentence), "{}", finished.stderr);
    };
    fails(
        positions(&prefix).args(["--object-type", "really"]),
        "has no topic for the object type `really`",
    );
    let wrong = Prefix::new("wrong");
    let sentence = format!("has no topic with the prefix `{wrong}`");
    fails(positions(&wrong), &sentence);
    fails(
        positions(&wrong).args(["--object-type", "something"]),
        &sentence,
    );
}

#[test]
fn privileged_topic_is_read_instead_of_the_anonymised_one() {
    let mut journal = Journal {
        records: records("revision", 5),
    };
    // Three of them have a privileged copy, so that the numbers tell the topics apart.
    let copies = records("revision", 3).into_iter();
    let copies = copies.map(|record| Record {
        privileged: true,
        ..record
    });
    journal.records.extend(copies);
    let prefix = Prefix::new("two-variants");
    Broker::shared().load(&prefix, &journal, 1, 1);
    for (flag, group, expected) in [
        ("--privileged=no", "public", 5),
        ("--privileged", "privileged", 3),
        ("--privileged=if-available", "preferred", 3),
    ] {
        let finished = positions_of(group, &prefix).arg(flag).finish(LIMIT);
        let finished = finished.success();
        assert_eq!(types(&finished), counts(&[("revision", expected)]));
        assert!(
            !finished.stderr.contains("anonymised"),
            "{}",
            finished.stderr
        );
    }
}

/// The values are no objects, and `print-objects` prints what they are. What a processor leaves out is its own matter:
/// the hostile guest rejects records with even offsets.
#[test]
fn processor_gets_the_bytes_of_each_value_and_may_leave_objects_out() {
    let prefix = load("raw", &[("revision", 6)]);
    let printed = host("print-objects", &prefix, "client").args(["--on-eof", "stop"]);
    let printed = printed.args(["--option", "object_types=revision"]);
    let mut texts: Vec<_> = printed.finish(LIMIT).success().rows();
    texts.sort_by_key(|row| row["object"].to_string());
    let texts: Vec<_> = texts.iter().map(|row| row["object"].as_str()).collect();
    assert_eq!(texts, ["a", "b", "c", "d", "e", "f"].map(Some));
    let odd = positions_of("all", &prefix).finish(LIMIT).success().rows();
    let odd = odd.iter().filter(|row| row["offset"].as_u64() == Some(1));
    let odd = odd.count();
    let filtered = host("guest-hostile", &prefix, "filtered")
        .args(["--on-eof", "stop"])
        .args(["--option", "process=reject-even", "--on-failure", "skip"]);
    let filtered = filtered.finish(LIMIT).success();
    let ones = filtered.rows();
    let ones = ones.iter().filter(|row| row["offset"].as_u64() == Some(1));
    assert_eq!(ones.count(), odd);
    let even = filtered.rows();
    let even = even.iter().filter(|row| row["offset"].as_u64() == Some(0));
    assert_eq!(even.count(), 0);
}

#[test]
fn records_without_a_value_are_passed_over_and_committed() {
    let mut journal = Journal {
        records: records("origin", 8),
    };
    for record in journal.records.iter_mut().step_by(2) {
        record.value = None;
    }
    let prefix = Prefix::new("tombstones");
    Broker::shared().load(&prefix, &journal, 2, 1);
    // The plan of this guest wants no tombstones.
    let finished = host("guest-hostile", &prefix, "client").args(["--on-eof", "stop"]);
    let finished = finished.finish(LIMIT).success();
    assert_eq!(types(&finished), counts(&[("origin", 4)]));
    let group = prefix.group("client");
    let committed = Broker::shared().committed_records(&group, &prefix);
    assert_eq!(committed, 8, "they do not come again");
}

#[test]
fn notes_beside_committed_offsets_are_texts_for_upstreams_client() {
    let prefix = load("notes", &[("origin", 30)]);
    let group = prefix.group("notes");
    let _ = host("count-objects", &prefix, "notes")
        .args(["--on-eof", "stop"])
        .finish(LIMIT)
        .success();
    let topic = prefix.topic("origin");
    let address = Broker::shared().address();
    let printed = oracle::script("committed_notes.py", [&*address, &group, &topic, "3"]);
    let notes: Vec<String> = serde_json::from_str(&printed).expect("it is JSON");
    assert_eq!(notes.len(), 3);
    for note in notes {
        let is_whole = note.strip_prefix("topic=").is_some_and(|id| id.len() == 22);
        assert!(is_whole, "{note:?}");
    }
}
