"""The comparison of every night: once, told everywhere, and nothing is changed."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from ingest_api.metrics import render_metrics
from ledger.backlog import read_backlog
from ledger.catalog import mark_synced
from ledger.db import connect as connect_ledger
from ledger.drift import LastLook, lock_drift
from ledger.status import read_syncs
from odoo_bridge import tasks
from odoo_bridge.drift_nightly import check_drift_nightly, is_due
from schemas.settings import Settings
from tests.bridge_world import settings_for
from tests.contract.odoo_target import OdooTarget
from tests.drift_world import Pair, converged
from tests.scripted_server import closed_port_url

NIGHT = datetime(2030, 1, 2, 3, 0, tzinfo=UTC)


@pytest.fixture
def settings(standin: OdooTarget, database_url: str) -> Settings:
    return settings_for(
        standin.url,
        DATABASE_URL=database_url,
        ODOO_DATABASE=standin.database,
        ODOO_LOGIN=standin.login,
        ODOO_API_KEY=standin.api_key,
    )


@pytest.fixture
def pair(standin: OdooTarget, database_url: str, tmp_path: Path) -> Iterator[Pair]:
    """Two subscriptions with usage that Odoo has, among other tests' services."""
    with converged(standin, database_url, tmp_path) as made:
        yield made


def check(settings: Settings, at: datetime) -> bool:
    return check_drift_nightly(settings, lambda: at, pause_seconds=0)


def of_service(pair: Pair, lines: list[Any]) -> list[Any]:
    code = pair.bridge.world.code
    return [line for line in lines if line.get("service") == code]


def test_a_difference_is_told_in_log_ledger_and_odoo_and_stays(
    pair: Pair, settings: Settings
) -> None:
    first, _ = pair.rows()
    pair.by_hand("write", [first], vals={"quantity": "9999"})

    with capture_logs() as lines:
        assert check(settings, NIGHT)

    (line,) = of_service(pair, lines)
    assert (line["event"], line["log_level"]) == ("drift_found", "warning")
    assert (line["ledger_value"], line["odoo_value"]) == ("12", "9999")
    with connect_ledger(settings.database_url) as conn:
        assert read_backlog(conn, NIGHT).drift >= 1
        assert read_backlog(conn, NIGHT).compared_at == NIGHT
        (sync,) = [sync for sync in read_syncs(conn) if sync.kind == "drift"]
    assert "differences; see fusion-billing drift" in (sync.error or "")
    assert pair.bridge.usage()[0]["quantity"] == "9999"


def test_the_metrics_show_what_was_found_and_how_long_ago(
    pair: Pair, settings: Settings
) -> None:
    with connect_ledger(settings.database_url) as conn:
        before = render_metrics(0, read_backlog(conn, NIGHT), NIGHT).decode()
    first, _ = pair.rows()
    pair.by_hand("write", [first], vals={"quantity": "9999"})

    check(settings, NIGHT)

    later = NIGHT + timedelta(hours=1)
    with connect_ledger(settings.database_url) as conn:
        after = render_metrics(0, read_backlog(conn, later), later).decode()
    assert 'fusion_billing_drift{level="drift"} 0.0' in before
    assert "drift_check_age_seconds" not in before
    assert 'fusion_billing_drift{level="drift"} 0.0' not in after
    assert "fusion_billing_drift_check_age_seconds 3600.0" in after


def test_it_is_done_once_a_night(pair: Pair, settings: Settings) -> None:
    assert check(settings, NIGHT)
    assert not check(settings, NIGHT + timedelta(hours=23, minutes=59))
    assert check(settings, NIGHT + timedelta(days=1))


def test_one_at_a_time(pair: Pair, settings: Settings) -> None:
    with connect_ledger(settings.database_url) as other:
        assert lock_drift(other)
        assert not check(settings, NIGHT)


def test_an_odoo_that_is_away_is_tried_again_later_the_same_night(
    pair: Pair, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "DATABASE_URL": settings.database_url,
        "BROKER_URL": "redis://127.0.0.1:2",
        "FUSION_SECRET_KEY": "A" * 43 + "=",
        "ODOO_URL": closed_port_url(),
        "ODOO_API_KEY": "key",
    }.items():
        monkeypatch.setenv(name, value)
    tasks.failures.forget()
    with connect_ledger(settings.database_url) as conn:
        mark_synced(conn, "drift", datetime(2026, 1, 1, tzinfo=UTC))

    with capture_logs() as lines:
        tasks.check_drift()

    assert [(line["event"], line["log_level"]) for line in lines] == [
        ("drift_failed", "warning")
    ]
    assert check(settings, datetime.now(UTC) + timedelta(minutes=11))


@pytest.mark.parametrize(
    ("last", "now", "due"),
    [
        (None, "02:59", False),
        (None, "03:10", True),
        (None, "04:00", False),
        ("1 03:00", "02:59", False),
        ("1 02:59", "03:00", True),
        ("2 03:00", "03:01", False),
        ("1 22:00", "04:00", True),
    ],
)
def test_it_is_due_when_the_hour_has_come_since(
    last: str | None, now: str, due: bool
) -> None:
    began = None if last is None else at(f"2030-01-0{last}")

    assert is_due(LastLook(began, None), at(f"2030-01-02 {now}"), 3) is due


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_the_hour_is_a_setting() -> None:
    good = settings_for("http://odoo")

    assert good.drift_hour == 3
    assert settings_for("http://odoo", FUSION_DRIFT_HOUR="0").drift_hour == 0
