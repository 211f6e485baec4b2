"""Where each counter of a batch belongs: which subscription, metric and period.

Pure. What cannot be placed is parked (its subscription or metric is not known yet) or
rejected (it can never be applied), each with a reason code.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from ledger.periods import Period, Terms, first_open_period, period_at
from schemas.messages import Counter
from schemas.numbers import NumberInvalid, parse_number

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

UNKNOWN_SUBSCRIPTION = "unknown_subscription"
UNKNOWN_METRIC = "unknown_metric"
BEFORE_START = "before_subscription_start"
AFTER_END = "after_subscription_end"
VALUE_INVALID = "value_is_invalid"
VALUES_NOT_UNIQUE = "values_need_a_unique_metric"
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
class Metric:
    """A known metric: its key in the ledger and how it aggregates."""

    id: int
    aggregation: str


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


@dataclass(frozen=True)
class Placed:
    """A counter with its place; exactly one of ``value`` and ``members`` is set.

    ``period`` is the one in which it is billed, ``usage_start`` begins the one in which
    it was used: an earlier one, when that is frozen. ``members`` is sorted and without
    repetitions, so that equal sets compare equal.
    """

    arrival: Arrival
    subscription_id: int
    metric: Metric
    period: Period
    usage_start: datetime
    value: Decimal | None
    members: tuple[str, ...] | None

    @property
    def identity(self) -> tuple[int, int, str]:
        """Within a service, in the order of the table's primary key."""
        counter = self.arrival.counter
        return self.subscription_id, self.metric.id, counter.transaction_id

    @property
    def late(self) -> bool:
        """Whether the period in which it was used is frozen."""
        return self.usage_start != self.period.start


@dataclass(frozen=True)
class Placement:
    """Counters told apart. The reasons are codes."""

    placed: tuple[Placed, ...]
    parked: tuple[tuple[Arrival, str], ...]
    rejected: tuple[tuple[Arrival, str], ...]


@dataclass(frozen=True)
class _Spot:
    """Where a counter is billed, from when its usage is, and the metric as it was."""

    period: Period
    usage_start: datetime
    metric: Metric


class _Misfit(ValueError):
    """The counter can never be applied; the text is the reason code."""


def place_counters(arrivals: Iterable[Arrival], catalog: Catalog) -> Placement:
    """Tell counters apart; each is in exactly one of the three lists."""
    placed: list[Placed] = []
    parked: list[tuple[Arrival, str]] = []
    rejected: list[tuple[Arrival, str]] = []
    last_periods: dict[int, Period] = {}
    for arrival in arrivals:
        counter = arrival.counter
        subscription = catalog.subscriptions.get(counter.external_subscription_id)
        metric = catalog.metrics.get(counter.code)
        if subscription is None or metric is None:
            unknown = UNKNOWN_SUBSCRIPTION if subscription is None else UNKNOWN_METRIC
            parked.append((arrival, unknown))
            continue
        instant = EPOCH + timedelta(microseconds=counter.timestamp_us)
        try:
            spot = _spot_of(subscription, metric, instant, last_periods)
            value, members = _read_value(counter, spot.metric.aggregation)
        except _Misfit as error:
            rejected.append((arrival, str(error)))
            continue
        placed.append(
            Placed(
                arrival,
                subscription.id,
                spot.metric,
                spot.period,
                spot.usage_start,
                value,
                members,
            )
        )
    return Placement(tuple(placed), tuple(parked), tuple(rejected))


def _spot_of(
    subscription: Subscription,
    metric: Metric,
    instant: datetime,
    last: dict[int, Period],
) -> _Spot:
    """The subscription's last answer is tried first: most are alike."""
    known = last.get(subscription.id)
    if known is not None and known.start <= instant < known.end:
        return _Spot(known, known.start, metric)
    terms = subscription.terms
    if terms.ended_at is not None and instant >= terms.ended_at:
        raise _Misfit(AFTER_END)
    if terms.frozen_until is not None and instant < terms.frozen_until:
        return _late_spot(subscription, metric, instant)
    period = period_at(terms, instant)
    if period is None:
        raise _Misfit(BEFORE_START)
    last[subscription.id] = period
    return _Spot(period, period.start, metric)


def _late_spot(subscription: Subscription, metric: Metric, instant: datetime) -> _Spot:
    """Billed in the first open period, aggregated as in the one it was used in."""
    starts = [frozen.period.start for frozen in subscription.frozen]
    number = bisect_right(starts, instant) - 1
    if number < 0 or instant >= subscription.frozen[number].period.end:
        raise _Misfit(BEFORE_START)
    frozen = subscription.frozen[number]
    if frozen.archived:
        raise _Misfit(PERIOD_ARCHIVED)
    aggregation = frozen.aggregations.get(metric.id, metric.aggregation)
    return _Spot(
        first_open_period(subscription.terms),
        frozen.period.start,
        Metric(metric.id, aggregation),
    )


def _read_value(
    counter: Counter, aggregation: str
) -> tuple[Decimal | None, tuple[str, ...] | None]:
    """Raises _Misfit when it is none for this aggregation."""
    if aggregation == "unique":
        members = counter.members
        if members is None:
            members = () if counter.value is None else (counter.value,)
        return None, tuple(sorted(set(members)))
    if counter.value is None:
        raise _Misfit(VALUES_NOT_UNIQUE)
    try:
        return parse_number(counter.value), None
    except NumberInvalid as error:
        raise _Misfit(f"{VALUE_INVALID}: {error}") from error
