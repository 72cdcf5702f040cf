"""Writes the corpus of old and rare forms that the journal still contains, and how to read each of them.

Usage: old_messages.py OUT

OUT is a file of cases, see cases.py, with an eighth member: the name of the case. The repository contains it as
tests/data/old_messages/old_messages.msgpack; a test compares the two. Prints the number of cases.

The values are written by hand, based on those in old_forms.py. A case of `old_read_as` has a comment if an older
replayer of swh.storage expected the same.
"""

import sys

import msgpack
from swh.journal.serializers import key_to_kafka

from cases import packed, swhid, written
from old_forms import (
    A,
    B,
    C,
    AUTHORITY,
    CONTENT,
    DATE,
    DIRECTORY,
    EXTID,
    FETCHER,
    FILE,
    FOLDER,
    HASHES,
    ITS_OWN,
    METADATA,
    PERSON,
    RELEASE,
    REVISION,
    SKIPPED,
    STATUS,
    TIME,
    URL,
    VISIT,
    cases,
    old,
    old_read_as,
    ours,
    out_of_range,
    read,
    refused,
    serialized,
    without,
)
from old_times_and_persons import (
    distant_seconds,
    offsets,
    persons,
    time_extensions,
    time_members,
    time_texts,
    timestamps,
)


def contents():
    for name, value in [
        ("content_hidden", {**CONTENT, "status": "hidden"}),
        ("content_ctime", {**CONTENT, "ctime": TIME}),
        ("content_ctime_nil", {**CONTENT, "ctime": None}),
        ("content_absent", SKIPPED),
        ("content_absent_with_origin_nil", {**SKIPPED, "origin": None, "ctime": TIME}),
    ]:
        old(name, "content", value)
    old("content_under_its_sha1", "content", CONTENT, key=A)
    # The replayer drops the member.
    old_read_as("content_perms", "content", {**CONTENT, "perms": 0o100644}, CONTENT)
    for name, value in [
        ("origin", {**SKIPPED, "origin": URL, "ctime": TIME}),
        ("origin_and_ctime_nil", {**SKIPPED, "origin": None, "ctime": None}),
        ("length_unknown", {**SKIPPED, "length": -1}),
        ("all_hashes_nil", {**SKIPPED, **dict.fromkeys(HASHES)}),
        *((f"{hash_}_nil", {**SKIPPED, hash_: None}) for hash_ in HASHES),
    ]:
        old(f"skipped_content_{name}", "skipped_content", value)
    old("hash_colliding_content", "hash_colliding_content", {**CONTENT, "data": b"\x00\xff"})
    old(
        "hash_colliding_content_empty",
        "hash_colliding_content",
        {**CONTENT, "data": b"", "length": 0},
    )
    refused("content_without_length", "content", without(CONTENT, "length"))
    refused("content_unknown_status", "content", {**CONTENT, "status": "lost"})
    refused("content_absent_without_reason", "content", without(SKIPPED, "reason"))
    refused("content_hash_nil", "content", {**CONTENT, "sha1": None})
    refused("skipped_content_without_reason", "skipped_content", without(SKIPPED, "reason"))


def directories():
    for name, value in [
        ("empty", {**DIRECTORY, "entries": []}),
        ("raw_manifest_nil", {**DIRECTORY, "raw_manifest": None}),
        ("raw_manifest", {**DIRECTORY, "raw_manifest": b"tree 0\x00"}),
        ("raw_manifest_empty", {**DIRECTORY, "raw_manifest": b""}),
    ]:
        old(f"directory_{name}", "directory", value)
    slash = {**FILE, "name": b"docs/README"}
    for name, entries in [
        ("duplicate_file", [FILE, {**FILE, "target": C}]),
        ("duplicate_file_and_folder", [FOLDER, FILE]),
        ("the_same_entry_twice", [FILE, FILE]),
        ("slash_in_a_name", [slash]),
        ("slash_sorted", [slash, {**FOLDER, "name": b"docs"}, {**FILE, "name": b"docs.txt"}]),
    ]:
        out_of_range(f"directory_{name}", "directory", {**DIRECTORY, "entries": entries})
    entries = [{**FILE, "type": "link"}]
    refused("directory_entry_of_unknown_type", "directory", {**DIRECTORY, "entries": entries})
    refused("directory_without_entries", "directory", {"id": ITS_OWN})


