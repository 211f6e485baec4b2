"""Taking counters back: what it answers, what it refuses, and every id there may be."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

from ledger.db import Connection
from ledger.rerating import exclude_folds
from schemas.voids import VoidAnswerSchema
from tests.api_server import ApiServer, running_api
from tests.api_world import BASE, Person, counter, work_off
from tests.archive_world import archive
from tests.ledger_world import World, freeze

Fold = Callable[..., str]

ORDER = b'{"void": {"external_subscription_id": "ada-1", "code": "sum"}}'
LONGEST = "€" * 255
ODD_IDS = [
    "a/b",
    "/a",
    "//",
    "a/",
    "a//b",
    "%2F",
    "%",
    "void",
    "x/void",
    "..",
    ".",
    "a b?c#d;e&f=+",
    "é\u2028😀",
    "\ufffd",
    "\\\"'<>{}",
    LONGEST,
]


@pytest.fixture
def fold(olga: Person, database_url: str, broker_url: str) -> Fold:
    """Push counters of Olga's, and fold them; all are new. Answers their batch."""

    def push_and_fold(*counters: Any) -> str:
        batch_id = olga.push(*counters).body["batch"]["id"]
        tally = work_off(database_url, broker_url, olga.service_id)
        assert tally == {"applied": len(counters)}
        return str(batch_id)

    return push_and_fold


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, database_url: str, broker_url: str
) -> Iterator[ApiServer]:
    """The API as it runs in production."""
    folder = tmp_path_factory.mktemp("gunicorn")
    with running_api(folder, database_url, broker_url, threads=2) as server:
        yield server


def send(server: ApiServer, olga: Person, encoded_id: str) -> Any:
    """Take back a counter whose id goes out as it is; the answer's body."""
    headers = {"Content-Type": "application/json"}
    headers["Authorization"] = f"Bearer {olga.key}"
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=30)) as client:
        client.request("POST", f"{BASE}/usage/{encoded_id}/void", ORDER, headers)
        return json.loads(client.getresponse().read())


def units(olga: Person, code: str = "sum") -> str:
    answer = olga.get("/customers/ada/current_usage", external_subscription_id="ada-1")
    lines = answer.body["customer_usage"]["charges_usage"]
    (found,) = (c["units"] for c in lines if c["billable_metric"]["code"] == code)
    return str(found)


def test_a_void_says_what_it_took_back(olga: Person, fold: Fold) -> None:
    fold(counter("a", value="1.50"), counter("b", value=2))
    batch = fold(counter("c", value=4))

    answer = olga.void("c", reason="pushed by mistake")

    void = answer.body["void"]
    assert answer.status == 200
    assert VoidAnswerSchema().validate(answer.body) == {}
    assert void["transaction_id"] == "c"
    assert void["external_subscription_id"] == "ada-1"
    assert (void["code"], void["value"]) == ("sum", "4")
    assert "values" not in void
    assert void["batch_id"] == batch
    assert void["voided_by"] == olga.key.split("_")[1]
    assert void["reason"] == "pushed by mistake"
    assert void["is_correction"] is False
    assert void["billed_in"] == void["period"]
    assert void["period"]["from"] < void["timestamp"] < void["period"]["to"]
    assert units(olga) == "3.5"


def test_members_are_shown_as_values(olga: Person, fold: Fold) -> None:
    fold(counter("u", code="unique", value=None, values=["b", "a"]))

    void = olga.void("u", code="unique").body["void"]

    assert void["values"] == ["a", "b"]
    assert "value" not in void
    assert void["reason"] is None
    assert units(olga, "unique") == "0.0"


def test_a_repeat_is_answered_as_the_first_time(olga: Person, fold: Fold) -> None:
    fold(counter("t", value=7))

    first = olga.void("t", reason="once")
    second = olga.void("t", reason="twice")

    assert (first.status, second.status) == (200, 200)
    assert second.body == first.body
    assert units(olga) == "0.0"


def test_a_counter_that_was_taken_back_may_be_pushed_and_taken_back_again(
    olga: Person, fold: Fold
) -> None:
    fold(counter("t", value=7))
    first = olga.void("t").body["void"]

    fold(counter("t", value=9))
    assert units(olga) == "9.0"
    second = olga.void("t").body["void"]

    assert second["value"] == "9"
    assert second["voided_at"] > first["voided_at"]
    assert units(olga) == "0.0"


@pytest.mark.parametrize("transaction_id", ODD_IDS)
def test_any_id_that_can_be_pushed_can_be_taken_back(
    olga: Person, fold: Fold, transaction_id: str
) -> None:
    fold(counter(transaction_id, value=7))

    answer = olga.void(transaction_id)

    assert answer.status == 200, answer.text
    assert answer.body["void"]["transaction_id"] == transaction_id
    assert units(olga) == "0.0"


def test_gunicorn_takes_the_longest_and_the_oddest_ids(
    olga: Person, fold: Fold, server: ApiServer
) -> None:
    fold(*[counter(name) for name in ODD_IDS])

    answers = [send(server, olga, quote(name, safe="")) for name in ODD_IDS]

    assert [body["void"]["transaction_id"] for body in answers] == ODD_IDS


def test_a_path_that_is_no_utf_8_takes_nothing_back(
    olga: Person, fold: Fold, server: ApiServer
) -> None:
    fold(counter("\ufffd", value=7))

    assert send(server, olga, "%FF")["code"] == "transaction_not_found"
    assert units(olga) == "7.0"


