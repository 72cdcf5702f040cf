//! Where a group starts: `latest` and times lose nothing between runs, and what is committed is never given up silently.

use std::fs;
use std::time::Duration;

use journal_tests::kafka::{Journal, Record};
use journal_tests::{Broker, Host, Prefix, Running, host as rows_of, paths, run};
use rustix::process::Signal;

/// Time limit for one run.
const LIMIT: Duration = Duration::from_mins(1);
const LATEST: [&str; 2] = ["--kafka", "auto.offset.reset=latest"];
/// Two days of 2024, in milliseconds since 1970.
const MARCH_1: i64 = 1_709_251_200_000;
const MARCH_3: i64 = MARCH_1 + 2 * 24 * 3600 * 1000;

/// Topics on the shared broker, and the group that reads them.
struct Input {
    prefix: Prefix,
    group: String,
}

impl Input {
    /// Creates the topics of these object types, without records.
    fn new(name: &str, object_types: &[&str], partitions: i32) -> Self {
        let prefix = Prefix::new(name);
        let topics: Vec<_> = object_types.iter().map(|one| prefix.topic(one)).collect();
        Broker::shared().create_topics(&topics, partitions);
        let group = prefix.group("group");
        Self { prefix, group }
    }

    fn append(&self, object_type: &str, records: u32) {
        Broker::shared().append(&self.prefix, &journal(object_type, records), 1);
    }

    /// A run that emits one row for each record and waits for more.
    fn follow(&self) -> Host {
        Host::run(&paths::plugin("guest-hostile"))
            .arg("--brokers")
            .arg(Broker::shared().address())
            .args(["--prefix", self.prefix.as_str(), "--group-id", &self.group])
            .args(["--checkpoint-interval", "100ms"])
    }

    fn to_the_end(&self) -> Host {
        self.follow().args(["--on-eof", "stop"])
    }

    fn committed_partitions(&self) -> usize {
        Broker::shared().committed(&self.group, &self.prefix).len()
    }

    /// The time in the note of each committed offset.
    fn starts(&self) -> Vec<String> {
        let notes = Broker::shared().notes(&self.group, &self.prefix);
        let start = |note: String| {
            let parts = note.split(' ');
            let mut starts = parts.filter_map(|part| part.strip_prefix("start="));
            starts.next().unwrap_or_default().to_owned()
        };
        notes.into_values().map(start).collect()
    }

    /// Waits until the group has committed an offset for this number of partitions.
    #[track_caller]
    fn until_started(&self, running: &mut Running, partitions: usize) {
        running.until("the start is committed", LIMIT, |_| {
            (self.committed_partitions() == partitions).then_some(())
        });
    }
}

fn journal(object_type: &str, records: u32) -> Journal {
    let record = |number: u32| Record {
        object_type: object_type.into(),
        privileged: false,
        key: [
            &[0xc4, 20],
            [7; 16].as_slice(),
            &(number << 8).to_be_bytes(),
        ]
        .concat(),
        value: Some(vec![0xc0]),
    };
    Journal {
        records: (0..records).map(record).collect(),
    }
}

/// Waits for this number of rows, stops the run, and asserts that there are no more.
#[track_caller]
fn stop_after_rows(mut running: Running, rows: usize) {
    running.until("the rows", LIMIT, |running| {
        (running.rows().len() >= rows).then_some(())
    });
    running.signal(Signal::TERM);
    assert_eq!(running.finish(LIMIT).success().rows().len(), rows);
}

#[test]
fn latest_that_is_stopped_before_the_first_record_reads_what_comes_until_it_is_started_again() {
    let input = Input::new("latest", &["origin"], 4);
    input.append("origin", 100);
    let mut running = input.follow().args(LATEST).spawn();
    input.until_started(&mut running, 4);
    stop_after_rows(running, 0);
    input.append("origin", 10);
    stop_after_rows(input.follow().args(LATEST).spawn(), 10);
    // Each commit remembers the start of the group.
    let starts = input.starts();
    assert_eq!(starts.len(), 4);
    for start in &starts {
        assert!(start.starts_with("20"), "{start}");
        assert_eq!(start, &starts[0]);
    }
}

