"""Placing: every counter is placed, parked or rejected, with a reason."""

from datetime import UTC, datetime

import pytest

from ledger.counter_value import Metric
from ledger.periods import Terms
from ledger.place import (
    Arrival,
    Catalog,
    Placement,
    Subscription,
    place_counters,
)
from schemas.messages import Counter
from tests.ledger_world import NOW_US, counter

TERMS = Terms("monthly", "calendar", "UTC", datetime(2026, 1, 1, tzinfo=UTC), None)
CATALOG = Catalog(
    subscriptions={"sub-0": Subscription(1, TERMS)},
    metrics={"sum": Metric(1, "sum"), "unique": Metric(2, "unique")},
)


def place(*counters: Counter) -> Placement:
    return place_counters([Arrival("batch", each) for each in counters], CATALOG)


def test_unknown_subscriptions_and_metrics_are_parked() -> None:
    items = [counter("a", subscription="other"), counter("b", code="other")]

    placement = place(*items)

    assert [why for _, why in placement.parked] == [
        "unknown_subscription",
        "unknown_metric",
    ]


def test_members_are_a_set() -> None:
    items = [
        counter("a", "unique", None, ("b", "a", "b")),
        counter("b", "unique", "a"),
    ]

    placed = place(*items).placed

    assert [item.members for item in placed] == [("a", "b"), ("a",)]


@pytest.mark.parametrize(
    "value", ["", "abc", "1e3", "NaN", "Infinity", "+1", " 1", "1_000", "٣", "1" * 31]
)
def test_what_is_no_number_is_rejected_for_a_sum(value: str) -> None:
    placement = place(counter("a", value=value))

    assert placement.placed == ()
    ((_, reason),) = placement.rejected
    assert reason.startswith("value_is_invalid: ")


def test_a_list_for_a_sum_is_rejected() -> None:
    placement = place(counter("a", "sum", None, ("1",)))

    assert placement.rejected[0][1] == "values_need_a_unique_metric"


def test_a_counter_of_the_last_day_allowed_has_a_period() -> None:
    far = int(datetime(2099, 12, 31, tzinfo=UTC).timestamp()) * 1_000_000
    items: list[Counter] = [counter("a", timestamp_us=far), counter("b")]

    placed = place(*items).placed

    assert [item.spot.period.start.year for item in placed] == [2099, 2026]
    assert placed[1].arrival.counter.timestamp_us == NOW_US
