"""Starts, ends, plans and zones that change behind usage, or behind what is frozen."""

import random
import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ledger.catalog import (
    ChargeRow,
    MetricRow,
    PlanRow,
    SubscriptionRow,
    upsert_metric,
    upsert_plan,
    upsert_subscription,
)
from ledger.db import Connection
from ledger.verify import verify_books
from ledger.voiding import Identity, void_counter
from tests.ledger_world import (
    STARTED,
    World,
    counter,
    freeze,
    make_message,
    make_world,
    push,
)

ONE = ChargeRow("sum", "standard", "0", "1", None, ())
LEAST_TEN = ChargeRow("sum", "standard", "0", "1", None, (), "10")
DAY = timedelta(days=1)


def day(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}T12:00:00+00:00")


def use(conn: Connection, world: World, name: str, at: datetime, value: int) -> str:
    """Push one counter; its outcome."""
    item = counter(name, value=str(value), timestamp_us=int(at.timestamp()) * 1_000_000)
    tally = push(conn, make_message(world, [item]), at)
    return next(outcome for outcome, count in tally.items() if count)


def change(conn: Connection, world: World, **terms: Any) -> None:
    """Give the subscription these terms, and the usual ones else."""
    row: dict[str, Any] = {
        "service": world.code,
        "external_id": "sub-0",
        "customer": "customer",
        "plan": "plan",
        "started_at": STARTED,
        "ended_at": None,
        "timezone": "UTC",
        "anchor": "calendar",
        "odoo_id": 1,
        **terms,
    }
    upsert_subscription(conn, SubscriptionRow(**row))
    conn.commit()


def world_of(conn: Connection, *charges: ChargeRow, **terms: Any) -> World:
    """One subscription in UTC, known to the ledger all along."""
    world = make_world(conn, subscriptions=0, charges=charges)
    change(conn, world, **terms)
    conn.execute("UPDATE subscription SET created_at = started_at")
    conn.commit()
    return world


def billed(conn: Connection) -> Decimal:
    """All that is on frozen bills."""
    row = conn.execute(
        "SELECT coalesce(sum(amount), 0) FROM rollup WHERE frozen_at IS NOT NULL"
    ).fetchone()
    assert row is not None
    return Decimal(row[0])


def test_a_correction_is_billed_also_when_the_start_moves_behind_it(
    conn: Connection,
) -> None:
    world = world_of(conn, ONE)
    use(conn, world, "may", day("05-20"), 5)
    freeze(conn, world, day("06-05"))
    use(conn, world, "late", day("05-21"), 70)

    change(conn, world, started_at=day("06-15"))
    use(conn, world, "june", day("06-20"), 1)
    freeze(conn, world, day("09-15"))
    use(conn, world, "late too", day("05-22"), 900)
    freeze(conn, world, day("12-15"))

    assert billed(conn) == 5 + 70 + 1 + 900


@pytest.mark.parametrize("ended_at", ["06-10", "05-10"])
def test_what_lies_after_an_end_that_is_backdated_is_in_no_bill(
    conn: Connection, ended_at: str
) -> None:
    world = world_of(conn, ONE)
    use(conn, world, "in time", day("05-05"), 3)
    use(conn, world, "after", day("06-20"), 100)
    if ended_at == "05-10":
        freeze(conn, world, day("06-15"))

    change(conn, world, ended_at=day(ended_at))
    use(conn, world, "late", day("05-06"), 4)
    freeze(conn, world, day("12-15"))

    assert billed(conn) == 3 + 4
    kept = conn.execute("SELECT value, reason FROM counter_void").fetchall()
    assert kept == [(Decimal(100), "after_subscription_end")]


def test_usage_comes_back_with_the_terms_that_it_lies_in(conn: Connection) -> None:
    world = world_of(conn, ONE)
    use(conn, world, "early", day("01-03"), 100)
    use(conn, world, "later", day("01-20"), 3)

    change(conn, world, started_at=day("01-10"))
    change(conn, world, started_at=STARTED)
    freeze(conn, world, day("12-15"))

    assert billed(conn) == 103


def test_what_was_pushed_again_in_between_counts_once(conn: Connection) -> None:
    world = world_of(conn, ONE)
    use(conn, world, "1", day("06-20"), 100)
    change(conn, world, ended_at=day("06-10"))
    assert use(conn, world, "1", day("06-05"), 7) == "applied"

    change(conn, world)
    freeze(conn, world, day("12-15"))

    assert billed(conn) == 7


