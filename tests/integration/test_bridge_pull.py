"""The pull takes what is right, writes only what changed, and says what is wrong."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ledger.db import connect as connect_ledger
from ledger.status import read_syncs
from odoo_bridge.client import OdooClient
from odoo_bridge.errors import OdooMisconfiguredError
from odoo_bridge.pull import pull_catalog
from odoo_bridge.pull_pages import MODEL
from tests.bridge_world import Bridge, bridge_to, now
from tests.contract.odoo_target import OdooTarget
from tests.ledger_world import counter, make_message, push

VERSIONS = "SELECT xmin::text, ctid::text FROM {}"
COUNT = "SELECT count(*) FROM {}"
TABLES = ("service", "metric", "plan", "charge", "customer", "subscription")


@pytest.fixture
def bridge(standin: OdooTarget, database_url: str, tmp_path: Path) -> Iterator[Bridge]:
    """The bridge over JSON-2, its catalog loaded."""
    with bridge_to(standin, database_url, tmp_path, "json2") as made:
        yield made


class Answering(OdooClient):
    """An Odoo that answers one page of one kind, made by a function of the real one."""

    def __init__(self, bridge: Bridge, kind: str, change: Any) -> None:
        self._bridge, self._kind, self._change = bridge, kind, change

    def repeat(self, model: str, method: str, **named: Any) -> Any:
        """As the stand-in, but for the kind."""
        answer = self._bridge.client.repeat(model, method, **named)
        if named.get("kind") == self._kind:
            return self._change(answer)
        return answer


def pull(bridge: Bridge) -> tuple[str, ...]:
    """Pull; the faults of this test's service."""
    return pull_catalog(bridge.client, bridge.database_url, datetime.now(UTC)).faults


def ask(bridge: Bridge, sql: str, *values: Any) -> list[Any]:
    """Rows of the ledger."""
    with connect_ledger(bridge.database_url) as conn:
        return conn.execute(sql, values).fetchall()


def noted(bridge: Bridge, kind: str) -> str | None:
    """What `status` shows of the kind's last pull."""
    with connect_ledger(bridge.database_url) as conn:
        return {sync.kind: sync.error for sync in read_syncs(conn)}[kind]


def write(bridge: Bridge, model: str, domain: list[Any], **vals: Any) -> None:
    """Change the one record of the test's service by hand."""
    service = "x_fc_service_id" if model == "sale.order" else "service_id"
    if model != MODEL:
        domain = [*domain, [f"{service}.code", "=", bridge.world.code]]
    (found,) = bridge.odoo.ask(model, "search", domain=domain)
    bridge.odoo.ask(model, "write", ids=[found], vals=vals)


def test_a_pull_of_what_has_not_changed_writes_nothing(bridge: Bridge) -> None:
    def versions() -> list[Any]:
        return [ask(bridge, sql) for sql in map(VERSIONS.format, TABLES)]

    pull(bridge)
    before = versions()

    assert pull(bridge) == ()
    assert versions() == before


@pytest.mark.parametrize(
    "answer",
    [
        None,
        False,
        [],
        {},
        {"rows": []},
        {"rows": None, "last_id": 0},
        {"rows": {}, "last_id": 0},
        {"rows": [], "last_id": None},
        {"rows": [], "last_id": True},
        {"rows": [{}], "last_id": "1"},
    ],
    ids=str,
)
def test_another_version_of_the_addon_is_named_and_noted(
    bridge: Bridge, answer: Any
) -> None:
    client = Answering(bridge, "plan", lambda _: answer)

    with pytest.raises(OdooMisconfiguredError, match="another version of the addon"):
        pull_catalog(client, bridge.database_url, now())

    assert "another version of the addon" in str(noted(bridge, "plan"))
    assert noted(bridge, "metric") is None


@pytest.mark.parametrize(
    "bad",
    [
        None,
        "row",
        {"name": "a\0b"},
        {"name": "a\ud800b"},
        {"id": None},
        {"id": "one"},
        {"id": 2**40},
        {"service": "a\ud800b"},
        {"service": ["x"]},
    ],
    ids=ascii,
)
def test_a_row_that_cannot_be_read_is_a_fault_and_the_others_are_taken(
    bridge: Bridge, bad: Any
) -> None:
    def spoil(answer: Any) -> Any:
        for index, row in enumerate(answer["rows"]):
            if row["service"] == bridge.world.code and row["code"] == "max":
                answer["rows"][index] = {**row, **bad} if isinstance(bad, dict) else bad
        return answer

    with connect_ledger(bridge.database_url) as conn:
        conn.execute("UPDATE metric SET name = 'old' WHERE code = 'sum'")
    client = Answering(bridge, "metric", spoil)
    report = pull_catalog(client, bridge.database_url, now())

    assert len(report.faults) == 1
    assert "None" not in report.faults[0].partition(":")[2]
    assert noted(bridge, "metric")
    assert ask(bridge, "SELECT 1 FROM metric WHERE name = 'old'") == []


