"""Prints the SWHIDs of objects and the keys of the records that masking each of them holds back.

    swhids.py FRAMES

Prints one line per SWHID: the SWHID and the keys in hexadecimal.
"""

import sys
from collections import defaultdict

import msgpack
from swh.journal.serializers import kafka_to_value
from swh.model import model

CLASSES = {
    "content": model.Content,
    "skipped_content": model.SkippedContent,
    "directory": model.Directory,
    "extid": model.ExtID,
    "origin": model.Origin,
    "origin_visit": model.OriginVisit,
    "origin_visit_status": model.OriginVisitStatus,
    "raw_extrinsic_metadata": model.RawExtrinsicMetadata,
    "release": model.Release,
    "revision": model.Revision,
    "snapshot": model.Snapshot,
}


def swhids(object_):
    if hasattr(object_, "swhid"):
        yield object_.swhid()
    if isinstance(object_, (model.OriginVisit, model.OriginVisitStatus)):
        yield model.Origin(url=object_.origin).swhid()
    if isinstance(object_, (model.ExtID, model.RawExtrinsicMetadata)):
        yield object_.target


keys = defaultdict(set)
with open(sys.argv[1], "rb") as file:
    for topic, key, value in msgpack.Unpacker(file, raw=False):
        object_type = topic.rpartition(".")[2]
        if value is None or object_type not in CLASSES:
            continue
        object_ = CLASSES[object_type].from_dict(kafka_to_value(value))
        for swhid in swhids(object_):
            if swhid is not None:
                keys[str(swhid)].add(key.hex())
for swhid in sorted(keys):
    print(swhid, *sorted(keys[swhid]))
