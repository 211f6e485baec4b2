"""By which plan and price a period is billed, when these change around its end."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

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
from ledger.refolding import AggregationChange
from tests.ledger_world import (
    STARTED,
    World,
    counter,
    freeze,
    make_message,
    make_world,
    push,
)

DAY = timedelta(days=1)
ONE = ChargeRow("sum", "standard", "0", "1", None, ())
TWO = ChargeRow("sum", "standard", "0", "2", None, ())


@pytest.fixture
def now(conn: Connection) -> datetime:
    """The database's clock: what is changed is changed then."""
    row = conn.execute("SELECT now()").fetchone()
    assert row is not None
    moment: datetime = row[0]
    return moment.astimezone(UTC)


def use(conn: Connection, world: World, name: str, at: datetime, value: str) -> None:
    item = counter(name, value=value, timestamp_us=int(at.timestamp()) * 1_000_000)
    assert push(conn, make_message(world, [item]), at)["applied"] == 1


def subscribe(
    conn: Connection, world: World, plan: str, started_at: datetime = STARTED
) -> None:
    row = SubscriptionRow(
        world.code, "sub-0", "customer", plan, started_at, None, "UTC", "calendar", 1
    )
    upsert_subscription(conn, row)
    conn.commit()


def end(conn: Connection, world: World, ended_at: datetime) -> None:
    row = SubscriptionRow(
        *(world.code, "sub-0", "customer", "plan", STARTED, ended_at),
        *("America/Toronto", "calendar", 1),
    )
    upsert_subscription(conn, row)
    conn.commit()


def change_plan(
    conn: Connection, world: World, charges: Sequence[ChargeRow], code: str = "plan"
) -> None:
    upsert_plan(
        conn, PlanRow(world.code, code, code, "monthly", "CAD", "0", tuple(charges), 2)
    )
    conn.commit()


def bills(conn: Connection) -> list[tuple[Decimal, Decimal]]:
    """Quantity and amount of all that is frozen and is not nothing."""
    return conn.execute(
        "SELECT quantity - base, amount FROM rollup WHERE frozen_at IS NOT NULL"
        " AND quantity <> 0 ORDER BY period_start, usage_start"
    ).fetchall()


def test_a_plan_change_cuts_the_period_and_each_part_is_billed_by_its_own_plan(
    conn: Connection, now: datetime
) -> None:
    world = make_world(conn, subscriptions=0, charges=(ONE,))
    change_plan(conn, world, [TWO], "gold")
    subscribe(conn, world, "plan", now - 40 * DAY)
    use(conn, world, "before", now - timedelta(seconds=5), "3")
    use(conn, world, "ahead", now + timedelta(seconds=90), "4")

    subscribe(conn, world, "gold", now - 40 * DAY)
    use(conn, world, "after", now + timedelta(seconds=95), "5")
    freeze(conn, world, now + 90 * DAY)

    assert bills(conn) == [(Decimal(3), Decimal(3)), (Decimal(9), Decimal(18))]


def test_a_plan_before_the_start_takes_the_place_of_the_first(
    conn: Connection, now: datetime
) -> None:
    world = make_world(conn, subscriptions=0, charges=(ONE,))
    change_plan(conn, world, [TWO], "gold")
    subscribe(conn, world, "plan", now + DAY)

    subscribe(conn, world, "gold", now + DAY)

    plans = conn.execute("SELECT count(*) FROM plan_history").fetchone()
    assert plans == (1,)


@pytest.mark.parametrize("change", [(TWO,), ()], ids=["another price", "no charge"])
def test_a_price_that_changes_after_a_period_has_ended_is_not_for_it(
    conn: Connection, now: datetime, change: Sequence[ChargeRow]
) -> None:
    world = make_world(conn, subscriptions=0, charges=(ONE,))
    subscribe(conn, world, "plan", now - 40 * DAY)
    use(conn, world, "ended", now - 32 * DAY, "3")
    use(conn, world, "running", now, "4")

    change_plan(conn, world, change)
    freeze(conn, world, now + 90 * DAY)

    amount = Decimal(4) * (2 if change else 0)
    assert bills(conn) == [(Decimal(3), Decimal(3)), (Decimal(4), amount)]


def test_a_charge_that_is_added_is_not_for_periods_that_have_ended(
    conn: Connection, now: datetime
) -> None:
    world = make_world(conn, subscriptions=0)
    conn.execute("UPDATE plan SET created_at = created_at - interval '1 day'")
    subscribe(conn, world, "plan", now - 40 * DAY)
    use(conn, world, "ended", now - 32 * DAY, "3")
    use(conn, world, "running", now, "4")

    change_plan(conn, world, [ONE])
    freeze(conn, world, now + 90 * DAY)

    assert bills(conn) == [(Decimal(3), Decimal(0)), (Decimal(4), Decimal(4))]