@pytest.mark.parametrize(
    ("kind", "model", "domain", "vals"),
    [
        ("metric", "fusion.billing.metric", [["code", "=", "sum"]], {"code": "new"}),
        (
            "plan",
            "fusion.billing.plan",
            [["plan_code", "=", "plan"]],
            {"plan_code": "new"},
        ),
        (
            "customer",
            "fusion.billing.account.link",
            [["external_id", "=", "customer"]],
            {"external_id": "new"},
        ),
        (
            "subscription",
            "sale.order",
            [["x_fc_external_id", "=", "sub-0"]],
            {"x_fc_external_id": "new"},
        ),
    ],
)
def test_a_rename_in_odoo_is_a_fault_and_no_second_row(
    bridge: Bridge, kind: str, model: str, domain: list[Any], vals: dict[str, Any]
) -> None:
    count = COUNT.format(kind)
    before = ask(bridge, count)

    write(bridge, model, domain, **vals)
    faults = pull(bridge)

    assert ask(bridge, count) == before
    assert any("is called 'new' in Odoo" in fault for fault in faults)
    assert "is called 'new' in Odoo" in str(noted(bridge, kind))


def test_a_renamed_service_is_a_fault_and_no_second_one(bridge: Bridge) -> None:
    before = ask(bridge, "SELECT count(*) FROM service")
    code = bridge.world.code

    write(bridge, MODEL, [["code", "=", code]], code=f"{code}-new")
    faults = pull(bridge)
    write(bridge, MODEL, [["code", "=", f"{code}-new"]], code=code)

    assert ask(bridge, "SELECT count(*) FROM service") == before
    assert f"is called '{code}-new' in Odoo" in faults[0]
    assert pull(bridge) == ()


def test_a_new_odoo_that_deals_other_ids_is_no_rename(bridge: Bridge) -> None:
    with connect_ledger(bridge.database_url) as conn:
        # As if the two had changed their ids.
        conn.execute(
            "UPDATE metric m SET odoo_id = o.odoo_id FROM metric o "
            "WHERE o.service_id = m.service_id AND o.id <> m.id"
        )

    assert pull(bridge) == ()


def test_a_subscription_whose_plan_the_ledger_lacks_is_a_fault(bridge: Bridge) -> None:
    def to_nowhere(answer: Any) -> Any:
        for row in answer["rows"]:
            if row["service"] == bridge.world.code:
                row["plan"] = "nowhere"
        return answer

    client = Answering(bridge, "subscription", to_nowhere)
    report = pull_catalog(client, bridge.database_url, now())

    assert len(report.faults) == 2
    assert "nowhere" in report.faults[0]


def test_another_aggregation_in_odoo_folds_the_open_period_again(
    bridge: Bridge,
) -> None:
    items = [counter("1", "max", "2"), counter("2", "max", "5")]
    with connect_ledger(bridge.database_url) as conn:
        push(conn, make_message(bridge.world, items))
    domain = [["code", "=", "max"]]
    write(bridge, "fusion.billing.metric", domain, aggregation="sum")

    assert pull(bridge) == ()
    found = ask(
        bridge,
        "SELECT r.aggregation, r.quantity, r.revision > r.pushed_revision"
        " FROM rollup r JOIN metric m ON m.id = r.metric_id WHERE m.service_id = %s",
        bridge.world.service_id,
    )
    assert found == [("sum", Decimal(7), True)]


def test_a_metric_without_usage_may_change_its_aggregation(bridge: Bridge) -> None:
    domain = [["code", "=", "max"]]
    write(bridge, "fusion.billing.metric", domain, aggregation="last")

    assert pull(bridge) == ()
    found = ask(
        bridge,
        "SELECT aggregation FROM metric WHERE code = 'max' AND service_id = %s",
        bridge.world.service_id,
    )
    assert found == [("last",)]
