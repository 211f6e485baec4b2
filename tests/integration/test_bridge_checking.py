"""The hourly check of Odoo: what the log, the ledger and the metrics say of it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from deploy.odoo_view import describe_check
from ingest_api.metrics import render_metrics
from ledger.backlog import read_backlog
from ledger.db import Connection
from ledger.odoo_check import Seen, claim_key_warning, read_check, save_check
from odoo_bridge.checking import Announcer, check_when_due
from odoo_bridge.failure_log import FailureLog
from schemas.settings import Settings
from tests.bridge_world import settings_for
from tests.scripted_server import (
    ScriptedServer,
    closed_port_url,
    http_answer,
    scripted_server,
)

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
DAY = timedelta(days=1)
SEEN = Seen("19.0 Community", "19.0.1.1.0", NOW + 9 * DAY)


def answer_at(now: datetime, key_expires_at: datetime | None = None) -> bytes:
    """What bridge_check answers when all is well."""
    expires_at = f"{key_expires_at:%Y-%m-%d %H:%M:%S}" if key_expires_at else False
    answer: dict[str, Any] = {
        "odoo": "19.0",
        "edition": "Community",
        "addon": {"code": "19.0.1.1.0", "database": "19.0.1.1.0"},
        "user": "fusion-bridge",
        "company": "NexaSystems",
        "missing_groups": [],
        "missing_rights": [],
        "missing_methods": [],
        "modules": {},
        "key": {"known": True, "expires_at": expires_at},
        "now": f"{now:%Y-%m-%d %H:%M:%S}",
    }
    return http_answer(json.dumps(answer).encode())


@contextmanager
def odoo_of(
    database_url: str, *answers: bytes
) -> Iterator[tuple[ScriptedServer, Settings]]:
    """An Odoo that answers so, and the settings of a bridge to it."""
    with scripted_server(*answers) as server:
        settings = settings_for(server.url, DATABASE_URL=database_url)
        yield server, settings


def lines_of(settings: Settings, announcer: Announcer, now: datetime) -> list[str]:
    """The events that a check of that moment logs, with their levels."""
    with capture_logs() as lines:
        check_when_due(settings, announcer, lambda: now)
    return [f"{line['log_level']} {line['event']}" for line in lines]


def test_each_process_says_at_its_start_what_is_there(database_url: str) -> None:
    with odoo_of(database_url, answer_at(NOW)) as (server, settings):
        first, second = (Announcer(FailureLog()) for _ in range(2))

        assert lines_of(settings, first, NOW) == ["info odoo_checked"]
        assert lines_of(settings, second, NOW) == ["info odoo_checked"]
        assert lines_of(settings, second, NOW) == []
        assert len(server.requests) == 2


def test_after_that_it_asks_once_an_hour_of_all_processes(database_url: str) -> None:
    with odoo_of(database_url, answer_at(NOW)) as (server, settings):
        first, second = (Announcer(FailureLog()) for _ in range(2))
        for announcer in (first, second):
            check_when_due(settings, announcer, lambda: NOW)
        for minutes in range(1, 121):
            for announcer in (first, second):
                lines_of(settings, announcer, NOW + timedelta(minutes=minutes))

        assert len(server.requests) == 4


def test_a_problem_is_looked_at_again_until_it_is_over(
    database_url: str, conn: Connection
) -> None:
    page = http_answer(b"<title>Sign in</title>", kind="text/html")
    with odoo_of(database_url, page, page, answer_at(NOW)) as (_, settings):
        announcer = Announcer(FailureLog())
        failed = lines_of(settings, announcer, NOW)
        found = read_check(conn)
        over = lines_of(settings, announcer, NOW + timedelta(minutes=1))
        mended = read_check(conn)

    assert failed == ["error odoo_check_failed"]
    assert found is not None
    assert found.problem is not None
    assert "Sign in" in found.problem
    assert over == ["info odoo_check_failed_over"]
    assert mended is not None
    assert mended.problem is None


def test_an_odoo_that_is_away_is_a_warning_and_keeps_what_was_seen(
    database_url: str, conn: Connection
) -> None:
    save_check(conn, None, SEEN, NOW - DAY)
    conn.commit()
    settings = settings_for(closed_port_url(), DATABASE_URL=database_url)

    lines = lines_of(settings, Announcer(FailureLog()), NOW)

    kept = read_check(conn)
    assert lines == ["warning odoo_check_failed", "warning odoo_key_expires"]
    assert kept is not None
    assert kept.problem is not None
    assert (kept.odoo, kept.key_expires_at) == (SEEN.odoo, SEEN.key_expires_at)


def test_a_key_near_its_end_is_warned_of_once_a_day_by_one_process(
    database_url: str,
) -> None:
    near = answer_at(NOW, NOW + 14 * DAY)
    with odoo_of(database_url, near) as (_, settings):
        warned = [
            hours
            for hours in range(49)
            for announcer in (Announcer(FailureLog()), Announcer(FailureLog()))
            if "warning odoo_key_expires"
            in lines_of(settings, announcer, NOW + timedelta(hours=hours))
        ]

    assert warned == [0, 24, 48]


@pytest.mark.parametrize("expires_at", [None, NOW + 14 * DAY + timedelta(seconds=1)])
def test_a_key_that_lasts_is_not_warned_of(
    database_url: str, expires_at: datetime | None
) -> None:
    with odoo_of(database_url, answer_at(NOW, expires_at)) as (_, settings):
        lines = lines_of(settings, Announcer(FailureLog()), NOW)

    assert lines == ["info odoo_checked"]


def test_a_new_key_without_an_end_takes_the_warning_away(
    database_url: str, conn: Connection
) -> None:
    save_check(conn, None, SEEN, NOW)
    save_check(conn, None, replace(SEEN, key_expires_at=None), NOW)

    kept = read_check(conn)

    assert kept is not None
    assert kept.key_expires_at is None


def test_one_of_many_claims_the_warning(conn: Connection) -> None:
    save_check(conn, None, SEEN, NOW)

    assert [claim_key_warning(conn, NOW) for _ in range(3)] == [True, False, False]


def test_the_metrics_say_when_the_key_expires(conn: Connection) -> None:
    before = render_metrics(0, read_backlog(conn, NOW), NOW).decode()
    save_check(conn, "the addon is older", SEEN, NOW)
    after = render_metrics(0, read_backlog(conn, NOW), NOW).decode().splitlines()

    assert "fusion_billing_odoo" not in before
    assert "fusion_billing_odoo_well 0.0" in after
    (line,) = [each for each in after if each.startswith("fusion_billing_odoo_key")]
    assert float(line.split()[1]) == (NOW + 9 * DAY).timestamp()


def test_status_shows_the_last_check_and_the_key(conn: Connection) -> None:
    never = dict(describe_check(read_check(conn), NOW))
    save_check(conn, None, SEEN, NOW)
    well = dict(describe_check(read_check(conn), NOW))
    save_check(conn, "status 502", None, NOW + DAY)
    failing = dict(describe_check(read_check(conn), NOW + DAY))

    assert never == {"Odoo's check": "never"}
    assert well == {
        "Odoo's check": "well: 19.0 Community, addon 19.0.1.1.0 "
        "(2026-06-15 12:00:00 UTC)",
        "Odoo's API key": "expires 2026-06-24 12:00 UTC, in 9 days; make a new one",
    }
    assert failing["Odoo's check"].startswith("fails: status 502 (")
    assert "in 8 days" in failing["Odoo's API key"]
