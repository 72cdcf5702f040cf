//! `--phases`: a replay in stages, by one process and by several.

use std::time::Duration;

use journal_tests::kafka::{Counts, Journal, Record};
use journal_tests::{Broker, Finished, Host, Prefix, Running, host, paths, spin, until};
use rustix::process::Signal;
use serde_json::Value;

const LIMIT: Duration = Duration::from_mins(2);
const PARTITIONS: i32 = 4;
/// The stages of most tests, and the object types that they read.
const STAGES: &str = "revision,release/directory/content";
const TYPES: [(&str, u32); 4] = [
    ("revision", 300),
    ("release", 100),
    ("directory", 400),
    ("content", 400),
];

/// The stage of an object type in [`STAGES`].
fn stage(object_type: &str) -> usize {
    match object_type {
        "revision" | "release" => 0,
        "directory" => 1,
        "content" => 2,
        other => panic!("no stage has `{other}`"),
    }
}

fn journal(types: &[(&str, u32)]) -> Journal {
    let record = |object_type: &str, number: u32| Record {
        object_type: object_type.to_owned(),
        privileged: false,
        key: [&[0xc4, 20], [7; 16].as_slice(), &number.to_be_bytes()].concat(),
        value: Some(vec![0xc0; 10]),
    };
    let records = types.iter().flat_map(|&(object_type, count)| {
        (0..count).map(move |number| record(object_type, number))
    });
    Journal {
        records: records.collect(),
    }
}

fn load(name: &str) -> Prefix {
    let prefix = Prefix::new(name);
    Broker::shared().load(&prefix, &journal(&TYPES), PARTITIONS, 1);
    prefix
}

fn phases(plugin: &str, prefix: &Prefix, group: &str) -> Host {
    Host::run(&paths::plugin(plugin))
        .args(["--brokers", &Broker::shared().address()])
        .args(["--prefix", prefix.as_str(), "--group-id", group])
        .args(["--phases", STAGES])
        .args(["--kafka", "heartbeat.interval.ms=200"])
}

/// A process that takes a few milliseconds for each record, and shows and commits its counts often.
fn slow(prefix: &Prefix, group: &str) -> Host {
    slower(prefix, group, Duration::from_millis(4))
}

fn slower(prefix: &Prefix, group: &str, per_record: Duration) -> Host {
    phases("guest-counter", prefix, group)
        .args(["--option", &spin(per_record), "--batch-records", "10"])
        .args(["--checkpoint-interval", "100ms"])
}

fn object_types(rows: &[Value]) -> Vec<String> {
    let object_type = |row: &Value| row["object_type"].as_str().map(str::to_owned);
    let types = rows.iter().map(object_type);
    types
        .map(|object_type| object_type.expect("it is a text"))
        .collect()
}

#[track_caller]
fn assert_in_order(rows: &[Value]) {
    let stages: Vec<_> = object_types(rows).iter().map(|one| stage(one)).collect();
    assert!(
        stages.is_sorted(),
        "a stage began before the one before it had ended"
    );
}

/// Whether the group has committed everything in the topics of a stage.
fn is_committed(prefix: &Prefix, group: &str, of: usize) -> bool {
    let committed = Broker::shared().committed(group, prefix);
    let ends = Broker::shared().end_offsets(prefix);
    let mut ends = ends.iter().filter(|((topic, _), end)| {
        let (_, object_type) = topic.rsplit_once('.').expect("it has a prefix");
        **end > 0 && stage(object_type) == of
    });
    ends.all(|(partition, end)| committed.get(partition) == Some(end))
}

fn total<'a>(finished: impl IntoIterator<Item = &'a Finished>) -> Counts {
    let rows: Vec<_> = finished.into_iter().flat_map(Finished::rows).collect();
    host::sum(&rows)
}

fn until_it_is_in(running: &mut Running, of: usize) {
    running.until("the stage is read", LIMIT, |running| {
        let types = object_types(&running.rows());
        types.iter().any(|one| stage(one) == of).then_some(())
    });
}

#[test]
fn each_stage_is_read_once_and_to_its_end_before_the_next() {
    let prefix = load("stages");
    for workers in ["1", "3"] {
        let group = prefix.group(workers);
        let run = phases("guest-positions", &prefix, &group).args(["--workers", workers]);
        let finished = run.finish(LIMIT).success();
        let rows = finished.rows();
        assert_in_order(&rows);
        let mut lines: Vec<_> = finished.stdout.lines().collect();
        lines.sort_unstable();
        lines.dedup();
        assert_eq!((lines.len(), rows.len()), (1200, 1200));
        for line in [
            "stage 1 of 3 begins: `release`, `revision`",
            "stage 2 of 3 begins: `directory`",
            "stage 3 of 3 begins: `content`",
        ] {
            assert!(finished.stderr.contains(line), "{}", finished.stderr);
        }
        // A replay that is complete has nothing left.
        let again = phases("guest-positions", &prefix, &group).finish(LIMIT);
        assert_eq!(again.success().stdout, "");
    }
}