#[test]
fn latest_that_stops_at_the_end_reads_what_came_since_the_last_run() {
    // Without any record, a run has nothing to read and still a start to commit.
    for before in [100, 0] {
        let input = Input::new("latest-stops", &["origin"], 4);
        input.append("origin", before);
        for (run, records) in [0, 10, 5].into_iter().enumerate() {
            let run = format!("run {run} after {before} records");
            input.append("origin", records);
            let read = if run.starts_with("run 0") { 0 } else { records };
            let finished = input.to_the_end().args(["--from", "latest"]).finish(LIMIT);
            let rows = finished.success().rows().len();
            assert_eq!(u32::try_from(rows), Ok(read), "{run}");
        }
    }
}

#[test]
fn partitions_that_are_added_while_latest_runs_are_read_from_their_beginning() {
    let input = Input::new("added", &["origin"], 1);
    let topic = input.prefix.topic("origin");
    input.append("origin", 100);
    let mut running = input
        .follow()
        .args(LATEST)
        .args(["--kafka", "topic.metadata.refresh.interval.ms=500"])
        .spawn();
    input.until_started(&mut running, 1);
    // It sees the partitions only after they hold records.
    running.signal(Signal::STOP);
    Broker::shared().add_partitions(&topic, 4);
    input.append("origin", 400);
    let ends = Broker::shared().end_offsets(&input.prefix);
    assert!(ends.values().all(|&end| end > 0), "{ends:?}");
    running.signal(Signal::CONT);
    stop_after_rows(running, 400);
    assert_eq!(input.committed_partitions(), 4);
}

#[test]
fn partition_that_is_added_between_two_runs_of_latest_is_read_from_its_beginning() {
    let input = Input::new("added-between", &["origin"], 1);
    let _first = input.to_the_end().args(LATEST).finish(LIMIT).success();
    assert_eq!(input.committed_partitions(), 1);
    Broker::shared().add_partitions(&input.prefix.topic("origin"), 4);
    input.append("origin", 400);
    let second = input.to_the_end().args(LATEST).finish(LIMIT).success();
    assert_eq!(second.rows().len(), 400);
}

#[test]
fn workers_and_processes_that_start_latest_together_read_each_record_once() {
    let input = Input::new("together", &["origin"], 8);
    input.append("origin", 100);
    let spawn = || {
        let host = input.follow().args(LATEST).args(["--workers", "2"]);
        // A member learns of a rebalance from its heartbeat.
        host.args(["--kafka", "heartbeat.interval.ms=200"]).spawn()
    };
    let mut running = [spawn(), spawn()];
    // From now on all of them run; the partitions are still moving.
    running[0].until("all members", LIMIT, |_| {
        (Broker::shared().group(&input.group).0 == 4).then_some(())
    });
    input.append("origin", 200);
    let [first, second] = &mut running;
    first.until("the rows", LIMIT, |first| {
        (first.rows().len() + second.rows().len() >= 200).then_some(())
    });
    let rows = running.map(|running| {
        running.signal(Signal::TERM);
        running.finish(LIMIT).success().rows().len()
    });
    assert_eq!(rows[0] + rows[1], 200, "{rows:?}");
    assert_eq!(input.committed_partitions(), 8);
}

#[test]
fn object_type_that_is_added_to_a_group_of_latest_starts_when_the_group_started() {
    let input = Input::new("type-added", &["origin", "release"], 2);
    input.append("origin", 100);
    input.append("release", 100);
    let one = input.to_the_end().args(["--object-type", "origin"]);
    let one = one.args(LATEST).finish(LIMIT).success();
    assert_eq!(one.rows().len(), 0);
    input.append("origin", 10);
    input.append("release", 20);
    let both = input.to_the_end().args(LATEST).finish(LIMIT).success();
    let rows = both.rows();
    let of = |wanted| {
        let rows = rows.iter();
        rows.filter(|row| row["object_type"] == wanted).count()
    };
    assert_eq!((of("origin"), of("release")), (10, 20));
    let starts = input.starts();
    assert_eq!(starts.len(), 4);
    assert!(
        starts
            .iter()
            .all(|start| start == &starts[0] && !start.is_empty()),
        "{starts:?}"
    );
}

