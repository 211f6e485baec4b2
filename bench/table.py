"""What a bench prints: a line per figure, with its ratio and what was to be reached."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """One figure. ``ratio`` says to what; ``target`` what was to be reached, if any."""

    what: str
    figure: str
    ratio: str = ""
    target: str = ""


def print_table(lines: Iterable[Line]) -> None:
    """Print lines under a heading, each column as wide as it needs to be."""
    heading = ("what", "measured", "ratio", "to reach")
    rows = [heading, *((x.what, x.figure, x.ratio, x.target) for x in lines)]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        print("  ".join(cells).rstrip())


def percentile(seconds: Sequence[float], percent: int) -> float:
    """The smallest that this many percent do not exceed."""
    return sorted(seconds)[math.ceil(len(seconds) * percent / 100) - 1]