def revisions():
    bare = without(REVISION, "extra_headers")
    headers = [[b"encoding", b"latin-1"], [b"time_offset_seconds", b"-3600"]]
    for name, value in [
        ("without_extra_headers", bare),
        ("without_extra_headers_and_metadata", without(bare, "metadata")),
        ("extra_headers", {**REVISION, "extra_headers": headers}),
        ("extra_headers_in_metadata", {**bare, "metadata": {"extra_headers": headers}}),
        (
            "extra_headers_amid_metadata",
            {**bare, "metadata": {"a": 1, "extra_headers": headers, "z": 2}},
        ),
        (
            "empty_extra_headers_and_some_in_metadata",
            {**REVISION, "metadata": {"extra_headers": headers}},
        ),
        ("no_extra_headers_in_metadata", {**bare, "metadata": {"extra_headers": [], "a": 1}}),
        (
            "extra_headers_win_over_metadata",
            {
                **REVISION,
                "extra_headers": headers[:1],
                "metadata": {"extra_headers": headers, "a": 1},
            },
        ),
        ("metadata", {**REVISION, "metadata": {"a": [1, None, {"b": b"\xff"}], "\u00e9": 0.5}}),
        ("metadata_empty", {**REVISION, "metadata": {}}),
        ("message_nil", {**REVISION, "message": None}),
        ("message_empty", {**REVISION, "message": b""}),
        ("author_and_date_nil", {**REVISION, "author": None, "date": None}),
        ("committer_and_date_nil", {**REVISION, "committer": None, "committer_date": None}),
        ("dates_nil", {**REVISION, "date": None, "committer_date": None}),
        ("parents_none", {**REVISION, "parents": []}),
        ("raw_manifest", {**REVISION, "raw_manifest": b"commit 0\x00"}),
        ("raw_manifest_nil", {**REVISION, "raw_manifest": None}),
        *(
            (f"type_{type_}", {**REVISION, "type": type_})
            for type_ in "tar dsc svn hg cvs bzr".split()
        ),
    ]:
        old(f"revision_{name}", "revision", value)
    # The replayer once converted the strings of `transplant_source` to bytes.
    for name, header, form in [
        ("text_value", [b"transplant_source", "29c154a0"], [b"transplant_source", b"29c154a0"]),
        ("text_name", ["encoding", b"latin-1"], [b"encoding", b"latin-1"]),
        ("texts", ["author", "Zo\u00eb"], [b"author", "Zo\u00eb".encode()]),
        ("integer_value", ["time_offset_seconds", -3600], [b"time_offset_seconds", b"-3600"]),
    ]:
        value, form = ({**bare, "metadata": {"extra_headers": [item]}} for item in (header, form))
        old_read_as(f"revision_extra_headers_in_metadata_{name}", "revision", value, form)
    # Identifiers omit an empty parent, and so does all code that follows parents.
    ours(
        "revision_parent_empty",
        "revision",
        {**REVISION, "parents": [B, b"", C]},
        form={**REVISION, "parents": [B, C]},
    )
    # A member that may be nil may also be absent, even if the model requires it: nothing is lost.
    for members in (
        ("message",),
        ("date",),
        ("author", "date"),
        ("committer", "committer_date"),
    ):
        value = without(REVISION, *members)
        form = {**REVISION, **dict.fromkeys(members)}
        ours(f"revision_without_{'_and_'.join(members)}", "revision", value, form=form)
    refused("revision_without_directory", "revision", without(REVISION, "directory"))
    refused("revision_of_unknown_type", "revision", {**REVISION, "type": "fossil"})
    refused("revision_message_as_integer", "revision", {**REVISION, "message": 5})


def releases():
    for name, value in [
        ("message_nil", {**RELEASE, "message": None}),
        ("author_and_date_nil", {**RELEASE, "author": None, "date": None}),
        ("without_author_and_date", without(RELEASE, "author", "date")),
        ("date_nil", {**RELEASE, "date": None}),
        ("metadata", {**RELEASE, "metadata": {"a": 1}}),
        ("metadata_empty", {**RELEASE, "metadata": {}}),
        ("metadata_nil", {**RELEASE, "metadata": None}),
        ("raw_manifest", {**RELEASE, "raw_manifest": b"tag 0\x00"}),
        ("raw_manifest_nil", {**RELEASE, "raw_manifest": None}),
        ("target_nil_with_raw_manifest", {**RELEASE, "target": None, "raw_manifest": b"tag 0\x00"}),
        *(
            (f"of_{type_}", {**RELEASE, "target_type": type_})
            for type_ in "content directory release snapshot".split()
        ),
    ]:
        old(f"release_{name}", "release", value)
    with_id = {**RELEASE, "target": None, "id": C}
    cases.append(release_without_target(with_id))
    value = without(RELEASE, "message")
    ours("release_without_message", "release", value, form={**RELEASE, "message": None})
    refused("release_of_alias", "release", {**RELEASE, "target_type": "alias"})
    refused("release_without_name", "release", without(RELEASE, "name"))


