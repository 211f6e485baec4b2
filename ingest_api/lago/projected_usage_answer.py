"""A period's usage and its projection, in the shape that Lago's clients read."""

from typing import Any, Final

from ingest_api.usage_answer import (
    charge_head,
    correction_answer,
    period_head,
)
from ingest_api.usage_parts import projected_parts_answer, units_text
from ledger.money import to_cents
from ledger.projection import ProjectedUsage
from ledger.rating import Rating
from ledger.usage import ChargeUsage
from schemas.lago_projected_usage import ProjectedUsageAnswerSchema

_ANSWER: Final = ProjectedUsageAnswerSchema()


def projected_usage_answer(projected: ProjectedUsage) -> Any:
    """The body. Taxes are 0, since Odoo adds them on the invoice."""
    usage = projected.usage
    cents = to_cents(usage.amount, usage.currency)
    body = {
        **period_head(usage),
        "invoice_id": None,
        "amount_cents": cents,
        "projected_amount_cents": to_cents(projected.amount, usage.currency),
        "taxes_amount_cents": 0,
        "total_amount_cents": cents,
        "charges_usage": [
            _charge(charge, rating, usage.currency)
            for charge, rating in zip(usage.charges, projected.ratings, strict=True)
        ],
        "corrections": [correction_answer(each) for each in usage.corrections],
    }
    return _ANSWER.dump({"customer_projected_usage": body})


def _charge(usage: ChargeUsage, projected: Rating, currency: str) -> dict[str, Any]:
    return {
        "units": units_text(usage.rating.units),
        "projected_units": units_text(projected.units),
        "events_count": usage.events,
        "amount_cents": to_cents(usage.rating.amount, currency),
        "projected_amount_cents": to_cents(projected.amount, currency),
        **charge_head(usage, currency),
        **projected_parts_answer(usage.charge, usage.rating, projected, currency),
    }
