"""Counts the objects of each type."""

OUTPUTS = [{"name": "counts", "kind": "aggregate", "key": ["object_type"], "columns": [{"name": "objects", "merge": "sum"}]}]


def process(all_objects, emit):
    for object_type, objects in all_objects.items():
        emit({"object_type": object_type, "objects": len(objects)})
