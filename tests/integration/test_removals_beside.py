"""Folds at once of events that add and take back the same members (P2, P7)."""

import random
import threading
from datetime import UTC, datetime, timedelta
from itertools import chain

import psycopg

from ledger.db import Connection, connect
from ledger.place import EPOCH
from ledger.verify import verify_books
from schemas.messages import Counter
from tests.ledger_world import World, counter, make_message, make_world, push

JANUARY = datetime(2026, 1, 10, 12, tzinfo=UTC)
REMOVE = '{"operation_type":"remove"}'
FOLDERS = 4
ROUNDS = 25


def events_of(folder: int) -> list[list[Counter]]:
    dice = random.Random(folder)
    at_us = (JANUARY - EPOCH) // timedelta(microseconds=1)
    return [
        [
            counter(
                f"{folder}-{number}-{item}",
                "unique",
                None,
                tuple(sorted(dice.sample("abcdef", dice.randint(1, 3)))),
                timestamp_us=at_us + dice.randrange(50) * 1_000_000,
                properties=REMOVE if dice.random() < 0.5 else None,
            )
            for item in range(dice.randint(1, 4))
        ]
        for number in range(ROUNDS)
    ]


def members_of(batches: list[list[Counter]]) -> int:
    latest: dict[str, tuple[int, str, bool]] = {}
    for each in (each for batch in batches for each in batch):
        told = (each.timestamp_us, each.transaction_id, each.properties == REMOVE)
        for member in each.members or ():
            latest[member] = max(latest.get(member, told), told)
    return sum(not removed for *_, removed in latest.values())


def test_folds_at_once_leave_what_one_after_the_other_would(
    conn: Connection, database_url: str
) -> None:
    world = make_world(conn, subscriptions=1)
    batches = {folder: events_of(folder) for folder in range(FOLDERS)}
    failures: list[BaseException] = []

    def fold(folder: int) -> None:
        try:
            with connect(database_url) as mine:
                for batch in batches[folder]:
                    push(mine, make_message(world, batch))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=fold, args=(n,)) for n in range(FOLDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert quantity(conn, world) == members_of([*chain(*batches.values())])
    with psycopg.connect(database_url) as fresh:
        (proof,) = verify_books(fresh, world.code)
    assert proof.mismatches == []


def quantity(conn: Connection, world: World) -> int:
    row = conn.execute(
        "SELECT quantity FROM rollup r JOIN metric m ON m.id = metric_id"
        " WHERE service_id = %s AND code = 'unique'",
        (world.service_id,),
    ).fetchone()
    assert row is not None
    return int(row[0])