@pytest.mark.parametrize(
    "order",
    [
        {"code": "max"},
        {"code": "none"},
        {"external_subscription_id": "ada-2"},
    ],
)
def test_what_is_not_in_the_books_is_not_found(
    olga: Person, fold: Fold, order: dict[str, str]
) -> None:
    fold(counter("t", value=7))
    olga.push(counter("queued"))

    named_otherwise = olga.void("t", **order)
    answers = [named_otherwise, olga.void("never"), olga.void("queued")]

    for answer in answers:
        assert (answer.status, answer.body["code"]) == (404, "transaction_not_found")
        assert "in the books" in answer.body["message"]
    assert units(olga) == "7.0"


def test_a_parked_counter_is_not_found(
    olga: Person, database_url: str, broker_url: str
) -> None:
    olga.push(counter("p", external_subscription_id="soon"))
    tally = work_off(database_url, broker_url, olga.service_id)

    answer = olga.void("p", external_subscription_id="soon")

    assert tally == {"parked": 1}
    assert (answer.status, answer.body["code"]) == (404, "transaction_not_found")


def test_a_counter_of_an_archived_period_is_refused(
    olga: Person, fold: Fold, conn: Connection, database_url: str, tmp_path: Path
) -> None:
    earlier = datetime.now(UTC) - timedelta(days=40)
    for statement in (
        "UPDATE subscription SET started_at = '2025-01-01' WHERE service_id = %s",
        "UPDATE plan SET grace_hours = 0 WHERE service_id = %s",
    ):
        conn.execute(statement, (olga.service_id,))
    conn.commit()
    fold(counter("t", value=7, timestamp=earlier.isoformat()))
    world = World(olga.service, olga.service_id, ())
    freeze(conn, world, datetime.now(UTC))
    archive(database_url, world, tmp_path, datetime.now(UTC) + timedelta(days=800))

    answer = olga.void("t")

    assert (answer.status, answer.body["code"]) == (422, "period_is_archived")
    assert "archived" in answer.body["message"]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, b""),
        (400, b"x"),
        (400, b"[]"),
        (400, b"{}"),
        (400, b'{"void": null}'),
        (400, b'{"void": []}'),
        (400, b'{"void": ' + b"[" * 10_000),
        (400, b'{"void": {"code": "sum", "code": "sum"}}'),
        (422, b'{"void": {}}'),
        (422, b'{"void": {"code": "sum"}}'),
        (422, b'{"void": {"external_subscription_id": "ada-1"}}'),
        (422, b'{"void": {"external_subscription_id": "ada-1", "code": 7}}'),
        (422, b'{"void": {"external_subscription_id": "ada-1", "code": "\\u0000"}}'),
        (422, b'{"void": {"external_subscription_id": "ada-1", "code": "\\ud800"}}'),
    ],
)
def test_an_order_that_is_none_takes_nothing_back(
    olga: Person, fold: Fold, status: int, body: bytes
) -> None:
    fold(counter("t", value=7))

    answer = olga.void_bytes("t", body)

    assert answer.status == status, answer.text
    assert units(olga) == "7.0"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("reason", "x" * 256),
        ("reason", "€" * 256),
        ("reason", "a\0b"),
        ("reason", ""),
        ("reason", None),
        ("reason", 7),
        ("more", 1),
        ("y" * 5000, 1),
    ],
)
def test_a_field_that_is_none_is_named(
    olga: Person, fold: Fold, field: str, value: Any
) -> None:
    fold(counter("t", value=7))

    answer = olga.void("t", **{field: value})

    assert answer.status == 422
    assert list(answer.body["error_details"]) == [field[:64]]
    assert len(answer.text) < 1000
    assert units(olga) == "7.0"


def test_an_order_beside_another_field_is_refused(olga: Person) -> None:
    body = json.dumps({**json.loads(ORDER), "more": 1}).encode()

    answer = olga.void_bytes("t", body)

    assert answer.status == 422
    assert list(answer.body["error_details"]) == ["more"]


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (413, {}),
        (415, {"Content_Type": "text/plain"}),
        (415, {"Content_Encoding": "br"}),
        (400, {"Content_Encoding": "gzip"}),
    ],
)
def test_a_body_that_is_none_is_refused(
    olga: Person, status: int, headers: dict[str, str]
) -> None:
    answer = olga.void_bytes("t", ORDER.ljust(16 * 1024 + 1), **headers)

    assert answer.status == status


def test_a_void_waits_for_a_lock_so_long_and_no_other_request_suffers(
    olga: Person, mallory: Person, fold: Fold, database_url: str
) -> None:
    fold(counter("t", value=7))

    with psycopg.connect(database_url) as holder:
        exclude_folds(holder, olga.service_id)
        started = time.monotonic()
        answer = olga.void("t")
        waited = time.monotonic() - started
        reads = [olga.get("/batches/x"), mallory.get("/batches/x")]

    assert (answer.status, answer.body["code"]) == (503, "books_busy")
    assert answer.headers["Retry-After"] == "5"
    assert 4 < waited < 10
    assert [read.status for read in reads] == [404, 404]
    assert units(olga) == "7.0"
    assert olga.void("t").status == 200


def test_voids_that_wait_leave_threads_for_other_requests(
    olga: Person, fold: Fold, server: ApiServer, database_url: str
) -> None:
    fold(counter("t", value=7))
    codes: list[str] = []
    voids = [
        threading.Thread(target=lambda: codes.append(send(server, olga, "t")["code"]))
        for _ in range(3)
    ]

    with psycopg.connect(database_url) as holder:
        exclude_folds(holder, olga.service_id)
        for void in voids:
            void.start()
        started = time.monotonic()
        status = server.get("/metrics").status_code
        waited = time.monotonic() - started
        for void in voids:
            void.join()

    assert (status, codes) == (200, ["books_busy"] * 3)
    assert waited < 4
    assert send(server, olga, "t")["void"]["value"] == "7"
