"""Odoo's events in the outbox: each once, whatever happens in between."""

import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from ledger.catalog import mark_synced
from odoo_bridge.client import OdooClient, connect
from odoo_bridge.errors import (
    OdooMisconfiguredError,
    OdooUnavailableError,
    OdooUnreachableError,
)
from odoo_bridge.events import EventReport, take_events
from tests.bridge_world import PROTOCOLS, settings_for, target_settings
from tests.contract.odoo_target import OdooTarget
from tests.event_world import (
    Told,
    customer,
    live_service,
    outbox,
    start_bridge,
    take_all_pending,
)
from tests.ledger_world import make_world
from tests.scripted_server import closed_port_url, http_answer, scripted_server
from tests.waiting import wait_until
from tests.webhook_world import add_endpoint


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def told(standin: OdooTarget, conn: psycopg.Connection) -> Iterator[Told]:
    """A live service with an endpoint that wants everything."""
    take_all_pending(standin)
    world = make_world(conn)
    told = live_service(standin, world.code)
    add_endpoint(conn, world.code, "http://127.0.0.1:9/in")
    yield told
    take_all_pending(standin)


@pytest.fixture(params=PROTOCOLS)
def client(request: pytest.FixtureRequest, standin: OdooTarget) -> Iterator[OdooClient]:
    """The bridge's client, over either protocol."""
    with connect(target_settings(standin, request.param)) as client:
        yield client


class Cut(OdooClient):
    """A client whose answer to one method is lost after Odoo has acted."""

    def __init__(self, client: OdooClient, method: str) -> None:
        self._client, self._method = client, method

    def repeat(self, model: str, method: str, **named: Any) -> Any:
        answer = self._client.repeat(model, method, **named)
        if method == self._method:
            raise OdooUnavailableError("the answer is lost")
        return answer


def dead_letters(conn: psycopg.Connection) -> list[tuple[Any, ...]]:
    rows = conn.execute(
        "SELECT source_id, reason, detail, service_id IS NOT NULL FROM dead_letter "
        "WHERE kind = 'odoo_event' ORDER BY id"
    ).fetchall()
    conn.rollback()
    return rows


def pulled(conn: psycopg.Connection, moment: datetime) -> None:
    mark_synced(conn, "service", moment)
    conn.commit()


def test_events_reach_the_outbox_in_their_order_and_are_marked(
    told: Told, client: OdooClient, database_url: str, conn: psycopg.Connection
) -> None:
    told.tell("k1", "k2", "k3", "k4", "k5")

    report = take_events(client, database_url, now(), page_rows=2)

    assert report == EventReport(taken=5)
    assert told.states() == dict.fromkeys(("k1", "k2", "k3", "k4", "k5"), "taken")
    bodies = [body for _, body in outbox(conn)]
    assert [b["data"]["customer"]["external_id"] for b in bodies] == sorted(
        told.states()
    )
    assert {b["type"] for b in bodies} == {"customer.updated"}
    assert take_events(client, database_url, now()) == EventReport()


def test_an_app_hears_nothing_that_the_schema_does_not_have(
    told: Told, client: OdooClient, database_url: str, conn: psycopg.Connection
) -> None:
    secret = {"customer": {**customer("k"), "key_hashes": "x"}, "more": 1}
    told.tell("k", payload=secret)

    take_events(client, database_url, now())

    ((_, body),) = outbox(conn)
    assert set(body["data"]) == {"customer"}
    assert "key_hashes" not in body["data"]["customer"]


def test_a_mark_whose_answer_is_lost_tells_nobody_twice(
    told: Told, client: OdooClient, database_url: str, conn: psycopg.Connection
) -> None:
    told.tell("k1", "k2")
    with pytest.raises(OdooUnavailableError):
        take_events(Cut(client, "mark_events"), database_url, now())

    assert take_events(client, database_url, now()) == EventReport()
    assert len(outbox(conn)) == 2


@pytest.mark.parametrize(
    ("dying", "told_before"),
    [
        (("fetch_events", "before"), 0),
        (("fetch_events", "after"), 0),
        (("mark_events", "before"), 2),
        (("mark_events", "after"), 2),
    ],
)
def test_a_bridge_that_is_killed_around_a_call_tells_each_once(
    told: Told,
    database_url: str,
    conn: psycopg.Connection,
    dying: tuple[str, str],
    told_before: int,
) -> None:
    told.tell("k1", "k2")
    killed = start_bridge(told.odoo, database_url, *dying).wait(timeout=60)
    before = len(outbox(conn))
    again = start_bridge(told.odoo, database_url).wait(timeout=60)

    assert (killed, again) == (-signal.SIGKILL, 0)
    assert before == told_before
    assert len(outbox(conn)) == 2
    assert told.states() == {"k1": "taken", "k2": "taken"}


