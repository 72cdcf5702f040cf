"""Counts revisions by the month of their date, in UTC."""

import collections
import datetime

OBJECT_TYPES = ["revision"]
FIELDS = {"revision": ["date"]}
OUTPUTS = [{"name": "months", "kind": "aggregate", "key": ["month"], "columns": [{"name": "revisions", "merge": "sum"}]}]

EPOCH = datetime.datetime(1970, 1, 1)


def process(all_objects, emit):
    months = collections.Counter()
    for revision in all_objects["revision"]:
        if revision["date"]:
            date = EPOCH + datetime.timedelta(seconds=revision["date"]["timestamp"]["seconds"])
            months[f"{date:%Y-%m}"] += 1
    for month, revisions in months.items():
        emit({"month": month, "revisions": revisions})
