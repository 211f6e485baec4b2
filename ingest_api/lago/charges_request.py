"""The charges of a plan, as Lago's clients write them.

What is read here of a charge that is there, and has its id, keeps what is absent.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID, uuid4

from marshmallow import ValidationError

from ingest_api.lago.charge_properties import read_properties
from ledger.catalog_pages import MetricEntry
from ledger.charge import ZERO
from ledger.charge_entries import ChargeEntry, FilterEntry
from ledger.money import from_cents

Values = Mapping[str, Any]

TWICE: Final = (
    "value_is_invalid: the plan has a charge of this metric already; price its parts "
    "apart by filters of that one, or make another metric"
)
OTHER_METRIC: Final = "value_is_invalid: a charge keeps its metric; make another charge"
OTHER_CODE: Final = "value_is_invalid: a charge has its metric's code, {}"


class MetricMissing(LookupError):
    """A charge names a metric that the service does not have."""


@dataclass(frozen=True)
class Known:
    """What charges may refer to: the service's metrics, and the plan's charges."""

    metrics: Mapping[UUID, MetricEntry]
    charges: Mapping[UUID, ChargeEntry]


def faults_of(error: ValidationError) -> dict[Any, Any]:
    """The texts of an error by field, also of one that names a single field."""
    found: dict[Any, Any] = error.normalized_messages()  # type: ignore[no-untyped-call]  # marshmallow's
    return found


def named_metrics(
    charges: Sequence[Values], known: Mapping[UUID, ChargeEntry]
) -> set[UUID]:
    """The public ids of the metrics that loaded charges are of."""
    named = {c["billable_metric_id"] for c in charges if "billable_metric_id" in c}
    return named | {known[c["id"]].metric_id for c in charges if c.get("id") in known}


def read_charges(
    charges: Sequence[Values], known: Known, currency: str
) -> tuple[ChargeEntry, ...]:
    """The charges that loaded ones mean, in a plan of that currency.

    Raises MetricMissing, and marshmallow's ValidationError by index and field.
    """
    read: list[ChargeEntry] = []
    faults: dict[int, Any] = {}
    for index, values in enumerate(charges):
        try:
            charge = _read_charge(values, known, currency)
            if any(charge.metric_id == other.metric_id for other in read):
                raise ValidationError(TWICE, "billable_metric_id")
            read.append(charge)
        except ValidationError as error:
            faults[index] = faults_of(error)
    if faults:
        raise ValidationError(faults)
    return tuple(read)


def _read_charge(values: Values, known: Known, currency: str) -> ChargeEntry:
    before = known.charges.get(values["id"]) if "id" in values else None
    metric = _metric_of(values, before, known)
    model = values.get("charge_model") or (before.model if before else None)
    if model is None:
        raise ValidationError("value_is_mandatory: is missing", "charge_model")
    if values.get("code", metric.code) != metric.code:
        raise ValidationError(OTHER_CODE.format(metric.code), "code")
    if before is not None and before.model == model and "properties" not in values:
        price = before.price
    else:
        with _within("properties"):
            price = read_properties(model, values.get("properties") or {})
    minimum = before.minimum if before else ZERO
    if "min_amount_cents" in values:
        minimum = from_cents(values["min_amount_cents"], currency)
    name = before.display_name if before else ""
    old_filters = before.filters if before else ()
    if "filters" in values or before is None or before.model != model:
        filters = _read_filters(model, values.get("filters") or [], metric, old_filters)
    else:
        filters = old_filters
    return ChargeEntry(
        before.public_id if before else uuid4(),
        metric.public_id,
        metric.code,
        model,
        values.get("invoice_display_name", name),
        minimum,
        price,
        filters,
    )


def _metric_of(values: Values, before: ChargeEntry | None, known: Known) -> MetricEntry:
    named = values.get("billable_metric_id")
    if named is None and before is None:
        raise ValidationError("value_is_mandatory: is missing", "billable_metric_id")
    if before is not None and named not in (None, before.metric_id):
        raise ValidationError(OTHER_METRIC, "billable_metric_id")
    metric_id = named or (before.metric_id if before else None)
    if metric_id is None or metric_id not in known.metrics:
        raise MetricMissing(metric_id)
    return known.metrics[metric_id]


def _read_filters(
    model: str,
    filters: Sequence[Values],
    metric: MetricEntry,
    before: Sequence[FilterEntry],
) -> tuple[FilterEntry, ...]:
    """One of the same values as before keeps its id."""
    ids = {_values_key(each.values): each.id for each in before}
    read: dict[Any, FilterEntry] = {}
    faults: dict[int, Any] = {}
    for index, each in enumerate(filters):
        try:
            key = _values_key(each["values"])
            _check_values(each["values"], metric)
            if key in read:
                raise ValidationError(
                    "value_is_invalid: another filter has the same values", "values"
                )
            with _within("properties"):
                price = read_properties(model, each.get("properties") or {})
            values = {name: tuple(found) for name, found in each["values"].items()}
            name = each.get("invoice_display_name", "")
            found_id = ids.get(key) or str(uuid4())
            read[key] = FilterEntry(found_id, name, values, price)
        except ValidationError as error:
            faults[index] = faults_of(error)
    if faults:
        raise ValidationError({"filters": faults})
    return tuple(read.values())


def _values_key(values: Mapping[str, Sequence[str]]) -> Any:
    return frozenset((key, frozenset(found)) for key, found in values.items())


def _check_values(values: Mapping[str, Sequence[str]], metric: MetricEntry) -> None:
    for key, wanted in values.items():
        if key not in metric.filters:
            text = f"value_is_invalid: is no filter of metric {metric.code}"
            raise ValidationError({"values": {key: [text]}})
        allowed = set(metric.filters[key])
        if missing := [value for value in wanted if value not in allowed]:
            text = f"value_is_invalid: {missing[0]} is no value of the metric's filter"
            raise ValidationError({"values": {key: [text]}})
        if len(set(wanted)) < len(wanted):
            text = "value_is_invalid: has a value twice"
            raise ValidationError({"values": {key: [text]}})


@contextmanager
def _within(name: str) -> Iterator[None]:
    """Faults in the block are those of that field."""
    try:
        yield
    except ValidationError as error:
        raise ValidationError({name: faults_of(error)}) from error
