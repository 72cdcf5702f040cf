"""Reads every field of every object, and counts those that have a value."""

OUTPUTS = [{"name": "fields", "kind": "aggregate", "key": ["object_type"], "columns": [{"name": "fields", "merge": "sum"}]}]


def process(all_objects, emit):
    for object_type, objects in all_objects.items():
        fields = 0
        for object_ in objects:
            for value in object_.values():
                if value is not None:
                    fields += 1
        emit({"object_type": object_type, "fields": fields})