def test_what_was_billed_elsewhere_costs_nothing_but_late_usage_does(
    conn: Connection, now: datetime
) -> None:
    least = ChargeRow("sum", "standard", "0", "1", None, (), "10")
    world = make_world(conn, subscriptions=0, charges=(least,))
    subscribe(conn, world, "plan", now - 70 * DAY)
    freeze(conn, world, now)
    use(conn, world, "late", now - 60 * DAY, "25")

    freeze(conn, world, now + 90 * DAY)

    amounts = conn.execute(
        "SELECT DISTINCT amount FROM rollup r JOIN subscription b"
        " ON b.id = r.subscription_id"
        " WHERE period_end <= created_at AND usage_start = period_start"
    ).fetchall()
    assert amounts == [(Decimal(0),)]
    assert bills(conn) == [(Decimal(25), Decimal(15))]


def test_a_subscription_that_has_ended_is_billed_to_its_end_and_corrected_after(
    conn: Connection, now: datetime
) -> None:
    world = make_world(conn, subscriptions=1, charges=(ONE,))
    ended = datetime(2026, 3, 10, tzinfo=UTC)
    use(conn, world, "in time", ended - DAY, "2")
    end(conn, world, ended)
    frozen = freeze(conn, world, now)
    use(conn, world, "late", ended - 2 * DAY, "3")

    again = freeze(conn, world, now + 60 * DAY)

    assert (frozen, again) == (4, 1)  # to 31 December in Toronto, January to March
    assert freeze(conn, world, now + 900 * DAY) == 0
    assert bills(conn) == [(Decimal(2), Decimal(2)), (Decimal(5 - 2), Decimal(3))]


@pytest.mark.parametrize(
    ("before", "after", "quantity"),
    [
        ("sum", "max", "7"),
        ("max", "count", "2"),
        ("last", "unique", "2"),
        ("unique", "sum", "12"),
    ],
)
def test_another_aggregation_folds_open_periods_again_and_leaves_frozen_ones(
    conn: Connection, before: str, after: str, quantity: str
) -> None:
    world = make_world(conn, subscriptions=1)
    june = datetime(2026, 6, 10, tzinfo=UTC)
    for month, at in enumerate((june, june + 30 * DAY)):
        for value in ("5", "7"):
            at_us = int(at.timestamp()) * 1_000_000 + int(value)
            item = counter(f"{month}-{value}", before, value, timestamp_us=at_us)
            push(conn, make_message(world, [item]))
    freeze(conn, world, datetime(2026, 7, 10, tzinfo=UTC))
    frozen = conn.execute("SELECT * FROM rollup WHERE frozen_at IS NOT NULL").fetchall()

    change = upsert_metric(conn, MetricRow(world.code, before, before, after, "", 7))
    conn.commit()

    assert change == AggregationChange(before, after, 1, 1)
    assert frozen == (
        conn.execute("SELECT * FROM rollup WHERE frozen_at IS NOT NULL").fetchall()
    )
    open_one = "SELECT aggregation, quantity FROM rollup WHERE frozen_at IS NULL"
    assert conn.execute(open_one).fetchall() == [(after, Decimal(quantity))]

    late = counter("late", before, "11", timestamp_us=int(june.timestamp()) * 1_000_000)
    again = counter(f"1-{7}", before, "7", timestamp_us=at_us)
    assert push(conn, make_message(world, [late, again]))["duplicate"] == 1


def test_a_frozen_rollup_cannot_be_changed(conn: Connection, database_url: str) -> None:
    world = make_world(conn, subscriptions=1, charges=(ONE,))
    use(conn, world, "1", STARTED + 10 * DAY, "2")
    freeze(conn, world, STARTED + 60 * DAY)

    for statement in (
        b"UPDATE rollup SET quantity = 3 WHERE quantity = 2",
        b"UPDATE rollup SET amount = 3 WHERE quantity = 2",
        b"DELETE FROM rollup WHERE quantity = 2",
    ):
        with pytest.raises(Exception, match="is frozen"):
            conn.execute(statement)
        conn.rollback()


def test_a_shorter_grace_counts_from_now_on(conn: Connection, now: datetime) -> None:
    world = make_world(conn, subscriptions=1, charges=(ONE,))
    soon_after_june = datetime(2026, 7, 1, 5, tzinfo=UTC)
    june = freeze(conn, world, soon_after_june)
    plan = PlanRow(
        world.code, "plan", "plan", "monthly", "CAD", "0", (ONE,), 2, grace_hours=0
    )

    upsert_plan(conn, plan)
    conn.commit()

    assert (june, freeze(conn, world, soon_after_june)) == (6, 1)
