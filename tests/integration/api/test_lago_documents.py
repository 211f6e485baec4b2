"""PDFs of invoices: asked for by Lago's client, opened by a browser without a key."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import UUID, uuid4

import httpx
import pytest
from flask import Flask
from lago_python_client.exceptions import LagoApiError

from ingest_api.api import EXTENSION
from ingest_api.lago.document_links import link_query, make_link
from ledger.db import Connection
from ledger.documents import (
    claim_document,
    fail_document,
    find_document,
    forget_documents,
    store_document,
)
from ledger.invoice_reads import find_invoice
from ledger.invoices import upsert_invoice
from tests.api_world import Person, running_app
from tests.invoice_world import POSTED, bring_credit_note, bring_invoice
from tests.lago_world import lago_client, served

PDF = b"%PDF-1.4 what Odoo printed"


@pytest.fixture(autouse=True)
def nothing_wanted(conn: Connection) -> None:
    """What other tests have asked for is not in the way."""
    conn.execute("DELETE FROM invoice_document")
    conn.commit()


def bring_pdf(conn: Connection, owner: Person, public_id: UUID) -> None:
    """Store what was asked for, as the bridge does."""
    wanted = claim_document(conn, datetime.now(UTC))
    stored = find_invoice(conn, owner.service_id, public_id)
    assert wanted is not None
    assert stored is not None
    assert wanted.public_id == public_id
    store_document(conn, wanted, stored.updated_at, PDF)
    conn.commit()


def printed(
    lago: Any, conn: Connection, owner: Person, **changes: Any
) -> tuple[UUID, str]:
    """An invoice whose PDF is there, and the link to it."""
    public_id = bring_invoice(conn, owner, **changes)
    assert lago.invoices.download(str(public_id)) is None
    bring_pdf(conn, owner, public_id)
    url: str = lago.invoices.download(str(public_id)).file_url
    return public_id, url


def change_invoice(conn: Connection, owner: Person, public_id: UUID) -> None:
    """As the pull does when something has changed in Odoo."""
    stored = find_invoice(conn, owner.service_id, public_id)
    assert stored is not None
    changed = {**vars(stored.invoice), "revision": "later"}
    upsert_invoice(conn, owner.service, stored.odoo_id, type(POSTED)(**changed))
    conn.commit()


def changed_link(link: str, **values: str) -> str:
    parts = urlsplit(link)
    query = {name: texts[0] for name, texts in parse_qs(parts.query).items()}
    return parts._replace(query=urlencode({**query, **values})).geturl()


def test_the_answer_is_empty_until_the_pdf_is_there(
    olga: Person, conn: Connection
) -> None:
    public_id = bring_invoice(conn, olga)

    first = olga.post(f"/invoices/{public_id}/download")
    second = olga.post(f"/invoices/{public_id}/download")

    assert (first.status, first.text) == (200, "")
    assert (second.status, second.text) == (200, "")
    bring_pdf(conn, olga, public_id)
    third = olga.post(f"/invoices/{public_id}/download").body["invoice"]
    assert third["lago_id"] == str(public_id)
    assert str(public_id) in third["file_url"]
    shown = olga.get(f"/invoices/{public_id}").body["invoice"]
    assert shown["file_url"].partition("?")[0] == third["file_url"].partition("?")[0]


def test_the_link_opens_the_pdf_without_a_key(
    lago: Any, olga: Person, conn: Connection
) -> None:
    _, link = printed(lago, conn, olga, number='INV/2026/"7\r\né')

    answer = httpx.get(link)

    assert (answer.status_code, answer.content) == (200, PDF)
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"] == 'inline; filename="INV_2026_7.pdf"'
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_link_is_below_the_apis_public_url(
    database_url: str, broker_url: str, lago: Any, olga: Person, conn: Connection
) -> None:
    public_id, _ = printed(lago, conn, olga)
    named = {"FUSION_PUBLIC_URL": "https://usage.example.com/"}
    with (
        running_app(broker_url, DATABASE_URL=database_url, **named) as app,
        served(app) as url,
    ):
        client = lago_client(url, olga.key)
        link = client.invoices.download(str(public_id)).file_url

    assert link.startswith(
        f"https://usage.example.com/api/v1/documents/{public_id}?service="
    )


def test_a_link_that_was_changed_opens_nothing(
    lago: Any, olga: Person, conn: Connection
) -> None:
    public_id, link = printed(lago, conn, olga)
    other_id, _ = printed(lago, conn, olga)
    (shows,) = parse_qs(urlsplit(link).query)["shows"]

    for forged in (
        link.replace(str(public_id), str(other_id)),
        link.partition("?")[0],
        changed_link(link, expires="9999999999"),
        changed_link(link, service=str(olga.service_id + 1)),
        changed_link(link, shows=str(int(shows) + 1)),
        changed_link(link, shows="9" * 18),
        changed_link(link, shows="9" * 40),
        changed_link(link, signature=""),
        changed_link(link, signature="é"),
        changed_link(link, signature="0" * 64),
        changed_link(link, expires="x"),
        changed_link(link, expires="٣"),
        link.replace(str(public_id), "x"),
    ):
        answer = httpx.get(forged)
        assert answer.status_code == 404, forged
        assert answer.json()["code"] == "document_not_found"


def test_a_link_ends_after_an_hour(
    app: Flask, url: str, lago: Any, olga: Person, conn: Connection
) -> None:
    public_id, _ = printed(lago, conn, olga)
    state = find_document(conn, olga.service_id, public_id)
    assert state is not None
    key = app.extensions[EXTENSION].settings.secret_key

    def ask(minutes: int) -> int:
        then = datetime.now(UTC) - timedelta(minutes=minutes)
        link = make_link(olga.service_id, public_id, state.shows, then)
        path = f"/api/billing/v1/documents/{public_id}?{link_query(key, link)}"
        return httpx.get(url + path).status_code

    assert (ask(58), ask(61)) == (200, 404)


def test_a_link_signed_with_another_key_opens_nothing(
    url: str, lago: Any, olga: Person, conn: Connection
) -> None:
    public_id, _ = printed(lago, conn, olga)
    state = find_document(conn, olga.service_id, public_id)
    assert state is not None
    link = make_link(olga.service_id, public_id, state.shows, datetime.now(UTC))
    query = link_query("B" * 43 + "=", link)

    answer = httpx.get(f"{url}/api/billing/v1/documents/{public_id}?{query}")

    assert answer.status_code == 404


def test_a_changed_invoice_is_fetched_anew_and_the_old_link_opens_nothing(
    lago: Any, olga: Person, conn: Connection
) -> None:
    public_id, link = printed(lago, conn, olga)

    change_invoice(conn, olga, public_id)

    assert httpx.get(link).status_code == 404
    assert lago.invoices.download(str(public_id)) is None
    bring_pdf(conn, olga, public_id)
    anew = lago.invoices.download(str(public_id)).file_url
    assert httpx.get(anew).status_code == 200
    assert httpx.get(link).status_code == 404


def test_what_a_restored_odoo_printed_before_is_fetched_anew(
    lago: Any, olga: Person, conn: Connection
) -> None:
    public_id, link = printed(lago, conn, olga)

    forget_documents(conn)
    conn.commit()

    assert httpx.get(link).status_code == 404
    assert lago.invoices.download(str(public_id)) is None


def test_why_there_is_none_is_told_and_tried_again_later(
    lago: Any, olga: Person, conn: Connection
) -> None:
    public_id = bring_invoice(conn, olga)
    lago.invoices.download(str(public_id))
    wanted = claim_document(conn, datetime.now(UTC))
    assert wanted is not None
    fail_document(conn, wanted, "wkhtmltopdf is missing", datetime.now(UTC))
    conn.commit()

    with pytest.raises(LagoApiError) as caught:
        lago.invoices.download(str(public_id))
    assert caught.value.status_code == 503
    assert caught.value.response["message"] == "wkhtmltopdf is missing"
    assert claim_document(conn, datetime.now(UTC)) is None

    earlier = datetime.now(UTC) - timedelta(minutes=2)
    fail_document(conn, wanted, "wkhtmltopdf is missing", earlier)
    conn.commit()
    assert lago.invoices.download(str(public_id)) is None
    assert claim_document(conn, datetime.now(UTC)) == wanted
    conn.commit()


def test_a_draft_has_no_pdf(lago: Any, olga: Person, conn: Connection) -> None:
    draft = bring_invoice(conn, olga, state="draft")

    with pytest.raises(LagoApiError) as caught:
        lago.invoices.download(str(draft))

    assert caught.value.status_code == 405
    assert caught.value.response["code"] == "is_draft"


def test_anothers_invoice_cannot_be_downloaded(
    olga: Person, mallory: Person, conn: Connection
) -> None:
    public_id = bring_invoice(conn, olga)
    note = bring_credit_note(conn, olga)

    nobodys = mallory.post(f"/invoices/{uuid4()}/download")

    assert (nobodys.status, nobodys.body["code"]) == (404, "invoice_not_found")
    assert mallory.post(f"/invoices/{public_id}/download").body == nobodys.body
    assert olga.post(f"/invoices/{note}/download").status == 404
    assert olga.post("/invoices/x/download").status == 404
    assert claim_document(conn, datetime.now(UTC)) is None


def test_a_link_of_ones_own_does_not_open_anothers(
    app: Flask,
    url: str,
    lago: Any,
    olga: Person,
    mallory: Person,
    conn: Connection,
) -> None:
    public_id, _ = printed(lago, conn, olga)
    state = find_document(conn, olga.service_id, public_id)
    assert state is not None
    key = app.extensions[EXTENSION].settings.secret_key
    link = make_link(mallory.service_id, public_id, state.shows, datetime.now(UTC))

    answer = httpx.get(
        f"{url}/api/billing/v1/documents/{public_id}?{link_query(key, link)}"
    )

    assert answer.status_code == 404
