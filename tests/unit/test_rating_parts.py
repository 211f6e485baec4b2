"""Filters and groups are fees of their own, and come to what one adds up by hand."""

import json
from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.charge import Charge, ChargeFilter, Group
from ledger.charge_json import charge_from_json, charge_json
from ledger.rating import MAX_PARTS, Part, Usage, rate_correction, rate_usage
from ledger.working import line_from_json, line_json
from tests import parts_model
from tests.parts_model import PROPERTIES, Event, charges

D = Decimal
MODELS = ("standard", "package", "graduated", "volume", "percentage")
AGGREGATIONS = ("sum", "max", "last", "unique", "count")
EVENTS = st.lists(
    st.builds(
        Event,
        name=st.text("abc", min_size=1),
        at=st.integers(0, 3),
        value=st.decimals(-5, 50, places=3),
        properties=PROPERTIES,
        member=st.sampled_from("xyz"),
    ),
    max_size=12,
    unique_by=lambda event: event.name,
)


def usage_of(charge: Charge, events: Sequence[Event], aggregation: str) -> Usage:
    """As the ledger has it, told by the charge's own rule."""
    parts: dict[tuple[int | None, Group], list[Event]] = defaultdict(list)
    for event in events:
        parts[charge.place_of(event.properties)].append(event)
    return Usage(
        parts_model.fold(events, aggregation),
        len(events),
        tuple(
            Part(place, group, parts_model.fold(its, aggregation), len(its))
            for (place, group), its in parts.items()
        ),
    )


@given(charges(MODELS), EVENTS, st.sampled_from(AGGREGATIONS))
def test_parts_come_to_what_one_adds_up_by_hand(
    charge: Charge, events: list[Event], aggregation: str
) -> None:
    rating = rate_usage(charge, usage_of(charge, events, aggregation), "CAD")

    if charge.by_parts:
        assert Fraction(rating.amount) == parts_model.bill(charge, events, aggregation)
        fees = parts_model.all_fees(charge, events)
        assert {
            (slot.filter_id, tuple(slot.group.items())): (slot.quantity, slot.events)
            for slot in rating.slots
        } == {
            fee: (parts_model.fold(its, aggregation), len(its))
            for fee, its in fees.items()
        }
        assert rating.units == sum((slot.quantity for slot in rating.slots), D(0))
    else:
        assert rating.slots == ()
        exact = parts_model.price(
            charge,
            charge.model,
            parts_model.fold(events, aggregation),
            len(events),
        )
        least = Fraction(charge.minimum)
        assert Fraction(rating.amount) == parts_model.half_up(max(exact, least))


@given(charges(MODELS), EVENTS, EVENTS)
def test_a_stored_line_by_parts_reads_back_as_it_was(
    charge: Charge, before: list[Event], after: list[Event]
) -> None:
    billed = rate_usage(charge, usage_of(charge, before, "sum"), "CAD")
    usage = usage_of(charge, after, "sum")

    for line in (billed, rate_correction(charge, billed, usage, "CAD")):
        stored = json.loads(json.dumps(line_json(charge, "CAD", line)))

        assert line_from_json(stored) == line
        assert charge_from_json(stored["charge"]) == charge


def test_a_charge_without_parts_is_stored_as_before() -> None:
    charge = Charge("standard", D(1), D(2))

    stored = line_json(charge, "CAD", rate_usage(charge, Usage(D(3), 2), "CAD"))

    assert set(stored["charge"]) == {
        *("model", "included", "price", "package_size", "tiers", "minimum"),
        *("rounding", "rounding_precision"),
    }
    assert "slots" not in stored


def test_each_fee_is_rounded_by_itself() -> None:
    charge = Charge("standard", D(0), D("0.005"), group_keys=("region",))
    parts = (Part(None, ("eu",), D(1), 1), Part(None, ("us",), D(1), 1))

    rating = rate_usage(charge, Usage(D(2), 2, parts), "CAD")

    assert [slot.rating.amount for slot in rating.slots] == [D("0.01"), D("0.01")]
    assert rating.amount == D("0.02")


def test_each_fee_has_its_units_rounded_as_the_metric_says() -> None:
    charge = Charge(
        "standard", D(0), D(1), None, (), D(0), "ceil", 0, group_keys=("region",)
    )
    parts = (Part(None, (None,), D("1.2"), 1), Part(None, ("us",), D("1.2"), 1))

    rating = rate_usage(charge, Usage(D("2.4"), 2, parts), "CAD")

    assert (rating.units, rating.amount) == (D(4), D(4))


def test_the_minimum_fills_up_the_sum_of_the_fees() -> None:
    charge = Charge("standard", D(0), D(1), minimum=D(5), group_keys=("region",))
    parts = (Part(None, ("eu",), D(1), 1), Part(None, ("us",), D("1.5"), 1))

    rating = rate_usage(charge, Usage(D("2.5"), 2, parts), "CAD")

    assert [slot.rating.true_up for slot in rating.slots] == [D(0), D(0)]
    assert (rating.true_up, rating.amount) == (D("2.50"), D("5.00"))


def test_an_event_over_the_free_ones_costs_the_fixed_price() -> None:
    charge = Charge("percentage", D(100), D("1.5"), fixed=D("0.3"), free_events=2)

    rating = rate_usage(charge, Usage(D(300), 5), "CAD")

    assert rating.amount == D("3.90")
    assert [step.amount for step in rating.steps] == [D("3.000"), D("0.9")]


def test_a_filter_of_more_keys_goes_before_one_of_fewer() -> None:
    region = ChargeFilter("1", "region", {"region": ("eu",)})
    both = ChargeFilter("2", "both", {"region": ("eu",), "tier": ("gold",)})
    charge = Charge("standard", D(0), D(1), filters=(region, both))

    assert charge.place_of({"region": "eu", "tier": "gold"})[0] == 1
    assert charge.place_of({"region": "eu"})[0] == 0
    assert charge.place_of({"region": "us", "tier": "gold"})[0] is None


def test_a_property_is_compared_as_text() -> None:
    charge = Charge("standard", D(0), D(1), group_keys=("a", "b", "c", "d"))

    _, group = charge.place_of({"a": 5, "b": D("1.50"), "c": True})

    assert group == ("5", "1.50", "true", None)


def test_usage_without_all_of_its_parts_is_not_rated() -> None:
    charge = Charge("standard", D(0), D(1), group_keys=("region",))

    with pytest.raises(ValueError, match="parts"):
        rate_usage(charge, Usage(D(3), 2, (Part(None, ("eu",), D(1), 1),)), "CAD")


def test_usage_of_more_groups_than_a_bill_can_keep_is_not_rated() -> None:
    charge = Charge("standard", D(0), D(1), group_keys=("event",))
    parts = [Part(None, (str(n),), D(1), 1) for n in range(MAX_PARTS + 1)]

    with pytest.raises(ValueError, match="more than 100000 values"):
        rate_usage(charge, Usage(D(len(parts)), len(parts), tuple(parts)), "CAD")


@pytest.mark.parametrize(
    "filters",
    ["x", [1], [{"id": "1"}], [{"id": "1", "values": {"a": ["b"]}, "price": "much"}]],
)
def test_filters_that_are_none_are_named(filters: object) -> None:
    stored = charge_json(Charge("standard", D(0), D(1)))

    with pytest.raises(ValueError, match="filters"):
        charge_from_json({**(stored or {}), "filters": filters})
