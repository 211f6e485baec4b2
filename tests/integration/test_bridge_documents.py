"""PDFs of invoices on their way from Odoo: only of the invoice that the ledger has."""

import base64
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from ledger.db import connect as connect_ledger
from ledger.db import transaction
from ledger.documents import (
    LEASE,
    MAX_BYTES,
    ask_for_document,
    claim_document,
    find_document,
    forget_old_documents,
    read_content,
)
from odoo_bridge.documents import DocumentReport, fetch_documents
from odoo_bridge.errors import (
    OdooAuthenticationError,
    OdooError,
    OdooInvalidError,
    OdooMissingError,
    OdooUnavailableError,
)
from odoo_bridge.pull import pull_catalog
from odoo_bridge.resending import send_lost
from tests.bridge_world import Bridge, bridge_to
from tests.contract.odoo_target import OdooTarget

MOVE = "account.move"
SERVICE = "fusion.billing.service"
USAGE = "fusion.billing.usage"
PDF = base64.b64encode(b"%PDF-1.4 of another").decode()


@pytest.fixture
def bridge(standin: OdooTarget, database_url: str, tmp_path: Path) -> Iterator[Bridge]:
    with bridge_to(standin, database_url, tmp_path, "json2") as bridge:
        yield bridge


def now() -> datetime:
    return datetime.now(UTC)


def pull(bridge: Bridge) -> None:
    assert pull_catalog(bridge.client, bridge.database_url, now()).faults == ()


def invoice_of(bridge: Bridge, month: int = 2) -> tuple[int, UUID]:
    """A posted invoice that the ledger has; Odoo's id and the public one."""
    code, ask = bridge.world.code, bridge.odoo.ask
    live = {"code": code, "name": "Bridge", "mode": "live"}
    ask(SERVICE, "apply_catalog", kind="service", rows=[live])
    period = {
        "period_start": f"2026-{month:02}-01 00:00:00",
        "period_end": f"2026-{month + 1:02}-01 00:00:00",
    }
    usage = {"service": code, "subscription": "sub-0", "metric": "sum", "revision": 1}
    usage |= {"quantity": "2", "amount": "7.50", "currency": "CAD", "state": "frozen"}
    ask(USAGE, "upsert_rollups", rows=[{**usage, **period}])
    close = {"service": code, "customer": "customer", **period}
    (result,) = ask(USAGE, "close_period", rows=[close])
    ask(MOVE, "action_post", ids=[result["id"]])
    pull(bridge)
    with transaction(bridge.database_url) as conn:
        row = conn.execute(
            "SELECT public_id FROM invoice WHERE odoo_id = %s", (result["id"],)
        ).fetchone()
    assert row is not None
    return result["id"], row[0]


def want(bridge: Bridge, public_id: UUID) -> None:
    with transaction(bridge.database_url) as conn:
        state = find_document(conn, bridge.world.service_id, public_id)
        assert state is not None
        ask_for_document(conn, state.invoice_id, now())


def content_of(bridge: Bridge, public_id: UUID) -> bytes | None:
    with transaction(bridge.database_url) as conn:
        state = find_document(conn, bridge.world.service_id, public_id)
        assert state is not None
        found = read_content(conn, bridge.world.service_id, public_id, state.shows)
    return None if found is None else found[1]


def fault_of(bridge: Bridge, public_id: UUID) -> str | None:
    with transaction(bridge.database_url) as conn:
        state = find_document(conn, bridge.world.service_id, public_id)
    assert state is not None
    return state.fault


def fetch(bridge: Bridge, client: Any = None) -> DocumentReport:
    return fetch_documents(client or bridge.client, bridge.database_url, now)


