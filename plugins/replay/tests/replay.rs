//! The rows of all object types.

use journal_plugin_sdk::testing::{Harness, Rows, Run};
use journal_plugin_sdk::{
    AuthorityType, ContentStatus, Date, EntryType, ExtendedSwhid, Id, ObjectKind, Person,
    RevisionType, Swhid, Target, Timestamp, VisitStatus, owned,
};
use replay::{Replay, ReplayOptions};
use serde_json::{Value, json};

type Tester = Harness<Replay, ReplayOptions>;

/// The time of the records, which is in each row.
const TIME_MS: i64 = 1_700_000_000_123;
const RECORDED: &str = "2023-11-14T22:13:20.123Z";
const URL: &str = "https://example.org/r.git";

fn harness() -> Tester {
    Harness::new().timestamp_ms(TIME_MS)
}

fn removing() -> Tester {
    harness().options(json!({"tombstones": "remove"}))
}

fn id(byte: u8) -> Id {
    Id([byte; 20])
}

fn hex(byte: u8) -> String {
    id(byte).to_string()
}

fn date() -> Timestamp {
    Timestamp::new(1_600_000_000, 5000).expect("it is a time")
}

/// Runs it over one object, which has one row in its own table.
fn row_of<T: owned::Object>(object: &T) -> Value {
    let run = harness().object(object).run().expect("it is read");
    let [row] = <[Value; 1]>::try_from(run.rows(T::OBJECT_TYPE)).expect("it has one row");
    row
}

/// A row without the variant, which is the same in the rows of one run.
fn without_variant(mut row: Value) -> (Value, Value) {
    let variant = row.as_object_mut().and_then(|row| row.remove("variant"));
    (row, variant.expect("it has a variant"))
}

/// The rows of an object's list, which have the variant of its own row.
fn list(run: &Run, object_type: &str, output: &str) -> Vec<Value> {
    let rows = run.rows(object_type);
    let (_, variant) = without_variant(rows[0].clone());
    let rows = run.rows(output).into_iter();
    let rows = rows.map(|row| {
        let (row, of_item) = without_variant(row);
        assert_eq!(of_item, variant);
        row
    });
    rows.collect()
}

#[test]
fn content_has_its_hashes_and_its_status() {
    let content = owned::Content::new()
        .sha1([1; 20])
        .sha1_git(id(2))
        .sha256([3; 32])
        .blake2s256([4; 32])
        .length(7)
        .status(ContentStatus::Hidden)
        .ctime(Timestamp::new(0, 1_999).expect("it is a time"));
    let expected = json!({
        "sha1": hex(1), "sha1_git": hex(2), "sha256": "03".repeat(32), "blake2s256": "04".repeat(32),
        "length": 7, "status": "hidden", "data": null, "ctime": "1970-01-01T00:00:00.000001Z",
        "recorded": RECORDED,
    });
    assert_eq!(row_of(&content), expected);
    let colliding = row_of(&owned::HashCollidingContent::new().data(b"\0\xff"));
    assert_eq!(colliding["data"], "00ff");
}

#[test]
fn skipped_content_is_in_its_table_whatever_topic_it_is_in() {
    let skipped = owned::SkippedContent::new()
        .sha1_git(id(2))
        .reason("Content too large")
        .origin(URL);
    let expected = json!({
        "sha1": null, "sha1_git": hex(2), "sha256": null, "blake2s256": null, "length": null,
        "status": "absent", "reason": "Content too large", "origin": URL, "ctime": null,
        "recorded": RECORDED,
    });
    assert_eq!(row_of(&skipped), expected);
    let run = harness().raw_record("content", skipped.key(), skipped.encode());
    let run = run.run().unwrap();
    assert_eq!(run.rows("skipped_content"), [expected]);
    assert!(run.rows("content").is_empty());
}

