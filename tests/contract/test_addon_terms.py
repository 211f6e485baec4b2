"""Rounding, grace, minimum and counting, through apply_catalog and export_catalog."""

from typing import Any

import pytest

from tests.contract.addon_world import World, apply, make_world, own, statuses
from tests.contract.odoo_target import OdooTarget

METRIC = "fusion.billing.metric"
PLAN = "fusion.billing.plan"
CHARGE = "fusion.billing.charge"


@pytest.fixture
def world(addon: OdooTarget) -> World:
    """A service of the test's own."""
    return make_world(addon)


def by_hand(world: World, model: str, path: str, *names: str) -> dict[str, Any]:
    """The service's one record of a model, without its id."""
    (row,) = world.odoo.ask(
        model, "search_read", domain=[[path, "=", world.code]], fields=list(names)
    )
    return {name: row[name] for name in names}


@pytest.mark.parametrize(
    "change",
    [
        {"aggregation": "count"},
        {"rounding": "round", "rounding_precision": 2},
        {"rounding": "ceil", "rounding_precision": -30},
        {"rounding": "floor"},
    ],
    ids=str,
)
def test_a_metrics_terms_go_in_and_come_out(
    world: World, change: dict[str, Any]
) -> None:
    changed = world.metric(**change)

    assert statuses(apply(world.odoo, "metric", changed)) == ["updated"]
    assert statuses(apply(world.odoo, "metric", changed)) == ["unchanged"]
    assert own(world, "metric") == [changed]


def test_each_of_a_metrics_terms_is_a_change_by_itself(world: World) -> None:
    for change in (
        {"rounding": "round"},
        {"rounding": "ceil"},
        {"rounding": "ceil", "rounding_precision": 1},
    ):
        row = world.metric(**change)
        assert statuses(apply(world.odoo, "metric", row)) == ["updated"]


@pytest.mark.parametrize("hours", [0, 8760])
def test_a_plans_grace_goes_in_and_comes_out(world: World, hours: int) -> None:
    changed = world.plan(grace_hours=hours)

    assert statuses(apply(world.odoo, "plan", changed)) == ["updated"]
    assert statuses(apply(world.odoo, "plan", changed)) == ["unchanged"]
    assert own(world, "plan") == [changed]


def test_a_minimum_keeps_every_digit_and_changes_the_plan(world: World) -> None:
    charge = world.charge(minimum="4.99500000000000000001")
    changed = world.plan(charges=[charge])

    assert statuses(apply(world.odoo, "plan", changed)) == ["updated"]
    assert statuses(apply(world.odoo, "plan", changed)) == ["unchanged"]
    assert own(world, "plan") == [changed]


@pytest.mark.parametrize("absent", [{}, False, None], ids=str)
def test_a_row_without_the_terms_has_their_defaults(world: World, absent: Any) -> None:
    def without(row: dict[str, Any], *names: str) -> dict[str, Any]:
        kept = {name: row[name] for name in row if name not in names}
        return kept if absent == {} else {**kept, **dict.fromkeys(names, absent)}

    metric = without(world.metric(code="ram"), "rounding", "rounding_precision")
    charge = without(world.charge(metric="ram"), "minimum")
    plan = without(world.plan(code="old", charges=[charge]), "grace_hours")

    assert statuses(apply(world.odoo, "metric", metric)) == ["created"]
    assert statuses(apply(world.odoo, "plan", plan)) == ["created"]
    assert own(world, "metric")[-1] == world.metric(code="ram")
    theirs = world.charge(metric="ram", minimum=False)
    assert own(world, "plan")[-1] == world.plan(code="old", charges=[theirs])


@pytest.mark.parametrize(
    ("kind", "change", "reason"),
    [
        ("metric", {"rounding": "up"}, "rounding: 'up' is not one of"),
        ("metric", {"rounding_precision": 1}, "is not used without rounding"),
        ("metric", {"rounding": "ceil", "rounding_precision": 31},
         "rounding_precision: must be between -30 and 30"),
        ("metric", {"rounding": "ceil", "rounding_precision": "1"},
         "rounding_precision: must be an integer"),
        ("plan", {"grace_hours": -1}, "grace_hours: must be between 0 and 8760"),
        ("plan", {"grace_hours": 8761}, "grace_hours: must be between 0 and 8760"),
        ("plan", {"grace_hours": True}, "grace_hours: must be an integer"),
        ("plan", {"grace_hours": 1.5}, "grace_hours: must be an integer"),
        ("charge", {"minimum": "-0.01"}, "charges[0].minimum: must be 0 or more"),
        ("charge", {"minimum": 1.5}, "charges[0].minimum: 1.5 is not a decimal"),
        ("charge", {"minimum": "NaN"}, "charges[0].minimum: 'NaN' is not a decimal"),
    ],
    ids=str,
)  # fmt: skip
def test_a_bad_term_is_named_in_the_reason(
    world: World, kind: str, change: dict[str, Any], reason: str
) -> None:
    if kind == "charge":
        kind, row = "plan", world.plan(charges=[world.charge(**change)])
    else:
        row = {**getattr(world, kind)(), **change}

    (result,) = apply(world.odoo, kind, row)

    assert result["status"] == "error"
    assert reason in result["reason"]


def test_the_records_have_the_terms_as_fields(world: World) -> None:
    apply(world.odoo, "metric", world.metric(rounding="ceil", rounding_precision=-2))
    charge = world.charge(minimum="4.990")
    apply(world.odoo, "plan", world.plan(grace_hours=0, charges=[charge]))

    metric = by_hand(world, METRIC, "service_id.code", "rounding", "rounding_precision")
    plan = by_hand(world, PLAN, "service_id.code", "grace_hours")
    charged = by_hand(world, CHARGE, "plan_id.service_id.code", "minimum")
    assert metric == {"rounding": "ceil", "rounding_precision": -2}
    assert plan == {"grace_hours": 0}
    assert charged == {"minimum": "4.990"}


def test_a_record_made_by_hand_has_the_defaults(world: World) -> None:
    service = [["code", "=", world.code]]
    (service_id,) = world.odoo.ask("fusion.billing.service", "search", domain=service)
    metric = {"service_id": service_id, "code": "m", "name": "M", "aggregation": "sum"}
    plan = {"service_id": service_id, "plan_code": "p", "name": "P"}
    plan |= {"interval": "monthly", "currency": "CAD", "price": "1"}

    world.odoo.ask(METRIC, "create", vals_list=metric)
    world.odoo.ask(PLAN, "create", vals_list=plan)

    row = world.metric(code="m", name="M", unit=False)
    assert own(world, "metric")[-1] == row
    assert own(world, "plan")[-1]["grace_hours"] == 48


@pytest.mark.parametrize(
    ("model", "path", "vals", "word"),
    [
        (METRIC, "service_id.code", {"rounding_precision": 1}, "rounding precision"),
        (PLAN, "service_id.code", {"grace_hours": 8761}, "8760 hours"),
        (CHARGE, "plan_id.service_id.code", {"minimum": "-1"}, "minimum"),
    ],
)
def test_a_bad_term_cannot_be_written_by_hand_either(
    world: World, model: str, path: str, vals: dict[str, Any], word: str
) -> None:
    ids = world.odoo.ask(model, "search", domain=[[path, "=", world.code]])

    status, name, message = world.odoo.refusal(model, "write", ids=ids, vals=vals)

    assert (status, name) == (422, "odoo.exceptions.ValidationError")
    assert word in message
