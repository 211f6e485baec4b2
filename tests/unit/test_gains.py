"""What new counters add to their rollups, held against the slow model of the fold."""

from collections import defaultdict
from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from ledger.counter_value import Metric
from ledger.gains import gains_of
from ledger.periods import Terms
from ledger.place import (
    Arrival,
    Catalog,
    RollupKey,
    Subscription,
    place_counters,
)
from schemas.messages import Counter
from tests import model
from tests.ledger_world import AGGREGATIONS, NOW_US, counter

TERMS = Terms("monthly", "calendar", "UTC", datetime(2026, 1, 1, tzinfo=UTC), None)
CATALOG = Catalog(
    {"sub-0": Subscription(1, TERMS), "sub-1": Subscription(2, TERMS)},
    {name: Metric(number, name) for number, name in enumerate(AGGREGATIONS)},
)
WIDE = st.decimals(-(10**30) + 1, 10**30 - 1, places=20).map(lambda n: format(n, "f"))
MONTH_US = 31 * 86_400 * 1_000_000


@st.composite
def distinct_counters(draw: st.DrawFn) -> list[Counter]:
    names = draw(st.lists(st.text("ab\u00e9", max_size=5), max_size=12, unique=True))
    return [
        counter(
            name,
            draw(st.sampled_from(AGGREGATIONS)),
            draw(WIDE | st.sampled_from(["0", "-0", "007", "1.50"])),
            None,
            draw(st.sampled_from(["sub-0", "sub-1"])),
            NOW_US + draw(st.sampled_from([0, 1, -MONTH_US])),
        )
        for name in names
    ]


@given(distinct_counters())
def test_gains_are_what_the_model_folds_to(counters: list[Counter]) -> None:
    placement = place_counters([Arrival("batch", each) for each in counters], CATALOG)
    apart: dict[RollupKey, list[Counter]] = defaultdict(list)
    for item in placement.placed:
        apart[item.spot.key].append(item.arrival.counter)

    gains = gains_of(placement.placed)

    assert [gain.spot.key for gain in gains] == sorted(apart)
    for gain in gains:
        its = apart[gain.spot.key]
        found = len(gain.members) if gain.quantity is None else gain.quantity
        latest = max(its, key=lambda c: (c.timestamp_us, c.transaction_id))
        assert found == model.fold(its, gain.spot.metric.aggregation)
        assert gain.counters == len(its)
        assert gain.last_transaction_id == latest.transaction_id
        assert gain.last_at_us == latest.timestamp_us


def test_a_sum_keeps_every_digit() -> None:
    values = ["9" * 30, "0." + "0" * 19 + "1"]
    items = [counter(str(n), value=value) for n, value in enumerate(values)]
    placed = place_counters([Arrival("batch", each) for each in items], CATALOG).placed

    [gain] = gains_of(placed)

    assert gain.quantity == Decimal("9" * 30 + "." + "0" * 19 + "1")
