"""Frozen usage, and what an invoice bills for it; lines are a person's to edit."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from odoo_bridge.pull import pull_catalog
from tests.bridge_world import now
from tests.contract.odoo_target import OdooTarget
from tests.drift_world import Pair, converged
from tests.ledger_world import freeze

MAY_US = int(datetime(2026, 5, 10, tzinfo=UTC).timestamp()) * 1_000_000
MAY, JUNE = "2026-05-01 00:00:00", "2026-06-01 00:00:00"
LINE = "account.move.line"


@pytest.fixture
def pair(standin: OdooTarget, database_url: str, tmp_path: Path) -> Iterator[Pair]:
    """A live service whose May is frozen and on a draft invoice."""
    with converged(standin, database_url, tmp_path) as made:
        code = made.bridge.world.code
        live = {"code": code, "name": "Bridge", "mode": "live"}
        standin.ask(
            "fusion.billing.service", "apply_catalog", kind="service", rows=[live]
        )
        pull_catalog(made.bridge.client, database_url, now())
        made.count("100000", at_us=MAY_US)
        freeze(made.conn, made.bridge.world, datetime(2026, 6, 10, tzinfo=UTC))
        made.push()
        close = {"service": code, "customer": "customer"}
        close |= {"period_start": MAY, "period_end": JUNE}
        (closed,) = standin.ask("fusion.billing.usage", "close_period", rows=[close])
        assert closed["status"] == "created", closed
        yield made


def line_of(pair: Pair) -> dict[str, Any]:
    (line,) = pair.bridge.odoo.ask(
        LINE,
        "search_read",
        domain=[
            ["x_fc_usage_id.service_id.code", "=", pair.bridge.world.code],
            ["price_unit", "!=", 0],
        ],
        fields=["price_unit", "x_fc_usage_id", "move_id"],
        load=None,
    )
    return dict(line)


def test_what_is_billed_as_the_ledger_has_it_is_no_difference(pair: Pair) -> None:
    assert line_of(pair)["price_unit"] == 7.5
    assert pair.drift() == []


def test_an_edited_line_is_a_warning_and_not_drift(pair: Pair) -> None:
    line = line_of(pair)
    pair.bridge.odoo.ask(LINE, "write", ids=[line["id"]], vals={"price_unit": 5})

    (found,) = pair.drift()

    assert (found.kind, found.level) == ("invoice", "warning")
    assert (found.ledger_value, found.odoo_value) == ("7.50", "5.00")
    assert f"draft {line['move_id']}" in found.subject
    assert found.rollup is None


def test_a_frozen_row_changed_by_hand_is_drift_and_its_invoice_is_named(
    pair: Pair,
) -> None:
    usage = line_of(pair)["x_fc_usage_id"]
    pair.by_hand("write", [usage], vals={"amount": "99", "state": "open"})

    found = pair.drift()

    assert {d.field: d.odoo_value for d in found} == {"amount": "99", "state": "open"}
    assert all("bills it" in d.note for d in found)


def test_a_correction_is_a_row_of_its_own_to_be_compared(pair: Pair) -> None:
    pair.count("500", at_us=MAY_US)
    pair.push()
    assert pair.drift() == []
    (row,) = pair.bridge.odoo.ask(
        "fusion.billing.usage",
        "search_read",
        domain=[
            ["service_id.code", "=", pair.bridge.world.code],
            ["correction_of", "!=", False],
        ],
        fields=["quantity"],
    )
    pair.by_hand("write", [row["id"]], vals={"quantity": "501"})

    (found,) = pair.drift()

    assert found.subject.endswith(f"correction of {MAY}")
    assert (found.ledger_value, found.odoo_value) == ("500", "501")
