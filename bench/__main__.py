"""``make bench``: every figure of README, in one run, as ratios.

Machines differ and are noisy: compare the ratios of one run, never two runs' figures.
"""

import os
import platform
import sys
from collections.abc import Callable, Iterator

import click

from bench.books import measure_books
from bench.half_load import half_load
from bench.ingest import as_built, naive
from bench.memory import largest_process
from bench.odoo import push_rollups
from bench.stack import BenchStack, running_stack
from bench.table import Line, percentile, print_table
from bench.traffic import App, running_app
from bench.webhooks import deliver_webhooks

PARTS = ("ingest", "half-load", "books", "odoo", "webhooks", "memory")


@click.command
@click.option(
    "--only", multiple=True, type=click.Choice(PARTS), help="Leave out others."
)
@click.option("--counters", default=200_000, show_default=True, help="As built.")
@click.option("--naive-counters", default=4_000, show_default=True, help="Naive way.")
@click.option("--small-counters", default=60_000, show_default=True, help="By 100.")
@click.option("--seconds", default=20, show_default=True, help="At half load.")
@click.option("--books-counters", default=40_000, show_default=True, help="A row.")
@click.option("--big", is_flag=True, help="Also with 20 million counters before.")
@click.option("--periods", default=10, show_default=True, help="1,000 rollups each.")
@click.option("--deliveries", default=20_000, show_default=True, help="Webhooks.")
def main(
    only: tuple[str, ...],
    counters: int,
    naive_counters: int,
    small_counters: int,
    seconds: int,
    books_counters: int,
    big: bool,
    periods: int,
    deliveries: int,
) -> None:
    """Measure what DESIGN asks for, each figure beside what it is held against."""
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}"
    )
    rows = [0, 1_000_000, *([20_000_000] if big else [])]
    parts: dict[str, Callable[[BenchStack, App], Iterator[Line]]] = {
        "ingest": lambda stack, app: _ingest(stack, app, counters, naive_counters),
        "half-load": lambda stack, app: _half_load(stack, app, small_counters, seconds),
        "books": lambda stack, app: _books(stack, rows, books_counters),
        "odoo": lambda stack, app: _odoo(stack, periods),
        "webhooks": lambda stack, app: _webhooks(stack, deliveries),
        "memory": lambda stack, app: _memory(stack),
    }
    lines: list[Line] = []
    with running_stack() as stack, running_app(stack) as app:
        for name in only or PARTS:
            print(f"measuring {name}", file=sys.stderr)
            lines += parts[name](stack, app)
    print_table(lines)


def _ingest(
    stack: BenchStack, app: App, counters: int, naive_counters: int
) -> Iterator[Line]:
    slow = naive(stack, naive_counters)
    yield Line("one Celery task and one upsert per counter", _per_second(slow), "1")
    fast = as_built(stack, app, counters, 1_000)
    yield Line(
        "as built: HTTP, 1,000 a batch, to the rollup",
        _per_second(fast),
        f"{fast / slow:.1f} x that",
        "30,000/s, 20 x that",
    )


def _half_load(
    stack: BenchStack, app: App, counters: int, seconds: int
) -> Iterator[Line]:
    most = as_built(stack, app, counters, 100)
    yield Line("as built: HTTP, 100 a batch, to the rollup", _per_second(most))
    found = half_load(app, most / 100 / 2, seconds)
    answered = percentile(found.answered, 99) * 1_000
    visible = percentile(found.visible, 99) * 1_000
    yield Line(
        f"half of that: API, p99 of {len(found.answered)} batches",
        f"{answered:,.0f} ms",
        f"{answered / 20:.2f} of the limit",
        "20 ms",
    )
    yield Line(
        f"half of that: 202 to current usage, p99 of {len(found.visible)}",
        f"{visible:,.0f} ms",
        f"{visible / 1_000:.2f} of the limit",
        "1,000 ms",
    )


def _books(stack: BenchStack, rows: list[int], counters: int) -> Iterator[Line]:
    at_first: dict[int, float] = {}
    for books in measure_books(stack, rows, [1_000, 10_000], counters):
        size = books.size
        slower = at_first.setdefault(size, books.folded) / books.folded
        yield Line(
            f"fold alone, {size:,} a batch, {books.rows:,} there before",
            _per_second(books.folded),
            f"{books.folded / books.copied:.2f} of COPY, {slower:.2f} x slower",
            "0.50 of COPY, 1.30 x slower",
        )
        yield Line("  COPY of the same rows", _per_second(books.copied))


def _odoo(stack: BenchStack, periods: int) -> Iterator[Line]:
    pushed = push_rollups(stack, periods, single_calls=200)
    for what, call, rate, single in (
        ("new", "create", pushed.created, pushed.create_calls),
        ("changed", "write", pushed.updated, pushed.write_calls),
    ):
        yield Line(f"Odoo: one {call} call per rollup", _per_second(single), "1")
        yield Line(
            f"Odoo: {what} rollups, as built",
            _per_second(rate),
            f"{rate / single:.1f} x that",
            "100 x that",
        )


def _webhooks(stack: BenchStack, deliveries: int) -> Iterator[Line]:
    rate = deliver_webhooks(stack, deliveries)
    ratio = f"{rate / 3_000:.2f} of the target"
    yield Line("webhooks to fast receivers", _per_second(rate), ratio, "3,000/s")


def _memory(stack: BenchStack) -> Iterator[Line]:
    for program in ("worker", "api"):
        size = largest_process(stack, program)
        what = f"memory of the largest {program} process"
        ratio = f"{size / 150:.2f} of the limit"
        yield Line(what, f"{size:.0f} MiB", ratio, "150 MiB")


def _per_second(rate: float) -> str:
    return f"{rate:,.0f}/s"


if __name__ == "__main__":
    sys.exit(main())
