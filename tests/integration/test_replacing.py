"""Changed terms: the periods are those that the new terms would have made."""

import random

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.db import Connection
from ledger.replacing import exclude_folds, replace_counters
from ledger.rollups import rollups_of_service
from ledger.verify import verify_books
from tests.ledger_world import NOW, World, counter, make_message, make_world, push

DAY_US = 86_400_000_000


def usage(conn: Connection, world: World) -> set[tuple[object, ...]]:
    return {
        (r.metric, r.period_start, r.period_end, r.quantity, r.counters)
        for r in rollups_of_service(conn, world.service_id)
        if r.counters
    }


def set_terms(conn: Connection, world: World, assignment: str) -> None:
    exclude_folds(conn, world.service_id)
    rows = conn.execute(
        f"UPDATE subscription SET {assignment} WHERE service_id = %s"  # noqa: S608 - ours
        " RETURNING id".encode(),
        (world.service_id,),
    ).fetchall()
    for (subscription_id,) in rows:
        replace_counters(conn, subscription_id, NOW)
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
            "anchor = 'anniversary', started_at = '2026-01-17T22:00:00Z'",
            "timezone = 'Asia/Kathmandu'",
            "started_at = '2025-11-03T00:00:00Z'",
        ]
    ),
    st.randoms(use_true_random=False),
)
def test_counters_end_where_the_new_terms_put_them(
    database_url: str,
    conn: Connection,
    days: list[int],
    assignment: str,
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

    set_terms(conn, changed, assignment)
    set_terms(conn, fresh, assignment)
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

    set_terms(conn, world, "started_at = '2026-06-05T00:00:00Z'")

    rows = [
        (int(r.quantity), r.counters, r.revision > r.pushed_revision)
        for r in rollups_of_service(conn, world.service_id)
    ]
    assert sorted(rows) == [(0, 0, True), (7, 1, True)]
