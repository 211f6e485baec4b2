"""A charge of very many groups is rated in time that grows with them, not faster."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from ledger.catalog import ChargeRow
from ledger.charge import Charge
from ledger.current_usage import current_usage
from ledger.db import Connection
from tests.ledger_world import counter, make_message, make_world, push
from tests.parts_world import set_charge

JANUARY = datetime(2026, 1, 10, 12, tzinfo=UTC)
GROUPS = 20_000
CHARGE = Charge("standard", Decimal(0), Decimal("0.01"), group_keys=("request",))


@pytest.mark.altered_books
@pytest.mark.parametrize("code", ["sum", "last", "unique"])
def test_each_counter_may_be_a_group_of_its_own(code: str, conn: Connection) -> None:
    row = ChargeRow(code, "standard", "0", "1", None, ())
    world = make_world(conn, subscriptions=1, charges=(row,))
    set_charge(conn, world, code, CHARGE)
    at_us = int(JANUARY.timestamp()) * 1_000_000
    first = counter("c", code, "1", timestamp_us=at_us, properties='{"request":"r"}')
    push(conn, make_message(world, [first]), JANUARY)
    conn.execute(
        "INSERT INTO counter (subscription_id, metric_id, item_index, transaction_id,"
        " occurred_at, period_start, batch_id, value, members, properties)"
        " SELECT subscription_id, metric_id, g, 'c' || g, occurred_at, period_start,"
        " batch_id, value, members, jsonb_build_object('request', 'r' || g)"
        " FROM counter, generate_series(1, %s) AS g WHERE transaction_id = 'c'",
        (GROUPS - 1,),
    )
    conn.execute("UPDATE rollup SET counters = %s", (GROUPS,))
    conn.commit()

    # Compared each with each, they take minutes.
    conn.execute("SET LOCAL statement_timeout = '18s'")
    usage = current_usage(conn, world.service_id, "customer", "sub-0", JANUARY)

    (charge,) = usage.charges
    assert len(charge.rating.slots) == GROUPS
    assert charge.rating.amount == Decimal("0.01") * GROUPS
