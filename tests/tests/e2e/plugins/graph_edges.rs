//! `graph-edges` emits the nodes and edges that upstream's exporter derives from the same records.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use journal_recording::{Frame, Writer};
use journal_tests::cases::{self, Case};
use journal_tests::kafka::Journal;
use journal_tests::{Broker, Host, Prefix, host, oracle, paths, run};
use serde::Deserialize;
use serde_json::Value;

const LIMIT: Duration = Duration::from_mins(2);
const PARTITIONS: i32 = 8;
/// The number of copies of the shipped recording on the broker.
const REPETITIONS: u32 = 3;
const OBJECT_TYPES: [&str; 7] = [
    "content",
    "directory",
    "origin",
    "origin_visit_status",
    "release",
    "revision",
    "snapshot",
];

/// A row of one of the two outputs.
#[derive(Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(untagged)]
enum Row {
    Node(Node),
    Edge(Edge),
}

#[derive(Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(deny_unknown_fields)]
struct Node {
    swhid: String,
}

#[derive(Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(deny_unknown_fields)]
struct Edge {
    source: String,
    target: String,
    name: Option<String>,
    name_bytes: Option<String>,
    mode: Option<String>,
}

/// Parses rows of both outputs in one stream, from the host or the script: `{"output": ..., "row": ...}`.
fn graph(rows: impl IntoIterator<Item = Value>) -> BTreeSet<Row> {
    let read = |mut row: Value| {
        let output = row["output"].take();
        let row: Row = serde_json::from_value(row["row"].take()).expect("a node or an edge");
        assert_eq!(output == "nodes", matches!(row, Row::Node(_)), "{row:?}");
        row
    };
    rows.into_iter().map(read).collect()
}

/// The graph that upstream derives from a recording, without edges to empty parents, which have no SWHID.
fn upstream(recording: &Path, options: &[&str]) -> BTreeSet<Row> {
    let options = options.iter().map(Path::new);
    let printed = oracle::script("graph_edges.py", options.chain([recording]));
    let mut rows = graph(host::parse(&printed));
    rows.retain(|row| !matches!(row, Row::Edge(edge) if edge.target == "swh:1:rev:"));
    rows
}

fn shipped() -> PathBuf {
    paths::repository().join("recordings/ripgrep.journal.zst")
}

fn upstream_of_shipped() -> &'static BTreeSet<Row> {
    static GRAPH: OnceLock<BTreeSet<Row>> = OnceLock::new();
    GRAPH.get_or_init(|| upstream(&shipped(), &[]))
}

fn of_recording(recording: &Path, options: &[&str]) -> BTreeSet<Row> {
    let host = Host::run(&paths::plugin("graph-edges")).arg("--recording");
    let host = host.arg(recording).args(options);
    graph(host.finish(LIMIT).success().rows())
}

/// Writes the cases that upstream can read to a recording. It contains one object per key, because upstream exports
/// only the first of several; only odd objects share a key.
fn record<'a>(name: &str, cases: impl IntoIterator<Item = &'a Case>) -> PathBuf {
    let path = run::folder(name).join("cases.journal");
    let topics = OBJECT_TYPES.map(|object_type| format!("swh.journal.objects.{object_type}"));
    let names = topics.each_ref().map(String::as_str);
    let mut seen = BTreeSet::new();
    let mut writer = Writer::create(&path, &names).expect("a recording can be made");
    for case in cases {
        let topic = format!("swh.journal.objects.{}", case.object_type);
        let is_new = seen.insert((&case.object_type, &case.key));
        if is_new && case.normal.is_some() && topics.contains(&topic) {
            let frame = Frame {
                topic: &topic,
                key: &case.key,
                value: Some(&case.value),
                partition: None,
                offset: None,
                timestamp_ms: None,
            };
            writer.write(&frame).expect("a frame can be written");
        }
    }
    writer.finish().expect("a recording can be ended");
    path
}

#[track_caller]
fn assert_same(ours: &BTreeSet<Row>, upstream: &BTreeSet<Row>) {
    let first = |rows: &BTreeSet<Row>, others: &BTreeSet<Row>| {
        rows.difference(others).next().map(|row| format!("{row:?}"))
    };
    assert_eq!(first(ours, upstream), None, "upstream has no such row");
    assert_eq!(first(upstream, ours), None, "we have no such row");
    assert!(!ours.is_empty());
}

#[test]
fn graph_of_the_shipped_recording_equals_upstreams() {
    assert_same(&of_recording(&shipped(), &[]), upstream_of_shipped());
    let without = of_recording(&shipped(), &["--option", "remove_pull_requests=true"]);
    assert_same(&without, &upstream(&shipped(), &["--remove-pull-requests"]));
}