def test_usage_comes_back_late_when_its_period_was_frozen_meanwhile(
    conn: Connection,
) -> None:
    world = world_of(conn, ONE)
    use(conn, world, "1", day("02-05"), 3)
    use(conn, world, "2", day("02-20"), 100)
    change(conn, world, ended_at=day("02-15"))
    freeze(conn, world, day("02-25"))
    use(conn, world, "late", day("02-06"), 4)
    freeze(conn, world, day("04-10"))

    change(conn, world)
    freeze(conn, world, day("12-15"))

    assert billed(conn) == 107


@pytest.mark.parametrize("pushed_again", [False, True])
def test_what_a_person_has_taken_back_does_not_come_back(
    conn: Connection, pushed_again: bool
) -> None:
    world = world_of(conn, ONE)
    use(conn, world, "1", day("02-05"), 3)
    use(conn, world, "2", day("02-20"), 100)
    change(conn, world, ended_at=day("02-15"))
    if pushed_again:
        use(conn, world, "2", day("02-06"), 7)
    identity = Identity("sub-0", "sum", "2")
    void = void_counter(conn, world.service_id, identity, day("02-25"), "me", "a slip")

    change(conn, world)
    freeze(conn, world, day("12-15"))

    assert (void.voided_by, void.reason) == ("me", "a slip")
    assert billed(conn) == 3


def test_versions_of_a_charge_follow_each_other_whichever_pull_began_first(
    conn: Connection, database_url: str
) -> None:
    world_of(conn, ONE)
    conn.execute("SELECT now()")
    with psycopg.connect(database_url) as later:
        later.execute("UPDATE charge SET price = 2")
    conn.execute("UPDATE charge SET price = 3")
    conn.commit()

    rows = conn.execute(
        "SELECT count(*) FROM charge c CROSS JOIN charges_at(c.plan_id, c.valid_from) a"
    ).fetchall()
    assert rows == [(1,)]


def test_an_emptied_rollup_ends_where_its_period_does(conn: Connection) -> None:
    world = world_of(conn, ONE)
    use(conn, world, "a", day("06-02"), 3)
    identity = Identity("sub-0", "sum", "a")
    void_counter(conn, world.service_id, identity, day("06-03"), "me", "a slip")
    conn.commit()

    upsert_plan(conn, PlanRow(world.code, "plan", "p", "weekly", "CAD", "0", (ONE,), 1))
    conn.commit()
    use(conn, world, "b", day("06-02"), 4)
    use(conn, world, "c", day("06-09"), 5)

    rows = conn.execute(
        "SELECT period_end - period_start FROM rollup WHERE counters > 0"
    ).fetchall()
    assert rows == [(7 * DAY,), (7 * DAY,)]
    freeze(conn, world, day("12-15"))
    assert billed(conn) == 9


def test_a_start_that_moves_into_the_future_forgets_later_plans(
    conn: Connection,
) -> None:
    row = conn.execute("SELECT now()").fetchone()
    assert row is not None
    now = row[0].astimezone(UTC)
    world = world_of(conn, ONE)
    for code in ("gold", "silver"):
        upsert_plan(
            conn, PlanRow(world.code, code, code, "monthly", "CAD", "0", (ONE,), 3)
        )
    change(conn, world, plan="gold", started_at=now - 3 * DAY)
    change(conn, world, plan="silver", started_at=now + DAY)

    change(conn, world, plan="silver", started_at=now + DAY)

    rows = conn.execute(
        "SELECT p.code FROM plan_history h JOIN plan p ON p.id = h.plan_id"
    ).fetchall()
    assert rows == [("silver",)]


def test_a_period_in_grace_keeps_its_currency_and_its_rounding(
    conn: Connection,
) -> None:
    row = conn.execute("SELECT now()").fetchone()
    assert row is not None
    now = row[0].astimezone(UTC)
    world = world_of(conn, ONE, started_at=now - 40 * DAY)
    item = counter(
        "1",
        value="12.34",
        timestamp_us=int((now - 35 * DAY).timestamp()) * 1_000_000,
    )
    push(conn, make_message(world, [item]), now)

    plan = PlanRow(world.code, "plan", "p", "monthly", "JPY", "0", (ONE,), 1)
    upsert_plan(conn, plan)
    metric = MetricRow(world.code, "sum", "sum", "sum", "", 1, "ceil", 0)
    upsert_metric(conn, metric)
    conn.commit()
    freeze(conn, world, now + 40 * DAY)

    rows = conn.execute(
        "SELECT r.amount, r.rating ->> 'currency', f.currency FROM rollup r"
        " JOIN frozen_period f USING (subscription_id, period_start)"
        " WHERE r.quantity > 0"
    ).fetchall()
    assert rows == [(Decimal("12.34"), "CAD", "CAD")]


