"""Finds the files in which projects describe themselves, as an indexer does before it reads their contents."""

WANTED = {b"Cargo.toml", b"codemeta.json", b"package.json", b"pom.xml", b"setup.py"}


def process(all_objects, emit):
    for directory in all_objects.get("directory", []):
        for entry in directory["entries"]:
            if entry["type"] == "file" and entry["name"] in WANTED:
                emit(
                    {
                        "directory": directory["id"].hex(),
                        "name": entry["name"].decode(),
                        "content": entry["target"].hex(),
                    }
                )
