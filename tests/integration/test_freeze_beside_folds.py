"""P2, P4, P8 with writers and a freeze at once: a counter is billed or corrects a bill.

Eight writers push overlapping batches of one service, of usage in a period that is
being frozen and in the open one after it, while the freeze runs between their batches.
"""

import random
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal

import psycopg

from ledger.catalog import ChargeRow
from ledger.chain import seal_page
from ledger.freezing import freeze_round
from ledger.verify import verify_books
from schemas.messages import Counter
from tests.ledger_world import (
    AGGREGATIONS,
    World,
    counter,
    freeze,
    make_message,
    make_world,
    push,
)

WRITERS = 8
BATCHES = 6
CHARGES = tuple(
    ChargeRow(aggregation, "standard", "3", "0.0075", None, ())
    for aggregation in AGGREGATIONS
)
JULY = datetime(2026, 7, 1, 4, tzinfo=UTC)
FROZEN_AT = datetime(2026, 7, 4, tzinfo=UTC)
JUNE_US = int(datetime(2026, 6, 20, tzinfo=UTC).timestamp()) * 1_000_000
JULY_US = int(datetime(2026, 7, 2, tzinfo=UTC).timestamp()) * 1_000_000


def some_counters() -> list[Counter]:
    """Of each metric, subscription and month, thirty that differ in value and time."""
    return [
        counter(
            f"{month_us}-{number}",
            code,
            None if code == "unique" else str(number - 3),
            (f"m{number % 11}",) if code == "unique" else None,
            subscription,
            month_us + number,
        )
        for subscription in ("sub-0", "sub-1")
        for code in AGGREGATIONS
        for month_us in (JUNE_US, JULY_US)
        for number in range(30)
    ]


def write(
    database_url: str, world: World, items: Sequence[Counter], seed: int
) -> tuple[int, int]:
    """Push batches of random picks, at last all; answers applied and duplicates."""
    chance = random.Random(seed)
    applied = duplicates = 0
    with psycopg.connect(database_url) as conn:
        for number in range(BATCHES):
            last = number == BATCHES - 1
            picks = list(items) if last else chance.choices(items, k=len(items) // 3)
            chance.shuffle(picks)
            tally = push(conn, make_message(world, picks), FROZEN_AT)
            applied += tally["applied"]
            duplicates += tally["duplicate"]
            assert tally["applied"] + tally["duplicate"] == len(picks)
    return applied, duplicates


def test_a_freeze_between_the_batches_of_eight_writers_loses_and_doubles_nothing(
    database_url: str,
) -> None:
    with psycopg.connect(database_url) as conn:
        world = make_world(conn, charges=CHARGES)
    items = some_counters()
    started = threading.Barrier(WRITERS + 1)

    def run(seed: int) -> tuple[int, int]:
        started.wait(timeout=30)
        return write(database_url, world, items, seed)

    with ThreadPoolExecutor(WRITERS) as pool:
        writers = [pool.submit(run, seed) for seed in range(WRITERS)]
        started.wait(timeout=30)
        with psycopg.connect(database_url) as conn:
            frozen = freeze(conn, world, FROZEN_AT)
        sums = [writer.result(timeout=120) for writer in writers]

    assert frozen >= 2 * 6  # January to June of both
    assert sum(applied for applied, _ in sums) == len(items)
    with psycopg.connect(database_url) as conn:
        (proof,) = verify_books(conn, world.code)
        rows = conn.execute(
            "SELECT b.external_id, m.code, sum(r.quantity - r.base)"
            " FROM rollup r JOIN metric m ON m.id = r.metric_id"
            " JOIN subscription b ON b.id = r.subscription_id"
            " WHERE r.usage_start < %s GROUP BY 1, 2 ORDER BY 1, 2",
            (JULY,),
        ).fetchall()
    assert proof.mismatches == []
    june = {
        "sum": Decimal(sum(range(-3, 27))),
        "max": Decimal(26),
        "last": Decimal(26),
        "unique": Decimal(11),
        "count": Decimal(30),
    }
    assert rows == [
        (subscription, code, june[code])
        for subscription in ("sub-0", "sub-1")
        for code in sorted(AGGREGATIONS)
    ]


def test_a_fold_waits_for_a_freeze_that_has_begun_and_sees_what_it_froze(
    database_url: str,
) -> None:
    with psycopg.connect(database_url) as conn:
        world = make_world(conn, subscriptions=1, charges=CHARGES)
        push(conn, make_message(world, [counter("1", timestamp_us=JUNE_US)]))
        freeze(conn, world, datetime(2026, 6, 20, tzinfo=UTC))
    late = counter("2", timestamp_us=JUNE_US, value="5")
    done = threading.Event()

    def fold() -> None:
        with psycopg.connect(database_url) as conn:
            push(conn, make_message(world, [late]), FROZEN_AT)
        done.set()

    with psycopg.connect(database_url) as freezing:
        frozen = freeze_round(freezing, world.service_id, FROZEN_AT).frozen
        folder = threading.Thread(target=fold)
        folder.start()
        waited = not done.wait(0.5)
    folder.join(timeout=30)

    with psycopg.connect(database_url) as conn:
        seal_page(conn)
        rows = conn.execute(
            "SELECT quantity - base, counters, frozen_at IS NOT NULL FROM rollup"
            " WHERE counters > 0 ORDER BY period_start"
        ).fetchall()
    assert (frozen, waited) == (1, True)
    assert rows == [(Decimal(1), 1, True), (Decimal(5), 1, False)]