#[test]
fn processes_share_each_stage_and_begin_the_next_one_together() {
    let prefix = load("shared-stages");
    let group = prefix.group("shared");
    let mut running: Vec<_> = (0..2)
        .map(|_| slow(&prefix, &group).args(["--workers", "2"]).spawn())
        .collect();
    for of in 1..3 {
        until("a process begins the stage", LIMIT, || {
            let begins = |running: &Running| {
                let types = object_types(&running.rows());
                let first = running
                    .stderr()
                    .contains(&format!("stage {} of 3 begins", of + 1));
                first || types.iter().any(|one| stage(one) == of)
            };
            running.iter().any(begins).then_some(())
        });
        assert!(
            is_committed(&prefix, &group, of - 1),
            "stage {of} is not over"
        );
    }
    let finished: Vec<_> = running
        .drain(..)
        .map(|process| process.finish(LIMIT).success())
        .collect();
    for process in &finished {
        assert_in_order(&process.rows());
        assert!(!process.rows().is_empty(), "each process handled records");
    }
    assert_eq!(total(&finished), journal(&TYPES).counts(false, 1));
}

/// A stage of one partition has nothing to do for the second process.
#[test]
fn process_that_has_read_its_part_waits_for_the_others_and_says_so() {
    let prefix = Prefix::new("waiting-stage");
    let types = [
        ("revision", 1),
        ("release", 1),
        ("directory", 60),
        ("content", 1),
    ];
    Broker::shared().load(&prefix, &journal(&types), 1, 1);
    let group = prefix.group("waiting");
    // The waiting is logged after ten seconds, so the stage has to take longer.
    let run = || slower(&prefix, &group, Duration::from_millis(300));
    let mut first = run().spawn();
    first.until("it reads the second stage", LIMIT, |running| {
        running
            .stderr()
            .contains("stage 2 of 3 begins")
            .then_some(())
    });
    let mut second = run().spawn();
    let waits = "until other members of the group have committed the ends of";
    let both = [&mut first, &mut second];
    // Either of them may have the only partition.
    until("one of them waits", LIMIT, || {
        both.iter()
            .any(|running| running.stderr().contains(waits))
            .then_some(())
    });
    let finished = [first, second].map(|process| process.finish(LIMIT).success());
    assert_eq!(total(&finished), journal(&types).counts(false, 1));
}

/// Workers that could have nothing would join and leave the group in vain, and one that leaves in the middle of a join
/// stays in the group until its session ends.
#[test]
fn stage_has_no_more_workers_than_partitions() {
    let prefix = Prefix::new("idle-stage");
    let types = TYPES.map(|(object_type, _)| (object_type, 3));
    Broker::shared().load(&prefix, &journal(&types), 1, 1);
    let group = prefix.group("idle");
    let finished = Host::run(&paths::plugin("guest-counter"))
        .args(["--brokers", &Broker::shared().address()])
        .args(["--prefix", prefix.as_str(), "--group-id", &group])
        .args(["--phases", "revision/release/directory/content"])
        .args(["--workers", "6"])
        .finish(LIMIT)
        .success();
    assert_eq!(Broker::shared().group(&group).0, 0, "nobody is left");
    assert_eq!(total([&finished]), journal(&types).counts(false, 1));
}

#[test]
fn killed_process_goes_on_in_its_stage() {
    let prefix = load("killed-stage");
    let group = prefix.group("killed");
    let run = || slow(&prefix, &group).args(["--kafka", "session.timeout.ms=3000"]);
    let mut first = run().spawn();
    until_it_is_in(&mut first, 1);
    let first = first.kill();
    assert!(is_committed(&prefix, &group, 0));
    let second = run().finish(LIMIT).success();
    assert_in_order(&second.rows());
    assert!(!second.stderr.contains("stage 1 of 3"), "{}", second.stderr);
    assert!(
        second.stderr.contains("stage 2 of 3 begins"),
        "{}",
        second.stderr
    );
    // Nothing is missing, and what came twice is of the stage that was interrupted.
    let expected = journal(&TYPES).counts(false, 1);
    for (object_type, sums) in total([&first, &second]) {
        if object_type == "directory" {
            assert!(sums.objects >= expected[&object_type].objects);
        } else {
            assert_eq!(sums, expected[&object_type], "{object_type}");
        }
    }
}

#[test]
fn stopped_replay_goes_on_and_repeats_nothing() {
    let prefix = load("stopped-stage");
    let group = prefix.group("stopped");
    let mut first = slow(&prefix, &group).spawn();
    until_it_is_in(&mut first, 1);
    first.signal(Signal::TERM);
    let first = first.finish(LIMIT).success();
    let second = slow(&prefix, &group).finish(LIMIT).success();
    assert_eq!(total([&first, &second]), journal(&TYPES).counts(false, 1));
}

