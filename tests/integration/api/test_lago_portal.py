"""The ways into Odoo's portal, as Lago's own client asks for them."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from flask import Flask
from lago_python_client.exceptions import LagoApiError

from ledger.db import Connection
from tests.api_world import Person, running_app
from tests.invoice_world import bring_credit_note, bring_invoice
from tests.lago_world import lago_client, served

TOKEN = "3f6c1f0e-7e6b-4a41-8d6a-7d2f36a4a5ce"


@pytest.fixture(scope="module")
def app(database_url: str, broker_url: str) -> Iterator[Flask]:
    """An app whose customers reach Odoo under another name than it does."""
    named = {"ODOO_PUBLIC_URL": "https://billing.example.com/"}
    with running_app(broker_url, DATABASE_URL=database_url, **named) as app:
        yield app


@pytest.fixture
def lago(app: Flask, olga: Person) -> Iterator[Any]:
    """Lago's client with Olga's key."""
    with served(app) as url:
        yield lago_client(url, olga.key)


def test_the_portal_is_odoos_plain_list_of_invoices(lago: Any) -> None:
    url = lago.customers.portal_url("ada")

    assert url == "https://billing.example.com/my/invoices"


def test_the_portal_is_where_odoo_is_unless_it_is_named(
    database_url: str, broker_url: str, olga: Person
) -> None:
    with (
        running_app(
            broker_url, DATABASE_URL=database_url, ODOO_URL="http://odoo:8069/erp"
        ) as app,
        served(app) as url,
    ):
        portal = lago_client(url, olga.key).customers.portal_url("ada")

    assert portal == "http://odoo:8069/erp/my/invoices"


@pytest.mark.parametrize("odd", ["nobody", "%00", "x" * 900])
def test_who_is_no_customer_has_no_portal(odd: str, olga: Person) -> None:
    answer = olga.get(f"/customers/{odd}/portal_url")

    assert (answer.status, answer.body["code"]) == (404, "customer_not_found")


def test_an_invoice_is_paid_at_its_own_page(
    lago: Any, olga: Person, conn: Connection
) -> None:
    public_id = bring_invoice(conn, olga, access_token=TOKEN)
    odoo_id = conn.execute(
        "SELECT odoo_id FROM invoice WHERE public_id = %s", (public_id,)
    ).fetchone()

    parts = urlsplit(lago.invoices.payment_url(str(public_id)))

    assert odoo_id is not None
    assert f"{parts.scheme}://{parts.netloc}" == "https://billing.example.com"
    assert parts.path == f"/my/invoices/{odoo_id[0]}"
    assert parse_qs(parts.query) == {"access_token": [TOKEN]}


def test_whose_it_is_stands_beside_it(olga: Person, conn: Connection) -> None:
    public_id = bring_invoice(conn, olga, access_token=TOKEN)

    details = olga.post(f"/invoices/{public_id}/payment_url").body
    (name,) = details

    assert name == "invoice_payment_details"
    assert details[name]["lago_invoice_id"] == str(public_id)
    assert details[name]["external_customer_id"] == "ada"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"state": "draft"}, "invalid_invoice_status_or_payment_status"),
        ({"state": "cancel"}, "invalid_invoice_status_or_payment_status"),
        ({"payment_state": "paid"}, "invalid_invoice_status_or_payment_status"),
        ({"access_token": None}, "no_linked_payment_provider"),
    ],
)
def test_what_cannot_be_paid_is_refused_with_the_reason(
    changes: dict[str, Any], code: str, lago: Any, olga: Person, conn: Connection
) -> None:
    public_id = bring_invoice(conn, olga, **{"access_token": TOKEN, **changes})

    with pytest.raises(LagoApiError) as caught:
        lago.invoices.payment_url(str(public_id))

    assert caught.value.status_code == 422
    assert caught.value.response["error_details"] == {"base": [code]}


def test_anothers_are_not_there(
    olga: Person, mallory: Person, conn: Connection
) -> None:
    public_id = bring_invoice(conn, olga, access_token=TOKEN)
    note = bring_credit_note(conn, olga, access_token=TOKEN)

    nobodys = mallory.post(f"/invoices/{uuid4()}/payment_url")
    assert nobodys.status == 404
    assert mallory.post(f"/invoices/{public_id}/payment_url").body == nobodys.body
    assert olga.post(f"/invoices/{note}/payment_url").status == 404
    assert olga.post("/invoices/x/payment_url").status == 404


def test_no_answer_but_the_payment_url_has_the_token(
    olga: Person, conn: Connection
) -> None:
    public_id = bring_invoice(conn, olga, access_token=TOKEN)

    assert TOKEN not in olga.get(f"/invoices/{public_id}").text
    assert TOKEN not in olga.get("/invoices").text
