"""Cases: an object as a record of the journal holds it, and what upstream makes of it.

A file of cases is concatenated msgpack arrays:

    [object_type, key, value, normal, id, swhid, anonymised]

`key` and `value` are a record's, as upstream's serializer writes them. `normal` is what it writes of
the object that its model makes of `value`; nil where that value is to be refused. `id` is what upstream
computes from the object's fields, which is not always the id that the object holds; nil where there is
none to compute. `swhid` is made of the id that the object holds. `anonymised` says that the persons
were hashed, so that the id cannot be recomputed.
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

# BaseContent makes a skipped content of an absent one, which the content topic once held.
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
    """The model's object for a value as `kafka_to_value` gives it."""
    return CLASSES[object_type].from_dict(value)


def written(object_type, object_):
    """The value that the writer sends: the journal's contents have no data."""
    value = object_.to_dict()
    if object_type == "content":
        value.pop("data", None)
    return value_to_kafka(value)


def computed_id(object_):
    """The id that the fields give, or None where the model has none."""
    no_target = isinstance(object_, Release) and object_.target is None
    if no_target and object_.raw_manifest is None:
        return None
    return object_.compute_hash() if hasattr(object_, "compute_hash") else None


def swhid(object_):
    """The text of the SWHID, or None for an object that has none."""
    identifier = object_.swhid() if hasattr(object_, "swhid") else None
    return None if identifier is None else str(identifier)


def case(object_type, value, *, key=None, anonymised=False):
    """The case of a serialized value that upstream's model accepts."""
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
