"""Invoices from Odoo, as Lago's own client lists and gets them."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from lago_python_client.exceptions import LagoApiError

from ledger.db import Connection
from tests.api_world import Person
from tests.invoice_world import (
    PLAN_LINE,
    POSTED,
    USAGE_LINE,
    bring_credit_note,
    bring_invoice,
)

TOMORROW = datetime.now(UTC).date() + timedelta(days=2)


def ids(answer: Any) -> list[UUID]:
    return [UUID(invoice.lago_id) for invoice in answer["invoices"]]


def test_an_invoice_is_read_by_the_clients_own_model(
    lago: Any, olga: Person, conn: Connection
) -> None:
    public_id = bring_invoice(conn, olga)

    invoice = lago.invoices.find(str(public_id))

    assert (invoice.lago_id, invoice.number) == (str(public_id), "INV/2026/00007")
    assert (invoice.issuing_date, invoice.payment_due_date) == (
        "2026-06-03",
        "2026-07-03",
    )
    assert invoice.net_payment_term == 30
    assert (invoice.status, invoice.payment_status) == ("finalized", "pending")
    assert (invoice.invoice_type, invoice.currency) == ("subscription", "CAD")
    assert invoice.payment_overdue is True
    assert invoice.fees_amount_cents == 5500
    assert invoice.sub_total_excluding_taxes_amount_cents == 5500
    assert invoice.taxes_amount_cents == 715
    assert invoice.sub_total_including_taxes_amount_cents == 6215
    assert invoice.total_amount_cents == 6215
    assert invoice.total_due_amount_cents == 6215
    assert invoice.total_paid_amount_cents == 0
    assert invoice.customer is not None
    assert (invoice.customer.external_id, invoice.customer.name) == ("ada", "Ada")
    assert invoice.applied_taxes is not None
    (tax,) = invoice.applied_taxes.__root__
    assert (tax.tax_name, tax.tax_code, tax.tax_rate) == ("HST 13%", "hst_13", 13.0)
    assert (tax.amount_cents, tax.amount_currency) == (715, "CAD")


def test_its_lines_are_fees_with_units_amounts_and_taxes(
    lago: Any, olga: Person, conn: Connection
) -> None:
    public_id = bring_invoice(conn, olga)

    usage, plan = lago.invoices.find(str(public_id)).fees.__root__

    assert (usage.item.type, usage.item.code) == ("charge", "sum")
    assert (usage.item.name, usage.item.item_type) == ("The sum", "BillableMetric")
    assert (usage.units, usage.total_aggregated_units) == ("200.5", "200.5")
    assert (usage.amount_cents, usage.taxes_amount_cents) == (5000, 650)
    assert (usage.total_amount_cents, usage.taxes_rate) == (5650, 13.0)
    assert (usage.from_date, usage.to_date) == (
        "2026-05-01T04:00:00Z",
        "2026-06-01T03:59:59Z",
    )
    assert usage.external_subscription_id == "ada-1"
    assert usage.lago_invoice_id == str(public_id)
    assert UUID(usage.lago_charge_id)
    assert Decimal(usage.precise_unit_amount) == Decimal(50) / Decimal("200.5")
    assert (plan.item.type, plan.item.code, plan.item.name) == (
        "subscription",
        "plan",
        "Plan",
    )
    assert (plan.amount_cents, plan.units) == (500, "1.0")
    assert usage.lago_id != plan.lago_id


def test_the_same_line_is_the_same_fee_every_time(
    lago: Any, olga: Person, conn: Connection
) -> None:
    public_id = bring_invoice(conn, olga)

    first, second = (
        [fee.lago_id for fee in lago.invoices.find(str(public_id)).fees.__root__]
        for _ in range(2)
    )

    assert first == second


def test_cents_are_the_currencys_smallest_unit(
    lago: Any, olga: Person, conn: Connection
) -> None:
    yen = bring_invoice(conn, olga, currency="JPY", total=Decimal(62))
    dinar = bring_invoice(conn, olga, currency="KWD", total=Decimal("1.2345"))

    assert lago.invoices.find(str(yen)).total_amount_cents == 62
    assert lago.invoices.find(str(dinar)).total_amount_cents == 1235


def test_what_credit_notes_settled_is_not_called_paid(
    lago: Any, olga: Person, conn: Connection
) -> None:
    amounts = {"settled": Decimal("10.00"), "residual": Decimal("32.15")}
    public_id = bring_invoice(conn, olga, payment_state="partial", **amounts)

    invoice = lago.invoices.find(str(public_id))

    assert invoice.total_offsetted_credit_note_amount_cents == 1000
    assert invoice.total_paid_amount_cents == 2000
    assert invoice.total_due_amount_cents == 3215


@pytest.mark.parametrize(
    ("changes", "status", "number"),
    [
        ({"state": "draft", "posted_before": False}, "draft", "DRAFT"),
        ({"state": "draft"}, "draft", "INV/2026/00007"),
        ({"state": "cancel"}, "voided", "INV/2026/00007"),
        ({"posted_before": False}, "finalized", "INV/2026/00007"),
    ],
)
def test_odoos_state_is_lagos_status(
    changes: dict[str, Any],
    status: str,
    number: str,
    lago: Any,
    olga: Person,
    conn: Connection,
) -> None:
    public_id = bring_invoice(conn, olga, **changes)

    invoice = lago.invoices.find(str(public_id))

    assert (invoice.status, invoice.number) == (status, number)


def test_a_draft_that_was_cancelled_is_not_shown(
    lago: Any, olga: Person, conn: Connection
) -> None:
    draft = bring_invoice(conn, olga, state="cancel", posted_before=False)

    assert ids(lago.invoices.find_all()) == []
    with pytest.raises(LagoApiError) as caught:
        lago.invoices.find(str(draft))
    assert caught.value.status_code == 404


def test_a_credit_note_is_no_invoice(lago: Any, olga: Person, conn: Connection) -> None:
    note = bring_credit_note(conn, olga)

    assert ids(lago.invoices.find_all()) == []
    with pytest.raises(LagoApiError):
        lago.invoices.find(str(note))


def test_a_list_is_newest_first_and_by_pages(
    lago: Any, olga: Person, conn: Connection
) -> None:
    days = (date(2026, 3, 1), date(2026, 5, 1), date(2026, 4, 1))
    march, may, april = (bring_invoice(conn, olga, invoice_date=day) for day in days)
    undated = {"invoice_date": None, "state": "draft"}
    draft = bring_invoice(conn, olga, **undated)

    first = lago.invoices.find_all({"per_page": 3})
    second = lago.invoices.find_all({"per_page": 3, "page": 2})
    third = lago.invoices.find_all({"per_page": 3, "page": 3})

    assert ids(first) == [draft, may, april]
    assert ids(second) == [march]
    assert first["meta"]["total_count"] == 4
    assert (first["meta"]["next_page"], second["meta"]["next_page"]) == (2, None)
    assert ids(third) == []
    assert third["meta"]["total_count"] == 4


def test_none_is_an_empty_list(lago: Any) -> None:
    answer = lago.invoices.find_all()

    assert answer["invoices"] == []
    assert (answer["meta"]["total_pages"], answer["meta"]["total_count"]) == (0, 0)


FILTERS: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ({"external_customer_id": "bob"}, {"customers": ("bob", "ann")}, {}),
    ({"status": "draft"}, {"state": "draft"}, {}),
    ({"status[]": ["draft", "voided"]}, {"state": "cancel"}, {}),
    ({"payment_status": "succeeded"}, {"payment_state": "in_payment"}, {}),
    (
        {"payment_status": "pending"},
        {"payment_state": "partial"},
        {"payment_state": "paid"},
    ),
    ({"payment_overdue": "false"}, {"due_date": TOMORROW}, {}),
    ({"payment_overdue": "true"}, {}, {"due_date": TOMORROW}),
    ({"payment_overdue": "true"}, {}, {"payment_state": "paid"}),
    ({"issuing_date_from": "2026-06-04"}, {"invoice_date": date(2026, 6, 4)}, {}),
    ({"issuing_date_to": "2026-06-02"}, {"invoice_date": date(2026, 6, 2)}, {}),
    ({"currency": "usd"}, {"currency": "USD"}, {}),
    ({"number": "INV/X"}, {"number": "INV/X"}, {}),
    ({"search_term": "100%_"}, {"number": "INV/100%_/7"}, {"number": "INV/1000X/7"}),
    ({"search_term": "ADA"}, {}, {"customers": ("bob",)}),
    ({"amount_from": 6216}, {"total": Decimal("62.16")}, {}),
    ({"amount_to": 100}, {"total": Decimal("99"), "currency": "JPY"}, {}),
    (
        {"partially_paid": "true"},
        {"payment_state": "partial", "residual": Decimal(1)},
        {"settled": Decimal("62.14"), "residual": Decimal("0.01")},
    ),
]


@pytest.mark.parametrize(("query", "changes", "others"), FILTERS)
def test_a_filter_leaves_what_it_names(
    query: dict[str, Any],
    changes: dict[str, Any],
    others: dict[str, Any],
    lago: Any,
    olga: Person,
    conn: Connection,
) -> None:
    wanted = bring_invoice(conn, olga, **changes)
    bring_invoice(conn, olga, **others)

    found = lago.invoices.find_all(query)

    assert ids(found) == [wanted]
    assert found["meta"]["total_count"] == 1


@pytest.mark.parametrize(
    "query",
    [
        {"status": "failed"},
        {"payment_status": "failed"},
        {"invoice_type": "credit"},
        {"self_billed": "true"},
        {"payment_dispute_lost": "true"},
        {"external_customer_id": "nobody"},
    ],
)
def test_what_no_invoice_is_finds_none(
    query: dict[str, str], lago: Any, olga: Person, conn: Connection
) -> None:
    bring_invoice(conn, olga)

    assert ids(lago.invoices.find_all(query)) == []


@pytest.mark.parametrize(
    "query",
    [
        {"status": "paid"},
        {"payment_status": ""},
        {"payment_overdue": "perhaps"},
        {"issuing_date_from": "yesterday"},
        {"issuing_date_to": "2026-02-30"},
        {"currency": "dollars"},
        {"search_term": "a\0b"},
        {"number": "x" * 300},
        {"amount_from": "1e400"},
        {"amount_to": "9" * 5000},
        {"page": "0"},
        {"per_page": "9" * 40},
        {"external_customer_id": "\0"},
    ],
)
def test_a_filter_that_makes_no_sense_is_refused_by_its_name(
    query: dict[str, str], olga: Person
) -> None:
    answer = olga.get("/invoices", **query)

    assert (answer.status, answer.body["code"]) == (422, "validation_errors")
    assert set(answer.body["error_details"]) == set(query)


def test_an_unknown_filter_is_passed_over(olga: Person, conn: Connection) -> None:
    bring_invoice(conn, olga)

    answer = olga.get("/invoices", **{"metadata[x]": "y", "anything": "1"})

    assert (answer.status, answer.body["meta"]["total_count"]) == (200, 1)


def test_a_customer_has_its_invoices(olga: Person, conn: Connection) -> None:
    hers = bring_invoice(conn, olga)
    bring_invoice(conn, olga, customers=("bob",))

    answer = olga.get("/customers/ada/invoices", external_customer_id="bob")
    nobodys = olga.get("/customers/bob/invoices")

    assert [invoice["lago_id"] for invoice in answer.body["invoices"]] == [str(hers)]
    assert (nobodys.status, nobodys.body["code"]) == (404, "customer_not_found")


def test_anothers_invoices_are_not_there(
    olga: Person, mallory: Person, conn: Connection
) -> None:
    public_id = bring_invoice(conn, olga)

    answer = mallory.get(f"/invoices/{public_id}")
    nobodys = mallory.get(f"/invoices/{uuid4()}")

    assert answer.status == 404
    assert answer.body == nobodys.body
    assert mallory.get("/invoices").body["invoices"] == []
    assert mallory.get("/invoices", search_term=str(public_id)).body["invoices"] == []
    assert mallory.get("/customers/ada/invoices").body["invoices"] == []


def test_names_of_two_services_are_not_mixed_up(
    olga: Person, mallory: Person, conn: Connection
) -> None:
    conn.execute(
        "UPDATE metric SET name = 'Hers' WHERE service_id = %s", (olga.service_id,)
    )
    conn.commit()
    public_id = bring_invoice(conn, mallory)

    fees = mallory.get(f"/invoices/{public_id}").body["invoice"]["fees"]

    assert fees[0]["item"]["name"] == "The sum"


@pytest.mark.parametrize("odd", ["x", "1", "%00", "0" * 400, "INV%2F2026"])
def test_what_is_no_id_is_not_found(odd: str, olga: Person) -> None:
    answer = olga.get(f"/invoices/{odd}")

    assert answer.status == 404


def test_what_an_older_addon_does_not_tell_is_null(
    olga: Person, conn: Connection
) -> None:
    plain = {"id": None, "units": None, "tax": None, "tax_rate": None}
    plain |= {"product": None, "product_code": None}
    lines = tuple(
        type(line)(**{**vars(line), **plain}) for line in (USAGE_LINE, PLAN_LINE)
    )
    public_id = bring_invoice(
        conn, olga, lines=lines, taxes=(), created_at=None, posted_before=False
    )

    invoice = olga.get(f"/invoices/{public_id}").body["invoice"]

    usage, plan = invoice["fees"]
    assert (usage["taxes_amount_cents"], usage["units"]) == (None, "1.0")
    assert usage["lago_id"] != plan["lago_id"]
    assert invoice["number"] == POSTED.number


def test_what_the_catalog_has_not_got_has_its_code(
    lago: Any, olga: Person, conn: Connection
) -> None:
    line = type(USAGE_LINE)(
        **{**vars(USAGE_LINE), "metric": "gone", "subscription": "gone-1"}
    )
    free = type(PLAN_LINE)(**{**vars(PLAN_LINE), "subscription": None})
    public_id = bring_invoice(conn, olga, lines=(line, free), customers=("gone",))

    invoice = lago.invoices.find(str(public_id))

    usage, product = invoice.fees.__root__
    assert (usage.item.name, usage.lago_charge_id) == ("gone", None)
    assert (product.item.type, product.item.code) == ("add_on", "PLAN")
    assert product.item.name == "The plan"
    assert invoice.customer is None
