"""A client of the shape of upstream's example: it runs here as it is, and natively."""

import pprint


def print_objects(all_objects):
    for object_type, objects in all_objects.items():
        for object_ in objects:
            print(f"A {object_type}:")
            pprint.pprint(object_)
            print()


def main():
    from swh.journal.client import get_journal_client

    client = get_journal_client("kafka", brokers=["localhost:9092"], group_id="example", privileged=True)
    client.process(print_objects)


if __name__ == "__main__":
    main()