#[test]
fn directory_has_all_entries_also_those_with_the_same_name() {
    let directory = owned::Directory::new()
        .id(id(9))
        .entry(b"\xff", EntryType::File, id(1), 0o100_644)
        .entry(b"\xff", EntryType::File, id(1), 0o100_644)
        .entry("", EntryType::Directory, id(2), 0o040_000)
        .entry("m", EntryType::Revision, id(3), 0o160_000)
        .raw_manifest("tree 0\0");
    let run = harness().object(&directory).run().unwrap();
    let (row, _) = without_variant(run.rows("directory")[0].clone());
    let expected = json!({"id": hex(9), "raw_manifest": "74726565203000", "recorded": RECORDED});
    assert_eq!(row, expected);
    let entry = |position: u32, name: &str, entry_type: &str, target: u8, perms: u32| {
        json!({
            "directory": hex(9), "position": position, "name": name, "type": entry_type,
            "target": hex(target), "perms": perms,
        })
    };
    let expected = [
        entry(0, "ff", "file", 1, 0o100_644),
        entry(1, "ff", "file", 1, 0o100_644),
        entry(2, "", "dir", 2, 0o040_000),
        entry(3, "6d", "rev", 3, 0o160_000),
    ];
    assert_eq!(list(&run, "directory", "directory_entry"), expected);
}

fn revision() -> owned::Revision {
    let author = Person {
        fullname: b"\xff".into(),
        name: Some(b"".into()),
        email: None,
    };
    owned::Revision::new()
        .id(id(9))
        .message(b"\xfe")
        .author(author)
        .date(Date::new(i64::MAX, 5, &b"+1"[..]))
        .committer_date(Date::new(-1, 250_000, &b""[..]))
        .revision_type(RevisionType::Mercurial)
        .directory(id(1))
        .synthetic(true)
        .parent(id(2))
        .parent(id(3))
        .extra_header("gpgsig", b"\xff\n")
}

#[test]
fn revision_has_its_dates_as_they_were_written() {
    let run = harness().object(&revision()).run().unwrap();
    let (row, _) = without_variant(run.rows("revision")[0].clone());
    let expected = json!({
        "id": hex(9), "message": "fe", "author_fullname": "ff", "author_name": "", "author_email": null,
        "committer_fullname": null, "committer_name": null, "committer_email": null,
        "date": null, "date_seconds": i64::MAX, "date_microseconds": 5, "date_offset": "2b31",
        "committer_date": "1969-12-31T23:59:59.25Z", "committer_date_seconds": -1,
        "committer_date_microseconds": 250_000, "committer_date_offset": "", "type": "hg",
        "directory": hex(1), "synthetic": true, "metadata": null, "metadata_msgpack": null,
        "raw_manifest": null, "recorded": RECORDED,
    });
    assert_eq!(row, expected);
    let parent = |position: u32, parent: u8| json!({"revision": hex(9), "position": position, "parent": hex(parent)});
    assert_eq!(
        list(&run, "revision", "revision_parent"),
        [parent(0, 2), parent(1, 3)]
    );
    let header =
        json!({"revision": hex(9), "position": 0, "name": "677067736967", "value": "ff0a"});
    assert_eq!(list(&run, "revision", "revision_extra_header"), [header]);
}

#[test]
fn empty_parent_keeps_its_position() {
    let revision = revision();
    let ids = [&b"\xc4\x14"[..], &[2; 20], b"\xc4\x14", &[3; 20]].concat();
    let list = |items: &[u8]| [&b"\xa7parents"[..], items].concat();
    let (two, three) = (
        list(&[&b"\x92"[..], &ids].concat()),
        list(&[&b"\x93"[..], &ids[..22], b"\xc4\0", &ids[22..]].concat()),
    );
    let value = replaced(&revision.encode(), &two, &three);
    let run = harness().raw_record("revision", revision.key(), value);
    let rows = run.run().unwrap().rows("revision_parent");
    let parents: Vec<_> = rows
        .iter()
        .map(|row| (&row["position"], &row["parent"]))
        .collect();
    assert_eq!(
        parents,
        [
            (&json!(0), &json!(hex(2))),
            (&json!(1), &json!(null)),
            (&json!(2), &json!(hex(3)))
        ]
    );
}

/// The bytes with a part that occurs once replaced by another one.
fn replaced(bytes: &[u8], part: &[u8], by: &[u8]) -> Vec<u8> {
    let found = bytes.windows(part.len()).position(|window| window == part);
    let start = found.expect("the part is there");
    [&bytes[..start], by, &bytes[start + part.len()..]].concat()
}

