"""Which frozen periods are claimed for Odoo's invoices, together with which, and when.

Two subscriptions of one customer, whose January is frozen on 10 February.
"""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from ledger.catalog import CustomerRow, upsert_customer
from ledger.closed import (
    DEAD_AFTER,
    Closed,
    Held,
    hold_bills,
    mark_closed,
    mark_refused,
    release_bills,
)
from ledger.closing import BillClaim, BillRound, claim_bills
from ledger.db import Connection
from ledger.periods import Period
from tests.frozen_world import CHARGES, FEBRUARY, JANUARY, MARCH, at
from tests.ledger_world import World, freeze, make_message, make_world, push

LEASE = timedelta(seconds=60)
PERIOD = Period(
    datetime(2026, 1, 1, 5, tzinfo=UTC), datetime(2026, 2, 1, 5, tzinfo=UTC)
)


@pytest.fixture
def world(conn: Connection) -> World:
    world = make_world(conn, 2, CHARGES)
    push(conn, make_message(world, [at(JANUARY, "j1", value="24")]), JANUARY)
    return world


def push_all(conn: Connection) -> None:
    """As if Odoo had taken every row."""
    conn.execute("UPDATE rollup SET pushed_revision = revision")
    conn.commit()


def set_mode(conn: Connection, mode: str) -> None:
    conn.execute("UPDATE service SET mode = %s", (mode,))
    conn.commit()


def look(conn: Connection, now: datetime = FEBRUARY) -> BillRound:
    """One round of claims; commits."""
    found = claim_bills(conn, 50, now, now + LEASE)
    conn.commit()
    return found


def claim_january(conn: Connection, now: datetime = FEBRUARY) -> list[BillClaim]:
    return [claim for claim in look(conn, now).claims if claim.period == PERIOD]


def names(claims: list[BillClaim]) -> list[list[str]]:
    return [[name for _, name in claim.subscriptions] for claim in claims]


def states(conn: Connection) -> list[tuple[str, int | None, str | None]]:
    """Of January's bills, by subscription."""
    rows = conn.execute(
        "SELECT status, invoice_id, reason FROM period_bill WHERE period_start = %s "
        "ORDER BY subscription_id",
        (PERIOD.start,),
    ).fetchall()
    conn.commit()
    return [(status, invoice, reason) for status, invoice, reason in rows]


def letters(conn: Connection) -> list[tuple[str, str, int]]:
    rows = conn.execute("SELECT reason, detail, attempts FROM dead_letter").fetchall()
    conn.commit()
    return [(reason, detail, attempts) for reason, detail, attempts in rows]


def test_a_customers_subscriptions_are_billed_together(
    conn: Connection, world: World
) -> None:
    freeze(conn, world, FEBRUARY)
    push_all(conn)

    (claim,) = claim_january(conn)

    assert (claim.service, claim.customer) == (world.code, "customer")
    assert names([claim]) == [["sub-0", "sub-1"]]
    # Three charges each; 24 over 10 are 5 begun blocks at 0.0075.
    assert (claim.rollups, str(claim.amount), claim.attempts) == (6, "0.04", 0)


def test_what_odoo_has_not_got_yet_is_waited_for(
    conn: Connection, world: World
) -> None:
    freeze(conn, world, FEBRUARY)

    assert claim_january(conn) == []
    reasons = [reason for _, _, reason in states(conn)]
    assert reasons == ["3 of sub-0's rows are not at Odoo yet"] * 2

    push_all(conn)
    assert claim_january(conn) == []  # not looked at again at once
    assert len(claim_january(conn, FEBRUARY + timedelta(minutes=20))) == 1


def test_a_row_that_odoo_refuses_is_the_reason_to_wait(
    conn: Connection, world: World
) -> None:
    freeze(conn, world, FEBRUARY)
    push_all(conn)
    conn.execute(
        "UPDATE rollup SET pushed_revision = 0, push_error = 'unknown metric max'"
        " WHERE metric_id = (SELECT id FROM metric WHERE code = 'max')"
    )
    conn.commit()

    assert claim_january(conn) == []
    reason = "1 of sub-0's rows are not at Odoo yet: unknown metric max"
    assert [found for _, _, found in states(conn)] == [reason] * 2


def test_a_subscription_that_is_still_in_its_grace_is_waited_for(
    conn: Connection, world: World
) -> None:
    later = "UPDATE subscription SET freeze_due_at = %s WHERE external_id = 'sub-1'"
    conn.execute(later, (MARCH,))
    freeze(conn, world, FEBRUARY)
    push_all(conn)

    assert claim_january(conn) == []
    assert states(conn) == [
        ("due", None, "sub-1 has the same period, which is not frozen yet")
    ]

    conn.execute(later, (FEBRUARY,))
    freeze(conn, world, FEBRUARY)
    push_all(conn)
    assert names(claim_january(conn)) == [["sub-0", "sub-1"]]


def test_a_wait_of_a_day_is_reported(conn: Connection, world: World) -> None:
    conn.execute(
        "UPDATE subscription SET freeze_due_at = %s WHERE external_id = 'sub-1'",
        (MARCH,),
    )
    freeze(conn, world, FEBRUARY)
    push_all(conn)

    early = look(conn, FEBRUARY + timedelta(hours=23))
    late = look(conn, FEBRUARY + timedelta(hours=25))

    assert early.waiting == []
    (waits,) = [each for each in late.waiting if each.period == PERIOD]
    assert (waits.customer, waits.since) == ("customer", FEBRUARY)
    assert waits.reason == "sub-1 has the same period, which is not frozen yet"


