#!/usr/bin/env python3
"""Draws the rows of commit-activity as SVG: revisions by hour of the week, and by month.

    plot.py HOURS.jsonl MONTHS.jsonl > activity.svg

Needs matplotlib: python3 -m pip install matplotlib
"""

import collections
import json
import sys

import matplotlib

matplotlib.use("svg")
# Keep text as text, and produce the same file from the same rows.
matplotlib.rcParams["svg.fonttype"] = "none"
matplotlib.rcParams["svg.hashsalt"] = "commit-activity"

from matplotlib import pyplot  # noqa: E402 (after the back end is set)

WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()


def sums(path, *key):
    """Adds up the revisions of rows with the same key: on Kafka, rows are partial sums."""
    counts = collections.Counter()
    with open(path, encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            values = tuple(row[name] for name in key)
            if None not in values:
                counts[values] += row["revisions"]
    return counts


def draw_week(axes, hours):
    week = [[hours[day, hour] for hour in range(24)] for day in WEEKDAYS]
    image = axes.imshow(week, cmap="Greens", aspect="auto")
    axes.set_yticks(range(7), WEEKDAYS)
    axes.set_xticks(range(0, 24, 3), [f"{hour:02}:00" for hour in range(0, 24, 3)])
    axes.set_title("Revisions by hour of the week, on the authors' own clocks")
    axes.figure.colorbar(image, ax=axes)


def every_month(first, last):
    year, month = map(int, first.split("-"))
    while (name := f"{year:04}-{month:02}") <= last:
        yield name
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)


def draw_months(axes, months):
    names = list(every_month(min(months)[0], max(months)[0]))
    axes.bar(range(len(names)), [months[name,] for name in names], color="tab:green")
    years = [index for index, name in enumerate(names) if name.endswith("-01")]
    axes.set_xticks(years, [names[index][:4] for index in years])
    axes.set_title("Revisions by month, in UTC")


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: plot.py HOURS.jsonl MONTHS.jsonl > activity.svg")
    hours, months = sums(sys.argv[1], "weekday", "hour"), sums(sys.argv[2], "month")
    if not months:
        sys.exit("no revision with a date in these rows")
    figure, (week, history) = pyplot.subplots(2, figsize=(9, 6), layout="constrained")
    draw_week(week, hours)
    draw_months(history, months)
    figure.savefig(sys.stdout.buffer, format="svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