def test_a_subscription_that_goes_on_after_its_end_pays_its_minimum(
    conn: Connection,
) -> None:
    world = world_of(conn, LEAST_TEN, ended_at=day("03-10"))
    freeze(conn, world, day("03-20"))
    use(conn, world, "late", day("03-05"), 15)
    freeze(conn, world, day("05-01"))
    before = billed(conn)

    change(conn, world)
    use(conn, world, "again", day("03-20"), 4)
    freeze(conn, world, day("04-30") + 10 * DAY)

    assert before == 10 + 10 + 15  # January, February, March at its end
    assert billed(conn) == before + 10 + 10  # the rest of March, and April


def test_usage_that_is_taken_back_does_not_make_a_minimum_due(
    conn: Connection,
) -> None:
    world = world_of(conn, LEAST_TEN)
    conn.execute("UPDATE subscription SET created_at = '2026-08-01'")
    use(conn, world, "1", day("06-05"), 3)
    identity = Identity("sub-0", "sum", "1")
    void_counter(conn, world.service_id, identity, day("06-06"), "me", "a slip")

    freeze(conn, world, day("07-10"))

    assert billed(conn) == 0


def test_late_usage_after_the_end_of_a_year_waits_a_month_at_most(
    conn: Connection,
) -> None:
    world = world_of(conn, ONE)
    upsert_plan(conn, PlanRow(world.code, "plan", "p", "yearly", "CAD", "0", (ONE,), 1))
    change(conn, world, ended_at=day("03-10"))
    freeze(conn, world, day("03-20"))
    use(conn, world, "late", day("03-05"), 15)

    freeze(conn, world, day("04-05"))

    assert billed(conn) == 15


def test_a_fold_of_late_usage_and_a_change_of_terms_do_not_deadlock(
    conn: Connection, database_url: str
) -> None:
    world = world_of(conn, ONE, ended_at=day("03-10"))
    freeze(conn, world, day("12-15"))
    failures: list[Exception] = []

    def fold() -> None:
        try:
            with psycopg.connect(database_url) as own:
                for number in range(20):
                    use(own, world, f"late {number}", day("03-05"), 1)
                    freeze(own, world, day("12-16") + number * 40 * DAY)
        except psycopg.Error as error:
            failures.append(error)

    folder = threading.Thread(target=fold)
    folder.start()
    for number in range(40):
        change(conn, world, ended_at=day("03-10") + timedelta(hours=number % 2))
    folder.join(timeout=60)

    assert failures == []


TERMS = st.fixed_dictionaries(
    {
        "started_at": st.sampled_from([STARTED, day("01-20"), day("03-07")]),
        "ended_at": st.sampled_from([None, day("04-11"), day("06-03")]),
        "timezone": st.sampled_from(["UTC", "America/Vancouver", "Asia/Tokyo"]),
        "anchor": st.sampled_from(["calendar", "anniversary"]),
    }
)


@settings(
    max_examples=40,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(st.lists(TERMS, min_size=2, max_size=5), st.randoms(use_true_random=False))
def test_whatever_terms_follow_each_other_all_that_counts_is_billed_once(
    conn: Connection,
    database_url: str,
    many: list[dict[str, Any]],
    chance: random.Random,
) -> None:
    world = world_of(conn, ONE)
    now, number = day("01-25"), 0
    for terms in many:
        for _ in range(4):
            number += 1
            at = STARTED + chance.random() * (now - STARTED)
            use(conn, world, f"c{number}", at, chance.randint(1, 50))
        change(conn, world, **terms)
        now += chance.randint(5, 60) * DAY
        if chance.random() < 0.7:
            freeze(conn, world, now)
        with psycopg.connect(database_url) as fresh:
            assert verify_books(fresh, world.code)[0].mismatches == []

    change(conn, world)
    freeze(conn, world, now + 400 * DAY)
    freeze(conn, world, now + 500 * DAY)

    row = conn.execute(
        "SELECT coalesce(sum(c.value), 0) FROM counter c JOIN subscription b"
        " ON b.id = c.subscription_id WHERE b.service_id = %s",
        (world.service_id,),
    ).fetchone()
    amounts = conn.execute(
        "SELECT coalesce(sum(r.amount), 0) FROM rollup r JOIN subscription b"
        " ON b.id = r.subscription_id WHERE b.service_id = %s",
        (world.service_id,),
    ).fetchone()
    assert row == amounts
