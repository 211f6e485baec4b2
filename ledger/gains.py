"""What new counters add to their rollups. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal, Inexact, localcontext

from ledger.place import Placed, RollupKey, Spot

# Sums of numbers of 50 digits, however many; what would be rounded raises.
_EXACT = Context(prec=100, traps=[Inexact])


@dataclass(frozen=True)
class Gain:
    """What one rollup gets from counters that are all new.

    ``quantity`` is what they alone fold to; of a unique metric None, since only the
    stored members tell which of ``members`` are new. The last counter is the one of the
    greatest timestamp (microseconds), ties by the greater transaction_id.
    """

    spot: Spot
    counters: int
    quantity: Decimal | None
    members: frozenset[str]
    last_at_us: int
    last_transaction_id: str


def gains_of(items: Iterable[Placed]) -> list[Gain]:
    """A gain for each rollup, in the order of their keys."""
    by_spot: dict[Spot, list[Placed]] = defaultdict(list)
    for item in items:
        by_spot[item.spot].append(item)
    by_key: dict[RollupKey, list[Placed]] = {}
    for spot, its in by_spot.items():
        by_key.setdefault(spot.key, []).extend(its)
    with localcontext(_EXACT):
        return [_gain(by_key[key]) for key in sorted(by_key)]


def _gain(items: Sequence[Placed]) -> Gain:
    spot = items[0].spot
    counters = [item.arrival.counter for item in items]
    last_at_us, last_transaction_id, latest = max(
        (counter.timestamp_us, counter.transaction_id, item.value or "")
        for counter, item in zip(counters, items, strict=True)
    )
    quantity: Decimal | None = None
    match spot.metric.aggregation:
        case "sum":
            quantity = sum(_numbers(items), Decimal(0))
        case "max":
            quantity = max(_numbers(items))
        case "last":
            quantity = Decimal(latest)
        case "count":
            quantity = Decimal(len(items))
    return Gain(
        spot,
        len(items),
        quantity,
        frozenset(member for item in items for member in item.members or ()),
        last_at_us,
        last_transaction_id,
    )


def _numbers(items: Iterable[Placed]) -> Iterable[Decimal]:
    return (Decimal(item.value) for item in items if item.value is not None)