def test_other_periods_and_other_customers_are_not_waited_for(
    conn: Connection, world: World
) -> None:
    upsert_customer(conn, CustomerRow(world.code, "other", "Other", None, 7))
    conn.execute(
        "UPDATE subscription SET freeze_due_at = %s, anchor = 'anniversary',"
        " started_at = '2026-01-02' WHERE external_id = 'sub-1'",
        (MARCH,),
    )
    freeze(conn, world, FEBRUARY)
    push_all(conn)

    assert names(claim_january(conn)) == [["sub-0"]]


def test_who_has_the_subscription_by_now_is_billed(
    conn: Connection, world: World
) -> None:
    freeze(conn, world, FEBRUARY)
    push_all(conn)
    upsert_customer(conn, CustomerRow(world.code, "other", "Other", None, 7))
    conn.execute(
        "UPDATE subscription SET customer_id = (SELECT id FROM customer"
        " WHERE external_id = 'other') WHERE external_id = 'sub-1'"
    )

    claims = claim_january(conn)

    assert {claim.customer: names([claim]) for claim in claims} == {
        "customer": [["sub-0"]],
        "other": [["sub-1"]],
    }


def test_usage_frozen_in_shadow_is_not_charged_by_a_switch_to_live(
    conn: Connection, world: World
) -> None:
    set_mode(conn, "shadow")
    freeze(conn, world, FEBRUARY)
    push_all(conn)
    set_mode(conn, "live")

    assert look(conn).looked_at == 0
    assert look(conn, FEBRUARY + timedelta(days=300)).looked_at == 0
    freeze(conn, world, MARCH)
    push_all(conn)
    (claim,) = look(conn, MARCH).claims
    assert claim.period.start == PERIOD.end


def test_of_a_customer_in_part_frozen_in_shadow_the_rest_is_billed(
    conn: Connection, world: World
) -> None:
    set_mode(conn, "shadow")
    due = "UPDATE subscription SET freeze_due_at = %s WHERE external_id = 'sub-1'"
    conn.execute(due, (MARCH,))
    freeze(conn, world, FEBRUARY)
    set_mode(conn, "live")
    conn.execute(due, (FEBRUARY,))
    freeze(conn, world, FEBRUARY)
    push_all(conn)

    assert names(claim_january(conn)) == [["sub-1"]]


def test_a_claim_is_alone_until_its_lease_is_over(
    conn: Connection, database_url: str, world: World
) -> None:
    freeze(conn, world, FEBRUARY)
    push_all(conn)
    claim_bills(conn, 50, FEBRUARY, FEBRUARY + LEASE)
    with psycopg.connect(database_url) as other:
        beside = claim_bills(other, 50, FEBRUARY, FEBRUARY + LEASE)
    conn.commit()

    assert beside == BillRound()
    assert claim_january(conn) == []
    assert claim_january(conn, FEBRUARY + LEASE / 2) == []
    assert len(claim_january(conn, FEBRUARY + LEASE)) == 1


def test_a_call_that_failed_as_a_whole_costs_nothing(
    conn: Connection, world: World
) -> None:
    freeze(conn, world, FEBRUARY)
    push_all(conn)
    claims = claim_january(conn)

    release_bills(conn, claims, FEBRUARY + LEASE, FEBRUARY)

    assert claim_january(conn) == claims


def test_what_has_its_invoice_is_never_claimed_again(
    conn: Connection, world: World
) -> None:
    freeze(conn, world, FEBRUARY)
    push_all(conn)
    (claim,) = claim_january(conn)

    mark_closed(conn, [Closed(claim, "created", 42)], FEBRUARY)
    # The answer of a call that was thought lost.
    mark_closed(conn, [Closed(claim, "unchanged", 42)], FEBRUARY)
    mark_refused(conn, [Held(claim, "late", FEBRUARY)], FEBRUARY)
    hold_bills(conn, [Held(claim, "late", FEBRUARY)])

    assert states(conn) == [("created", 42, None)] * 2
    assert claim_january(conn, FEBRUARY + timedelta(days=9)) == []


def test_what_odoo_refuses_is_tried_again_and_dead_in_the_end(
    conn: Connection, world: World
) -> None:
    freeze(conn, world, FEBRUARY)
    push_all(conn)
    now = FEBRUARY
    for attempt in range(DEAD_AFTER):
        assert letters(conn) == []
        (claim,) = claim_january(conn, now)
        assert claim.attempts == attempt
        mark_refused(conn, [Held(claim, f"no {attempt}", now + LEASE)], now)
        assert claim_january(conn, now) == []
        now += LEASE

    assert letters(conn) == [("bill_refused", "no 7", DEAD_AFTER)] * 2
    assert claim_january(conn, now) == []
    (claim,) = claim_january(conn, now + timedelta(hours=1))
    mark_closed(conn, [Closed(claim, "created", 42)], now)
    assert letters(conn) == []
    assert states(conn) == [("created", 42, None)] * 2


def test_a_refused_bill_is_tried_again_when_a_row_of_it_is_pushed(
    conn: Connection, world: World
) -> None:
    freeze(conn, world, FEBRUARY)
    push_all(conn)
    (claim,) = claim_january(conn)
    mark_refused(conn, [Held(claim, "not frozen", MARCH)], FEBRUARY)
    assert claim_january(conn, FEBRUARY + LEASE) == []

    conn.execute("UPDATE rollup SET revision = revision + 1")
    push_all(conn)

    assert names(claim_january(conn, FEBRUARY + LEASE)) == [["sub-0", "sub-1"]]
