"""Counts the objects that upstream's client reads with the section `journal_client` of a configuration file.

Usage: read_config.py FILE

Prints a JSON object of object types and their numbers.
"""

import collections
import json
import sys
import warnings

from swh.core import config
from swh.journal.client import get_journal_client


def main():
    warnings.simplefilter("ignore", DeprecationWarning)
    counts = collections.Counter()

    def count(all_objects):
        for object_type, objects in all_objects.items():
            counts[object_type] += len(objects)

    client = get_journal_client(**config.read(sys.argv[1])["journal_client"])
    client.process(count)
    client.close()
    json.dump(counts, sys.stdout)


main()
