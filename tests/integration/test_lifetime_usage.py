"""All that a subscription ever used, in money: each period once, frozen or not."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.catalog import ChargeRow
from ledger.db import Connection
from ledger.lifetime_usage import LifetimeUsage, lifetime_usage, set_historical_usage
from ledger.subscribers import SubscriptionUnknown
from ledger.unrated import ChargeUnratable
from tests.frozen_world import APRIL, FEBRUARY, JANUARY, MARCH, at, frozen_world
from tests.ledger_world import World, freeze, make_message, make_world, push

ZERO = Decimal(0)
CHARGES = (ChargeRow("sum", "standard", "10", "0.25", None, ()),)


def lifetime(conn: Connection, world: World, now: datetime) -> LifetimeUsage:
    conn.commit()
    usage = lifetime_usage(conn, world.service_id, "sub-0", now)
    conn.commit()
    return usage


def total(usage: LifetimeUsage) -> Decimal:
    return usage.billed + usage.current


def test_a_subscription_that_never_used_anything_has_used_nothing(
    conn: Connection,
) -> None:
    world = make_world(conn)

    usage = lifetime(conn, world, JANUARY)

    assert (usage.billed, usage.current, usage.historical_cents) == (ZERO, ZERO, 0)


def test_what_is_open_becomes_billed_and_the_sum_stays(conn: Connection) -> None:
    world = make_world(conn, charges=CHARGES)
    push(conn, make_message(world, [at(JANUARY, "j", value="30")]), JANUARY)
    push(conn, make_message(world, [at(FEBRUARY, "f", value="14")]), FEBRUARY)
    in_grace = datetime(2026, 2, 1, 5, 30, tzinfo=UTC)

    open_ = lifetime(conn, world, JANUARY)
    grace = lifetime(conn, world, in_grace)
    before = lifetime(conn, world, FEBRUARY)
    assert freeze(conn, world, FEBRUARY) > 0
    after = lifetime(conn, world, FEBRUARY)

    assert (open_.billed, open_.current) == (ZERO, Decimal("6.00"))
    assert total(grace) == Decimal("6.00")
    assert (before.billed, before.current) == (ZERO, Decimal("6.00"))
    assert (after.billed, after.current) == (Decimal("5.00"), Decimal("1.00"))


def test_a_correction_counts_where_it_is_billed(conn: Connection) -> None:
    world = make_world(conn, charges=CHARGES)
    push(conn, make_message(world, [at(JANUARY, "j", value="30")]), JANUARY)
    freeze(conn, world, FEBRUARY)

    push(conn, make_message(world, [at(JANUARY, "late", value="4")]), FEBRUARY)
    usage = lifetime(conn, world, FEBRUARY)

    assert (usage.billed, usage.current) == (Decimal("5.00"), Decimal("1.00"))


def test_the_last_period_of_what_has_ended_counts_once(conn: Connection) -> None:
    world = make_world(conn, charges=CHARGES)
    push(conn, make_message(world, [at(JANUARY, "j", value="30")]), JANUARY)
    conn.execute(
        "UPDATE subscription SET ended_at = '2026-02-01T05:00Z' WHERE service_id = %s",
        (world.service_id,),
    )
    conn.commit()

    before = lifetime(conn, world, FEBRUARY)
    freeze(conn, world, FEBRUARY)
    after = lifetime(conn, world, MARCH)

    assert (before.billed, before.current) == (ZERO, Decimal("5.00"))
    assert (after.billed, after.current) == (Decimal("5.00"), ZERO)


def test_a_long_history_sums_to_its_bills(conn: Connection) -> None:
    world = frozen_world(conn)

    before = lifetime(conn, world, APRIL)
    freeze(conn, world, datetime(2026, 5, 10, tzinfo=UTC))
    after = lifetime(conn, world, APRIL + timedelta(days=25))

    row = conn.execute(
        "SELECT sum(r.amount) FROM rollup r JOIN subscription b"
        " ON b.id = r.subscription_id WHERE b.service_id = %s AND b.external_id = %s",
        (world.service_id, "sub-0"),
    ).fetchone()
    assert row == (after.billed,)
    assert before.billed > 0
    assert total(after) == total(before)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    usage=st.lists(
        st.tuples(st.sampled_from([JANUARY, FEBRUARY, MARCH]), st.integers(0, 50)),
        max_size=6,
    ),
    freezes=st.integers(0, 3),
)
def test_each_period_counts_once_whenever_it_freezes(
    conn: Connection, usage: list[tuple[datetime, int]], freezes: int
) -> None:
    world = make_world(conn, 1, charges=CHARGES)
    counters = [
        at(instant, f"t-{place}", value=str(value))
        for place, (instant, value) in enumerate(usage)
    ]
    if counters:
        push(conn, make_message(world, counters), MARCH)
    for instant in (JANUARY, FEBRUARY, MARCH)[:freezes]:
        freeze(conn, world, instant)

    found = lifetime(conn, world, MARCH)

    expected = sum(
        max(sum(value for at_, value in usage if at_ == month) - 10, 0)
        for month in (JANUARY, FEBRUARY, MARCH)
    )
    assert total(found) == expected * Decimal("0.25")


def test_what_an_app_says_of_before_is_told_again(conn: Connection) -> None:
    world = make_world(conn)

    for cents in (5, 1234, 1234):
        set_historical_usage(conn, world.service_id, "sub-0", cents)

    assert lifetime(conn, world, JANUARY).historical_cents == 1234
    with pytest.raises(SubscriptionUnknown):
        set_historical_usage(conn, world.service_id, "nobodys", 1)


def test_a_charge_that_cannot_be_rated_is_named(conn: Connection) -> None:
    world = make_world(conn, charges=CHARGES)
    conn.execute("UPDATE charge SET model = 'volume', tiers = '[]'")
    conn.commit()

    with pytest.raises(ChargeUnratable, match="metric sum"):
        lifetime(conn, world, datetime.now(UTC))
