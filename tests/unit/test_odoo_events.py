"""What Odoo's events tell, as it is written down."""

import json
from typing import Any

import pytest
from marshmallow import ValidationError

from schemas.odoo_events import EVENTS, read_event

AMOUNTS = (
    "sub_total_excluding_taxes",
    "sub_total_including_taxes",
    "taxes",
    "total",
    "total_paid",
    "total_due",
)
INVOICE: dict[str, Any] = {
    "lago_id": "7b199d93-2663-5e68-beca-203aefcd019b",
    "number": "INV/2026/00001",
    "status": "finalized",
    "issuing_date": "2026-03-01",
    "payment_due_date": None,
    "currency": "CAD",
    "customer": {"external_id": "c1", "name": "Jane", "email": None},
    "subscriptions": [
        {"external_id": "s1", "external_customer_id": "c1", "plan_code": "basic"}
    ],
    "updated_at": "2026-03-01T05:00:00Z",
    "invoice_type": "subscription",
    "payment_status": "pending",
    "payment_state": "not_paid",
    "payment_overdue": False,
    "period_start": "2026-02-01T05:00:00Z",
    "period_end": None,
    **{f"{name}_amount": "113.00" for name in AMOUNTS},
    **{f"{name}_amount_cents": 11_300_000_000_000 for name in AMOUNTS},
}


def row(**more: Any) -> dict[str, Any]:
    payload = {"invoice": {**INVOICE, **more}}
    return {
        "id": 1,
        "key": "k",
        "service": "nexa",
        "event": "invoice.created",
        "payload": json.dumps(payload),
        "created_at": "2026-03-01 05:00:00",
    }


def test_an_invoice_is_told_as_it_came() -> None:
    event = read_event(row())

    assert event.data == {"invoice": INVOICE}
    assert (event.key, event.service, event.type) == ("k", "nexa", "invoice.created")


def test_what_is_not_written_down_is_left_out() -> None:
    odd = {"external_id": "c1", "name": None, "email": None, "key_hashes": "x"}
    event = read_event({**row(margin="0.5", customer=odd), "newer": 1})

    assert set(event.data["invoice"]) == set(INVOICE)
    assert set(event.data["invoice"]["customer"]) == {"external_id", "name", "email"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("total_amount", 113.0),
        ("total_amount", "1e3"),
        ("total_amount", "NaN"),
        ("total_amount", None),
        ("total_amount_cents", "11300"),
        ("total_amount_cents", 113.5),
        ("currency", "cad"),
        ("lago_id", "17"),
        ("issuing_date", "20260301"),
        ("updated_at", "2026-03-01 05:00:00"),
        ("updated_at", "2026-13-01T05:00:00Z"),
        ("payment_overdue", "no"),
        ("payment_status", "paid"),
        ("customer", None),
        ("subscriptions", [{"external_id": ""}]),
    ],
)
def test_a_value_of_another_shape_is_refused_by_its_name(
    field: str, value: Any
) -> None:
    with pytest.raises(ValidationError) as caught:
        read_event(row(**{field: value}))

    assert list(caught.value.messages_dict["payload.invoice"]) == [field]


@pytest.mark.parametrize(
    "broken",
    [
        {"event": "invoice.eaten"},
        {"payload": "{"},
        {"payload": "null"},
        {"payload": '{"invoice": 7}'},
        {"payload": '{"customer": {}}'},
        {"payload": {"invoice": INVOICE}},
        {"key": ""},
        {"service": False},
        {"created_at": "2026-03-01T05:00:00Z"},
    ],
)
def test_a_row_of_another_shape_is_refused(broken: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        read_event({**row(), **broken})


def test_each_type_tells_the_object_that_it_is_named_after() -> None:
    for name, (told, _) in EVENTS.items():
        assert name.partition(".")[0] == told