#[test]
fn metadata_is_there_for_readers_and_whole() {
    let metadata = json!({"license": "MIT"});
    let row = row_of(&revision().metadata(&metadata).unwrap());
    assert_eq!(row["metadata"], metadata);
    assert_eq!(row["metadata_msgpack"], "81a76c6963656e7365a34d4954");
    let mut deep = json!(1);
    for _ in 0..100 {
        deep = json!([deep]);
    }
    let row = row_of(&revision().metadata(&json!({"deep": deep})).unwrap());
    assert_eq!(row["metadata"], json!(null));
    assert!(
        row["metadata_msgpack"]
            .as_str()
            .unwrap()
            .starts_with("81a464656570")
    );
}

#[test]
fn release_without_a_target_and_a_person_has_nulls() {
    let release = owned::Release::new().id(id(9)).name(b"v\xff");
    let expected = json!({
        "id": hex(9), "name": "76ff", "message": null, "target": null, "target_type": "revision",
        "synthetic": false, "author_fullname": null, "author_name": null, "author_email": null,
        "date": null, "date_seconds": null, "date_microseconds": null, "date_offset": null,
        "metadata": null, "metadata_msgpack": null, "raw_manifest": null, "recorded": RECORDED,
    });
    assert_eq!(row_of(&release), expected);
}

#[test]
fn snapshot_has_objects_aliases_and_dangling_branches() {
    let mut snapshot = owned::Snapshot::new()
        .id(id(9))
        .branch("b", Target::Object(ObjectKind::Release, id(1)))
        .branch("a", Target::Alias(b"\xff"));
    snapshot.branches.push(owned::Branch {
        name: Vec::new(),
        target: None,
    });
    let run = harness().object(&snapshot).run().unwrap();
    let branch = |position: u32, name: &str, target_type: Value, target: Value, alias: Value| {
        json!({
            "snapshot": hex(9), "position": position, "name": name, "target_type": target_type,
            "target": target, "alias": alias,
        })
    };
    let null = || json!(null);
    let expected = [
        branch(0, "62", json!("release"), json!(hex(1)), null()),
        branch(1, "61", json!("alias"), null(), json!("ff")),
        branch(2, "", null(), null(), null()),
    ];
    assert_eq!(list(&run, "snapshot", "snapshot_branch"), expected);
}

#[test]
fn origin_its_visits_and_their_statuses_have_their_keys() {
    let origin = json!({"url": URL, "id": hex(9), "recorded": RECORDED});
    assert_eq!(row_of(&owned::Origin::new().url(URL).id(id(9))), origin);
    let visit = owned::OriginVisit::new().origin(URL).date(date());
    let expected = json!({
        "origin": URL, "date": "2020-09-13T12:26:40.000005Z", "type": "git", "visit": null,
        "recorded": RECORDED,
    });
    assert_eq!(row_of(&visit.visit_type("git")), expected);
    let status = owned::OriginVisitStatus::new()
        .origin(URL)
        .date(date())
        .visit(3)
        .status(VisitStatus::NotFound);
    let expected = json!({
        "origin": URL, "visit": 3, "date": "2020-09-13T12:26:40.000005Z", "status": "not_found",
        "snapshot": null, "type": null, "metadata": null, "metadata_msgpack": null,
        "recorded": RECORDED,
    });
    assert_eq!(row_of(&status), expected);
}

