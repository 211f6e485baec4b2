"""Filters, groups, fixed fees, thresholds and the archive, in and out of Odoo."""

import json
from typing import Any

import pytest

from tests.contract.addon_world import World, apply, make_world, own, statuses
from tests.contract.odoo_target import OdooTarget

CHARGE = "fusion.billing.charge"
METRIC = "fusion.billing.metric"
PLAN = "fusion.billing.plan"
REGIONS = json.dumps([{"key": "region", "values": ["ca", "eu"]}])
EU = {"name": "Europe", "values": {"region": ["eu"]}, "price": "0.02"}
FILTERS = json.dumps([EU])
PARTS = {
    "model": "percentage",
    "package_size": False,
    "display_name": "CPU of all regions",
    "fixed": "0.30000000000000000001",
    "free_events": "10",
    "group_keys": json.dumps(["model", "user"]),
    "filters": FILTERS,
}
THRESHOLDS = json.dumps(
    [
        {"amount": "10.005", "recurring": False, "name": "first"},
        {"amount": "50", "recurring": True},
    ]
)


@pytest.fixture
def world(addon: OdooTarget) -> World:
    """A service whose metric may be told apart by region."""
    made = make_world(addon)
    assert statuses(apply(addon, "metric", made.metric(filters=REGIONS))) == ["updated"]
    return made


def with_parts(world: World, **more: Any) -> dict[str, Any]:
    return world.plan(charges=[world.charge(**{**PARTS, **more})])


def test_a_metrics_filters_and_texts_go_in_and_come_out(world: World) -> None:
    changed = world.metric(
        filters=REGIONS, field_name="seconds", description="Of all\nmachines: é"
    )

    assert statuses(apply(world.odoo, "metric", changed)) == ["updated"]
    assert statuses(apply(world.odoo, "metric", changed)) == ["unchanged"]
    assert own(world, "metric") == [changed]


def test_a_charges_parts_keep_every_digit(world: World) -> None:
    changed = with_parts(world)

    assert statuses(apply(world.odoo, "plan", changed)) == ["updated"]
    assert statuses(apply(world.odoo, "plan", changed)) == ["unchanged"]
    assert own(world, "plan") == [changed]


def test_a_plans_thresholds_and_description_go_in_and_come_out(world: World) -> None:
    changed = world.plan(usage_thresholds=THRESHOLDS, description="For teams")

    assert statuses(apply(world.odoo, "plan", changed)) == ["updated"]
    assert statuses(apply(world.odoo, "plan", changed)) == ["unchanged"]
    assert own(world, "plan") == [changed]


@pytest.mark.parametrize("name", sorted(PARTS))
def test_each_part_of_a_charge_is_a_change_by_itself(world: World, name: str) -> None:
    apply(world.odoo, "plan", with_parts(world))
    other = {
        "model": "standard",
        "package_size": "2",
        "display_name": False,
        "fixed": "0.3",
        "free_events": "0",
        "group_keys": False,
        "filters": False,
    }

    changed = with_parts(world, **{name: other[name]})
    assert statuses(apply(world.odoo, "plan", changed)) == ["updated"]


def test_rows_that_do_not_tell_the_terms_leave_them(world: World) -> None:
    metric = world.metric(filters=REGIONS, field_name="seconds", archived=False)
    plan = {**with_parts(world), "usage_thresholds": THRESHOLDS, "description": "D"}
    apply(world.odoo, "metric", metric)
    apply(world.odoo, "plan", plan)
    older_plan = {
        key: plan[key]
        for key in ("service", "code", "name", "interval", "currency", "price")
    }
    told = {"metric", "model", "included", "price", "package_size", "tiers", "minimum"}
    charge = {key: value for key, value in plan["charges"][0].items() if key in told}
    older_metric = {
        key: metric[key]
        for key in ("service", "code", "name", "aggregation", "unit", "rounding")
    }

    assert statuses(apply(world.odoo, "metric", older_metric)) == ["unchanged"]
    assert statuses(apply(world.odoo, "plan", {**older_plan, "charges": [charge]})) == [
        "unchanged"
    ]
    assert own(world, "plan") == [plan]


