"""The fast reader takes what the schema takes, and alike."""

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ingest_api.counters import judge, read_counters, read_well_formed
from schemas.usage import CounterSchema
from tests.usage_items import GOOD, without

ANY_TEXT = st.one_of(
    st.text(st.characters(), max_size=4),
    st.sampled_from(["t", "é" * 255, "x" * 256, "\0", "\x7f", "\ud800", "", " "]),
)
ANY_NUMBER = st.one_of(
    st.integers(),
    st.integers(10**29, 10**31),
    st.decimals(allow_nan=True),
    st.decimals(0, 2, places=21),
    st.sampled_from([946_684_799, 946_684_800, 4_102_444_799, 4_102_444_800]),
)
ANYTHING = st.one_of(
    ANY_TEXT, ANY_NUMBER, st.none(), st.booleans(), st.lists(ANY_TEXT, max_size=3)
)
TIMESTAMPS = st.one_of(
    st.datetimes(timezones=st.timezones()).map(lambda at: at.isoformat()),
    st.integers(946_684_790, 4_102_444_810),
    st.decimals(946_684_799, 946_684_801).map(str),
    ANYTHING,
)
ITEMS = st.fixed_dictionaries(
    {},
    optional={
        "transaction_id": ANY_TEXT,
        "external_subscription_id": ANY_TEXT,
        "code": st.one_of(ANY_TEXT, ANYTHING),
        "timestamp": TIMESTAMPS,
        "value": ANYTHING,
        "values": st.one_of(st.lists(ANYTHING, max_size=3), ANYTHING),
        "properties": st.one_of(
            st.dictionaries(ANY_TEXT, ANYTHING, max_size=3), ANYTHING
        ),
        "other": ANYTHING,
    },
)
NEARLY_GOOD = st.builds(
    lambda part: {**GOOD, **part}, ITEMS.map(lambda item: dict(list(item.items())[:1]))
)


@given(st.one_of(ITEMS, NEARLY_GOOD, ANYTHING))
def test_what_the_fast_reader_takes_the_schema_takes_alike(item: Any) -> None:
    fast = read_well_formed(0, item, set())

    if fast is not None:
        assert judge(0, item) == (fast, {})


@given(st.lists(NEARLY_GOOD, min_size=2, max_size=5))
def test_an_item_is_judged_the_same_whatever_stands_before_it(
    items: list[dict[str, Any]],
) -> None:
    counters, refusals = read_counters(items, {})

    judged = [judge(index, item) for index, item in enumerate(items)]
    assert [c for c, _ in judged if c is not None] == list(counters)
    assert [i for i, (c, _) in enumerate(judged) if c is None] == [
        refusal.index for refusal in refusals
    ]


def test_the_fast_reader_takes_what_apps_send() -> None:
    iso = without(timestamp="2026-01-31T23:59:59.123Z", value=Decimal("0.5"))
    members = without("value", values=["a", "b"])

    properties = without(properties={"region": "ca", "size": Decimal("1.5")})
    only_properties = without("value", properties={"seconds": 12})

    for item in (GOOD, iso, members, properties, only_properties):
        assert read_well_formed(0, item, set()) == judge(0, item)[0]
        assert CounterSchema().load(item)
