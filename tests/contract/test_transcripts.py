"""The stand-in answers what a real Odoo 19 was recorded to answer."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from json import dumps

import httpx
import psycopg
import pytest

from tests.contract.odoo_target import OdooTarget
from tests.contract.transcripts import (
    RECORDED,
    SHAPE_ONLY,
    SKIPPED,
    Credentials,
    Transcript,
    comparable,
    load_transcripts,
    replayed,
    rewritten_body,
    rewritten_headers,
)
from tests.embedded_servers import PostgresServer

pytestmark = pytest.mark.skipif(
    not RECORDED.exists(), reason=f"no recorded answers at {RECORDED}"
)

as_text = partial(dumps, sort_keys=True)

Answers = dict[str, httpx.Response]


@pytest.fixture(scope="module")
def answers(
    request: pytest.FixtureRequest, probed: OdooTarget, postgres_server: PostgresServer
) -> Answers:
    """Every replayed call's answer, asked in the recorded order."""
    ours = Credentials(probed.database, probed.login, probed.api_key, probed.uid())
    found = {}
    with httpx.Client(base_url=probed.url, timeout=60) as client:
        for entry in replayed():
            with locked_row(postgres_server, entry):
                found[entry.name] = client.request(
                    entry.method,
                    entry.path,
                    headers=rewritten_headers(entry, ours),
                    content=rewritten_body(entry, ours),
                )
    return found


@contextmanager
def locked_row(postgres: PostgresServer, entry: Transcript) -> Iterator[None]:
    """Hold the row that the call is to find locked, as it was when it was recorded."""
    if entry.case != "row_locked":
        yield
        return
    with psycopg.connect(postgres.url("probed")) as conn:
        conn.execute("SELECT id FROM fbc_probe WHERE id = 99 FOR UPDATE")
        yield


@pytest.mark.parametrize("entry", replayed(), ids=lambda entry: entry.name)
def test_a_call_is_answered_as_recorded(entry: Transcript, answers: Answers) -> None:
    answer = answers[entry.name]

    assert answer.status_code == entry.status
    for name in ("Content-Type", "Connection", "WWW-Authenticate"):
        recorded = entry.response_headers.get(name, "").strip()
        assert answer.headers.get(name, "") == recorded, name
    # As text, because NaN is not equal to itself.
    assert as_text(comparable(entry, answer.text)) == as_text(
        comparable(entry, entry.response_body)
    )


def test_what_is_left_out_or_loosened_is_still_recorded() -> None:
    recorded = {entry.case for entry in load_transcripts()}

    assert set(SKIPPED) | set(SHAPE_ONLY) <= recorded
