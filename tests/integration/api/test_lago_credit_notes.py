"""Credit notes from Odoo, as Lago's own client lists and gets them."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from lago_python_client.exceptions import LagoApiError

from ledger.db import Connection
from tests.api_world import Person
from tests.invoice_world import PLAN_LINE, USAGE_LINE, bring_credit_note, bring_invoice

SPENT = {"residual": Decimal(0), "settled": Decimal("62.15")}


def ids(answer: Any) -> list[UUID]:
    return [UUID(note.lago_id) for note in answer["credit_notes"]]


def test_a_credit_note_is_read_by_the_clients_own_model(
    lago: Any, olga: Person, conn: Connection
) -> None:
    invoice_id = bring_invoice(conn, olga)
    public_id = bring_credit_note(
        conn,
        olga,
        reversed_id=invoice_id,
        reversed_number="INV/2026/00007",
        settled=Decimal("20.00"),
        residual=Decimal("40.00"),
    )

    note = lago.credit_notes.find(str(public_id))

    assert (note.lago_id, note.number) == (str(public_id), "RINV/2026/00002")
    assert (note.lago_invoice_id, note.invoice_number) == (
        str(invoice_id),
        "INV/2026/00007",
    )
    assert (note.credit_status, note.refund_status) == ("available", "succeeded")
    assert (note.currency, note.reason) == ("CAD", "other")
    assert note.total_amount_cents == 6215
    assert note.balance_amount_cents == note.credit_amount_cents == 4000
    assert note.offset_amount_cents == 2000
    assert note.refund_amount_cents == 215
    assert note.sub_total_excluding_taxes_amount_cents == 5500
    assert (note.taxes_amount_cents, note.taxes_rate) == (715, 13.0)
    assert note.coupons_adjustment_amount_cents == 0
    assert note.customer.external_id == "ada"
    assert [item.amount_cents for item in note.items.__root__] == [5000, 500]
    assert [item.fee.item.code for item in note.items.__root__] == ["sum", "plan"]
    (tax,) = note.applied_taxes.__root__
    assert (tax.tax_name, tax.amount_cents) == ("HST 13%", 715)


@pytest.mark.parametrize(
    ("changes", "status"),
    [({}, "available"), (SPENT, "consumed"), ({"state": "cancel"}, "voided")],
)
def test_what_is_left_of_it_is_its_status(
    changes: dict[str, Any], status: str, lago: Any, olga: Person, conn: Connection
) -> None:
    public_id = bring_credit_note(conn, olga, **changes)

    note = lago.credit_notes.find(str(public_id))

    assert note.credit_status == status
    assert ids(lago.credit_notes.find_all({"credit_status": status})) == [public_id]
    for other in {"available", "consumed", "voided"} - {status}:
        assert ids(lago.credit_notes.find_all({"credit_status": other})) == []


def test_a_rate_over_lines_that_differ_is_what_it_comes_to(
    lago: Any, olga: Person, conn: Connection
) -> None:
    lines = (USAGE_LINE, replace(PLAN_LINE, tax_rate=Decimal(0), tax=Decimal(0)))
    mixed = bring_credit_note(conn, olga, lines=lines, tax=Decimal("6.50"))
    nothing = bring_credit_note(conn, olga, lines=(), untaxed=Decimal(0))

    assert lago.credit_notes.find(str(mixed)).taxes_rate == 11.82
    assert lago.credit_notes.find(str(nothing)).taxes_rate == 0


@pytest.mark.parametrize("posted_before", [False, True])
def test_a_draft_is_not_shown(
    posted_before: bool, lago: Any, olga: Person, conn: Connection
) -> None:
    draft = bring_credit_note(conn, olga, state="draft", posted_before=posted_before)

    assert ids(lago.credit_notes.find_all()) == []
    with pytest.raises(LagoApiError) as caught:
        lago.credit_notes.find(str(draft))
    assert caught.value.status_code == 404


def test_an_invoice_is_no_credit_note(olga: Person, conn: Connection) -> None:
    public_id = bring_invoice(conn, olga)

    answer = olga.get(f"/credit_notes/{public_id}")

    assert (answer.status, answer.body["code"]) == (404, "credit_note_not_found")
    assert olga.get("/credit_notes").body["credit_notes"] == []


def test_a_list_is_newest_first_and_by_pages(
    lago: Any, olga: Person, conn: Connection
) -> None:
    days = (date(2026, 3, 1), date(2026, 5, 1), date(2026, 4, 1))
    march, may, april = (
        bring_credit_note(conn, olga, invoice_date=day) for day in days
    )

    first = lago.credit_notes.find_all({"per_page": 2})
    second = lago.credit_notes.find_all({"per_page": 2, "page": 2})

    assert (ids(first), ids(second)) == ([may, april], [march])
    assert first["meta"]["total_pages"] == 2


@pytest.mark.parametrize(
    ("query", "changes", "others"),
    [
        ({"external_customer_id": "bob"}, {"customers": ("bob",)}, {}),
        ({"refund_status": "succeeded"}, {"residual": Decimal(1)}, {}),
        ({"issuing_date_from": "2026-06-04"}, {"invoice_date": date(2026, 6, 4)}, {}),
        ({"issuing_date_to": "2026-06-02"}, {"invoice_date": date(2026, 6, 2)}, {}),
        ({"currency": "USD"}, {"currency": "USD"}, {}),
        ({"invoice_number": "INV/1"}, {"reversed_number": "INV/1"}, {}),
        ({"search_term": "rinv/9"}, {"number": "RINV/9"}, {}),
        ({"amount_from": 6216}, {"total": Decimal("62.16")}, {}),
        ({"amount_to": 6214}, {"total": Decimal("62.14")}, {}),
    ],
)
def test_a_filter_leaves_what_it_names(
    query: dict[str, Any],
    changes: dict[str, Any],
    others: dict[str, Any],
    lago: Any,
    olga: Person,
    conn: Connection,
) -> None:
    wanted = bring_credit_note(conn, olga, **changes)
    bring_credit_note(conn, olga, **others)

    assert ids(lago.credit_notes.find_all(query)) == [wanted]


@pytest.mark.parametrize(
    "query",
    [
        {"reason": "fraudulent_charge"},
        {"refund_status": "failed"},
        {"self_billed": "true"},
    ],
)
def test_what_no_credit_note_is_finds_none(
    query: dict[str, str], olga: Person, conn: Connection
) -> None:
    bring_credit_note(conn, olga)

    assert olga.get("/credit_notes", **query).body["credit_notes"] == []


@pytest.mark.parametrize(
    "query",
    [
        {"credit_status": "spent"},
        {"refund_status": ""},
        {"reason": "whim"},
        {"invoice_number": "a\0b"},
        {"issuing_date_to": "0"},
        {"amount_from": "9" * 5000},
    ],
)
def test_a_filter_that_makes_no_sense_is_refused_by_its_name(
    query: dict[str, str], olga: Person
) -> None:
    answer = olga.get("/credit_notes", **query)

    assert answer.status == 422
    assert set(answer.body["error_details"]) == set(query)


def test_a_customer_has_its_credit_notes(olga: Person, conn: Connection) -> None:
    hers = bring_credit_note(conn, olga)
    bring_credit_note(conn, olga, customers=("bob",))

    answer = olga.get("/customers/ada/credit_notes")
    nobodys = olga.get("/customers/bob/credit_notes")

    assert [note["lago_id"] for note in answer.body["credit_notes"]] == [str(hers)]
    assert (nobodys.status, nobodys.body["code"]) == (404, "customer_not_found")


def test_anothers_credit_notes_are_not_there(
    olga: Person, mallory: Person, conn: Connection
) -> None:
    public_id = bring_credit_note(conn, olga)

    answer = mallory.get(f"/credit_notes/{public_id}")

    assert answer.status == 404
    assert answer.body == mallory.get(f"/credit_notes/{uuid4()}").body
    assert mallory.get("/credit_notes").body["credit_notes"] == []
    assert mallory.get("/customers/ada/credit_notes").body["credit_notes"] == []