#[test]
fn graph_of_drawn_objects_equals_upstreams() {
    let cases = oracle::drawn_objects(&run::folder("drawn"), 5, 200);
    let recording = record("drawn-graph", &cases);
    let ours = of_recording(&recording, &[]);
    assert_same(&ours, &upstream(&recording, &[]));
    let is_bytes = |row: &Row| matches!(row, Row::Edge(edge) if edge.name_bytes.is_some());
    assert!(ours.iter().any(is_bytes), "some names are not UTF-8");
    let without = of_recording(&recording, &["--option", "remove_pull_requests=true"]);
    assert_same(&without, &upstream(&recording, &["--remove-pull-requests"]));
}

/// Upstream does not read everything in old records. The README documents the differences.
#[test]
fn graph_of_old_messages_differs_from_upstreams_as_the_readme_says() {
    let cases = cases::read(&paths::old_messages());
    let recording = record("old-graph", &cases);
    let ours = of_recording(&recording, &[]);
    let upstream = upstream(&recording, &[]);
    let mut renamed = BTreeSet::new();
    for row in upstream.difference(&ours) {
        let Row::Edge(edge) = row else {
            panic!("we have no such node: {row:?}");
        };
        let digits = edge.target.rsplit(':').next().expect("a SWHID has digits");
        let name = edge
            .name
            .as_ref()
            .expect("the names of the corpus are text");
        assert!(
            name.ends_with(&format!("_{}", &digits[..10])),
            "we have no such edge: {edge:?}"
        );
        renamed.insert((&edge.source, &edge.target));
    }
    assert!(!renamed.is_empty());
    // Objects that upstream leaves out, or that abort an export.
    let knows = |swhid: &String| {
        upstream.contains(&Row::Node(Node {
            swhid: swhid.clone(),
        }))
    };
    for row in ours.difference(&upstream) {
        let is_expected = match row {
            Row::Node(_) => true,
            Row::Edge(edge) => {
                renamed.contains(&(&edge.source, &edge.target)) || !knows(&edge.source)
            }
        };
        assert!(is_expected, "upstream has no such edge: {row:?}");
    }
}

/// A run on Kafka with many checkpoints that writes its rows to a file.
fn on_kafka(prefix: &Prefix, group: &str) -> (Host, PathBuf) {
    let host = Host::run(&paths::plugin("graph-edges"))
        .args([
            "--brokers",
            &Broker::shared().address(),
            "--prefix",
            prefix.as_str(),
        ])
        .args([
            "--group-id",
            group,
            "--on-eof",
            "stop",
            "--checkpoint-interval",
            // A checkpoint after each call, unless the one before is not confirmed.
            "1us",
        ])
        .args(["--kafka", "session.timeout.ms=6000"]);
    let file = host.folder().join("graph.jsonl");
    (host.arg("--output").arg(&file), file)
}

fn on_broker(name: &str) -> Prefix {
    let prefix = Prefix::new(name);
    Broker::shared().load(&prefix, &Journal::read(&shipped()), PARTITIONS, REPETITIONS);
    prefix
}

#[test]
fn two_processes_emit_upstreams_graph() {
    let prefix = on_broker("graph-two");
    let group = prefix.group("two");
    let started = [(); 2].map(|()| {
        let (host, file) = on_kafka(&prefix, &group);
        (host.spawn(), file)
    });
    let mut rows = Vec::new();
    for (process, file) in started {
        let _ = process.finish(LIMIT).success();
        rows.extend(host::rows(&file));
    }
    // No row is missing, and none is repeated more often than its record is in the journal.
    let count = (upstream_of_shipped().len()) * REPETITIONS as usize;
    assert_eq!(rows.len(), count);
    assert_same(&graph(rows), upstream_of_shipped());
}

#[test]
fn killed_and_resumed_run_emits_upstreams_graph() {
    let prefix = on_broker("graph-killed");
    let group = prefix.group("killed");
    let (host, first) = on_kafka(&prefix, &group);
    let killed = host.fault("kill-after:sync:2").finish(LIMIT);
    assert_eq!(killed.status.code(), None, "killed: {}", killed.stderr);
    let before = host::rows(&first);
    let committed = Broker::shared().committed_records(&group, &prefix);
    let journal = Journal::read(&shipped());
    let all = journal.records.len() as u64 * u64::from(REPETITIONS);
    assert!(
        !before.is_empty() && committed < all,
        "{committed} of {all}"
    );

    let (host, second) = on_kafka(&prefix, &group);
    let _ = host.finish(LIMIT).success();
    let rows = before.into_iter().chain(host::rows(&second));
    assert_same(&graph(rows), upstream_of_shipped());
}
