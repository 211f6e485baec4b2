"""A subscription's usage in its whole life, in the shape that Lago's clients read."""

import uuid
from typing import Any, Final

from ledger.lifetime_usage import LifetimeUsage
from ledger.money import to_cents
from schemas.lago_lifetime_usage import LifetimeUsageAnswerSchema

_ANSWER: Final = LifetimeUsageAnswerSchema()
_NAME: Final = "lifetime_usage"


def lifetime_usage_answer(usage: LifetimeUsage) -> Any:
    """The body. Its id is made of the subscription's, since there is one of each."""
    body = {
        "lago_id": uuid.uuid5(usage.subscription_id, _NAME),
        "lago_subscription_id": usage.subscription_id,
        "external_subscription_id": usage.external_id,
        "external_historical_usage_amount_cents": usage.historical_cents,
        "invoiced_usage_amount_cents": to_cents(usage.billed, usage.currency),
        "current_usage_amount_cents": to_cents(usage.current, usage.currency),
        "from_datetime": usage.started_at,
        "to_datetime": usage.until,
        "usage_thresholds": [
            {
                "amount_cents": to_cents(one.amount, usage.currency),
                "completion_ratio": one.ratio,
                "reached_at": one.reached_at,
            }
            for one in usage.thresholds
        ],
    }
    return _ANSWER.dump({_NAME: body})
