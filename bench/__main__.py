"""``make bench``: every figure of README, in one run, as ratios.

Machines differ and are noisy: compare the ratios of one run, never two runs' figures.
"""

import os
import platform
import sys

import click

from bench.ingest import as_built, naive
from bench.stack import running_stack


@click.command
@click.option("--counters", default=200_000, show_default=True, help="as built")
@click.option("--naive-counters", default=4_000, show_default=True, help="naive way")
def main(counters: int, naive_counters: int) -> None:
    """Measure the way of a counter as built beside the naive way."""
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}"
    )
    with running_stack() as stack:
        slow = naive(stack, naive_counters)
        fast = as_built(stack, counters)
    print(f"{'way of a counter':<48}{'counters/s':>12}{'ratio':>8}")
    print(f"{'one Celery task and one upsert per counter':<48}{slow:>12,.0f}{1:>8.1f}")
    print(
        f"{'as built: HTTP, 1,000 a batch, to the rollup':<48}"
        f"{fast:>12,.0f}{fast / slow:>8.1f}"
    )


if __name__ == "__main__":
    sys.exit(main())
