"""Any metrics and plans that the catalog allows, for property tests."""

from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from schemas.catalog import INTERVALS, ROUNDINGS
from schemas.catalog_entries import (
    Charge,
    ChargeFilter,
    Metric,
    MetricFilter,
    Plan,
    Threshold,
    Tier,
)
from schemas.charges import MODELS

LETTERS = st.characters(
    exclude_categories=("Cc", "Cs", "Cn", "Co"), exclude_characters='"'
)
WORDS = st.text(LETTERS, min_size=1, max_size=12).map(str.strip).filter(bool)
LINES = st.text(LETTERS, max_size=20)
NUMBERS = st.decimals(0, 10**12, places=8).map(abs)
ABOVE = NUMBERS.filter(bool)


@st.composite
def tiers(draw: st.DrawFn) -> tuple[Tier, ...]:
    """Tiers that rise; the last one is open."""
    tops = sorted(draw(st.sets(ABOVE, max_size=3)))
    return tuple(Tier(top, draw(NUMBERS), draw(NUMBERS)) for top in [*tops, None])


@st.composite
def terms(draw: st.DrawFn, model: str) -> dict[str, Any]:
    """What a charge of the model, or one of its filters, may cost."""
    tiered, percentage = model in ("graduated", "volume"), model == "percentage"
    prices = st.decimals(0, 100, places=6).map(abs) if percentage else NUMBERS
    return {
        "included": draw(NUMBERS),
        "price": Decimal(0) if tiered else draw(prices),
        "package_size": draw(ABOVE) if model == "package" else None,
        "tiers": draw(tiers()) if tiered else (),
        "fixed": draw(NUMBERS) if percentage else Decimal(0),
        "free_events": draw(st.integers(0, 10**15)) if percentage else 0,
        "group_keys": tuple(draw(st.lists(WORDS, unique=True, max_size=3))),
    }


@st.composite
def metrics(draw: st.DrawFn, code: str) -> Metric:
    """A metric, with filters or without."""
    rounding = draw(st.sampled_from(ROUNDINGS))
    keys = draw(st.lists(WORDS, unique=True, max_size=3))
    values = st.lists(WORDS, unique=True, min_size=1, max_size=4).map(tuple)
    return Metric(
        code=code,
        name=draw(WORDS),
        aggregation="sum",
        unit=draw(LINES),
        rounding=rounding,
        rounding_precision=0 if rounding == "none" else draw(st.integers(-30, 30)),
        field_name=draw(st.none() | WORDS),
        description=draw(LINES),
        filters=tuple(MetricFilter(key, draw(values)) for key in keys),
        archived=False,
    )


@st.composite
def filters(draw: st.DrawFn, metric: Metric, model: str) -> tuple[ChargeFilter, ...]:
    """Filters by some of the metric's values, none of them twice."""
    found: dict[Any, ChargeFilter] = {}
    for _ in range(draw(st.integers(0, 3)) if metric.filters else 0):
        by = draw(st.lists(st.sampled_from(metric.filters), unique=True, min_size=1))
        values = tuple(
            (
                entry.key,
                tuple(
                    draw(
                        st.lists(st.sampled_from(entry.values), unique=True, min_size=1)
                    )
                ),
            )
            for entry in sorted(by, key=lambda entry: entry.key)
        )
        key = frozenset((name, frozenset(words)) for name, words in values)
        more = draw(terms(model))
        found.setdefault(key, ChargeFilter(values=values, name=draw(LINES), **more))
    return tuple(found.values())


@st.composite
def plans(draw: st.DrawFn, code: str, by: tuple[Metric, ...]) -> Plan:
    """A plan that charges some of the metrics."""
    charges = []
    for metric in by:
        model = draw(st.sampled_from(MODELS))
        charges.append(
            Charge(
                metric=metric.code,
                model=model,
                minimum=draw(NUMBERS),
                display_name=draw(LINES),
                filters=draw(filters(metric, model)),
                **draw(terms(model)),
            )
        )
    amounts = draw(st.lists(ABOVE, unique=True, max_size=3))
    return Plan(
        code=code,
        name=draw(WORDS),
        interval=draw(st.sampled_from(INTERVALS)),
        currency=draw(st.sampled_from(["CAD", "JPY", "KWD"])),
        price=draw(NUMBERS),
        grace_hours=draw(st.integers(0, 8760)),
        charges=tuple(charges),
        description=draw(LINES),
        usage_thresholds=tuple(
            Threshold(amount, index == 0, draw(LINES))
            for index, amount in enumerate(amounts)
        ),
        archived=draw(st.booleans()),
    )
