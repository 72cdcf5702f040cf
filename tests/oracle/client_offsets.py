"""Runs a command of upstream's client about the offsets of a group.

    client_offsets.py {offsets,set-offsets} BROKERS GROUP FILE
"""

import sys

from swh.journal.cli import journal


def main(command, brokers, group, file):
    client = {"cls": "kafka", "brokers": [brokers], "group_id": group}
    arguments = ["-o", file] if command == "offsets" else [file]
    journal(["client", command, *arguments], obj={"config": {"journal_client": client}})


if __name__ == "__main__":
    main(*sys.argv[1:])