def release_without_target(value):
    """Without its identifier, the model would compute a hash, and cannot."""
    object_ = read("release", value)
    key, normal = key_to_kafka(object_.unique_key()), written("release", object_)
    name = "release_target_nil"
    return ["release", key, serialized(value), normal, None, swhid(object_), False, name]


def snapshots():
    branch = {"target": A, "target_type": "revision"}
    for name, branches in [
        ("empty", {}),
        ("dangling", {b"HEAD": None}),
        ("branch_empty_map", {b"HEAD": {}}),
        (
            "alias",
            {
                b"HEAD": {"target": b"refs/heads/main", "target_type": "alias"},
                b"refs/heads/main": branch,
            },
        ),
        ("alias_to_nothing", {b"HEAD": {"target": b"gone", "target_type": "alias"}}),
        ("unsorted", {b"b": branch, b"\xff": branch, b"": branch, b"a": branch}),
        *(
            (f"of_{type_}", {b"a": {**branch, "target_type": type_}})
            for type_ in "content directory release snapshot".split()
        ),
    ]:
        old(f"snapshot_{name}", "snapshot", {"branches": branches, "id": ITS_OWN})
    value = {"branches": {b"a": {**branch, "target_type": "tag"}}, "id": ITS_OWN}
    refused("snapshot_branch_of_unknown_type", "snapshot", value)


def origins():
    origin = {"url": URL, "id": ITS_OWN}
    old("origin", "origin", origin)
    old("origin_without_id", "origin", {"url": URL})
    # The replayer once dropped the member.
    old_read_as("origin_type", "origin", {**origin, "type": "git"}, origin)
    old_read_as("origin_type_without_id", "origin", {"type": "git", "url": URL}, origin)
    refused("origin_without_url", "origin", {"id": ITS_OWN})


def visits():
    old("origin_visit", "origin_visit", VISIT)
    old("origin_visit_without_visit", "origin_visit", without(VISIT, "visit"))
    old("origin_visit_visit_nil", "origin_visit", {**VISIT, "visit": None})
    ended = {**VISIT, "status": "full", "snapshot": A, "metadata": None}
    as_map = {"url": URL, "type": "git"}
    text = "2020-01-02 03:04:05.678901+00:00"
    # The replayer once read each of these so.
    for name, value in [
        ("with_status_snapshot_and_metadata", ended),
        ("with_status_ongoing", {**VISIT, "status": "ongoing", "snapshot": None}),
        ("with_metadata", {**VISIT, "metadata": {"a": 1}}),
        ("origin_as_map", {**VISIT, "origin": as_map}),
        ("origin_as_map_with_id", {**VISIT, "origin": {"url": URL, "id": 5}}),
        ("type_in_origin", {**without(VISIT, "type"), "origin": as_map}),
        ("its_own_type_wins", {**VISIT, "origin": {**as_map, "type": "hg"}}),
        ("all_at_once", {**without(ended, "type"), "origin": as_map, "date": text}),
    ]:
        old_read_as(f"origin_visit_{name}", "origin_visit", value, VISIT)
    refused("origin_visit_without_type", "origin_visit", without(VISIT, "type"))
    refused("origin_visit_without_origin", "origin_visit", without(VISIT, "origin"))


def visit_statuses():
    for name, value in [
        ("without_type", without(STATUS, "type")),
        ("type_nil", {**STATUS, "type": None}),
        ("without_metadata", without(STATUS, "metadata")),
        ("metadata", {**STATUS, "metadata": {"a": 1}}),
        ("snapshot_nil", {**STATUS, "snapshot": None}),
        *(
            (status, {**STATUS, "status": status})
            for status in "created ongoing partial not_found failed".split()
        ),
    ]:
        old(f"origin_visit_status_{name}", "origin_visit_status", value)
    # As in visits.
    as_map = {**STATUS, "origin": {"url": URL, "type": "git"}}
    ours("origin_visit_status_origin_as_map", "origin_visit_status", as_map, form=STATUS)
    without_snapshot = without(STATUS, "snapshot")
    nil = {**STATUS, "snapshot": None}
    ours("origin_visit_status_without_snapshot", "origin_visit_status", without_snapshot, form=nil)
    refused(
        "origin_visit_status_of_unknown_status", "origin_visit_status", {**STATUS, "status": "lost"}
    )


