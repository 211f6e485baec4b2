"""Changed terms: the periods are those that the new terms would have made."""

import random
import threading
from datetime import datetime
from typing import Any

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.batches import apply_batch, take_batch
from ledger.catalog import (
    PlanRow,
    SubscriptionRow,
    upsert_plan,
    upsert_subscription,
)
from ledger.db import Connection
from ledger.rollups import rollups_of_service
from ledger.verify import verify_books
from tests.ledger_world import (
    NOW,
    STARTED,
    World,
    counter,
    make_message,
    make_world,
    push,
)

DAY_US = 86_400_000_000
at = datetime.fromisoformat


def usage(conn: Connection, world: World) -> set[tuple[object, ...]]:
    return {
        (r.metric, r.period_start, r.period_end, r.quantity, r.counters)
        for r in rollups_of_service(conn, world.service_id)
        if r.counters
    }


def set_terms(conn: Connection, world: World, terms: dict[str, Any]) -> None:
    row = {
        "service": world.code,
        "external_id": "sub-0",
        "customer": "customer",
        "plan": "plan",
        "started_at": STARTED,
        "ended_at": None,
        "timezone": "America/Toronto",
        "anchor": "calendar",
        "odoo_id": 1,
        **terms,
    }
    upsert_subscription(conn, SubscriptionRow(**row))
    conn.commit()


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(st.integers(-70, 70), min_size=1, max_size=25),
    st.sampled_from(
        [
            {"anchor": "anniversary", "started_at": at("2026-01-17T22:00:00+00:00")},
            {"timezone": "Asia/Kathmandu"},
            {"started_at": at("2025-11-03T00:00:00+00:00")},
        ]
    ),
    st.randoms(use_true_random=False),
)
def test_counters_end_where_the_new_terms_put_them(
    database_url: str,
    conn: Connection,
    days: list[int],
    terms: dict[str, Any],
    chance: random.Random,
) -> None:
    items = [
        counter(
            f"t{n}",
            code,
            None if code == "unique" else str(chance.randint(-5, 50)),
            (f"m{chance.randint(0, 4)}",) if code == "unique" else None,
            timestamp_us=counter("x").timestamp_us + day * DAY_US,
        )
        for n, day in enumerate(days)
        for code in ("sum", "max", "last", "unique")
    ]
    changed, fresh = (make_world(conn, subscriptions=1) for _ in range(2))
    push(conn, make_message(changed, items[::2]))
    push(conn, make_message(changed, items[1::2]))

    set_terms(conn, changed, terms)
    set_terms(conn, fresh, terms)
    push(conn, make_message(fresh, items))

    assert usage(conn, changed) == usage(conn, fresh)
    with psycopg.connect(database_url) as own:
        (proof,) = verify_books(own, changed.code)
    assert proof.mismatches == []


def test_an_emptied_period_is_left_at_nothing_for_odoo_to_hear(
    conn: Connection,
) -> None:
    world = make_world(conn, subscriptions=1)
    push(conn, make_message(world, [counter("t", value="7")]))
    conn.execute("UPDATE rollup SET pushed_revision = revision")
    conn.commit()

    set_terms(conn, world, {"started_at": at("2026-06-05T00:00:00+00:00")})

    rows = [
        (int(r.quantity), r.counters, r.revision > r.pushed_revision)
        for r in rollups_of_service(conn, world.service_id)
    ]
    assert sorted(rows) == [(0, 0, True), (7, 1, True)]


def test_another_interval_of_the_plan_counts_again(
    database_url: str, conn: Connection
) -> None:
    world = make_world(conn, subscriptions=1)
    week_us = 7 * DAY_US
    now_us = counter("x").timestamp_us
    items = [counter(f"t{n}", timestamp_us=now_us - n * week_us) for n in range(3)]
    push(conn, make_message(world, items))

    upsert_plan(conn, PlanRow(world.code, "plan", "plan", "weekly", "CAD", "0", (), 1))
    conn.commit()

    assert [row[3] for row in usage(conn, world)] == [1, 1, 1]
    with psycopg.connect(database_url) as own:
        assert verify_books(own, world.code)[0].mismatches == []


def test_a_fold_that_runs_beside_a_change_of_terms_is_counted_by_the_new_ones(
    database_url: str, conn: Connection
) -> None:
    world = make_world(conn, subscriptions=1)
    message = make_message(world, [counter("t", value="7")])
    take_batch(conn, message)
    conn.commit()
    apply_batch(conn, message, NOW)  # by the old terms, not committed yet

    def change() -> None:
        with psycopg.connect(database_url) as own:
            set_terms(own, world, {"timezone": "Asia/Kathmandu"})

    changer = threading.Thread(target=change)
    changer.start()
    changer.join(0.3)
    assert changer.is_alive()  # it waits for the fold
    conn.commit()
    changer.join(10)

    (row,) = usage(conn, world)
    assert row[1] == at("2026-05-31T18:15:00+00:00")
