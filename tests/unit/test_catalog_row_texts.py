"""Metrics and plans cross to Odoo and back as they were, whatever is in them."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from schemas.catalog_json import (
    charge_filter_values,
    metric_filter_values,
    read_charge_filters,
    read_metric_filters,
    read_thresholds,
    read_tiers,
    threshold_values,
    tier_values,
)
from schemas.odoo_rows import metric_row, plan_row, read_row
from tests.catalog_entries import metrics, plans

M = metrics("m")


def over_the_wire(row: dict[str, Any]) -> Any:
    return json.loads(json.dumps(row))


@given(metric=M)
def test_a_metric_comes_back_as_it_was(metric: Any) -> None:
    read = read_row("metric", over_the_wire(metric_row("s", metric)))

    assert read == ("s", metric)


@given(data=st.data(), metric=M)
def test_a_plan_comes_back_as_it_was(data: st.DataObject, metric: Any) -> None:
    plan = data.draw(plans("p", (metric,)))

    assert read_row("plan", over_the_wire(plan_row("s", plan))) == ("s", plan)


@given(data=st.data(), metric=M)
def test_what_the_ledger_stores_reads_back(data: st.DataObject, metric: Any) -> None:
    plan = data.draw(plans("p", (metric,)))
    (charge,) = plan.charges
    stored = json.loads(
        json.dumps(
            [
                charge_filter_values(charge.filters),
                metric_filter_values(metric.filters),
                threshold_values(plan.usage_thresholds),
                tier_values(charge.tiers),
            ]
        )
    )

    assert read_charge_filters(stored[0]) == charge.filters
    assert read_metric_filters(stored[1]) == metric.filters
    assert read_thresholds(stored[2]) == plan.usage_thresholds
    assert read_tiers(stored[3]) == charge.tiers
