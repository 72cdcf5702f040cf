"""Cases: serialized objects of the journal, each with what upstream reads from it.

A file of cases is concatenated msgpack arrays:

    [object_type, key, value, normal, id, swhid, anonymised]

`key` and `value` are those of a record, as upstream's serializer writes them. `normal` is the serialized form of
the model object that upstream reads from `value`; nil if readers must refuse the value. `id` is the identifier
that upstream computes from the object's fields, which may differ from the one in the object; nil if it computes
none. `swhid` is built from the identifier in the object. `anonymised` is true if the persons are hashed, so that
the identifier cannot be recomputed.
"""

import msgpack
from swh.journal.serializers import kafka_to_value, key_to_kafka, value_to_kafka
from swh.model.model import (
    BaseContent,
    Content,
    Directory,
    ExtID,
    MetadataAuthority,
    MetadataFetcher,
    Origin,
    OriginVisit,
    OriginVisitStatus,
    RawExtrinsicMetadata,
    Release,
    Revision,
    SkippedContent,
    Snapshot,
)

# BaseContent reads an absent content, which the content topic once contained, as a skipped content.
CLASSES = {
    "content": BaseContent,
    "skipped_content": SkippedContent,
    "hash_colliding_content": Content,
    "directory": Directory,
    "revision": Revision,
    "release": Release,
    "snapshot": Snapshot,
    "origin": Origin,
    "origin_visit": OriginVisit,
    "origin_visit_status": OriginVisitStatus,
    "extid": ExtID,
    "metadata_authority": MetadataAuthority,
    "metadata_fetcher": MetadataFetcher,
    "raw_extrinsic_metadata": RawExtrinsicMetadata,
}


def model_object(object_type, value):
    """The model object for a value that `kafka_to_value` returned."""
    return CLASSES[object_type].from_dict(value)


def written(object_type, object_):
    """The value that the writer sends; contents in the journal have no data."""
    value = object_.to_dict()
    if object_type == "content":
        value.pop("data", None)
    return value_to_kafka(value)


def computed_id(object_):
    """The identifier that the fields result in, or None if the model computes none."""
    no_target = isinstance(object_, Release) and object_.target is None
    if no_target and object_.raw_manifest is None:
        return None
    return object_.compute_hash() if hasattr(object_, "compute_hash") else None


def swhid(object_):
    """The SWHID as text, or None if the object has none."""
    identifier = object_.swhid() if hasattr(object_, "swhid") else None
    return None if identifier is None else str(identifier)


def case(object_type, value, *, key=None, anonymised=False):
    """The case for a serialized value that upstream's model accepts."""
    object_ = model_object(object_type, kafka_to_value(value))
    return [
        object_type,
        key_to_kafka(object_.unique_key()) if key is None else key,
        value,
        written(object_type, object_),
        None if anonymised else computed_id(object_),
        swhid(object_),
        anonymised,
    ]


def packed(members):
    return msgpack.packb(members, use_bin_type=True)
