"""Parked counters: conflicts are kept, what becomes of them is told, nothing jams."""

import threading
import uuid

import psycopg

from ledger.db import Connection
from ledger.rollups import rollups_of_service
from ledger.unparking import apply_parked
from ledger.verify import verify_books
from tests.ledger_world import (
    NOW,
    World,
    add_subscription,
    counter,
    make_message,
    make_world,
    push,
)
from tests.parked_world import events, listen


def unpark_all(conn: Connection, world: World) -> None:
    while apply_parked(conn, world.service_id, NOW):
        conn.commit()


def test_a_conflict_with_a_parked_counter_is_kept(conn: Connection) -> None:
    world = make_world(conn, subscriptions=0)
    push(conn, make_message(world, [counter("p", value="1")]))

    tally = push(conn, make_message(world, [counter("p", value="2")]))

    assert tally["conflict"] == 1
    assert conn.execute(
        "SELECT external_subscription_id, code, transaction_id, value"
        " FROM counter_conflict"
    ).fetchall() == [("sub-0", "sum", "p", "2")]


def test_what_became_of_parked_counters_is_told_and_on_the_receipt(
    database_url: str, conn: Connection
) -> None:
    world = make_world(conn, subscriptions=0)
    listen(conn, world)
    items = [counter("good"), counter("bad", value="abc"), counter("good2")]
    message = make_message(world, items)
    push(conn, message)
    add_subscription(conn, world.code, "sub-0")
    conn.commit()

    unpark_all(conn, world)

    sums = {"applied": 2, "duplicate": 0, "conflict": 0, "rejected": 1, "parked": 0}
    base = {"batch_id": message.batch_id}
    assert events(conn, "batch.processed")[-1] == {**base, "received": 3, **sums}
    assert events(conn, "batch.rejected") == [
        {
            **base,
            "count": 1,
            "items": [
                {"index": 1, "reason": "value_is_invalid: is not a decimal number"}
            ],
        }
    ]
    assert conn.execute("SELECT outcomes, reasons FROM batch_outcome").fetchall() == [
        ("ara", {"1": "value_is_invalid: is not a decimal number"})
    ]


def test_unparking_and_pushing_the_same_counters_never_deadlock(
    database_url: str, conn: Connection
) -> None:
    world = make_world(conn, subscriptions=1)
    items = [
        counter(f"t{n:03d}", code, "1", subscription=f"sub-{n % 2}")
        for n in range(120)
        for code in ("sum", "max")
    ]
    for start in range(0, len(items), 3):
        push(conn, make_message(world, items[start : start + 3]))
    add_subscription(conn, world.code, "sub-1")
    conn.commit()
    failures: list[BaseException] = []

    def push_again(step: int) -> None:
        try:
            with psycopg.connect(database_url) as own:
                for start in range(0, len(items), 40):
                    part = items[start : start + 40][::step]
                    push(own, make_message(world, part, batch_id=str(uuid.uuid4())))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=push_again, args=(s,)) for s in (1, -1, 2, -2)]
    for thread in threads:
        thread.start()
    unpark_all(conn, world)
    for thread in threads:
        thread.join()
    unpark_all(conn, world)

    assert failures == []
    totals = {
        (r.subscription, r.metric): r.quantity
        for r in rollups_of_service(conn, world.service_id)
    }
    assert totals == {
        ("sub-0", "sum"): 60,
        ("sub-1", "sum"): 60,
        ("sub-0", "max"): 1,
        ("sub-1", "max"): 1,
    }
    with psycopg.connect(database_url) as fresh:
        (proof,) = verify_books(fresh, world.code)
    assert proof.mismatches == []