def test_what_is_false_is_emptied(world: World) -> None:
    apply(world.odoo, "plan", {**with_parts(world), "usage_thresholds": THRESHOLDS})

    assert statuses(apply(world.odoo, "plan", world.plan())) == ["updated"]
    assert own(world, "plan") == [world.plan()]


def test_archived_and_back(world: World) -> None:
    apply(
        world.odoo, "subscription", world.subscription(ended_at="2026-02-01 05:00:00")
    )
    for kind, row in (
        ("plan", world.plan(archived=True)),
        ("metric", world.metric(filters=REGIONS, archived=True)),
    ):
        assert statuses(apply(world.odoo, kind, row)) == ["updated"]
        assert statuses(apply(world.odoo, kind, row)) == ["unchanged"]
        assert own(world, kind) == [row]
    for kind, row in (
        ("metric", world.metric(filters=REGIONS)),
        ("plan", world.plan()),
    ):
        assert statuses(apply(world.odoo, kind, row)) == ["updated"]
        assert own(world, kind) == [row]


def test_an_archived_plan_still_takes_usage_and_subscriptions(world: World) -> None:
    apply(world.odoo, "plan", world.plan(archived=True))

    assert statuses(
        apply(world.odoo, "subscription", world.subscription(external_id="s2"))
    ) == ["created"]


def test_a_metric_that_a_plan_charges_is_not_archived(world: World) -> None:
    row = world.metric(filters=REGIONS, archived=True)
    (refused,) = apply(world.odoo, "metric", row)
    apply(world.odoo, "plan", world.plan(archived=True))
    (still,) = apply(world.odoo, "metric", row)  # a subscription has the plan

    assert refused["reason"] == "code: plan basic charges the metric"
    assert still["reason"] == refused["reason"]


def test_a_value_that_a_charge_uses_stays(world: World) -> None:
    apply(world.odoo, "plan", with_parts(world))
    other = json.dumps([{"key": "region", "values": ["ca"]}])

    (refused,) = apply(world.odoo, "metric", world.metric(filters=other))
    assert refused["reason"] == "filters: plan basic charges region eu"
    (refused,) = apply(world.odoo, "metric", world.metric())
    assert refused["reason"] == "filters: plan basic charges region eu"


def test_an_archived_metric_is_not_charged_anew(world: World) -> None:
    apply(world.odoo, "metric", world.metric(code="old", archived=True))

    charges = [world.charge(), world.charge(metric="old")]
    (refused,) = apply(world.odoo, "plan", world.plan(charges=charges))
    assert refused["reason"] == "charges[1].metric: 'old' is archived"


@pytest.mark.parametrize(
    ("kind", "change", "reason"),
    [
        ("metric", {"filters": "["}, "filters: is not JSON"),
        ("metric", {"filters": "{}"}, "filters: must be a list"),
        ("metric", {"filters": "[1]"}, "filters[0]: must be an object"),
        (
            "metric",
            {"filters": '[{"key": "a", "values": []}]'},
            "filters[0].values: must be a list of texts",
        ),
        (
            "metric",
            {"filters": '[{"key": "a", "values": ["x", "x"]}]'},
            "filters[0].values: has a text twice",
        ),
        ("metric", {"archived": "yes"}, "archived: must be true or false"),
        (
            "plan",
            {"usage_thresholds": '[{"amount": 5}]'},
            "usage_thresholds[0].amount: 5 is not a number as text",
        ),
        (
            "plan",
            {"usage_thresholds": '[{"amount": "0"}]'},
            "usage_thresholds[0].amount: must be above zero",
        ),
        ("charge", {"group_keys": '"a"'}, "group_keys: must be a list"),
        (
            "charge",
            {"filters": '[{"values": {"region": ["us"]}}]'},
            "filters: metric cpu has no region us",
        ),
        (
            "charge",
            {"filters": '[{"values": {"region": ["eu"]}, "price": 0.1}]'},
            "filters[0].price: 0.1 is not a number as text",
        ),
        ("charge", {"filters": '[{"values": {}}]'}, "filters[0].values: must be"),
        (
            "charge",
            {"filters": '[{"values": {"region": ["eu"]}, "colour": 1}]'},
            "filters[0].colour: is not known",
        ),
        ("charge", {"fixed": "-1"}, "fixed fee must be"),
        ("charge", {"free_events": "1.5"}, "free events a whole one"),
    ],
)
def test_what_cannot_be_read_is_refused_and_changes_nothing(
    world: World, kind: str, change: dict[str, Any], reason: str
) -> None:
    if kind == "charge":
        kind, row = "plan", world.plan(charges=[world.charge(**change)])
    elif kind == "plan":
        row = world.plan(**change)
    else:
        row = world.metric(**{"filters": REGIONS, **change})
    before = own(world, kind)

    (refused,) = apply(world.odoo, kind, row)

    assert refused["status"] == "error"
    assert reason in refused["reason"]
    assert own(world, kind) == before