#[test]
fn external_identifiers_and_extrinsic_metadata_have_swhids() {
    let target = Swhid::new(ObjectKind::Revision, id(1));
    let extid = owned::ExtId::new()
        .id(id(9))
        .extid_type("hg-nodeid")
        .extid(b"\x07\xff")
        .target(target);
    let expected = json!({
        "id": hex(9), "extid_type": "hg-nodeid", "extid_version": 0, "extid": "07ff",
        "target": target.to_string(), "payload_type": null, "payload": null, "recorded": RECORDED,
    });
    assert_eq!(row_of(&extid), expected);
    let authority = owned::MetadataAuthority::new()
        .authority_type(AuthorityType::Registry)
        .url(URL);
    let fetcher = owned::MetadataFetcher::new().name("f").version("1");
    let expected = json!({
        "type": "registry", "url": URL, "metadata": null, "metadata_msgpack": null,
        "recorded": RECORDED,
    });
    assert_eq!(row_of(&authority), expected);
    assert_eq!(row_of(&fetcher)["version"], "1");
    let metadata = owned::RawExtrinsicMetadata::new()
        .id(id(9))
        .target(ExtendedSwhid::from(target))
        .discovery_date(date())
        .authority(authority.metadata(&json!({"a": 1})).unwrap())
        .fetcher(fetcher)
        .format("json")
        .metadata("{}")
        .path("/p");
    let expected = json!({
        "id": hex(9), "target": target.to_string(), "discovery_date": "2020-09-13T12:26:40Z",
        "authority_type": "registry", "authority_url": URL, "authority_metadata_msgpack": "81a16101",
        "fetcher_name": "f", "fetcher_version": "1", "fetcher_metadata_msgpack": null,
        "format": "json", "metadata": "7b7d", "origin": null, "visit": null, "snapshot": null,
        "release": null, "revision": null, "path": "2f70", "directory": null, "recorded": RECORDED,
    });
    assert_eq!(row_of(&metadata), expected);
}

#[test]
fn variant_differs_with_the_value_and_not_with_the_record() {
    let directory = |perms| {
        owned::Directory::new()
            .id(id(9))
            .entry("a", EntryType::File, id(1), perms)
    };
    let run = harness()
        .object(&directory(0o100_644))
        .object(&directory(0o100_644))
        .object(&directory(0o100_755))
        .run()
        .unwrap();
    let rows = run.rows("directory");
    assert_eq!(rows[0]["variant"], rows[1]["variant"]);
    assert_ne!(rows[0]["variant"], rows[2]["variant"]);
}

#[test]
fn record_without_a_time_is_older_than_all_others() {
    let run = Tester::new().object(&owned::Origin::new().url(URL));
    let rows = run.run().unwrap().rows("origin");
    assert_eq!(rows[0]["recorded"], "1970-01-01T00:00:00Z");
    let late = Tester::new().timestamp_ms(i64::MAX);
    let run = late.object(&owned::Origin::new().url(URL)).run().unwrap();
    assert_eq!(
        run.rows("origin")[0]["recorded"],
        "9999-12-31T23:59:59.999Z"
    );
}

#[test]
fn value_that_no_column_holds_rejects_its_record_alone() {
    let far = Timestamp::new(1 << 40, 0).expect("it is a time");
    let run = harness()
        .object(&owned::Content::new().length(1 << 63))
        .object(&owned::Content::new().ctime(far))
        .object(&owned::OriginVisit::new().origin(URL).date(far))
        .object(&owned::OriginVisit::new().origin(URL).visit_type("git"))
        .run()
        .unwrap();
    let reasons: Vec<_> = run.rejections().iter().map(|one| &one.reason).collect();
    assert_eq!(reasons.len(), 3);
    for (reason, part) in reasons.iter().zip(["`length`", "`ctime`", "`date`"]) {
        assert!(reason.contains(part), "{reason}");
    }
    assert_eq!(run.rows("origin_visit").len(), 1);
    assert!(run.rows("content").is_empty());
}

