"""A period's usage names things as Lago does, with corrections besides."""

import uuid
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from ingest_api.usage_answer import AGGREGATION_TYPES, past_usage_answer, usage_answer
from ledger.charge import Charge
from ledger.periods import Period
from ledger.usage import ChargeUsage, CorrectionUsage, PeriodUsage
from schemas.catalog import AGGREGATIONS
from schemas.usage_answers import CustomerUsageAnswerSchema, PastUsageAnswerSchema
from tests.rate import correct_quantity, rate_quantity

# Toronto's November, with its day of 25 hours, and the October before it.
OCTOBER = datetime(2026, 10, 1, 4, tzinfo=UTC)
NOVEMBER = datetime(2026, 11, 1, 4, tzinfo=UTC)
DECEMBER = datetime(2026, 12, 1, 5, tzinfo=UTC)
META = {
    "current_page": 1,
    "next_page": None,
    "prev_page": None,
    "total_pages": 1,
    "total_count": 1,
}
CHARGE = Charge("standard", Decimal(10), Decimal("0.25"))


def charge_of(code: str, quantity: str) -> ChargeUsage:
    rating = rate_quantity(CHARGE, Decimal(quantity), "CAD")
    ids = uuid.uuid4(), uuid.uuid4()
    return ChargeUsage(ids[0], "standard", ids[1], code, code.title(), "sum", 3, rating)


def correction_of(
    code: str, before: str, after: str, currency: str = "CAD"
) -> CorrectionUsage:
    billed = rate_quantity(CHARGE, Decimal(before), currency)
    rating = correct_quantity(CHARGE, billed, Decimal(after), currency)
    return CorrectionUsage(
        Period(OCTOBER, NOVEMBER),
        uuid.uuid4(),
        code,
        code.title(),
        "max",
        2,
        currency,
        rating,
    )


def period_of(*lines: ChargeUsage | CorrectionUsage) -> PeriodUsage:
    return PeriodUsage(
        Period(NOVEMBER, DECEMBER),
        "America/Toronto",
        "CAD",
        tuple(line for line in lines if isinstance(line, ChargeUsage)),
        tuple(line for line in lines if isinstance(line, CorrectionUsage)),
    )


def answered(*lines: ChargeUsage | CorrectionUsage) -> Any:
    body = usage_answer(period_of(*lines))
    assert CustomerUsageAnswerSchema().validate(body) == {}
    return body["customer_usage"]


def test_every_aggregation_of_the_catalog_has_lagos_name() -> None:
    assert set(AGGREGATION_TYPES) == set(AGGREGATIONS)
    assert AGGREGATION_TYPES["count"] == "count_agg"


def test_a_correction_shows_the_period_it_corrects_and_the_difference() -> None:
    (correction,) = answered(correction_of("api", "4", "14.5"))["corrections"]

    assert correction["billable_metric"].pop("lago_id")
    assert correction == {
        "from_datetime": "2026-10-01T04:00:00Z",
        "to_datetime": "2026-11-01T03:59:59Z",
        "units": "10.5",
        "included_units": "6.0",
        "overage_units": "4.5",
        "events_count": 2,
        "amount_cents": 113,
        "amount_currency": "CAD",
        "billable_metric": {
            "name": "Api",
            "code": "api",
            "aggregation_type": "max_agg",
        },
    }


def test_what_is_given_back_is_below_zero() -> None:
    (correction,) = answered(correction_of("api", "14", "3"))["corrections"]

    assert (correction["units"], correction["amount_cents"]) == ("-11.0", -100)
    assert correction["included_units"] == "-7.0"


def test_the_amount_is_the_sum_of_charges_and_corrections() -> None:
    usage = answered(charge_of("api", "12"), correction_of("api", "10", "11"))

    assert usage["amount_cents"] == usage["total_amount_cents"] == 50 + 25
    assert usage["taxes_amount_cents"] == 0


def test_no_digit_of_a_great_amount_is_lost() -> None:
    great = charge_of("api", "800000000000000000000000000014")
    usage = answered(great, charge_of("sms", "11"))

    assert usage["amount_cents"] == 20000000000000000000000000000100 + 25


def test_a_correction_in_another_currency_is_shown_and_not_summed() -> None:
    usage = answered(charge_of("api", "12"), correction_of("api", "10", "14", "JPY"))

    assert usage["amount_cents"] == 50
    assert usage["corrections"][0]["amount_cents"] == 1
    assert usage["corrections"][0]["amount_currency"] == "JPY"


def test_a_period_ends_on_the_day_after_it_where_the_customer_is() -> None:
    usage = answered()

    assert usage["from_datetime"] == "2026-11-01T04:00:00Z"
    assert usage["to_datetime"] == "2026-12-01T04:59:59Z"
    assert usage["issuing_date"] == date(2026, 12, 1).isoformat()


def test_past_usage_of_one_metric_keeps_the_amount_of_the_whole_bill() -> None:
    period = period_of(
        charge_of("api", "12"), charge_of("gb", "14"), correction_of("api", "9", "15")
    )

    body = past_usage_answer([period], META, "gb")

    (shown,) = body["usage_periods"]
    assert PastUsageAnswerSchema().validate(body) == {}
    assert [c["amount_cents"] for c in shown["charges_usage"]] == [100]
    assert shown["corrections"] == []
    assert shown["amount_cents"] == 50 + 100 + 125
    assert body["meta"] == META