def changed(row: dict[str, Any], revision: int, *names: str) -> dict[str, Any]:
    """The row as an app's change of these of its keys."""
    return {**row, "revision": revision, "changed": list(names)}


def test_a_metric_takes_of_an_apps_change_what_was_changed(world: World) -> None:
    row = world.metric(name="App's", unit="h", field_name="seconds")

    assert statuses(
        apply(world.odoo, "metric", changed(row, 5, "name", "field_name"))
    ) == ["updated"]
    assert own(world, "metric") == [
        world.metric(name="App's", field_name="seconds", filters=REGIONS)
    ]
    again = changed({**row, "name": "x"}, 5, "name")
    assert statuses(apply(world.odoo, "metric", again)) == ["unchanged"]
    (stale,) = apply(world.odoo, "metric", changed(row, 4, "name"))
    assert (stale["status"], stale["revision"]) == ("stale", 5)


def test_a_plan_takes_of_an_apps_change_what_was_changed(world: World) -> None:
    row = world.plan(name="App's", price="99", charges=[])

    assert statuses(apply(world.odoo, "plan", changed(row, 7, "name"))) == ["updated"]
    assert own(world, "plan") == [world.plan(name="App's")]
    assert statuses(apply(world.odoo, "plan", changed(row, 8, "charges"))) == [
        "updated"
    ]
    assert own(world, "plan") == [world.plan(name="App's", charges=[])]
    (stale,) = apply(world.odoo, "plan", changed(row, 7, "price"))
    assert (stale["status"], stale["revision"]) == ("stale", 8)


def test_an_app_archives_and_nothing_else_changes(world: World) -> None:
    row = world.plan(name="x", charges=[], archived=True)

    assert statuses(apply(world.odoo, "plan", changed(row, 3, "archived"))) == [
        "updated"
    ]
    assert own(world, "plan") == [world.plan(archived=True)]


def test_a_new_record_of_an_app_is_made_whole(world: World) -> None:
    metric = world.metric(code="new", filters=REGIONS)
    plan = world.plan(code="new", charges=[world.charge(metric="new", **PARTS)])

    for kind, row in (("metric", metric), ("plan", plan)):
        sent = changed(row, 9, "name")
        assert statuses(apply(world.odoo, kind, sent)) == ["created"]
        assert statuses(apply(world.odoo, kind, sent)) == ["unchanged"]
        assert row in own(world, kind)


@pytest.mark.parametrize("model", [METRIC, PLAN])
def test_by_hand_an_archived_one_is_out_of_sight(world: World, model: str) -> None:
    apply(world.odoo, "metric", world.metric(code="old", archived=True))
    apply(world.odoo, "plan", world.plan(code="old", archived=True, charges=[]))
    domain = [["service_id.code", "=", world.code]]

    shown = world.odoo.ask(model, "search_count", domain=domain)
    all_ = world.odoo.ask(
        model, "search_count", domain=domain, context={"active_test": False}
    )

    assert (shown, all_) == (1, 2)
