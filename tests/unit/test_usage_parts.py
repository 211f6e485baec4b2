"""Fees by filter and by group, as Lago's models take them, and their sums."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from lago_python_client.models.customer_projected_usage import (
    ProjectedChargeFilterUsage,
    ProjectedGroupedUsage,
)
from lago_python_client.models.customer_usage import ChargeFilterUsage, GroupedUsage

from ingest_api.usage_parts import parts_answer, projected_parts_answer
from ledger.charge import Charge, ChargeFilter
from ledger.rating import Part, Usage, rate_usage

HOME = ChargeFilter(
    "home", "Home", {"region": ("ca", "qc")}, price=Decimal(2), group_keys=("user",)
)
AWAY = ChargeFilter("away", "", {"region": ("us",)}, price=Decimal(3))
CHARGE = Charge(
    "standard", Decimal(0), Decimal(1), group_keys=("user",), filters=(HOME, AWAY)
)
USED = Usage(
    Decimal("10.5"),
    6,
    (
        Part(0, ("ann",), Decimal(1), 1),
        Part(0, ("bob",), Decimal(2), 2),
        Part(1, (), Decimal("3.5"), 1),
        Part(None, ("ann",), Decimal(4), 2),
    ),
)


def test_filters_sum_the_groups_and_the_last_is_what_none_takes() -> None:
    answer = parts_answer(CHARGE, rate_usage(CHARGE, USED, "CAD"), "CAD")

    assert answer["filters"] == [
        {
            "units": "3.0",
            "total_aggregated_units": "3.0",
            "events_count": 3,
            "amount_cents": 600,
            "invoice_display_name": "Home",
            "values": {"region": ["ca", "qc"]},
        },
        {
            "units": "3.5",
            "total_aggregated_units": "3.5",
            "events_count": 1,
            "amount_cents": 1050,
            "invoice_display_name": None,
            "values": {"region": ["us"]},
        },
        {
            "units": "4.0",
            "total_aggregated_units": "4.0",
            "events_count": 2,
            "amount_cents": 400,
            "invoice_display_name": None,
            "values": {},
        },
    ]


def test_groups_sum_the_filters_and_name_them() -> None:
    answer = parts_answer(CHARGE, rate_usage(CHARGE, USED, "CAD"), "CAD")

    ann, bob = answer["grouped_usage"]
    assert ann["grouped_by"] == {"user": "ann"}
    assert (ann["units"], ann["events_count"], ann["amount_cents"]) == ("5.0", 3, 600)
    assert [each["values"] for each in ann["filters"]] == [{"region": ["ca", "qc"]}, {}]
    assert bob["grouped_by"] == {"user": "bob"}
    assert (bob["units"], bob["amount_cents"]) == ("2.0", 400)


def test_what_has_no_such_property_is_a_group_of_null() -> None:
    charge = Charge("standard", Decimal(0), Decimal(1), group_keys=("user",))
    used = Usage(Decimal(4), 2, (Part(None, (None,), Decimal(4), 2),))

    answer = parts_answer(charge, rate_usage(charge, used, "CAD"), "CAD")

    (group,) = answer["grouped_usage"]
    assert group["grouped_by"] == {"user": None}
    assert group["filters"] == []
    assert GroupedUsage.parse_obj(group)


def test_a_group_that_is_not_used_is_left_out() -> None:
    charge = Charge("standard", Decimal(0), Decimal(1), group_keys=("user",))

    rating = rate_usage(charge, Usage(Decimal(0), 0), "CAD")

    assert len(rating.slots) == 1
    assert parts_answer(charge, rating, "CAD")["grouped_usage"] == []


parts = st.lists(
    st.builds(
        Part,
        st.sampled_from([0, None]),
        st.tuples(st.sampled_from(["ann", "bob", None])),
        st.decimals(0, 10**6, places=4),
        st.integers(1, 99),
    ),
    unique_by=lambda part: (part.place, part.group),
    max_size=6,
)


@given(parts=parts)
def test_filters_and_groups_each_sum_up_to_the_charge(parts: list[Part]) -> None:
    quantity = sum((part.quantity for part in parts), Decimal(0))
    used = Usage(quantity, sum(part.events for part in parts), tuple(parts))
    rating = rate_usage(CHARGE, used, "CAD")

    answer = parts_answer(CHARGE, rating, "CAD")

    cents = int(rating.amount * 100)
    assert sum(each["amount_cents"] for each in answer["filters"]) == cents
    assert sum(each["amount_cents"] for each in answer["grouped_usage"]) == cents
    for each in answer["filters"]:
        assert ChargeFilterUsage.parse_obj(each)
    for each in answer["grouped_usage"]:
        assert GroupedUsage.parse_obj(each)
        its = sum(taken["amount_cents"] for taken in each["filters"])
        assert its == each["amount_cents"]


def test_projected_parts_are_as_lagos_models_have_them() -> None:
    now = rate_usage(CHARGE, USED, "CAD")

    answer = projected_parts_answer(CHARGE, now, now, "CAD")

    for each in answer["filters"]:
        read = ProjectedChargeFilterUsage.parse_obj(each)
        assert read.projected_units == read.units
    for each in answer["grouped_usage"]:
        assert ProjectedGroupedUsage.parse_obj(each).projected_amount_cents > 0
