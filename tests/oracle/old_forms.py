"""Parts of old_messages.py: one value of each type in its current form, and functions that add a case.

`old` takes a value that swh.model reads. `old_read_as` takes a value that the model refuses, and the same object in
a form that it reads, which is the expectation. `out_of_range` takes a value that the model refuses only because of
a bound, and asks the model without its bounds. `ours` takes a value that the SDK reads differently from the model,
on purpose. `refused` takes a value that nobody can read. Each function fails if its condition does not hold.
"""

import attr
import msgpack
from swh.journal.serializers import kafka_to_value, key_to_kafka

from cases import computed_id, model_object, swhid, written

# Stands for the identifier that the object's fields result in.
ITS_OWN = object()

A, B, C = (bytes([byte]) * 20 for byte in b"\x0a\x0b\x0c")
HASHES = {"sha1": A, "sha1_git": B, "sha256": b"\x0d" * 32, "blake2s256": b"\x0e" * 32}
TIME = msgpack.Timestamp(1577934245, 678901000)
SECOND = msgpack.Timestamp(1577934245)
URL = "https://example.org/r.git"

CONTENT = {**HASHES, "length": 186, "status": "visible"}
SKIPPED = {**HASHES, "length": 2**40, "status": "absent", "reason": "Content too large"}
PERSON = {"fullname": b"Ada <ada@example.org>", "name": b"Ada", "email": b"ada@example.org"}
EPOCH = {"seconds": 1577934245, "microseconds": 0}
DATE = {"timestamp": EPOCH, "offset_bytes": b"+0200"}
REVISION = {
    "message": b"Initial commit\n",
    "author": PERSON,
    "committer": PERSON,
    "date": DATE,
    "committer_date": DATE,
    "type": "git",
    "directory": A,
    "synthetic": False,
    "metadata": None,
    "parents": [B],
    "id": ITS_OWN,
    "extra_headers": [],
}
RELEASE = {
    "name": b"v1.0",
    "message": b"First release\n",
    "target": A,
    "target_type": "revision",
    "synthetic": False,
    "author": PERSON,
    "date": DATE,
    "id": ITS_OWN,
}
FILE = {"name": b"README", "type": "file", "target": A, "perms": 0o100644}
FOLDER = {"name": b"README", "type": "dir", "target": B, "perms": 0o040000}
DIRECTORY = {"entries": [FILE], "id": ITS_OWN}
VISIT = {"origin": URL, "date": TIME, "type": "git", "visit": 3}
STATUS = {
    "origin": URL,
    "visit": 3,
    "date": TIME,
    "status": "full",
    "snapshot": A,
    "type": "git",
    "metadata": None,
}
EXTID = {
    "extid_type": "hg-nodeid",
    "extid": A,
    "target": "swh:1:rev:" + "0b" * 20,
    "extid_version": 0,
    "payload_type": None,
    "payload": None,
    "id": ITS_OWN,
}
AUTHORITY = {"type": "forge", "url": "https://example.org/"}
FETCHER = {"name": "swh.loader", "version": "1.0"}
METADATA = {
    "target": "swh:1:cnt:" + "0a" * 20,
    "discovery_date": SECOND,
    "authority": AUTHORITY,
    "fetcher": FETCHER,
    "format": "json",
    "metadata": b"{}",
    "id": ITS_OWN,
}

cases = []
TIME_EXTENSIONS = []


def without(value, *names):
    return {name: item for name, item in value.items() if name not in names}


def time_extension(data):
    """A point in time in exactly these bytes: the packer writes only the shortest form."""
    TIME_EXTENSIONS.append(data)
    return msgpack.ExtType(127, data)


def serialized(value):
    """Does not use upstream's serializer, which may no longer know the form of the value."""
    message = msgpack.packb(value, use_bin_type=True)
    for data in TIME_EXTENSIONS:
        # The packer does not allow the extension type of timestamps, -1.
        message = message.replace(b"\x7f" + data, b"\xff" + data)
    return message


def read(object_type, value):
    return model_object(object_type, kafka_to_value(serialized(value)))


def is_read(object_type, value):
    """Whether the model reads the value; it may raise any exception."""
    try:
        read(object_type, without(value, "id"))
    except Exception:
        return False
    return True


def add(name, object_type, value, form, key=None, anonymised=False):
    """Adds a case whose object is that of `form`."""
    object_ = read(object_type, without(form, "id"))
    if value.get("id") is ITS_OWN:
        value = {**value, "id": object_.id}
    if "id" in value:
        object_ = attr.evolve(object_, id=value["id"])
    cases.append(
        [
            object_type,
            key_to_kafka(object_.unique_key() if key is None else key),
            serialized(value),
            written(object_type, object_),
            None if anonymised else computed_id(object_),
            swhid(object_),
            anonymised,
            name,
        ]
    )


def old(name, object_type, value, **more):
    assert is_read(object_type, value), name
    add(name, object_type, value, value, **more)


def old_read_as(name, object_type, value, form, **more):
    assert not is_read(object_type, value), name
    assert is_read(object_type, form), name
    add(name, object_type, value, form, **more)


def out_of_range(name, object_type, value, form=None, **more):
    assert not is_read(object_type, form or value), name
    with attr.validators.disabled():
        add(name, object_type, value, form or value, **more)


def ours(name, object_type, value, form=None, written_as=None):
    """Adds a case with our own expectation: the object of `form`, with other bytes in one field."""
    form = value if form is None else form
    add(name, object_type, value, form)
    if written_as is not None:
        theirs, our_own = written_as
        assert cases[-1][3].count(theirs) == 1, name
        cases[-1][3] = cases[-1][3].replace(theirs, our_own)
    _, _, message, expected, *_ = cases[-1]
    try:
        normal = written(object_type, model_object(object_type, kafka_to_value(message)))
    except Exception:
        return
    assert normal != expected, name


def refused(name, object_type, value):
    assert not is_read(object_type, value), name
    value = {**value, "id": A} if "id" in value else value
    cases.append([object_type, serialized(A), serialized(value), None, None, None, False, name])


def binary_key_time(text):
    return {b"swhtype": "datetime", b"d": text}
