"""store_findings and resolve_findings: differences, kept one row each."""

from typing import Any

import pytest

from tests.contract.addon_world import World, make_world, statuses, upsert
from tests.contract.odoo_target import OdooTarget

FINDINGS = "fusion.billing.reconciliation"
FIRST, SECOND = "2026-03-01 03:00:00", "2026-03-02 03:00:00"


@pytest.fixture
def world(addon: OdooTarget) -> World:
    """A service of the test's own."""
    return make_world(addon)


def finding(world: World, **more: Any) -> dict[str, Any]:
    return {
        "service": world.code,
        "kind": "usage",
        "level": "drift",
        "subject": "s1 / cpu / 2026-02-01 05:00:00",
        "field": "quantity",
        "ledger_value": "1.5",
        "odoo_value": "9",
        "usage": False,
        "checked_at": FIRST,
        **more,
    }


def store(world: World, *rows: Any) -> list[dict[str, Any]]:
    results = world.odoo.ask(FINDINGS, "store_findings", rows=list(rows))
    assert [result["index"] for result in results] == list(range(len(rows)))
    assert all(set(r) == {"index", "status", "id", "reason"} for r in results)
    return list(results)


def resolve(world: World, before: str, *kinds: str) -> Any:
    return world.odoo.ask(
        FINDINGS,
        "resolve_findings",
        services=[world.code],
        kinds=list(kinds),
        before=before,
    )


def stored(world: World, *fields: str) -> dict[str, dict[str, Any]]:
    """What is stored of the test's service, by field."""
    rows = world.odoo.ask(
        FINDINGS,
        "search_read",
        domain=[["service_id.code", "=", world.code]],
        fields=["field", *fields],
        load=None,
    )
    assert len({row["field"] for row in rows}) == len(rows)
    return {row["field"]: row for row in rows}


def test_a_difference_of_every_night_is_one_row_with_the_newest_values(
    world: World,
) -> None:
    assert statuses(store(world, finding(world))) == ["created"]
    assert statuses(store(world, finding(world))) == ["unchanged"]
    newer = finding(world, checked_at=SECOND, level="failed", odoo_value="10")
    assert statuses(store(world, newer)) == ["updated"]

    names = ("level", "subject", "ledger_value", "odoo_value", "checked_at", "resolved")
    row = stored(world, *names)["quantity"]
    assert {name: row[name] for name in names} == {
        **{name: newer[name] for name in names if name != "resolved"},
        "resolved": False,
    }


def test_what_is_found_no_more_is_resolved_once_and_may_come_back(world: World) -> None:
    store(world, finding(world), finding(world, field="amount"))
    store(world, finding(world, checked_at=SECOND))

    assert resolve(world, SECOND, "usage") == 1
    assert resolve(world, SECOND, "usage") == 0
    assert stored(world, "resolved")["amount"]["resolved"] is True
    assert stored(world, "resolved")["quantity"]["resolved"] is False

    store(world, finding(world, field="amount", checked_at=SECOND))
    assert stored(world, "resolved")["amount"]["resolved"] is False


def test_other_kinds_stay_as_they_are(world: World) -> None:
    store(world, finding(world, kind="dual_run"), finding(world, field="amount"))

    assert resolve(world, SECOND, "usage", "catalog", "invoice") == 1

    assert stored(world, "resolved")["quantity"]["resolved"] is False


def test_the_row_of_usage_is_linked_while_it_is_there(world: World) -> None:
    upsert(world.odoo, world.rollup())
    (row,) = world.usage("id")
    other = make_world(world.odoo)
    upsert(other.odoo, other.rollup())
    (foreign,) = other.usage("id")

    store(
        world,
        finding(world, usage=row["id"]),
        finding(world, field="gone", usage=2**31 - 1),
        finding(world, field="foreign", usage=foreign["id"]),
    )

    found = {name: r["usage_id"] for name, r in stored(world, "usage_id").items()}
    assert found == {"quantity": row["id"], "gone": False, "foreign": False}
    world.odoo.ask("fusion.billing.usage", "unlink", ids=[row["id"]])
    assert stored(world, "usage_id")["quantity"]["usage_id"] is False


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"service": "none"}, "service: unknown service 'none'"),
        ({"level": "loud"}, "level: 'loud' is not one of info, warning, drift, failed"),
        ({"kind": False}, "kind: missing"),
        ({"field": ""}, "field: missing"),
        ({"checked_at": "now"}, "checked_at: 'now' is not YYYY-MM-DD HH:MM:SS"),
        ({"usage": "1"}, "usage: must be an integer"),
    ],
)
def test_a_bad_row_says_why_and_sinks_no_others(
    world: World, bad: dict[str, Any], reason: str
) -> None:
    results = store(world, finding(world, **bad), finding(world))

    assert statuses(results) == ["error", "created"]
    assert results[0]["reason"] == reason


def test_a_time_that_is_none_is_refused(world: World) -> None:
    status, name, _ = world.odoo.refusal(
        FINDINGS, "resolve_findings", services=[], kinds=[], before="yesterday"
    )

    assert (status, name) == (422, "odoo.exceptions.ValidationError")
