"""A charge's price means what Lago's properties mean, and reads back as written."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError

from ingest_api.lago.charge_properties import read_properties, show_properties
from ingest_api.lago.charges_request import faults_of
from ledger.charge import Charge
from ledger.charge_entries import Price
from ledger.rating import Usage, rate_usage
from schemas.lago_charges import PropertiesSchema
from tests.lago_charges import MODELS, as_read, properties
from tests.lago_formulas import naive_amount

WRITTEN = st.sampled_from(MODELS).flatmap(
    lambda model: st.tuples(st.just(model), properties(model))
)
UNITS = st.decimals(0, 20_000, places=3) | st.integers(0, 2000).map(Decimal)


def loaded(model: str, written: dict[str, Any]) -> Price:
    given = {name: value for name, value in written.items() if value is not None}
    for name in ("graduated_ranges", "volume_ranges"):
        if name in given:
            given[name] = [
                {part: value for part, value in each.items() if value is not None}
                for each in given[name]
            ]
    return read_properties(model, PropertiesSchema().load(given))


@given(written=WRITTEN)
def test_what_is_written_reads_back_equal(
    written: tuple[str, dict[str, Any]],
) -> None:
    model, properties = written

    shown = show_properties(model, loaded(model, properties))

    assert shown == as_read(properties)
    assert loaded(model, shown) == loaded(model, properties)


def charge_at(model: str, price: Price) -> Charge:
    return Charge(model, **vars(price))


@given(written=WRITTEN, units=UNITS, events=st.integers(0, 40))
def test_units_cost_what_lagos_formula_says(
    written: tuple[str, dict[str, Any]], units: Decimal, events: int
) -> None:
    model, properties = written
    charge = charge_at(model, loaded(model, properties))

    rating = rate_usage(charge, Usage(units, events), "UYW")  # four places

    exact = naive_amount(model, properties, units, events)
    assert rating.amount == _half_up(exact)


def _half_up(exact: Any) -> Decimal:
    return Decimal((exact * 10_000 * 2 + 1) // 2) / 10_000


@pytest.mark.parametrize("second", [100, 101])
def test_bounds_may_touch_or_count_whole_units(second: int) -> None:
    written = {
        "graduated_ranges": [
            {"from_value": 0, "to_value": 100, "per_unit_amount": "1"},
            {"from_value": second, "per_unit_amount": "2"},
        ]
    }

    first, last = loaded("graduated", written).tiers

    assert (first.up_to, last.up_to) == (Decimal(100), None)


def test_bounds_between_whole_units_are_shown_as_they_are() -> None:
    ranges = [
        {"from_value": 0, "to_value": "0.5", "per_unit_amount": "1"},
        {"from_value": "0.5", "per_unit_amount": "2"},
    ]

    shown = show_properties("volume", loaded("volume", {"volume_ranges": ranges}))

    assert [r["from_value"] for r in shown["volume_ranges"]] == [0, "0.5"]
    assert [r["to_value"] for r in shown["volume_ranges"]] == ["0.5", None]


@pytest.mark.parametrize("model", MODELS)
def test_without_properties_all_is_for_nothing(model: str) -> None:
    charge = charge_at(model, loaded(model, {}))

    assert rate_usage(charge, Usage(Decimal(1000), 5), "CAD").amount == 0


@pytest.mark.parametrize("model", ["standard", "graduated", "volume"])
def test_an_included_quota_is_shown_and_kept(model: str) -> None:
    shown = {**show_properties(model, loaded(model, {})), "included_units": "3600"}

    price = loaded(model, shown)

    assert price.included == 3600
    assert show_properties(model, price) == shown


def test_groups_have_an_older_name() -> None:
    price = loaded("standard", {"amount": "1", "grouped_by": ["region"]})

    assert price.group_keys == ("region",)
    assert show_properties("standard", price)["pricing_group_keys"] == ["region"]


def a_range(start: Any, top: Any) -> dict[str, Any]:
    return {"from_value": start, "to_value": top, "per_unit_amount": "1"}


@pytest.mark.parametrize(
    ("model", "written", "code"),
    [
        ("standard", {"rate": "1"}, "invalid_amount"),
        ("package", {"package_size": 2}, "invalid_amount"),
        ("package", {"amount": "1", "package_size": 0}, "invalid_package_size"),
        ("percentage", {"amount": "1"}, "invalid_rate"),
        ("percentage", {"rate": "100.01"}, "invalid_rate"),
        ("graduated", {"amount": "1"}, "missing_graduated_ranges"),
        ("volume", {"volume_ranges": []}, "missing_volume_ranges"),
        ("volume", {"volume_ranges": [a_range(1, None)]}, "invalid_volume_ranges"),
        ("volume", {"volume_ranges": [a_range(0, 5)]}, "invalid_volume_ranges"),
        (
            "graduated",
            {"graduated_ranges": [a_range(0, None), a_range(5, None)]},
            "invalid_graduated_ranges",
        ),
        (
            "graduated",
            {"graduated_ranges": [a_range(0, 5), a_range(7, None)]},
            "invalid_graduated_ranges",
        ),
        (
            "graduated",
            {"graduated_ranges": [a_range(0, 5), a_range(5, 5), a_range(6, None)]},
            "invalid_graduated_ranges",
        ),
    ],
)
def test_what_a_model_needs_is_asked_for(
    model: str, written: dict[str, Any], code: str
) -> None:
    with pytest.raises(ValidationError) as raised:
        loaded(model, written)

    assert code in str(faults_of(raised.value))


@pytest.mark.parametrize(
    "amount", [-1, "-0.01", "1e3", "", " 1", True, [], {}, 10**40, "9" * 31, "NaN"]
)
def test_an_amount_is_a_decimal_of_zero_or_more(amount: Any) -> None:
    with pytest.raises(ValidationError) as raised:
        loaded("standard", {"amount": amount})

    assert "invalid_amount" in str(faults_of(raised.value))