#[test]
fn object_type_that_is_added_to_a_group_without_a_start_is_read_from_its_beginning() {
    let input = Input::new("type-added-to-all", &["origin", "release"], 2);
    input.append("origin", 10);
    input.append("release", 20);
    let one = input.to_the_end().args(["--object-type", "origin"]);
    assert_eq!(one.finish(LIMIT).success().rows().len(), 10);
    let both = input.to_the_end().args(LATEST).finish(LIMIT).success();
    assert_eq!(both.rows().len(), 20);
}

/// A crash after the first of two workers has committed its start leaves a partition without one.
#[test]
fn crash_between_the_first_commits_loses_nothing_of_the_other_partitions() {
    let input = Input::new("between", &["origin"], 2);
    input.append("origin", 100);
    let _started = input.to_the_end().args(LATEST).finish(LIMIT).success();
    let topic = input.prefix.topic("origin");
    let committed = Broker::shared().committed(&input.group, &input.prefix);
    let note = format!("start={}", input.starts()[0]);
    let crashed = Input {
        group: input.prefix.group("crashed"),
        ..input
    };
    let offset = committed[&(topic.clone(), 0)];
    Broker::shared().commit_with_note(&crashed.group, &topic, 0, offset, &note);
    crashed.append("origin", 50);
    let rest = crashed.to_the_end().args(LATEST).finish(LIMIT).success();
    assert_eq!(rest.rows().len(), 50);
}

#[test]
fn killed_run_of_latest_reads_what_comes_until_it_is_started_again() {
    let input = Input::new("latest-killed", &["origin"], 2);
    input.append("origin", 100);
    let mut running = input
        .follow()
        .args(LATEST)
        .args(["--kafka", "session.timeout.ms=2000"])
        .spawn();
    input.until_started(&mut running, 2);
    let _killed = running.kill();
    input.append("origin", 10);
    let rest = input.to_the_end().args(LATEST).finish(LIMIT).success();
    assert_eq!(rest.rows().len(), 10);
}

#[test]
fn group_starts_at_the_first_record_that_is_not_older_than_a_time() {
    let input = Input::new("time", &["origin"], 3);
    let broker = Broker::shared();
    broker.append_at(&input.prefix, &journal("origin", 30), MARCH_1);
    broker.append_at(&input.prefix, &journal("origin", 20), MARCH_3);
    for (start, rows) in [
        ("2024-03-01", 50),
        ("2024-03-01T00:00:00.001Z", 20),
        ("2024-03-03T01:00:00+01:00", 20),
        ("2024-03-04", 0),
        ("1d", 0),
    ] {
        let input = Input {
            group: input.prefix.group(start),
            prefix: input.prefix.clone(),
        };
        let finished = input.to_the_end().args(["--from", start]).finish(LIMIT);
        assert_eq!(finished.success().rows().len(), rows, "{start}");
        assert_eq!(input.committed_partitions(), 3, "{start}");
        if start == "2024-03-04" {
            assert_eq!(input.starts(), ["2024-03-04T00:00:00.000Z"; 3]);
        }
    }
    let all = input.to_the_end().args(["--from", "earliest"]).args(LATEST);
    assert_eq!(all.finish(LIMIT).success().rows().len(), 50);
}

#[test]
fn group_starts_at_the_positions_of_an_offset_file() {
    let input = Input::new("file", &["origin"], 2);
    input.append("origin", 100);
    let topic = input.prefix.topic("origin");
    let ends = Broker::shared().end_offsets(&input.prefix);
    let second = ends[&(topic.clone(), 1)];
    let start = |lines: &str| {
        let host = input.to_the_end();
        fs::write(host.folder().join("offsets.tsv"), lines).expect("the folder is there");
        host.args(["--from", "offsets.tsv"])
    };
    // Another topic's line does no harm, and a partition that is not listed is read from its beginning.
    let lines = format!("# consumer_group: x\n{topic}\t0\t7\n{topic}.other\t0\t5\n");
    let finished = start(&lines).finish(LIMIT).success();
    let rest = ends[&(topic.clone(), 0)] - 7 + second;
    assert_eq!(i64::try_from(finished.rows().len()), Ok(rest));
    // Once the group has offsets, it goes on from them, and says so.
    let again = start(&format!("{topic}\t0\t0\n")).finish(LIMIT).success();
    assert_eq!(again.rows().len(), 0);
    assert!(
        again
            .stderr
            .contains("has committed offsets and goes on from them"),
        "{}",
        again.stderr
    );
}

