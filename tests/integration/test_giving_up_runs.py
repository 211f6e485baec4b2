"""Giving up parked counters beside everything else, and in shares of a run (P4)."""

import threading
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from structlog.testing import capture_logs

from ledger.db import Connection
from ledger.giving_up import bury_expired
from ledger.rollups import rollups_of_service
from ledger.unparking import apply_parked
from tests.ledger_world import (
    NOW,
    World,
    add_subscription,
    make_message,
    push,
)
from tests.parked_world import (
    DAY,
    END,
    LIMIT,
    bury_all,
    events,
    listening_world,
    lost,
    mismatches,
    outcomes,
    park,
)
from workers.parked import review_parked


@pytest.fixture
def world(conn: Connection) -> World:
    return listening_world(conn)


def test_of_giving_up_applying_and_pushing_at_once_nothing_is_lost_or_jams(
    database_url: str, conn: Connection, world: World
) -> None:
    names = [f"t{number:03}" for number in range(120)]
    for start in range(0, 120, 3):
        items = [lost(n) for n in names[start : start + 3]]
        items += [lost(n, code="no-such") for n in names[start : start + 3]]
        park(conn, world, items)
    failures: list[BaseException] = []

    def give_up() -> None:
        while bury_expired(own(), world.service_id, LIMIT, END):
            own().commit()

    def push_again() -> None:
        for start in range(0, 120, 40):
            push(
                own(), make_message(world, [lost(n) for n in names[start : start + 40]])
            )

    def apply() -> None:
        add_subscription(own(), world.code, "sub-1")
        own().commit()
        while apply_parked(own(), world.service_id, END):
            own().commit()

    local = threading.local()

    def own() -> Connection:
        return local.conn  # type: ignore[no-any-return]  # a thread's own

    def run(work: Any) -> None:
        try:
            with psycopg.connect(database_url) as local.conn:
                work()
        except BaseException as error:
            failures.append(error)

    threads = [
        threading.Thread(target=run, args=(work,))
        for work in (give_up, push_again, apply, give_up, push_again)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    bury_all(conn, world)
    while apply_parked(conn, world.service_id, END):
        conn.commit()
    push(conn, make_message(world, [lost(name) for name in names]))

    assert failures == []
    conn.rollback()
    totals = {r.metric: r.quantity for r in rollups_of_service(conn, world.service_id)}
    assert totals == {"sum": 120}
    assert mismatches(conn, world) == []


def test_a_run_takes_a_share_of_a_great_many_and_the_next_goes_on(
    database_url: str, conn: Connection, world: World
) -> None:
    message = park(conn, world, [lost(f"t{number}") for number in range(1_500)])

    with capture_logs() as lines:
        for _ in range(3):
            review_parked(database_url, LIMIT, lambda: END, max_pages=1)

    counts = [line["counters"] for line in lines if line["event"] == "parked_dead"]
    assert counts == [1_000, 500]
    assert outcomes(conn, world, message.batch_id) == {"rejected": 1_500}


def test_what_is_given_up_on_the_first_day_is_reported_first(
    database_url: str, conn: Connection, world: World
) -> None:
    message = park(conn, world, [lost("a")])

    review_parked(database_url, DAY, lambda: NOW + DAY + timedelta(minutes=1))

    assert [event["count"] for event in events(conn, "events.errors")] == [1]
    assert outcomes(conn, world, message.batch_id) == {"rejected": 1}