def test_a_bridge_that_is_killed_before_its_commit_tells_each_once(
    told: Told, database_url: str, conn: psycopg.Connection
) -> None:
    told.tell("k1", "k2")
    # k2 is in another transaction's hands: the bridge waits with k1 in its own.
    conn.execute(
        "INSERT INTO odoo_event SELECT %s, id, 'x', now() FROM service LIMIT 1",
        [f"{told.prefix}k2"],
    )
    bridge = start_bridge(told.odoo, database_url)
    try:
        wait_until(lambda: waits_for_a_lock(database_url), "the bridge waits")
    finally:
        bridge.kill()
        bridge.wait()
    conn.rollback()
    before = len(outbox(conn))

    assert start_bridge(told.odoo, database_url).wait(timeout=60) == 0
    assert before == 0
    assert len(outbox(conn)) == 2


def waits_for_a_lock(database_url: str) -> bool:
    with psycopg.connect(database_url) as conn:
        row = conn.execute(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND wait_event_type = 'Lock'"
        ).fetchone()
    return row is not None and row[0] == 1


def test_two_bridges_at_once_tell_each_once(
    told: Told, database_url: str, conn: psycopg.Connection
) -> None:
    keys = [f"k{number:03d}" for number in range(60)]
    told.tell(*keys)

    bridges = [start_bridge(told.odoo, database_url) for _ in range(3)]
    codes = [bridge.wait(timeout=60) for bridge in bridges]

    assert codes == [0, 0, 0]
    assert len(outbox(conn)) == 60
    assert set(told.states().values()) == {"taken"}


@pytest.mark.parametrize(
    "more",
    [
        {"payload": {"customer": {"external_id": 7}}},
        {"payload": {"invoice": {}}},
        {"payload": False},
        {"event": "customer.eaten"},
    ],
)
def test_an_event_that_breaks_its_schema_holds_up_no_other(
    told: Told,
    client: OdooClient,
    database_url: str,
    conn: psycopg.Connection,
    more: dict[str, Any],
) -> None:
    told.tell("bad", **more)
    told.tell("good")

    report = take_events(client, database_url, now())

    assert report == EventReport(taken=1, refused=1)
    assert told.states() == {"bad": "failed", "good": "taken"}
    ((key, reason, _, known),) = dead_letters(conn)
    assert (key, reason, known) == (f"{told.prefix}bad", "payload_invalid", True)
    shown = next(row["reason"] for row in told.rows("key", "reason"))
    assert shown.startswith("payload_invalid: ")


def test_a_refusal_whose_mark_is_lost_is_one_dead_letter(
    told: Told, client: OdooClient, database_url: str, conn: psycopg.Connection
) -> None:
    told.tell("bad", event="customer.eaten")
    for _ in range(2):
        process = start_bridge(told.odoo, database_url, "mark_events", "before")
        assert process.wait(timeout=60) == -signal.SIGKILL

    take_events(client, database_url, now())

    assert len(dead_letters(conn)) == 1
    assert told.states() == {"bad": "failed"}


def test_a_service_that_the_next_pull_may_bring_is_waited_for(
    told: Told, client: OdooClient, database_url: str, conn: psycopg.Connection
) -> None:
    new = live_service(told.odoo)
    new.tell("early")
    told.tell("late")
    pulled(conn, now() - timedelta(hours=1))

    report = take_events(client, database_url, now(), page_rows=1)

    assert report == EventReport(taken=1)
    assert (new.states(), told.states()) == ({"early": "pending"}, {"late": "taken"})
    assert dead_letters(conn) == []


def test_a_service_that_nobody_knows_is_a_dead_letter(
    told: Told, client: OdooClient, database_url: str, conn: psycopg.Connection
) -> None:
    unknown = live_service(told.odoo)
    unknown.tell("stray")
    told.tell("good")
    pulled(conn, now() + timedelta(hours=1))

    report = take_events(client, database_url, now())

    assert report == EventReport(taken=1, refused=1)
    ((key, reason, detail, known),) = dead_letters(conn)
    assert (key, reason, known) == (f"{unknown.prefix}stray", "service_unknown", False)
    assert detail == f"service {unknown.code!r} is not known to the ledger"
    assert unknown.states() == {"stray": "failed"}


def test_an_odoo_that_is_away_changes_nothing(
    told: Told, database_url: str, conn: psycopg.Connection
) -> None:
    told.tell("k1")
    with (
        connect(settings_for(closed_port_url())) as client,
        pytest.raises(OdooUnreachableError),
    ):
        take_events(client, database_url, now())

    assert outbox(conn) == []


@pytest.mark.parametrize(
    "answer", [b"{}", b"7", b'[{"id": 1}]', b'[{"id": 0, "key": "k"}]', b"[1]"]
)
def test_another_addons_answer_is_for_a_person_to_mend(
    database_url: str, answer: bytes
) -> None:
    with (
        scripted_server(http_answer(answer)) as server,
        connect(settings_for(server.url)) as client,
    ):
        if answer == b"{}":
            assert take_events(client, database_url, now()) == EventReport()
        else:
            with pytest.raises(OdooMisconfiguredError):
                take_events(client, database_url, now())