/// On a live journal, earlier stages grow while later ones are read.
#[test]
fn process_that_joins_later_goes_on_in_the_stage_of_the_others() {
    let prefix = Prefix::new("late-stage");
    let types = [
        ("revision", 5),
        ("release", 5),
        ("directory", 100),
        ("content", 5),
    ];
    let broker = Broker::shared();
    broker.load(&prefix, &journal(&types), PARTITIONS, 1);
    let group = prefix.group("late");
    let run = || slower(&prefix, &group, Duration::from_millis(50));
    let mut first = run().spawn();
    until_it_is_in(&mut first, 1);
    let more = journal(&[("revision", 5)]);
    broker.append(&prefix, &more, 1);
    let finished = [first, run().spawn()].map(|process| process.finish(LIMIT).success());
    let said = "this one goes on with them, and leaves up to 5 records of earlier stages";
    assert!(finished[1].stderr.contains(said), "{}", finished[1].stderr);
    assert_eq!(total(&finished), journal(&types).counts(false, 1));
    let rest = run().finish(LIMIT).success();
    assert_eq!(total([&rest]), more.counts(false, 1));
}

#[test]
fn quota_ends_a_replay_in_any_stage() {
    let prefix = load("quota-stage");
    let group = prefix.group("quota");
    let some = phases("guest-counter", &prefix, &group).args(["--stop-after", "405"]);
    let some = some.finish(LIMIT).success();
    let counted: Vec<_> = total([&some])
        .into_iter()
        .map(|(object_type, sums)| (object_type, sums.objects))
        .collect();
    let expected = [("directory", 5), ("release", 100), ("revision", 300)];
    assert_eq!(
        counted,
        expected.map(|(one, count)| (one.to_owned(), count))
    );
    let rest = phases("guest-counter", &prefix, &group)
        .finish(LIMIT)
        .success();
    assert!(
        rest.stderr.contains("stage 2 of 3 begins"),
        "{}",
        rest.stderr
    );
    assert_eq!(total([&some, &rest]), journal(&TYPES).counts(false, 1));
}

#[test]
fn presets_read_a_recording_in_the_order_of_references_or_against_it() {
    let recording = paths::repository().join("recordings/ripgrep.journal.zst");
    let order = |phases: &str| {
        let run = Host::run(&paths::plugin("guest-positions")).arg("--recording");
        let run = run.arg(&recording).args(["--phases", phases]);
        let mut types = object_types(&run.finish(LIMIT).success().rows());
        types.dedup();
        types
    };
    let index = |types: &[String], wanted: &str| {
        let mut found = types.iter().enumerate().filter(|(_, one)| *one == wanted);
        let (index, _) = found.next().expect("the recording has it");
        assert_eq!(found.next(), None, "`{wanted}` is in one stage");
        index
    };
    let first = order("dependencies-first");
    let references = ["directory", "revision", "release", "snapshot"];
    let indexes = references.map(|one| index(&first, one));
    assert!(indexes.is_sorted(), "{first:?}");
    let reverse = order("reverse");
    let indexes = references.map(|one| index(&reverse, one));
    assert!(indexes.iter().rev().is_sorted(), "{reverse:?}");
}

#[test]
fn stages_that_cannot_be_read_are_wrong_use() {
    let prefix = Prefix::new("wrong-stages");
    let run = |arguments: &[&str]| {
        let host = Host::run(&paths::plugin("guest-hostile"))
            .args(["--brokers", "127.0.0.1:1", "--prefix", prefix.as_str()])
            .args(["--group-id", "g"]);
        host.args(arguments).finish(LIMIT).code(2).stderr
    };
    let contains = |text: &str, parts: [&str; 2]| {
        for part in parts {
            assert!(text.contains(part), "no `{part}` in: {text}");
        }
    };
    contains(
        &run(&["--phases", "revision//content"]),
        [
            "invalid value 'revision//content'",
            "`dependencies-first`, `reverse`",
        ],
    );
    contains(
        &run(&["--phases", "revision/content,revision"]),
        ["it has an object type twice", ""],
    );
    contains(
        &run(&["--phases", "reverse", "--on-eof", "restart"]),
        [
            "`--on-eof` does not go with `--phases`",
            "leave `--on-eof` out",
        ],
    );
    contains(
        &run(&["--phases", "reverse", "--partition", "t:0"]),
        [
            "`--partition` does not go with `--phases`",
            "leave `--partition` out",
        ],
    );
    contains(
        &run(&[
            "--option",
            "object_types=revision",
            "--phases",
            "revision/content",
        ]),
        [
            "`--phases` has a stage with `content`, which is not one that the plugin reads",
            "it reads `revision`",
        ],
    );
}
