"""Lists the edges of the graph between snapshots, releases, revisions and directories."""

KINDS = {"content": "cnt", "directory": "dir", "release": "rel", "revision": "rev", "snapshot": "snp"}
ENTRIES = {"dir": "dir", "file": "cnt", "rev": "rev"}


def targets(object_type, object_):
    if object_type == "snapshot":
        for branch in object_["branches"].values():
            if branch and branch["target_type"] in KINDS:
                yield KINDS[branch["target_type"]], branch["target"]
    elif object_type == "release":
        if object_["target"] is not None:
            yield KINDS[object_["target_type"]], object_["target"]
    elif object_type == "revision":
        yield "dir", object_["directory"]
        for parent in object_["parents"]:
            yield "rev", parent
    elif object_type == "directory":
        for entry in object_["entries"]:
            yield ENTRIES[entry["type"]], entry["target"]


def process(all_objects, emit):
    for object_type, objects in all_objects.items():
        for object_ in objects:
            for kind, target in targets(object_type, object_):
                source = f"swh:1:{KINDS[object_type]}:{object_['id'].hex()}"
                emit({"from": source, "to": f"swh:1:{kind}:{target.hex()}"})