def extids():
    payload = {**EXTID, "payload_type": "disk", "payload": C}
    for name, value in [
        ("without_version", without(EXTID, "extid_version")),
        ("without_payload", without(EXTID, "payload_type", "payload")),
        ("without_version_and_payload", without(EXTID, "extid_version", "payload_type", "payload")),
        ("version_1", {**EXTID, "extid_version": 1}),
        ("payload", payload),
        ("payload_and_version", {**payload, "extid_version": 1}),
    ]:
        old(f"extid_{name}", "extid", value)
    refused("extid_target_not_a_swhid", "extid", {**EXTID, "target": URL})


def authorities_and_fetchers():
    for name, metadata in [("nil", None), ("empty", {}), ("some", {"a": 1})]:
        old(
            f"metadata_authority_metadata_{name}",
            "metadata_authority",
            {**AUTHORITY, "metadata": metadata},
        )
        old(
            f"metadata_fetcher_metadata_{name}",
            "metadata_fetcher",
            {**FETCHER, "metadata": metadata},
        )
    for type_ in ("deposit_client", "forge", "registry"):
        old(f"metadata_authority_{type_}", "metadata_authority", {**AUTHORITY, "type": type_})
    old("metadata_fetcher", "metadata_fetcher", FETCHER)
    refused(
        "metadata_authority_of_unknown_type", "metadata_authority", {**AUTHORITY, "type": "oracle"}
    )


def raw_extrinsic_metadata():
    contexts = {
        "origin": URL,
        "visit": 3,
        **{
            name: f"swh:1:{tag}:" + "0c" * 20
            for name, tag in [("snapshot", "snp"), ("release", "rel")]
        },
        **{
            name: f"swh:1:{tag}:" + "0c" * 20
            for name, tag in [("revision", "rev"), ("directory", "dir")]
        },
        "path": b"/docs\n",
    }
    before_2021 = {
        "target": URL,
        "authority_type": "forge",
        "authority_url": "https://example.org/",
        "discovery_date": "2020-01-02 03:04:05+00:00",
        "fetcher_name": "swh.loader",
        "fetcher_version": "1.0",
    }
    of_origin = {"type": "origin", **METADATA, "target": URL}
    old_type = "raw_extrinsic_metadata"
    for name, value in [
        ("of_origin_by_url", of_origin),
        ("of_origin_by_url_without_id", without(of_origin, "id")),
        ("with_type", {"type": "content", **METADATA}),
        ("without_id", without(METADATA, "id")),
        ("every_context", {**METADATA, **contexts}),
        ("contexts_nil", {**METADATA, **dict.fromkeys(contexts)}),
        ("discovery_date_with_fraction", {**METADATA, "discovery_date": TIME}),
        ("of_itself", {**METADATA, "target": "swh:1:emd:" + "0a" * 20}),
        *(
            (f"with_{name}", {**METADATA, name: contexts[name]})
            for name in contexts
            if name != "visit"
        ),
    ]:
        old(f"{old_type}_{name}", old_type, value)
    # The key was a map then.
    old(f"{old_type}_under_a_map", old_type, without(of_origin, "id"), key=before_2021)
    refused(f"{old_type}_target_not_a_swhid", old_type, {**METADATA, "target": URL})


def unknown_members():
    """Members that a later writer may add: readers skip them."""
    for name, object_type, value, form in [
        ("of_content", "content", {**CONTENT, "later": [1]}, CONTENT),
        ("of_revision", "revision", {"later": {"a": {}}, **REVISION}, REVISION),
        ("of_person", "revision", {**REVISION, "author": {**PERSON, "id": 5}}, REVISION),
        ("of_entry", "directory", {**DIRECTORY, "entries": [{**FILE, "status": None}]}, DIRECTORY),
        ("of_visit", "origin_visit", {**VISIT, "later": msgpack.ExtType(5, b"x")}, VISIT),
    ]:
        old_read_as(f"unknown_member_{name}", object_type, value, form)
    old("unknown_member_of_date", "revision", {**REVISION, "date": {**DATE, "later": 1}})


def main():
    for part in (
        *(time_members, time_texts, time_extensions, offsets, timestamps, distant_seconds, persons),
        *(contents, directories, revisions, releases, snapshots, origins, visits, visit_statuses),
        *(extids, authorities_and_fetchers, raw_extrinsic_metadata, unknown_members),
    ):
        part()
    names = [members[7] for members in cases]
    assert len(names) == len(set(names)), "two cases have one name"
    with open(sys.argv[1], "wb") as out:
        for members in cases:
            out.write(packed(members))
    print(len(cases))


main()