/// Nothing is committed for the partition before the crash but its position in the file.
#[test]
fn start_of_an_offset_file_is_committed_before_anything_is_read() {
    let input = Input::new("file-start", &["origin"], 1);
    input.append("origin", 10);
    let topic = input.prefix.topic("origin");
    let host = input.to_the_end();
    let lines = format!("{topic}\t0\t10\n");
    fs::write(host.folder().join("offsets.tsv"), lines).expect("the folder is there");
    let first = host.args(["--from", "offsets.tsv"]).finish(LIMIT).success();
    assert_eq!(first.rows().len(), 0);
    let second = input.to_the_end().finish(LIMIT).success();
    assert_eq!(
        second.rows().len(),
        0,
        "it goes on where the first one started"
    );
}

#[test]
fn group_whose_offsets_are_gone_is_named_with_the_output_that_has_its_rows() {
    let input = Input::new("gone", &["origin"], 2);
    input.append("origin", 10);
    let out = input.to_the_end().folder().join("rows.jsonl");
    let run = || {
        let host = input.to_the_end().arg("--output").arg(&out);
        host.finish(LIMIT).success()
    };
    let first = run();
    assert!(
        !first.stderr.contains("offsets are gone"),
        "{}",
        first.stderr
    );
    let again = run();
    assert!(
        !again.stderr.contains("offsets are gone"),
        "{}",
        again.stderr
    );
    Broker::shared().delete_group(&input.group);
    let gone = run();
    let bytes = fs::metadata(&out).expect("it is there").len() / 2;
    let size = format!("`{}` ({bytes} bytes)", out.display());
    let expected = format!(
        "the group `{}` has no committed offsets, but {size} has rows already: the journal is read from the beginning. ",
        input.group
    );
    assert!(gone.stderr.contains(&expected), "{}", gone.stderr);
    let added = format!("rows are added to {size}");
    for run in [&again, &gone] {
        assert!(run.stderr.contains(&added), "{}", run.stderr);
    }
    assert!(
        !first.stderr.contains("rows are added to"),
        "{}",
        first.stderr
    );
    assert_eq!(rows_of::rows(&out).len(), 20);
}

/// `> log 2>&1`: the file has lines of the log before there is a row.
#[test]
fn log_in_the_file_of_standard_output_is_no_row() {
    let input = Input::new("gone-log", &["origin"], 2);
    input.append("origin", 10);
    let log = run::folder("log").join("log");
    let run = || {
        let both = format!("exec >> '{}' 2>&1; echo a line of the log", log.display());
        let host = Host::after(&both)
            .arg("run")
            .arg(paths::plugin("guest-hostile"))
            .args(["--brokers", &Broker::shared().address()])
            .args(["--prefix", input.prefix.as_str()])
            .args(["--group-id", &input.group, "--on-eof", "stop"]);
        let _ = host.finish(LIMIT).success();
        fs::read_to_string(&log).expect("it is there")
    };
    let said = "has rows already";
    let first = run();
    assert!(!first.contains(said), "{first}");
    assert_eq!(first.matches("\"offset\":").count(), 10, "{first}");
    Broker::shared().delete_group(&input.group);
    let again = run();
    let says = format!(") {said}");
    assert!(
        again.contains("but standard output (") && again.contains(&says),
        "{again}"
    );
}

#[test]
fn partitions_whose_offsets_are_gone_are_counted_and_named() {
    let input = Input::new("partly-gone", &["origin"], 3);
    input.append("origin", 100);
    let topic = input.prefix.topic("origin");
    let ends = Broker::shared().end_offsets(&input.prefix);
    let end = ends[&(topic.clone(), 0)];
    Broker::shared().commit(&input.group, &topic, 0, end);
    let finished = input.to_the_end().finish(LIMIT).success();
    let expected = format!(
        "the group `{}` has committed offsets for 1 partition, but none for 2 that hold records, such as `{topic}` \
         partition 1: they are read from the beginning. ",
        input.group
    );
    assert!(finished.stderr.contains(&expected), "{}", finished.stderr);
    let rest: i64 = ends.values().sum::<i64>() - end;
    assert_eq!(i64::try_from(finished.rows().len()), Ok(rest));
}
