"""Ledger and Odoo compared: what a person changed in Odoo is found."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from odoo_bridge.difference import NONE, Difference
from tests.bridge_world import Between
from tests.contract.odoo_target import OdooTarget
from tests.drift_world import USAGE, Pair, converged


def values(found: list[Difference]) -> list[tuple[str, str, str]]:
    return sorted((d.field, d.ledger_value, d.odoo_value) for d in found)


@pytest.fixture
def pair(standin: OdooTarget, database_url: str, tmp_path: Path) -> Iterator[Pair]:
    """Two subscriptions with usage that Odoo has."""
    with converged(standin, database_url, tmp_path) as made:
        yield made


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


def test_a_fold_and_a_push_before_odoo_is_asked_are_no_drift(pair: Pair) -> None:
    class Before(Between):
        def repeat(self, model: str, method: str, **named: Any) -> Any:
            if method == "find_usage":
                pair.count("1")
                pair.push()
            return super().repeat(model, method, **named)

    client = Before(pair.bridge.client, lambda _: None)

    assert pair.drift(client) == []
    assert pair.taken == 4


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
