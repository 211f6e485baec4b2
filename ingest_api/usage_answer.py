"""Current usage in the shape that Lago's clients read."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from ledger.current_usage import ChargeUsage, CurrentUsage
from ledger.money import to_cents
from schemas.answers import CustomerUsageAnswerSchema

AGGREGATION_TYPES: Final = {
    "sum": "sum_agg",
    "max": "max_agg",
    "last": "latest_agg",
    "unique": "unique_count_agg",
    "count": "count_agg",
}

_ANSWER: Final = CustomerUsageAnswerSchema()


def usage_answer(usage: CurrentUsage) -> Any:
    """The body. Taxes are 0, since Odoo adds them on the invoice."""
    cents = to_cents(usage.amount, usage.currency)
    period = usage.period
    return _ANSWER.dump(
        {
            "customer_usage": {
                "from_datetime": _instant(period.start),
                "to_datetime": _instant(period.end - timedelta(seconds=1)),
                "issuing_date": period.end.astimezone(ZoneInfo(usage.timezone)).date(),
                "lago_invoice_id": None,
                "currency": usage.currency,
                "amount_cents": cents,
                "taxes_amount_cents": 0,
                "total_amount_cents": cents,
                "charges_usage": [
                    _charge(charge, usage.currency) for charge in usage.charges
                ],
            }
        }
    )


def units_text(units: Decimal) -> str:
    """Units as Lago writes them: ``4`` → ``4.0``, ``1.50`` → ``1.5``."""
    whole, _, fraction = format(units, "f").partition(".")
    return f"{whole}.{fraction.rstrip('0') or '0'}"


def _charge(usage: ChargeUsage, currency: str) -> dict[str, Any]:
    units = units_text(usage.rating.units)
    return {
        "units": units,
        "total_aggregated_units": units,
        "events_count": usage.events,
        "amount_cents": to_cents(usage.rating.amount, currency),
        "amount_currency": currency,
        "charge": {
            "lago_id": usage.charge_id,
            "charge_model": usage.model,
            "code": usage.metric_code,
            "invoice_display_name": None,
        },
        "billable_metric": {
            "lago_id": usage.metric_id,
            "name": usage.metric_name,
            "code": usage.metric_code,
            "aggregation_type": AGGREGATION_TYPES[usage.aggregation],
        },
        "filters": [],
        "grouped_usage": [],
    }


def _instant(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
