//! The graph of a small history, and of unusual objects.

use graph_edges::{GraphEdges, GraphOptions};
use journal_plugin_sdk::testing::{Harness, Rows, Run};
use journal_plugin_sdk::{EntryType, Id, ObjectKind, Swhid, Target, owned};
use serde_json::{Value, json};

const CONTENT: Id = Id([1; 20]);
const DIRECTORY: Id = Id([2; 20]);
const REVISION: Id = Id([3; 20]);
const RELEASE: Id = Id([4; 20]);
const SNAPSHOT: Id = Id([5; 20]);
const URL: &str = "https://example.org/repository.git";
const ORIGIN: &str = "swh:1:ori:0a697fcc6929db8fc6661edcce2f8c8e706848c3";

fn harness() -> Harness<GraphEdges, GraphOptions> {
    Harness::new()
}

fn swhid(kind: ObjectKind, id: Id) -> String {
    Swhid::new(kind, id).to_string()
}

fn to_revision() -> Target<'static> {
    Target::Object(ObjectKind::Revision, REVISION)
}

fn edges(run: &Run) -> Vec<Value> {
    assert!(run.rejections().is_empty());
    run.rows("edges")
}

/// The names of the branches with an edge. All lead to the same revision.
fn branches(snapshot: &owned::Snapshot, options: Value) -> Vec<String> {
    let run = harness()
        .options(options)
        .object(snapshot)
        .run()
        .expect("it runs");
    let name = |row: Value| {
        assert_eq!(row["target"], swhid(ObjectKind::Revision, REVISION));
        row["name"].as_str().expect("its name is text").to_owned()
    };
    edges(&run).into_iter().map(name).collect()
}

#[test]
fn every_object_has_its_node_and_edges_for_any_split() {
    let mut harness = harness();
    for number in 0..20 {
        let directory = owned::Directory::new().id(Id([100 + number; 20]));
        harness = harness.object(&directory.entry("a", EntryType::File, CONTENT, 0o100_644));
    }
    let snapshot = owned::Snapshot::new().id(SNAPSHOT);
    let run = harness
        .object(&owned::Content::new().sha1_git(CONTENT))
        .object(&owned::Revision::new().id(REVISION).directory(DIRECTORY))
        .object(&owned::Release::new().id(RELEASE))
        .object(&snapshot.branch("HEAD", to_revision()))
        .object(&owned::Origin::new().url(URL))
        .object(
            &owned::OriginVisitStatus::new()
                .origin(URL)
                .snapshot(SNAPSHOT),
        )
        .tombstone("directory", "gone")
        .same_for_any_split(50, Rows::InAnyOrder)
        .unwrap();
    assert_eq!(run.rows("nodes").len(), 25);
    assert!(run.rows("nodes").contains(&json!({ "swhid": ORIGIN })));
    assert_eq!(edges(&run).len(), 23);
    let visit = json!({"source": ORIGIN, "target": swhid(ObjectKind::Snapshot, SNAPSHOT)});
    assert!(edges(&run).contains(&visit));
}

#[test]
fn entries_are_edges_with_their_name_and_mode() {
    let directory = owned::Directory::new()
        .id(DIRECTORY)
        .entry("a", EntryType::File, CONTENT, 0o100_755)
        .entry("ü", EntryType::Directory, DIRECTORY, 0o040_000)
        .entry(b"\xff", EntryType::Revision, REVISION, 0o160_000)
        .entry("a", EntryType::File, CONTENT, 0o7);
    let run = harness().object(&directory).run().unwrap();
    let source = swhid(ObjectKind::Directory, DIRECTORY);
    let content = swhid(ObjectKind::Content, CONTENT);
    let revision = swhid(ObjectKind::Revision, REVISION);
    let expected = [
        json!({"source": source, "target": content, "name": "a", "mode": "100755"}),
        json!({"source": source, "target": source, "name": "ü", "mode": "040000"}),
        json!({"source": source, "target": revision, "name_bytes": "ff", "mode": "160000"}),
        json!({"source": source, "target": content, "name": "a", "mode": "000007"}),
    ];
    assert_eq!(edges(&run), expected);
}

#[test]
fn revision_has_an_edge_to_its_directory_and_one_to_each_parent() {
    let revision = owned::Revision::new().id(REVISION).directory(DIRECTORY);
    let revision = revision.parent(Id([7; 20])).parent(Id([8; 20]));
    let run = harness().object(&revision).run().unwrap();
    let edge = |kind, id| json!({"source": swhid(ObjectKind::Revision, REVISION), "target": swhid(kind, id)});
    let expected = [
        edge(ObjectKind::Directory, DIRECTORY),
        edge(ObjectKind::Revision, Id([7; 20])),
        edge(ObjectKind::Revision, Id([8; 20])),
    ];
    assert_eq!(edges(&run), expected);
}

#[test]
fn release_has_one_edge_and_without_a_target_none() {
    let release = owned::Release::new().id(RELEASE);
    let to_directory = release
        .clone()
        .target_type(ObjectKind::Directory)
        .target(DIRECTORY);
    let run = harness()
        .object(&to_directory)
        .object(&release)
        .run()
        .unwrap();
    let source = swhid(ObjectKind::Release, RELEASE);
    let target = swhid(ObjectKind::Directory, DIRECTORY);
    assert_eq!(edges(&run), [json!({"source": source, "target": target})]);
    assert_eq!(run.rows("nodes").len(), 2);
}

#[test]
fn aliases_are_followed_to_their_end_and_those_without_one_have_no_edge() {
    let snapshot = owned::Snapshot::new()
        .id(SNAPSHOT)
        .branch("HEAD", Target::Alias(b"other"))
        .branch("other", Target::Alias(b"main"))
        .branch("main", to_revision())
        .branch("nowhere", Target::Alias(b"missing"))
        .branch("itself", Target::Alias(b"itself"))
        .branch("one", Target::Alias(b"two"))
        .branch("two", Target::Alias(b"one"))
        .branch("", to_revision());
    assert_eq!(branches(&snapshot, json!({})), ["HEAD", "main", "other"]);
}

#[test]
fn pull_requests_are_skipped_on_request() {
    let snapshot = owned::Snapshot::new()
        .id(SNAPSHOT)
        .branch("HEAD", Target::Alias(b"refs/heads/main"))
        .branch("refs/heads/main", to_revision())
        .branch("refs/tags/v1", to_revision())
        .branch("refs/pull/1/head", to_revision())
        .branch("review", Target::Alias(b"refs/pull/1/head"))
        .branch("refs/pull/main", Target::Alias(b"refs/heads/main"));
    assert_eq!(branches(&snapshot, json!({})).len(), 6);
    let left = ["HEAD", "refs/heads/main", "refs/pull/main", "refs/tags/v1"];
    assert_eq!(
        branches(&snapshot, json!({"remove_pull_requests": true})),
        left
    );
}

#[test]
fn visit_without_a_snapshot_has_no_edge() {
    let status = owned::OriginVisitStatus::new().origin(URL);
    let run = harness().object(&status).run().unwrap();
    assert!(edges(&run).is_empty() && run.rows("nodes").is_empty());
}
