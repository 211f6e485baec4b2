"""Rounding, grace and minimum: taken as written, or refused at their path."""

from decimal import Decimal
from typing import Any

import pytest

from schemas.catalog_file import check_catalog
from tests.catalog_drafts import loaded, pilot, set_at

PRECISION: list[str | int] = ["metrics", 0, "rounding_precision"]
GRACE: list[str | int] = ["plans", 0, "grace_hours"]
MINIMUM: list[str | int] = ["plans", 0, "charges", 0, "minimum"]


def rounded(rounding: str, precision: Any) -> Any:
    """The pilot file with a metric that is rounded so."""
    raw = set_at(pilot(), ["metrics", 0, "rounding"], rounding)
    return set_at(raw, PRECISION, precision)


def test_a_metric_may_count_its_counters() -> None:
    raw = set_at(pilot(), ["metrics", 0, "aggregation"], "count")

    assert loaded(raw).metrics[0].aggregation == "count"


@pytest.mark.parametrize("rounding", ["round", "ceil", "floor"])
@pytest.mark.parametrize(
    ("written", "precision"),
    [("2", 2), ("-30", -30), ("30", 30), (-2, -2), ("-0", 0), (None, 0)],
)
def test_a_rounding_has_a_precision_before_or_after_the_point(
    rounding: str, written: Any, precision: int
) -> None:
    metric = loaded(rounded(rounding, written)).metrics[0]

    assert (metric.rounding, metric.rounding_precision) == (rounding, precision)


@pytest.mark.parametrize("precision", ["0", None])
def test_no_rounding_has_no_precision(precision: Any) -> None:
    metric = loaded(rounded("none", precision)).metrics[0]

    assert (metric.rounding, metric.rounding_precision) == ("none", 0)


@pytest.mark.parametrize(
    ("written", "hours"), [("0", 0), ("8760", 8760), (24, 24), (None, 48)]
)
def test_a_plan_may_have_no_grace_and_up_to_a_years(written: Any, hours: int) -> None:
    raw = set_at(pilot(), GRACE, written)

    assert loaded(raw).plans[0].grace_hours == hours


@pytest.mark.parametrize("place", [0, 1])
def test_a_charge_of_any_model_may_have_a_minimum(place: int) -> None:
    text = "4.00000000000000000001"
    raw = set_at(pilot(), ["plans", 0, "charges", place, "minimum"], text)

    assert loaded(raw).plans[0].charges[place].minimum == Decimal(text)


@pytest.mark.parametrize("minimum", ["0", None])
def test_no_minimum_is_0(minimum: Any) -> None:
    raw = set_at(pilot(), MINIMUM, minimum)

    assert loaded(raw).plans[0].charges[0].minimum == 0


@pytest.mark.parametrize(
    ("steps", "value", "fault"),
    [
        (["metrics", 0, "rounding"], "up",
         "metrics[0].rounding: Must be one of: none, round, ceil, floor."),
        (PRECISION, "2", "metrics[0].rounding_precision: is not used without rounding"),
        (PRECISION, "31", "metrics[0].rounding_precision: is not between -30 and 30"),
        (PRECISION, -31, "metrics[0].rounding_precision: is not between -30 and 30"),
        (PRECISION, "1.0", "metrics[0].rounding_precision: is not a whole number"),
        (PRECISION, "1e1", "metrics[0].rounding_precision: is not a whole number"),
        (PRECISION, True, "metrics[0].rounding_precision: is not a whole number"),
        (PRECISION, "", "metrics[0].rounding_precision: is not a whole number"),
        (PRECISION, "9" * 5_000,
         "metrics[0].rounding_precision: is not between -30 and 30"),
        (GRACE, "-1", "plans[0].grace_hours: is not between 0 and 8760"),
        (GRACE, "8761", "plans[0].grace_hours: is not between 0 and 8760"),
        (GRACE, "1.5", "plans[0].grace_hours: is not a whole number"),
        (GRACE, "two days", "plans[0].grace_hours: is not a whole number"),
        (MINIMUM, "-0.01", "plans[0].charges[0].minimum: is less than 0"),
        (MINIMUM, "1e3", "plans[0].charges[0].minimum: is not a decimal number"),
        (MINIMUM, "none", "plans[0].charges[0].minimum: is not a decimal number"),
    ],
)  # fmt: skip
def test_a_faulty_term_is_named_by_path_and_reason(
    steps: list[str | int], value: Any, fault: str
) -> None:
    draft = check_catalog(set_at(pilot(), steps, value))

    assert [str(found) for found in draft.faults] == [fault]
    assert draft.catalog is None
