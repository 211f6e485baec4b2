"""upsert_rollups of corrections: rows beside the period's own, also negative ones."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.contract.addon_world import USAGE, World, make_world, statuses, upsert
from tests.contract.odoo_target import OdooTarget

JANUARY = "2026-01-01 05:00:00"
DECEMBER = "2025-12-01 05:00:00"


@pytest.fixture
def world(addon: OdooTarget) -> World:
    """A service of the test's own."""
    return make_world(addon)


def correction(world: World, of: str = JANUARY, **more: Any) -> dict[str, Any]:
    """A correction of a period, billed in February."""
    return {**world.rollup(), "correction_of": of, **more}


def test_a_correction_stands_beside_the_row_of_the_period_it_is_billed_in(
    world: World,
) -> None:
    rows = [
        world.rollup(quantity="10"),
        correction(world, JANUARY, quantity="1"),
        correction(world, DECEMBER, quantity="2"),
    ]

    assert statuses(upsert(world.odoo, *rows)) == ["created"] * 3
    assert statuses(upsert(world.odoo, *rows)) == ["unchanged"] * 3
    found = {row["correction_of"]: row for row in world.usage("correction_of")}
    assert set(found) == {False, JANUARY, DECEMBER}


def test_each_of_them_is_updated_by_itself(world: World) -> None:
    upsert(world.odoo, world.rollup(), correction(world), correction(world, DECEMBER))

    changed = correction(world, revision=2, quantity="3")
    results = upsert(world.odoo, changed, world.rollup(), correction(world))

    assert statuses(results) == ["updated", "unchanged", "stale"]
    assert results[2]["revision"] == 2
    found = world.usage("correction_of", "quantity", "revision")
    assert {r["correction_of"]: (r["quantity"], r["revision"]) for r in found} == {
        False: ("1.5", 1),
        JANUARY: ("3", 2),
        DECEMBER: ("1.5", 1),
    }


@pytest.mark.parametrize("absent", [False, None, ""])
def test_a_row_that_corrects_nothing_is_the_periods_own(
    world: World, absent: Any
) -> None:
    upsert(world.odoo, world.rollup())

    own = {**world.rollup(revision=2), "correction_of": absent}

    assert statuses(upsert(world.odoo, own)) == ["updated"]
    assert [row["correction_of"] for row in world.usage("correction_of")] == [False]


def test_a_correction_may_be_negative_to_the_last_digit(world: World) -> None:
    row = correction(
        world,
        quantity="-123456789012345678901234567890.12345678901234567890",
        included="-0.10",
        overage="-1.50",
        amount="-0.00750000000000000000",
        state="frozen",
    )
    upsert(world.odoo, row)

    kept = [name for name in row if name not in ("service", "subscription", "metric")]
    (found,) = world.usage(*kept)
    assert found == {"id": found["id"], **{name: row[name] for name in kept}}


def test_a_correction_is_found_by_the_period_it_corrects(world: World) -> None:
    upsert(world.odoo, world.rollup(), correction(world), correction(world, DECEMBER))
    service = ["service_id.code", "=", world.code]

    def count(operator: str, value: Any) -> Any:
        domain = [service, ["correction_of", operator, value]]
        return world.odoo.ask(USAGE, "search_count", domain=domain)

    assert count("=", JANUARY) == 1
    assert count("=", False) == 1
    assert count("!=", False) == 2
    assert count("<", JANUARY) == 1


def test_the_field_is_a_datetime_that_may_be_empty(addon: OdooTarget) -> None:
    fields = addon.ask(
        USAGE,
        "fields_get",
        allfields=["correction_of"],
        attributes=["type", "required"],
    )

    assert fields == {"correction_of": {"type": "datetime", "required": False}}


@pytest.mark.parametrize(
    "bad", ["2026-01-01T05:00:00Z", "2026-13-01 00:00:00", "soon", True, 1, ["x"]]
)
def test_a_correction_of_no_instant_is_an_error_and_the_others_go_on(
    world: World, bad: Any
) -> None:
    results = upsert(world.odoo, correction(world, bad), world.rollup())

    assert statuses(results) == ["error", "created"]
    assert results[0]["reason"].startswith("correction_of: ")


def test_the_same_row_cannot_be_made_twice_by_hand_either(world: World) -> None:
    upsert(world.odoo, world.rollup(), correction(world))
    names = ["subscription_id", "metric_id", "service_id", "period_start", "period_end"]
    names += ["correction_of", "quantity", "revision", "state"]
    rows = world.odoo.ask(
        USAGE,
        "search_read",
        domain=[["service_id.code", "=", world.code]],
        fields=names,
        load=None,
    )

    assert len(rows) == 2
    for row in rows:
        values = {name: row[name] for name in names}
        status, name, message = world.odoo.refusal(USAGE, "create", vals_list=values)
        assert (status, name) == (422, "odoo.exceptions.ValidationError")
        assert "one usage row per metric and period" in message


def test_callers_at_once_make_one_row_of_each(world: World) -> None:
    def push(number: int) -> list[str]:
        row = correction(world, JANUARY, revision=number)
        return statuses(upsert(world.odoo, row, world.rollup(revision=number)))

    with ThreadPoolExecutor(4) as pool:
        found = [status for pair in pool.map(push, range(1, 9)) for status in pair]

    assert found.count("created") == 2
    assert set(found) <= {"created", "updated", "stale"}
    assert [row["revision"] for row in world.usage("revision")] == [8, 8]


def test_xmlrpc_takes_and_answers_the_same(world: World) -> None:
    results = world.odoo.execute(USAGE, "upsert_rollups", [correction(world)])

    assert results == [{"index": 0, "status": "created", "reason": False}]
