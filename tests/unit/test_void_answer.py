"""What the API shows of a counter that was taken back."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from ingest_api.void_answer import void_answer
from ledger.voiding import Identity, Void
from schemas.voids import VoidAnswerSchema

OCTOBER = datetime(2026, 10, 1, 4, tzinfo=UTC)
NOVEMBER = datetime(2026, 11, 1, 4, tzinfo=UTC)
DECEMBER = datetime(2026, 12, 1, 5, tzinfo=UTC)
IDENTITY = Identity("ada-1", "api", "a/b")
VOID = Void(
    occurred_at=datetime(2026, 10, 9, 8, 7, 6, 54_321, tzinfo=UTC),
    value=Decimal("1E+3"),
    members=None,
    batch_id=uuid.UUID(int=7),
    item_index=4,
    period_start=OCTOBER,
    period_end=NOVEMBER,
    voided_in=OCTOBER,
    voided_in_end=NOVEMBER,
    voided_at=datetime(2026, 10, 20, tzinfo=UTC),
    voided_by="0123456789ab",
    reason="a slip",
)


def shown(void: Void) -> Any:
    body = void_answer(IDENTITY, void)
    assert VoidAnswerSchema().validate(body) == {}
    return body["void"]


def test_a_void_shows_the_counter_as_it_was() -> None:
    october = {"from": "2026-10-01T04:00:00Z", "to": "2026-11-01T03:59:59Z"}

    assert shown(VOID) == {
        "transaction_id": "a/b",
        "external_subscription_id": "ada-1",
        "code": "api",
        "timestamp": "2026-10-09T08:07:06.054321Z",
        "value": "1000",
        "batch_id": str(uuid.UUID(int=7)),
        "voided_at": "2026-10-20T00:00:00.000000Z",
        "voided_by": "0123456789ab",
        "reason": "a slip",
        "period": october,
        "is_correction": False,
        "billed_in": october,
    }


def test_members_take_the_place_of_the_value() -> None:
    void = shown(replace(VOID, value=None, members=["a", "b"]))

    assert void["values"] == ["a", "b"]
    assert "value" not in void


def test_what_was_frozen_is_a_correction_in_a_later_bill() -> None:
    void = shown(replace(VOID, voided_in=NOVEMBER, voided_in_end=DECEMBER))

    assert void["is_correction"] is True
    assert void["period"]["from"] == "2026-10-01T04:00:00Z"
    assert void["billed_in"]["from"] == "2026-11-01T04:00:00Z"
    assert void["billed_in"]["to"] == "2026-12-01T04:59:59Z"


def test_an_end_that_is_not_known_any_more_is_null() -> None:
    void = shown(replace(VOID, period_end=None, voided_in_end=None, reason=""))

    assert void["period"] == {"from": "2026-10-01T04:00:00Z", "to": None}
    assert void["reason"] is None
