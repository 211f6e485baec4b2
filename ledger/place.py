"""Where each counter of a batch belongs: which subscription, metric and period.

Pure. What cannot be placed is parked (its subscription or metric is not known yet) or
rejected (it can never be applied), each with a reason code.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from ledger.periods import Period, Terms, period_at
from schemas.messages import Counter
from schemas.numbers import NumberInvalid, parse_number

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

UNKNOWN_SUBSCRIPTION = "unknown_subscription"
UNKNOWN_METRIC = "unknown_metric"
BEFORE_START = "before_subscription_start"
AFTER_END = "after_subscription_end"
VALUE_INVALID = "value_is_invalid"
VALUES_NOT_UNIQUE = "values_need_a_unique_metric"


@dataclass(frozen=True)
class Subscription:
    """A known subscription: its key in the ledger and what decides its periods."""

    id: int
    terms: Terms


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

    ``members`` is sorted and without repetitions, so that equal sets compare equal.
    """

    arrival: Arrival
    subscription_id: int
    metric: Metric
    period: Period
    value: Decimal | None
    members: tuple[str, ...] | None

    @property
    def identity(self) -> tuple[int, int, str]:
        """Within a service, in the order of the table's primary key."""
        counter = self.arrival.counter
        return self.subscription_id, self.metric.id, counter.transaction_id


@dataclass(frozen=True)
class Placement:
    """Counters told apart. The reasons are codes."""

    placed: tuple[Placed, ...]
    parked: tuple[tuple[Arrival, str], ...]
    rejected: tuple[tuple[Arrival, str], ...]


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
        period = _period_of(subscription, instant, last_periods)
        if period is None:
            early = instant < subscription.terms.started_at
            rejected.append((arrival, BEFORE_START if early else AFTER_END))
            continue
        try:
            value, members = _read_value(counter, metric.aggregation)
        except NumberInvalid as error:
            rejected.append((arrival, f"{VALUE_INVALID}: {error}"))
            continue
        except _MembersUnexpected:
            rejected.append((arrival, VALUES_NOT_UNIQUE))
            continue
        placed.append(Placed(arrival, subscription.id, metric, period, value, members))
    return Placement(tuple(placed), tuple(parked), tuple(rejected))


class _MembersUnexpected(ValueError):
    pass


def _period_of(
    subscription: Subscription, instant: datetime, last: dict[int, Period]
) -> Period | None:
    """period_at, with the subscription's last answer tried first: most are alike."""
    known = last.get(subscription.id)
    if known is not None and known.start <= instant < known.end:
        return known
    period = period_at(subscription.terms, instant)
    if period is not None:
        last[subscription.id] = period
    return period


def _read_value(
    counter: Counter, aggregation: str
) -> tuple[Decimal | None, tuple[str, ...] | None]:
    if aggregation == "unique":
        members = counter.members
        if members is None:
            members = () if counter.value is None else (counter.value,)
        return None, tuple(sorted(set(members)))
    if counter.value is None:
        raise _MembersUnexpected
    return parse_number(counter.value), None
