"""Old and rare forms of times, dates with an offset, and persons: a part of old_messages.py."""

import msgpack

from old_forms import (
    C,
    CONTENT,
    DATE,
    EPOCH,
    METADATA,
    PERSON,
    RELEASE,
    REVISION,
    SECOND,
    SKIPPED,
    STATUS,
    TIME,
    VISIT,
    binary_key_time,
    old,
    old_read_as,
    ours,
    out_of_range,
    refused,
    serialized,
    time_extension,
)


def long_integer(number):
    """An integer beyond 64 bits: an extension that contains its magnitude."""
    magnitude = abs(number)
    data = magnitude.to_bytes((magnitude.bit_length() + 7) // 8, "big")
    return msgpack.ExtType(1 if number > 0 else 2, data)


def time_members():
    """Each member that is a point in time, as a map with binary keys and as a string."""
    dated = [
        ("content_ctime", "content", CONTENT, "ctime"),
        ("skipped_content_ctime", "skipped_content", SKIPPED, "ctime"),
        ("origin_visit_date", "origin_visit", VISIT, "date"),
        ("origin_visit_status_date", "origin_visit_status", STATUS, "date"),
        (
            "raw_extrinsic_metadata_discovery_date",
            "raw_extrinsic_metadata",
            METADATA,
            "discovery_date",
        ),
    ]
    for name, object_type, value, member in dated:
        time = {**value, member: binary_key_time("2020-01-02T03:04:05+00:00")}
        old(f"{name}_with_binary_keys", object_type, time)
        text = {**value, member: "2020-01-02T03:04:05+00:00"}
        if object_type == "content":
            old(f"{name}_as_text", object_type, text)
        else:
            # The replayer once read the date of a visit from a string.
            old_read_as(f"{name}_as_text", object_type, text, {**value, member: SECOND})


def time_texts():
    for name, text in [
        ("fraction_and_offset", "2020-01-02T05:04:05.678901+02:00"),
        ("negative_offset", "2020-01-01T21:34:05-05:30"),
        ("space", "2020-01-02 03:04:05.678901+00:00"),
        ("z", "2020-01-02T03:04:05Z"),
        ("three_digits", "2020-01-02T03:04:05.678+00:00"),
        ("year_one", "0001-01-01T00:00:00+00:00"),
        ("before_1970", "1969-12-31T23:59:59.500000+00:00"),
        ("leap_day", "2000-02-29T23:59:59+00:00"),
        ("year_9999", "9999-12-31T23:59:59.999999+00:00"),
    ]:
        old(f"time_text_{name}", "origin_visit", {**VISIT, "date": binary_key_time(text)})
        old(f"ctime_text_{name}", "content", {**CONTENT, "ctime": text})
    swapped = dict(reversed(binary_key_time("2020-01-02T03:04:05+00:00").items()))
    old("time_with_binary_keys_swapped", "origin_visit", {**VISIT, "date": swapped})
    time = binary_key_time("2020-01-02T05:04:05+02:00")
    # Metadata is passed on unchanged, in the form of its time.
    ours(
        "metadata_with_binary_key_time",
        "revision",
        {**REVISION, "metadata": {"at": time}},
        form={**REVISION, "metadata": {"at": b"time"}},
        written_as=(serialized({"at": b"time"}), serialized({"at": time})),
    )
    refused(
        "time_text_without_offset",
        "origin_visit",
        {**VISIT, "date": binary_key_time("2020-01-02T03:04:05")},
    )
    refused("time_text_not_a_time", "origin_visit", {**VISIT, "date": binary_key_time("yesterday")})
    refused(
        "time_text_no_such_day",
        "origin_visit",
        {**VISIT, "date": binary_key_time("2021-02-29T00:00:00Z")},
    )
    refused("time_as_integer", "content", {**CONTENT, "ctime": 1577934245})


def time_extensions():
    """In 4, 8 and 12 bytes, not always the fewest possible."""
    for name, data in [
        ("in_4_bytes", "5e0d5da5"),
        ("in_8_bytes", "a1dcd4205e0d5da5"),
        ("in_8_bytes_without_need", "000000005e0d5da5"),
        ("in_12_bytes", "1dcd6500ffffffffffffffff"),
        ("in_12_bytes_without_need", "00000000000000005e0d5da5"),
    ]:
        extension = time_extension(bytes.fromhex(data))
        old(f"time_{name}", "origin_visit", {**VISIT, "date": extension})
    # The model truncates times to microseconds, which loses part of the record.
    cut, kept = (bytes.fromhex(f"d7ffa1dc{data}5e0d5da5") for data in ("e3c0", "ead4"))
    for name, data in [
        ("with_nanoseconds", "a1dcead4" + "5e0d5da5"),
        ("with_nanoseconds_in_12_bytes", "28773ab5" + "000000005e0d5da5"),
    ]:
        extension = time_extension(bytes.fromhex(data))
        ours(f"time_{name}", "origin_visit", {**VISIT, "date": extension}, written_as=(cut, kept))
    nanoseconds = time_extension(bytes.fromhex("3b9aca000000000000000000"))
    refused("time_with_too_many_nanoseconds", "origin_visit", {**VISIT, "date": nanoseconds})


def offsets():
    """The date of a revision or release has the author's offset, formerly as a number of minutes."""
    for name, date in [
        ("offset_in_minutes", {"offset": 120}),
        ("offset_in_minutes_west", {"offset": -90}),
        ("offset_in_minutes_negative_utc", {"offset": 0, "negative_utc": True}),
        ("offset_in_minutes_not_negative_utc", {"offset": 120, "negative_utc": False}),
        ("offset_in_minutes_negative_utc_nil", {"offset": 0, "negative_utc": None}),
        ("offset_in_minutes_zero", {"offset": 0}),
        ("offset_of_100_hours", {"offset": 6000}),
        ("offset_bytes_win", {"offset": -90, "negative_utc": False, "offset_bytes": b"+0200"}),
        ("offset_bytes_win_over_negative_utc", {"negative_utc": True, "offset_bytes": b"+0000"}),
    ]:
        date = {"timestamp": EPOCH, **date}
        old(f"revision_{name}", "revision", {**REVISION, "date": date, "committer_date": date})
        old(f"release_{name}", "release", {**RELEASE, "date": date})
    # Kept as bytes, valid or not.
    for name, offset in [("double_sign", b"--700"), ("empty", b""), ("not_ascii", b"\xff\x00")]:
        date = {**DATE, "offset_bytes": offset}
        old(f"revision_offset_bytes_{name}", "revision", {**REVISION, "date": date})
    refused("revision_date_without_offset", "revision", {**REVISION, "date": {"timestamp": EPOCH}})
    for name, offset in [
        ("above_16_bits", {"offset": 32768}),
        ("below_16_bits", {"offset": -32769}),
        ("east_and_negative_utc", {"offset": 1, "negative_utc": True}),
        ("nil", {"offset": None}),
        ("bytes_as_text", {"offset_bytes": "+0200", "offset": 120}),
        ("bytes_nil", {"offset_bytes": None, "offset": 120}),
    ]:
        date = {"timestamp": EPOCH, **offset}
        refused(f"revision_offset_{name}", "revision", {**REVISION, "date": date})


def timestamps():
    for name, date in [
        ("timestamp_as_integer", {"timestamp": 1577934245, "offset_bytes": b"+0200"}),
        ("timestamp_as_integer_and_offset", {"timestamp": 1577934245, "offset": 120}),
        ("timestamp_as_negative_integer", {"timestamp": -1, "offset": 0, "negative_utc": False}),
        ("timestamp_without_microseconds", {"timestamp": {"seconds": 5}, "offset_bytes": b"+0200"}),
        ("date_as_integer", 1577934245),
        ("date_as_time", TIME),
        ("date_as_binary_key_time", binary_key_time("2020-01-02T05:04:05.5+02:00")),
    ]:
        old(f"revision_{name}", "revision", {**REVISION, "date": date})
        old(f"release_{name}", "release", {**RELEASE, "date": date})
    refused("revision_date_without_timestamp", "revision", {**REVISION, "date": {"offset": 0}})
    for name, timestamp in [
        ("timestamp_as_fraction", 5.5),
        ("a_million_microseconds", {"seconds": 5, "microseconds": 1000000}),
        ("negative_microseconds", {"seconds": 5, "microseconds": -1}),
    ]:
        date = {**DATE, "timestamp": timestamp}
        refused(f"revision_{name}", "revision", {**REVISION, "date": date})


def distant_seconds():
    """Inside and outside of the model's bounds."""
    for name, timestamp in [
        ("first_second", {"seconds": -62135510961, "microseconds": 0}),
        ("last_second", {"seconds": 253402297199, "microseconds": 999999}),
    ]:
        old(f"revision_{name}", "revision", {**REVISION, "date": {**DATE, "timestamp": timestamp}})
    for name, timestamp in [
        ("second_before_the_first", {"seconds": -62135510962, "microseconds": 0}),
        ("second_after_the_last", {"seconds": 253402297200, "microseconds": 0}),
        ("least_64_bit_second", {"seconds": -(2**63), "microseconds": 0}),
        ("greatest_64_bit_second", {"seconds": 2**63 - 1, "microseconds": 0}),
    ]:
        date = {**DATE, "timestamp": timestamp}
        out_of_range(f"revision_{name}", "revision", {**REVISION, "date": date})
        out_of_range(f"release_{name}", "release", {**RELEASE, "date": date})
    # No real time; objects with one are refused, so that seconds fit into a plain integer.
    for name, seconds in [("below", -(2**63) - 1), ("above", 2**63), ("far_above", 2**70)]:
        long = seconds if seconds == 2**63 else long_integer(seconds)
        date = {**DATE, "timestamp": {"seconds": long, "microseconds": 0}}
        refused(f"revision_second_{name}_64_bits", "revision", {**REVISION, "date": date})
        refused(f"release_second_{name}_64_bits", "release", {**RELEASE, "date": date})
    integer = {**DATE, "timestamp": 253402297200}
    out_of_range(
        "revision_second_after_the_last_as_integer", "revision", {**REVISION, "date": integer}
    )


def persons():
    """Without a full name, and with empty parts that were written as strings."""
    for name, parts in [
        ("name_and_email", {"name": b"Ada", "email": b"ada@example.org"}),
        ("name_alone", {"name": b"Ada", "email": None}),
        ("email_alone", {"name": None, "email": b"ada@example.org"}),
        ("neither", {"name": None, "email": None}),
        ("empty_parts", {"name": b"", "email": b""}),
    ]:
        old(f"revision_author_without_fullname_{name}", "revision", {**REVISION, "author": parts})
        old(f"release_author_without_fullname_{name}", "release", {**RELEASE, "author": parts})
    fullname = {"fullname": b"Ada <ada@example.org>"}
    old("revision_author_with_fullname_alone", "revision", {**REVISION, "author": fullname})
    unlike = {"fullname": b"Ada", "name": b"Bob", "email": b"bob@example.org"}
    old("revision_author_fullname_wins", "revision", {**REVISION, "author": unlike})
    for name, texts, binaries in [
        ("name", {"name": ""}, {"name": b""}),
        ("email", {"email": ""}, {"email": b""}),
        ("name_and_email", {"name": "", "email": ""}, {"name": b"", "email": b""}),
    ]:
        # In revisions, the replayer once converted these empty strings to bytes before it built a full name.
        for role in ("author", "committer"):
            value, form = ({**REVISION, role: {**PERSON, **parts}} for parts in (texts, binaries))
            old_read_as(f"revision_{role}_empty_text_{name}", "revision", value, form)
        value, form = ({**RELEASE, "author": {**PERSON, **parts}} for parts in (texts, binaries))
        old_read_as(f"release_author_empty_text_{name}", "release", value, form)
    value = {**REVISION, "author": {"name": "", "email": ""}}
    form = {**REVISION, "author": {"name": b"", "email": b""}}
    old_read_as("revision_author_empty_texts_without_fullname", "revision", value, form)
    hashed = {"fullname": b"\x0f" * 32, "name": None, "email": None}
    value = {**REVISION, "author": hashed, "committer": hashed, "id": C}
    old("revision_anonymised", "revision", value, anonymised=True)
    date = {"timestamp": EPOCH, "offset": 120, "negative_utc": False}
    old(
        "revision_anonymised_offset_in_minutes",
        "revision",
        {**value, "date": date},
        anonymised=True,
    )
    old("release_anonymised", "release", {**RELEASE, "author": hashed, "id": C}, anonymised=True)
    refused("revision_author_without_parts", "revision", {**REVISION, "author": {}})
