"""A counter that was taken back, as the API shows it."""

from datetime import datetime
from typing import Any, Final

from ingest_api.usage_answer import instant_text, last_second
from ledger.voiding import Identity, Void
from schemas.messages import plain_number
from schemas.timestamps import utc_text
from schemas.voids import VoidAnswerSchema

_ANSWER: Final = VoidAnswerSchema()


def void_answer(identity: Identity, void: Void) -> Any:
    """The body."""
    value: dict[str, Any] = (
        {"members": void.members}
        if void.value is None
        else {"value": plain_number(void.value)}
    )
    return _ANSWER.dump(
        {
            "void": {
                "transaction_id": identity.transaction_id,
                "external_subscription_id": identity.external_subscription_id,
                "code": identity.code,
                "timestamp": utc_text(void.occurred_at),
                **value,
                "batch_id": void.batch_id,
                "voided_at": utc_text(void.voided_at),
                "voided_by": void.voided_by,
                "reason": void.reason or None,
                "period": _period(void.period_start, void.period_end),
                "is_correction": void.is_correction,
                "billed_in": _period(void.voided_in, void.voided_in_end),
            }
        }
    )


def _period(start: datetime, end: datetime | None) -> dict[str, str | None]:
    return {
        "start": instant_text(start),
        "last_second": None if end is None else last_second(end),
    }
