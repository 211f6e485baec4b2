"""A period's usage, current or past, in the shape that Lago's clients read.

``corrections`` are not Lago's; its clients pass over what they do not know.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from ingest_api.usage_parts import parts_answer, units_text
from ledger.money import to_cents
from ledger.usage import ChargeUsage, CorrectionUsage, PeriodUsage
from schemas.usage_answers import CustomerUsageAnswerSchema, PastUsageAnswerSchema

AGGREGATION_TYPES: Final = {
    "sum": "sum_agg",
    "max": "max_agg",
    "last": "latest_agg",
    "unique": "unique_count_agg",
    "count": "count_agg",
}

_CURRENT: Final = CustomerUsageAnswerSchema()
_PAST: Final = PastUsageAnswerSchema()


def usage_answer(usage: PeriodUsage) -> Any:
    """The body of current usage."""
    return _CURRENT.dump({"customer_usage": _period(usage)})


def past_usage_answer(
    periods: Sequence[PeriodUsage], meta: Mapping[str, Any], metric_code: str | None
) -> Any:
    """The body of past usage, with the lines of one metric or of all (None).

    As in Lago's, a period's amounts are those of its whole bill all the same.
    """
    bodies = [_period(period, metric_code) for period in periods]
    return _PAST.dump({"usage_periods": bodies, "meta": meta})


def last_second(end: datetime) -> str:
    """A period's end as the API shows it: in UTC, one second before."""
    return instant_text(end - timedelta(seconds=1))


def instant_text(instant: datetime) -> str:
    """In UTC, to the second, with a ``Z``."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def period_head(usage: PeriodUsage) -> dict[str, Any]:
    """Which period it is, and of what currency."""
    period = usage.period
    return {
        "from_datetime": instant_text(period.start),
        "to_datetime": last_second(period.end),
        "issuing_date": period.end.astimezone(ZoneInfo(usage.timezone)).date(),
        "currency": usage.currency,
    }


def charge_head(usage: ChargeUsage, currency: str) -> dict[str, Any]:
    """Which charge it is, of which metric."""
    return {
        "amount_currency": currency,
        "charge": {
            "lago_id": usage.charge_id,
            "charge_model": usage.model,
            "code": usage.metric_code,
            "invoice_display_name": display_name(usage),
        },
        "billable_metric": metric_head(usage),
    }


def display_name(usage: ChargeUsage) -> str | None:
    """What the charge is called on the invoice, if not as its metric."""
    return (usage.charge.display_name if usage.charge else "") or None


def metric_head(usage: ChargeUsage | CorrectionUsage) -> dict[str, Any]:
    """Which metric it is."""
    return {
        "lago_id": usage.metric_id,
        "name": usage.metric_name,
        "code": usage.metric_code,
        "aggregation_type": AGGREGATION_TYPES[usage.aggregation],
    }


def _period(usage: PeriodUsage, metric_code: str | None = None) -> dict[str, Any]:
    """Taxes are 0, since Odoo adds them on the invoice."""
    cents = to_cents(usage.amount, usage.currency)
    return {
        **period_head(usage),
        "lago_invoice_id": None,
        "amount_cents": cents,
        "taxes_amount_cents": 0,
        "total_amount_cents": cents,
        "charges_usage": [
            _charge(charge, usage.currency)
            for charge in usage.charges
            if metric_code in (None, charge.metric_code)
        ],
        "corrections": [
            correction_answer(correction)
            for correction in usage.corrections
            if metric_code in (None, correction.metric_code)
        ],
    }


def _charge(usage: ChargeUsage, currency: str) -> dict[str, Any]:
    units = units_text(usage.rating.units)
    return {
        "units": units,
        "total_aggregated_units": units,
        "events_count": usage.events,
        "amount_cents": to_cents(usage.rating.amount, currency),
        **charge_head(usage, currency),
        **parts_answer(usage.charge, usage.rating, currency),
    }


def correction_answer(correction: CorrectionUsage) -> dict[str, Any]:
    """What came late for an earlier period."""
    rating = correction.rating
    return {
        "from_datetime": instant_text(correction.usage.start),
        "to_datetime": last_second(correction.usage.end),
        "units": units_text(rating.units),
        "included_units": units_text(rating.included),
        "overage_units": units_text(rating.overage),
        "events_count": correction.events,
        "amount_cents": to_cents(rating.amount, correction.currency),
        "amount_currency": correction.currency,
        "billable_metric": metric_head(correction),
    }