class Answering:
    """An Odoo that answers so, or fails so, whatever is asked."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def repeat(self, model: str, method: str, **named: Any) -> Any:
        if isinstance(self._answer, OdooError):
            raise self._answer
        return self._answer


class Altering:
    """A client whose answers are altered on the way."""

    def __init__(self, bridge: Bridge, alter: Any) -> None:
        self._client, self._alter = bridge.client, alter

    def repeat(self, model: str, method: str, **named: Any) -> Any:
        answer = self._client.repeat(model, method, **named)
        self._alter(answer)
        return answer


def test_what_is_wanted_is_fetched_and_kept_once(bridge: Bridge) -> None:
    _, public_id = invoice_of(bridge)
    want(bridge, public_id)

    assert fetch(bridge) == DocumentReport(stored=1)
    assert fetch(bridge) == DocumentReport()
    assert (content_of(bridge, public_id) or b"").startswith(b"%PDF")


def test_what_was_fetched_outlasts_the_pulls_after_it(bridge: Bridge) -> None:
    _, public_id = invoice_of(bridge)
    want(bridge, public_id)
    fetch(bridge)

    pull(bridge)

    assert (content_of(bridge, public_id) or b"").startswith(b"%PDF")
    want(bridge, public_id)
    assert fetch(bridge) == DocumentReport(stored=1)
    pull(bridge)
    assert (content_of(bridge, public_id) or b"").startswith(b"%PDF")


def test_what_is_not_wanted_is_not_fetched(bridge: Bridge) -> None:
    _, public_id = invoice_of(bridge)

    assert fetch(bridge) == DocumentReport()
    assert content_of(bridge, public_id) is None


def test_an_invoice_that_odoo_has_changed_waits_for_the_pull(bridge: Bridge) -> None:
    move_id, public_id = invoice_of(bridge)
    want(bridge, public_id)
    bridge.odoo.ask(MOVE, "write", ids=[move_id], vals={"payment_state": "paid"})

    assert fetch(bridge) == DocumentReport(put_back=1)
    assert content_of(bridge, public_id) is None

    pull(bridge)
    later = now() + timedelta(minutes=1)
    report = fetch_documents(bridge.client, bridge.database_url, lambda: later)
    assert report == DocumentReport(stored=1)
    assert content_of(bridge, public_id) is not None


def test_a_pdf_is_no_more_shown_once_its_invoice_has_changed(bridge: Bridge) -> None:
    move_id, public_id = invoice_of(bridge)
    want(bridge, public_id)
    fetch(bridge)

    bridge.odoo.ask(MOVE, "write", ids=[move_id], vals={"invoice_origin": "elsewhere"})
    pull(bridge)

    assert content_of(bridge, public_id) is None


@pytest.mark.parametrize(
    "alter",
    [
        lambda answer: answer["row"].update(service="another"),
        lambda answer: answer["row"].update(customers=["another"]),
        lambda answer: answer["row"].update(number="INV/1"),
        lambda answer: answer["row"].update(revision="another"),
        lambda answer: answer["row"]["lines"].clear(),
        lambda answer: answer["row"].update(service=False),
        lambda answer: answer.update(row=False),
    ],
)
def test_a_pdf_of_another_invoice_is_not_kept(alter: Any, bridge: Bridge) -> None:
    _, public_id = invoice_of(bridge)
    want(bridge, public_id)

    assert fetch(bridge, Altering(bridge, alter)) == DocumentReport(put_back=1)
    assert content_of(bridge, public_id) is None


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        ({"row": {}, "pdf": False, "reason": "no_report_engine"}, "wkhtmltopdf"),
        ({"row": False, "pdf": False, "reason": "gone"}, "has not got"),
        ({"row": {}, "pdf": False, "reason": "too_large"}, "larger than"),
        ({"row": {}, "pdf": False, "reason": "of its own"}, "of its own"),
        ({"row": {}, "pdf": False, "reason": False}, "cannot be read"),
        ({"row": {}, "pdf": "%%%"}, "cannot be read"),
        ({"row": {}, "pdf": base64.b64encode(b"<html>").decode()}, "something else"),
        ("a text", "something else"),
        (OdooMissingError("no such method"), "upgrade the addon"),
        (OdooInvalidError("the report fails"), "the report fails"),
    ],
)
def test_why_there_is_none_is_noted_and_not_tried_until_it_is_asked_for(
    answer: Any, fault: str, bridge: Bridge
) -> None:
    _, public_id = invoice_of(bridge)
    want(bridge, public_id)

    assert fetch(bridge, Answering(answer)) == DocumentReport(failed=1)
    assert fault in (fault_of(bridge, public_id) or "")
    assert fetch(bridge) == DocumentReport()

    want(bridge, public_id)
    assert fetch(bridge) == DocumentReport(stored=1)
    assert fault_of(bridge, public_id) is None


def test_what_is_larger_than_may_be_is_not_kept(bridge: Bridge) -> None:
    _, public_id = invoice_of(bridge)
    want(bridge, public_id)
    large = base64.b64encode(b"%PDF" + bytes(MAX_BYTES)).decode()

    report = fetch(bridge, Altering(bridge, lambda answer: answer.update(pdf=large)))

    assert report == DocumentReport(failed=1)


@pytest.mark.parametrize("error", [OdooUnavailableError, OdooAuthenticationError])
def test_an_odoo_that_is_away_leaves_it_wanted(
    error: type[OdooError], bridge: Bridge
) -> None:
    _, public_id = invoice_of(bridge)
    want(bridge, public_id)

    with pytest.raises(error):
        fetch(bridge, Answering(error("away")))

    later = now() + timedelta(minutes=1)
    report = fetch_documents(bridge.client, bridge.database_url, lambda: later)
    assert report == DocumentReport(stored=1)


def test_what_a_killed_bridge_had_taken_on_is_fetched_after_its_lease(
    bridge: Bridge,
) -> None:
    _, public_id = invoice_of(bridge)
    want(bridge, public_id)
    with transaction(bridge.database_url) as conn:
        assert claim_document(conn, now()) is not None

    assert fetch(bridge) == DocumentReport()
    later = now() + LEASE + timedelta(seconds=1)
    report = fetch_documents(bridge.client, bridge.database_url, lambda: later)
    assert report == DocumentReport(stored=1)


def test_two_bridges_at_once_do_not_take_on_the_same(bridge: Bridge) -> None:
    _, public_id = invoice_of(bridge)
    want(bridge, public_id)

    with (
        connect_ledger(bridge.database_url) as one,
        connect_ledger(bridge.database_url) as other,
    ):
        assert claim_document(one, now()) is not None
        assert claim_document(other, now()) is None


def test_a_restored_odoo_has_printed_nothing(bridge: Bridge) -> None:
    _, public_id = invoice_of(bridge)
    want(bridge, public_id)
    fetch(bridge)

    send_lost(bridge.database_url, now())

    assert content_of(bridge, public_id) is None


def test_what_nobody_asks_for_is_forgotten(bridge: Bridge) -> None:
    _, public_id = invoice_of(bridge)
    want(bridge, public_id)
    fetch(bridge)

    with transaction(bridge.database_url) as conn:
        assert forget_old_documents(conn, now() + timedelta(days=29)) == 0
        assert forget_old_documents(conn, now() + timedelta(days=31)) == 1
    assert content_of(bridge, public_id) is None
