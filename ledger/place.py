"""Where each counter of a batch belongs: which subscription, metric and period.

Pure. What cannot be placed is parked (its subscription or metric is not known yet) or
rejected (it can never be applied), each with a reason code.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from ledger.counter_value import Metric, ValueMisfit, value_of
from ledger.periods import Period, Terms, first_open_period, period_at
from schemas.messages import Counter
from schemas.numbers import is_within_digits

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

RollupKey = tuple[int, int, datetime, datetime]
"""Subscription, metric, period_start, usage_start."""

UNKNOWN_SUBSCRIPTION = "unknown_subscription"
UNKNOWN_METRIC = "unknown_metric"
BEFORE_START = "before_subscription_start"
AFTER_END = "after_subscription_end"
PERIOD_ARCHIVED = "period_is_archived"


@dataclass(frozen=True)
class FrozenPeriod:
    """A period that is billed: how each metric (by key) was aggregated in it."""

    period: Period
    aggregations: Mapping[int, str]
    archived: bool = False


@dataclass(frozen=True)
class Subscription:
    """A known subscription: its key in the ledger and what decides its periods.

    ``frozen`` has, in their order, at least those frozen periods that hold late usage.
    """

    id: int
    terms: Terms
    frozen: tuple[FrozenPeriod, ...] = ()


@dataclass(frozen=True)
class Catalog:
    """One service's subscriptions by external id and metrics by code."""

    subscriptions: Mapping[str, Subscription]
    metrics: Mapping[str, Metric]


@dataclass(frozen=True)
class Arrival:
    """A counter and the batch that brought it."""

    batch_id: str
    counter: Counter

    @property
    def key(self) -> tuple[str, int]:
        """Names the item: its batch and its place in it."""
        return self.batch_id, self.counter.index


@dataclass(frozen=True, eq=False, slots=True)
class Spot:
    """The rollup that counters are folded into; compared as an object, which is quick.

    ``period`` is the one in which they are billed, ``usage_start`` begins the one in
    which they were used: an earlier one, when that is frozen. ``metric`` is as it was
    then.
    """

    subscription_id: int
    metric: Metric
    period: Period
    usage_start: datetime

    @property
    def key(self) -> RollupKey:
        """In the order of the table's primary key."""
        return (
            self.subscription_id,
            self.metric.id,
            self.period.start,
            self.usage_start,
        )

    @property
    def late(self) -> bool:
        """Whether the period of the usage is frozen."""
        return self.usage_start != self.period.start


@dataclass(frozen=True, slots=True)
class Placed:
    """A counter with its place; exactly one of ``value`` and ``members`` is set.

    ``value`` is the text of a number. ``members`` is sorted and without repetitions, so
    that equal sets compare equal.
    """

    arrival: Arrival
    spot: Spot
    value: str | None
    members: tuple[str, ...] | None


@dataclass(frozen=True)
class Placement:
    """Counters told apart. The reasons are codes."""

    placed: tuple[Placed, ...]
    parked: tuple[tuple[Arrival, str], ...]
    rejected: tuple[tuple[Arrival, str], ...]


@dataclass(frozen=True, slots=True)
class _Open:
    """The last open period that counters of one name fell into, in microseconds."""

    start_us: int
    end_us: int
    spot: Spot


class _Unknown(LookupError):
    """Its subscription or metric is not known yet; the text is the reason code."""


class _Misfit(ValueError):
    """The counter can never be applied there; the text is the reason code."""


def place_counters(arrivals: Iterable[Arrival], catalog: Catalog) -> Placement:
    """Tell counters apart; each is in exactly one of the three lists."""
    placed: list[Placed] = []
    parked: list[tuple[Arrival, str]] = []
    rejected: list[tuple[Arrival, str]] = []
    last: dict[tuple[str, str], _Open] = {}
    for arrival in arrivals:
        counter = arrival.counter
        instant_us = counter.timestamp_us
        name = counter.external_subscription_id, counter.code
        known = last.get(name)
        try:
            # The name's last answer is tried first: most are alike.
            if known is not None and known.start_us <= instant_us < known.end_us:
                spot = known.spot
            else:
                spot = _find_spot(name, instant_us, catalog, last)
            value, members = counter.value, None
            unique = spot.metric.aggregation == "unique"
            if unique or value is None or not is_within_digits(value):
                value, members = value_of(counter, spot.metric)
        except _Unknown as error:
            parked.append((arrival, str(error)))
        except (_Misfit, ValueMisfit) as error:
            rejected.append((arrival, str(error)))
        else:
            placed.append(Placed(arrival, spot, value, members))
    return Placement(tuple(placed), tuple(parked), tuple(rejected))


def _find_spot(
    name: tuple[str, str],
    instant_us: int,
    catalog: Catalog,
    last: dict[tuple[str, str], _Open],
) -> Spot:
    """Where a counter of this subscription and code belongs; an open period is noted.

    Raises _Unknown and _Misfit.
    """
    external_id, code = name
    subscription = catalog.subscriptions.get(external_id)
    if subscription is None:
        raise _Unknown(UNKNOWN_SUBSCRIPTION)
    metric = catalog.metrics.get(code)
    if metric is None:
        raise _Unknown(UNKNOWN_METRIC)
    instant = EPOCH + instant_us * MICROSECOND
    terms = subscription.terms
    if terms.ended_at is not None and instant >= terms.ended_at:
        raise _Misfit(AFTER_END)
    if terms.frozen_until is not None and instant < terms.frozen_until:
        return _late_spot(subscription, metric, instant)
    period = period_at(terms, instant)
    if period is None:
        raise _Misfit(BEFORE_START)
    spot = Spot(subscription.id, metric, period, period.start)
    start_us, end_us = (
        (bound - EPOCH) // MICROSECOND for bound in (period.start, period.end)
    )
    last[name] = _Open(start_us, end_us, spot)
    return spot


def _late_spot(subscription: Subscription, metric: Metric, instant: datetime) -> Spot:
    """Billed in the first open period, aggregated as in the one it was used in."""
    starts = [frozen.period.start for frozen in subscription.frozen]
    number = bisect_right(starts, instant) - 1
    if number < 0 or instant >= subscription.frozen[number].period.end:
        raise _Misfit(BEFORE_START)
    frozen = subscription.frozen[number]
    if frozen.archived:
        raise _Misfit(PERIOD_ARCHIVED)
    aggregation = frozen.aggregations.get(metric.id, metric.aggregation)
    return Spot(
        subscription.id,
        replace(metric, aggregation=aggregation),
        first_open_period(subscription.terms),
        frozen.period.start,
    )
