"""Ledger and Odoo compared: what a person changed in Odoo is found."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ledger.db import Connection
from ledger.db import connect as connect_ledger
from odoo_bridge.difference import NONE, Difference
from odoo_bridge.drift import find_drift
from odoo_bridge.push import push_rollups
from tests.bridge_world import Between, Bridge, bridge_to, now
from tests.contract.odoo_target import OdooTarget
from tests.ledger_world import counter, make_message, push

USAGE = "fusion.billing.usage"


@dataclass
class Pair:
    """A bridge whose two sides were brought together, and the comparison of them."""

    bridge: Bridge
    conn: Connection
    pulls: list[str] = field(default_factory=list)
    taken: int = 0

    def count(self, *values: str, subscription: str = "sub-0") -> None:
        """Take counters into the ledger; nothing is pushed."""
        items = []
        for value in values:
            self.taken += 1
            items.append(
                counter(f"c{self.taken}", value=value, subscription=subscription)
            )
        push(self.conn, make_message(self.bridge.world, items))

    def push(self) -> None:
        push_rollups(self.bridge.client, self.bridge.database_url, now)

    def drift(self, client: Any = None) -> list[Difference]:
        self.conn.autocommit = True
        pages = find_drift(
            client or self.bridge.client,
            self.conn,
            self.bridge.world.code,
            lambda: self.pulls.append("looked again"),
        )
        try:
            return [found for page in pages for found in page.differences]
        finally:
            self.conn.autocommit = False

    def rows(self) -> list[int]:
        """The ids of Odoo's rows of usage."""
        return [row["id"] for row in self.bridge.usage()]

    def by_hand(self, method: str, ids: list[int], **more: Any) -> Any:
        return self.bridge.odoo.ask(USAGE, method, ids=ids, **more)

    def names(self) -> list[str]:
        """The rollups, as findings name them."""
        rows = self.conn.execute(
            "SELECT b.external_id || ' / ' || m.code || ' / ' ||"
            " to_char(r.period_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')"
            " FROM rollup r JOIN subscription b ON b.id = r.subscription_id"
            " JOIN metric m ON m.id = r.metric_id ORDER BY 1"
        ).fetchall()
        self.conn.commit()
        return [row[0] for row in rows]


def values(found: list[Difference]) -> list[tuple[str, str, str]]:
    return sorted((d.field, d.ledger_value, d.odoo_value) for d in found)


@pytest.fixture
def pair(standin: OdooTarget, database_url: str, tmp_path: Path) -> Iterator[Pair]:
    """Two subscriptions with usage that Odoo has."""
    with (
        bridge_to(standin, database_url, tmp_path, "json2") as bridge,
        connect_ledger(database_url) as conn,
    ):
        pair = Pair(bridge, conn)
        pair.count("5", "7")
        pair.count("250.5", subscription="sub-1")
        pair.push()
        yield pair


def test_a_pair_that_has_converged_has_no_drift(pair: Pair) -> None:
    assert pair.drift() == []
    assert pair.pulls == []


def test_a_quantity_changed_by_hand_is_found_with_both_values(pair: Pair) -> None:
    first, _ = pair.rows()
    pair.by_hand("write", [first], vals={"quantity": "9999"})

    (found,) = pair.drift()

    assert (found.kind, found.level, found.field) == ("usage", "drift", "quantity")
    assert (found.ledger_value, found.odoo_value) == ("12", "9999")
    assert found.subject == pair.names()[0]
    assert found.usage_id == first
    assert "--repair" in found.advice


def test_every_value_of_a_row_is_compared(pair: Pair) -> None:
    _, second = pair.rows()
    changed = {
        "period_end": "2027-01-01 00:00:00",
        "included": "1",
        "overage": False,
        "amount": "0.0001",
        "currency": "USD",
        "state": "frozen",
        "revision": 100,
    }
    pair.by_hand("write", [second], vals=changed)

    found = pair.drift()

    assert {d.field: d.odoo_value for d in found} == {
        name: NONE if value is False else str(value) for name, value in changed.items()
    }
    assert {d.subject for d in found} == {pair.names()[1]}


def test_numbers_are_compared_as_numbers_and_not_as_text(pair: Pair) -> None:
    first, _ = pair.rows()
    pair.by_hand("write", [first], vals={"quantity": "12.000", "amount": "0.0100"})
    same = pair.drift()
    pair.by_hand("write", [first], vals={"quantity": "12.0000000000000000001"})

    assert [d.field for d in same] == []
    assert values(pair.drift()) == [("quantity", "12", "12.0000000000000000001")]


def test_a_deleted_row_is_missed(pair: Pair) -> None:
    first, _ = pair.rows()
    pair.by_hand("unlink", [first])

    (found,) = pair.drift()

    assert (found.field, found.odoo_value) == ("row", NONE)
    assert found.ledger_value.startswith("quantity 12, amount ")
    assert "creates it again" in found.advice


def test_a_row_that_the_ledger_never_sent_is_found(pair: Pair) -> None:
    first, _ = pair.rows()
    names = ["subscription_id", "metric_id", "service_id", "revision", "state"]
    (row,) = pair.bridge.odoo.ask(USAGE, "read", ids=[first], fields=names, load=None)
    made = {name: row[name] for name in names}
    made |= {"period_start": "2020-01-01 00:00:00", "quantity": "3"}
    made |= {"period_end": "2020-02-01 00:00:00"}
    pair.bridge.odoo.ask(USAGE, "create", vals_list=made)

    (found,) = pair.drift()

    assert (found.field, found.ledger_value) == ("row", NONE)
    assert found.odoo_value.startswith("quantity 3, amount none")
    assert "2020-01-01" in found.subject
    assert found.rollup is None


def test_a_row_that_waits_to_be_pushed_is_no_drift(pair: Pair) -> None:
    pair.count("1")

    assert pair.drift() == []


def test_a_push_between_the_two_looks_is_no_drift(pair: Pair) -> None:
    def change(named: dict[str, Any]) -> None:
        if "keys" in named:
            pair.count("1")

    client = Between(pair.bridge.client, change)
    first, _ = pair.rows()
    pair.by_hand("write", [first], vals={"quantity": "9999"})

    assert pair.drift(client) == []
    pair.push()
    assert pair.drift() == []


def test_what_odoo_refuses_again_and_again_is_told(pair: Pair) -> None:
    pair.count("1")
    pair.conn.execute(
        "UPDATE rollup SET push_attempts = 2, push_error = 'no such subscription' "
        "WHERE dirty"
    )
    pair.conn.commit()

    (found,) = pair.drift()

    assert (found.level, found.field) == ("failed", "push")
    assert found.odoo_value == "no such subscription"
