"""An app's life with Lago's own Python client, against a running stack."""

from pathlib import Path
from typing import Any

import pytest

from tests.lago.moved_app import STORY, MovedApp, move_app
from tests.lago_world import models
from tests.stack_process import RunningStack


@pytest.fixture
def app(stack: RunningStack, tmp_path: Path) -> MovedApp:
    return move_app(stack, tmp_path)


def test_what_is_set_up_reads_back(app: MovedApp) -> None:
    app.set_up()

    metrics = app.lago.billable_metrics.find_all()
    plan = app.lago.plans.find("pro")

    assert {(m.code, m.aggregation_type) for m in metrics["billable_metrics"]} == {
        (metric["code"], metric["aggregation_type"]) for metric in STORY["metrics"]
    }
    assert (plan.amount_cents, plan.interval) == (2000, "monthly")
    assert {
        charge.billable_metric_code: charge.charge_model
        for charge in plan.charges.__root__
    } == {charge["metric"]: charge["charge_model"] for charge in STORY["charges"]}


def test_usage_of_every_aggregation_and_charge_model_is_counted_once(
    app: MovedApp,
) -> None:
    app.set_up()
    app.subscribe()
    app.lago.events.create(app.event(STORY["first_event"]))
    [fee] = app.lago.events.estimate_fees(app.event(STORY["events"][9]))["fees"]
    batch = models.BatchEvent(events=[app.event(e) for e in STORY["events"]])
    again = models.BatchEvent(
        events=[app.event(e) for e in (STORY["first_event"], *STORY["events"][:3])]
    )
    app.lago.events.batch_create(batch)
    app.lago.events.batch_create(again)

    usage = app.await_usage(STORY["amount_cents"])
    app.lago.events.batch_create(batch)  # a retry, after all was counted
    found = app.lago.events.find("c1")

    assert {
        charge.billable_metric.code: [charge.units, charge.amount_cents]
        for charge in usage.charges_usage
    } == STORY["usage"]
    assert usage.currency == "CAD"
    assert fee.amount_cents == 1750  # the level of 7 that l1 alone would bring
    assert found.properties == {"calls": 60}
    app.send_last("c9", calls=1)
    later = app.await_usage(STORY["amount_cents"] + 5)
    assert {c.billable_metric.code: c.events_count for c in later.charges_usage} == {
        "calls": 3,
        "storage": 3,
        "seats": 4,
        "level": 2,
        "jobs": 3,
    }


def test_filters_and_groups_are_priced_apart(app: MovedApp) -> None:
    metric = app.lago.billable_metrics.create(
        models.BillableMetric.parse_obj(
            {
                "code": "traffic",
                "name": "Traffic",
                "aggregation_type": "sum_agg",
                "field_name": "gb",
                "filters": [{"key": "region", "values": ["eu", "us"]}],
            }
        )
    )
    charge = {
        "billable_metric_id": metric.lago_id,
        "charge_model": "standard",
        "properties": {"amount": "1", "pricing_group_keys": ["app"]},
        "filters": [
            {
                "values": {"region": ["eu"]},
                "properties": {"amount": "3"},
                "invoice_display_name": "Europe",
            }
        ],
    }
    app.lago.plans.create(models.Plan.parse_obj({**STORY["plan"], "charges": [charge]}))
    app.subscribe()
    app.lago.events.batch_create(
        models.BatchEvent(
            events=[
                app.event({"transaction_id": name, "code": "traffic", **event})
                for name, event in {
                    "t1": traffic(5, region="eu", app="x"),
                    "t2": traffic(2, region="us", app="x"),
                    "t3": traffic("1.5", app="y"),
                    "t4": traffic(1, region="us", app="y"),
                }.items()
            ]
        )
    )

    usage = app.await_usage(1500 + 450)

    [line] = usage.charges_usage
    assert line.units == "9.5"
    assert line.events_count == 4
    europe = [f for f in line.filters if f.invoice_display_name == "Europe"]
    assert [(f.units, f.amount_cents, f.values) for f in europe] == [
        ("5.0", 1500, {"region": ["eu"]})
    ]
    groups = {g.grouped_by.get("app"): g.amount_cents for g in line.grouped_usage}
    assert groups == {"x": 200, "y": 250}


def traffic(gb: Any, **properties: str) -> dict[str, Any]:
    return {"seconds_ago": 60, "properties": {"gb": gb, **properties}}
