"""P8, P9: Odoo's row of a frozen period stays; what came late is a row of its own."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ledger.db import connect as connect_ledger
from ledger.voiding import Identity, void_counter
from odoo_bridge.push import push_rollups
from tests.bridge_world import Bridge, bridge_to, now
from tests.contract.odoo_target import OdooTarget
from tests.ledger_world import counter, freeze, make_message, push
from workers.freeze import freeze_all

MAY_US = int(datetime(2026, 5, 10, tzinfo=UTC).timestamp()) * 1_000_000
FIELDS = ("period_start", "correction_of", "quantity", "overage", "amount", "state")


@pytest.fixture
def bridge(standin: OdooTarget, database_url: str, tmp_path: Path) -> Iterator[Bridge]:
    with bridge_to(standin, database_url, tmp_path, "json2") as made:
        yield made


def use(bridge: Bridge, transaction_id: str, value: str) -> None:
    item = counter(transaction_id, value=value, timestamp_us=MAY_US)
    with connect_ledger(bridge.database_url) as conn:
        push(conn, make_message(bridge.world, [item]))


def freeze_all_due(bridge: Bridge, at: datetime) -> None:
    with connect_ledger(bridge.database_url) as conn:
        freeze(conn, bridge.world, at)


def rows_of_sum(bridge: Bridge) -> list[dict[str, Any]]:
    """Odoo's rows of "sum" of the first subscription that are not nothing."""
    push_rollups(bridge.client, bridge.database_url, now)
    rows = bridge.odoo.ask(
        "fusion.billing.usage",
        "search_read",
        domain=[
            ["service_id.code", "=", bridge.world.code],
            ["metric_id.code", "=", "sum"],
            ["subscription_id.x_fc_external_id", "=", "sub-0"],
        ],
        fields=list(FIELDS),
        order="period_start, correction_of",
    )
    return [
        {name: row[name] for name in FIELDS}
        for row in rows
        if row["quantity"] not in ("0", 0)
    ]


def test_late_usage_and_a_void_reach_odoo_as_one_correction(bridge: Bridge) -> None:
    use(bridge, "1", "110")
    use(bridge, "2", "300")
    freeze_all_due(bridge, datetime(2026, 6, 10, tzinfo=UTC))
    billed = rows_of_sum(bridge)

    use(bridge, "3", "200")
    with connect_ledger(bridge.database_url) as conn:
        identity = Identity("sub-0", "sum", "1")
        void_counter(conn, bridge.world.service_id, identity, now(), "me", "a slip")

    may = "2026-05-01 00:00:00"
    (frozen,) = billed
    assert frozen == {
        "period_start": may,
        "correction_of": False,
        "quantity": "410",
        "overage": "400",
        "amount": "0.03",
        "state": "frozen",
    }
    assert rows_of_sum(bridge) == [
        frozen,
        {
            "period_start": "2026-06-01 00:00:00",
            "correction_of": may,
            "quantity": "90",
            "overage": "90",
            "amount": "0.01",
            "state": "open",
        },
    ]

    freeze_all_due(bridge, datetime(2026, 7, 10, tzinfo=UTC))
    assert [row["state"] for row in rows_of_sum(bridge)] == ["frozen", "frozen"]


def months_frozen(bridge: Bridge) -> list[int]:
    """Of this test's service; with all that is sealed."""
    with connect_ledger(bridge.database_url) as conn:
        rows = conn.execute(
            "SELECT extract(month FROM f.period_start)::integer FROM frozen_period f"
            " JOIN subscription b ON b.id = f.subscription_id"
            " WHERE b.service_id = %s AND f.seal IS NOT NULL ORDER BY 1",
            (bridge.world.service_id,),
        )
        return [month for (month,) in rows]


def test_the_task_freezes_what_is_due_and_seals_it(bridge: Bridge) -> None:
    use(bridge, "1", "7")
    with connect_ledger(bridge.database_url) as conn:
        conn.execute("UPDATE subscription SET started_at = '2026-04-01'")
    july = datetime(2026, 7, 2, 23, 59, tzinfo=UTC)

    freeze_all(bridge.database_url, lambda: july)
    assert months_frozen(bridge) == [4, 4, 5, 5]  # June is in grace until the 3rd
    assert freeze_all(bridge.database_url, lambda: july) == 0

    freeze_all(bridge.database_url, lambda: july + timedelta(minutes=1))
    assert months_frozen(bridge) == [4, 4, 5, 5, 6, 6]