/// A tombstone of each type, with the key of what it removes.
fn tombstones() -> Vec<(&'static str, Vec<u8>, Value)> {
    let content = owned::Content::new().sha1([1; 20]).sha1_git(id(2));
    let skipped = owned::SkippedContent::new().sha1_git(id(2)).reason("r");
    let colliding = owned::HashCollidingContent::new().data("d");
    let zeros = |bytes| "00".repeat(bytes);
    let by_id = |object_type| {
        (
            object_type,
            [&b"\xc4\x14"[..], &[9; 20]].concat(),
            json!({"id": hex(9)}),
        )
    };
    let visit = owned::OriginVisit::new().origin(URL).date(date());
    let status = owned::OriginVisitStatus::new()
        .origin(URL)
        .date(date())
        .visit(3);
    let time = "2020-09-13T12:26:40.000005Z";
    vec![
        (
            "content",
            content.key(),
            json!({"sha1": hex(1), "sha1_git": hex(2), "sha256": zeros(32), "blake2s256": zeros(32)}),
        ),
        (
            "skipped_content",
            skipped.key(),
            json!({"sha1": null, "sha1_git": hex(2), "sha256": null, "blake2s256": null}),
        ),
        (
            "hash_colliding_content",
            colliding.key(),
            json!({
                "sha1": zeros(20), "sha1_git": colliding.sha1_git.to_string(), "sha256": zeros(32),
                "blake2s256": zeros(32),
            }),
        ),
        by_id("directory"),
        by_id("revision"),
        by_id("release"),
        by_id("snapshot"),
        by_id("extid"),
        by_id("raw_extrinsic_metadata"),
        (
            "origin",
            owned::Origin::new().url(URL).key(),
            json!({"url": URL}),
        ),
        (
            "origin_visit",
            visit.key(),
            json!({"origin": URL, "date": time}),
        ),
        (
            "origin_visit_status",
            status.key(),
            json!({"origin": URL, "visit": 3, "date": time}),
        ),
        (
            "metadata_authority",
            owned::MetadataAuthority::new().url(URL).key(),
            json!({"type": "forge", "url": URL}),
        ),
        (
            "metadata_fetcher",
            owned::MetadataFetcher::new().name("f").version("1").key(),
            json!({"name": "f", "version": "1"}),
        ),
    ]
}

#[test]
fn tombstone_of_each_type_removes_its_object_if_asked() {
    let (mut keeping, mut asked) = (harness(), removing());
    for (object_type, key, _) in tombstones() {
        keeping = keeping.tombstone(object_type, &key);
        asked = asked.tombstone(object_type, &key);
    }
    let (kept, removed) = (keeping.run().unwrap(), asked.run().unwrap());
    assert!(kept.rejections().is_empty() && removed.rejections().is_empty());
    assert_eq!(tombstones().len(), 14);
    for (object_type, _, key) in tombstones() {
        assert!(kept.rows(object_type).is_empty());
        let mut expected = key;
        expected["_removed"] = json!(true);
        expected["recorded"] = json!(RECORDED);
        assert_eq!(removed.rows(object_type), [expected], "{object_type}");
    }
}

#[test]
fn tombstone_that_names_no_object_is_rejected() {
    let sha1 = [&b"\xc4\x14"[..], &[1; 20]].concat();
    let mut harness = removing().tombstone("content", &sha1);
    for (object_type, _, _) in tombstones() {
        harness = harness.tombstone(object_type, b"\x81\xa1x\x01");
    }
    let run = harness.run().unwrap();
    assert_eq!(run.rejections().len(), 15);
    let reason = &run.rejections()[0].reason;
    assert!(reason.contains("SHA-1 alone"), "{reason}");
    for rejection in run.rejections() {
        let reason = &rejection.reason;
        assert!(
            reason.starts_with("the key of the tombstone names no object: "),
            "{reason}"
        );
    }
}

#[test]
fn rows_are_the_same_for_any_split() {
    let mut harness = removing();
    for number in 0..40_u8 {
        let directory = owned::Directory::new().id(id(number % 7));
        harness = harness
            .object(&directory.entry([number], EntryType::File, id(number), 0o100_644))
            .object(&owned::Origin::new().url(format!("{URL}/{number}")))
            .tombstone("directory", [&b"\xc4\x14"[..], &[number % 5; 20]].concat());
    }
    let run = harness.same_for_any_split(20, Rows::InOrder).unwrap();
    assert_eq!(run.rows("directory").len(), 80);
    assert_eq!(run.rows("directory_entry").len(), 40);
}

#[test]
fn record_that_cannot_be_read_is_rejected_with_the_rows_of_its_lists() {
    let directory = owned::Directory::new()
        .id(id(9))
        .entry("a", EntryType::File, id(1), 1);
    let value = replaced(&directory.encode(), b"\xa4file", b"\xa4folk");
    let run = harness()
        .raw_record("directory", directory.key(), value)
        .object(&directory)
        .run()
        .unwrap();
    assert_eq!(run.rejections().len(), 1);
    assert_eq!(run.rows("directory_entry").len(), 1);
}
