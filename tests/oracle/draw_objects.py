"""Draws random objects of every type, and writes what upstream reads from them.

Usage: draw_objects.py OUT --seed SEED --each COUNT

OUT is a file of cases, see cases.py. The same seed draws the same objects. Of each type it draws COUNT objects
with the strategy of swh.model, if there is one, and COUNT with odd_objects.py. Each revision and release that
names a person is written a second time, anonymised. Prints the number of cases of each type.
"""

import argparse
import os
import sys

import hypothesis
from hypothesis import HealthCheck, Phase, configuration
from swh.model import hypothesis_strategies as strategies

from cases import CLASSES, case, packed, written
from odd_objects import OddObjects

STRATEGIES = {
    "content": strategies.present_contents,
    "skipped_content": strategies.skipped_contents,
    "hash_colliding_content": strategies.present_contents,
    "directory": strategies.directories,
    "revision": strategies.revisions,
    "release": strategies.releases,
    "snapshot": strategies.snapshots,
    "origin": strategies.origins,
    "origin_visit": strategies.origin_visits,
    "origin_visit_status": strategies.origin_visit_statuses,
    "metadata_authority": strategies.metadata_authorities,
    "metadata_fetcher": strategies.metadata_fetchers,
    "raw_extrinsic_metadata": strategies.raw_extrinsic_metadata,
}


def by_strategy(object_type, seed, count):
    """Objects drawn by the strategy of swh.model."""
    if object_type not in STRATEGIES:
        return []
    drawn = []

    def draw_more(round_):
        @hypothesis.seed(f"{object_type} {seed} {round_}")
        @hypothesis.settings(
            max_examples=count - len(drawn),
            phases=[Phase.generate],
            database=None,
            deadline=None,
            derandomize=False,
            suppress_health_check=list(HealthCheck),
        )
        @hypothesis.given(STRATEGIES[object_type]())
        def draw(object_):
            drawn.append(object_)

        draw()

    # A round may stop early if the strategy itself refused much of what it drew.
    round_ = 0
    while len(drawn) < count:
        draw_more(round_)
        round_ += 1
    return drawn[:count]


def cases_of(object_type, object_):
    yield case(object_type, written(object_type, object_))
    persons = [getattr(object_, name, None) for name in ("author", "committer")]
    if object_type in ("revision", "release") and any(persons):
        anonymised = written(object_type, object_.anonymize())
        yield case(object_type, anonymised, anonymised=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--each", type=int, required=True)
    arguments = parser.parse_args()

    # Hypothesis stores a table of Unicode categories in a folder; keep it out of the current one.
    configuration.set_hypothesis_home_dir(os.path.join(sys.prefix, "hypothesis"))
    odd = OddObjects(arguments.seed)
    with open(arguments.out, "wb") as out:
        for object_type in CLASSES:
            objects = by_strategy(object_type, arguments.seed, arguments.each)
            objects += [getattr(odd, object_type)() for _ in range(arguments.each)]
            count = 0
            for object_ in objects:
                for members in cases_of(object_type, object_):
                    out.write(packed(members))
                    count += 1
            print(object_type, count)


main()
