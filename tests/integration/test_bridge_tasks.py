"""The bridge's tasks, called as a worker calls them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import redis
from celery import Celery
from celery.app import app_or_default
from structlog.testing import capture_logs

from ledger.db import connect as connect_ledger
from ledger.odoo_check import read_check
from odoo_bridge import tasks
from odoo_bridge.catalog_load import load_catalog_file
from odoo_bridge.client import connect
from schemas.broker import celery_settings
from schemas.messages import USAGE_QUEUE
from tests.bridge_world import (
    bridge_to,
    catalog_file,
    rollup_state,
    settings_for,
    target_settings,
)
from tests.closing_world import freeze_until, invoices, set_mode, use
from tests.contract.odoo_target import OdooTarget
from tests.embedded_servers import BrokerServer
from tests.event_world import live_service, outbox, take_all_pending
from tests.ledger_world import World, counter, make_message, make_world, push
from tests.outgoing_world import exported, save_client, subscribe
from tests.scripted_server import closed_port_url
from tests.webhook_world import add_endpoint


@pytest.fixture
def app(redis_server: BrokerServer) -> Iterator[Celery]:
    """The worker's app: the one that is current while the test calls its tasks."""
    app = Celery("bridge", set_as_current=False)
    settings = settings_for("http://127.0.0.1:1", BROKER_URL=redis_server.url)
    app.config_from_object(celery_settings(settings, consumer=False))
    before = app_or_default()
    app.set_current()
    yield app
    before.set_current()
    app.close()


@pytest.fixture
def environ(
    app: Celery,
    standin: OdooTarget,
    database_url: str,
    redis_server: BrokerServer,
    monkeypatch: pytest.MonkeyPatch,
) -> pytest.MonkeyPatch:
    """The environment of a worker whose Odoo is the stand-in."""
    values = {
        "DATABASE_URL": database_url,
        "BROKER_URL": redis_server.url,
        "FUSION_SECRET_KEY": "A" * 43 + "=",
        "ODOO_URL": standin.url,
        "ODOO_DATABASE": standin.database,
        "ODOO_LOGIN": standin.login,
        "ODOO_API_KEY": standin.api_key,
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    tasks.failures.forget()
    tasks.announcer.forget()
    return monkeypatch


@pytest.fixture
def broker(redis_server: BrokerServer) -> Iterator[redis.Redis]:
    """The broker, emptied, as the one that tasks publish to."""
    with redis.Redis.from_url(redis_server.url) as client:
        client.flushdb()
        yield client


@pytest.mark.usefixtures("environ")
def test_push_brings_odoo_up_to_the_ledger(
    standin: OdooTarget, database_url: str, tmp_path: Path
) -> None:
    with bridge_to(standin, database_url, tmp_path, "json2") as bridge:
        with connect_ledger(database_url) as conn:
            push(conn, make_message(bridge.world, [counter("1", value="5")]))

        tasks.push_rollups()

        assert [row["quantity"] for row in bridge.usage()] == ["5"]


@pytest.mark.usefixtures("environ")
def test_events_of_odoo_reach_the_outbox(
    standin: OdooTarget, database_url: str
) -> None:
    take_all_pending(standin)
    with connect_ledger(database_url) as conn:
        code = make_world(conn).code
        told = live_service(standin, code)
        add_endpoint(conn, code, "http://127.0.0.1:9/in")
        told.tell("k1")

        tasks.take_events()

        assert [name for name, _ in outbox(conn)] == ["customer.updated"]
    assert told.states() == {"k1": "taken"}


@pytest.mark.usefixtures("environ")
def test_close_ends_a_frozen_period_as_an_invoice(
    standin: OdooTarget, database_url: str, tmp_path: Path
) -> None:
    with bridge_to(standin, database_url, tmp_path, "json2") as bridge:
        set_mode(bridge, "live")
        use(bridge, "may", datetime(2026, 5, 10, tzinfo=UTC), "250")
        freeze_until(bridge, datetime(2026, 6, 20, tzinfo=UTC))
        tasks.push_rollups()

        with capture_logs() as logged:
            tasks.close_periods()
            tasks.close_periods()

        assert len(invoices(bridge)) == 1
        assert [line["event"] for line in logged] == ["periods_closed"]


@pytest.mark.usefixtures("environ")
def test_sending_brings_what_an_app_saved_to_odoo(
    standin: OdooTarget, database_url: str, tmp_path: Path
) -> None:
    with bridge_to(standin, database_url, tmp_path, "json2") as bridge:
        save_client(bridge)
        subscribe(bridge, "app-sub")

        with capture_logs() as lines:
            tasks.send_changes()
            tasks.send_changes()

        assert "app-sub" in exported(bridge, "subscription")
        assert [line["event"] for line in lines] == ["changes_sent"]


def test_an_odoo_that_is_away_is_one_line_and_no_failure(
    standin: OdooTarget,
    database_url: str,
    tmp_path: Path,
    environ: pytest.MonkeyPatch,
) -> None:
    with (
        bridge_to(standin, database_url, tmp_path, "json2") as bridge,
        connect_ledger(database_url) as conn,
    ):
        push(conn, make_message(bridge.world, [counter("1")]))
        save_client(bridge)
    environ.setenv("ODOO_URL", closed_port_url())

    with capture_logs() as lines:
        for _ in range(3):
            tasks.push_rollups()
            tasks.send_changes()
        tasks.pull_catalog()

    assert [(line["event"], line["log_level"]) for line in lines] == [
        ("push_failed", "warning"),
        ("send_failed", "warning"),
        ("pull_failed", "warning"),
    ]
    assert rollup_state(database_url)[0]["pushed_revision"] == 0


def test_the_end_of_an_outage_is_logged_once(
    environ: pytest.MonkeyPatch, standin: OdooTarget
) -> None:
    environ.setenv("ODOO_URL", closed_port_url())
    with capture_logs() as lines:
        tasks.pull_catalog()
        environ.setenv("ODOO_URL", standin.url)
        tasks.pull_catalog()
        tasks.pull_catalog()

    assert [line["event"] for line in lines] == ["pull_failed", "pull_failed_over"]


def test_a_key_that_odoo_refuses_is_an_error_for_a_person(
    environ: pytest.MonkeyPatch,
) -> None:
    environ.setenv("ODOO_API_KEY", "expired")

    with capture_logs() as lines:
        tasks.pull_catalog()

    assert [(line["event"], line["log_level"]) for line in lines] == [
        ("pull_failed", "error")
    ]
    assert lines[0]["kind"] == "OdooAuthenticationError"


def test_a_new_key_in_the_settings_file_is_taken_without_a_restart(
    environ: pytest.MonkeyPatch, standin: OdooTarget, tmp_path: Path
) -> None:
    file = tmp_path / "key"
    file.write_text("expired")
    environ.delenv("ODOO_API_KEY")
    environ.setenv("ODOO_API_KEY_FILE", str(file))

    with capture_logs() as lines:
        tasks.pull_catalog()
        file.write_text(f"{standin.api_key}\n")
        tasks.pull_catalog()

    assert [line["event"] for line in lines] == ["pull_failed", "pull_failed_over"]


@pytest.mark.usefixtures("environ")
def test_a_check_says_what_is_there_and_keeps_it(database_url: str) -> None:
    with capture_logs() as lines:
        tasks.check_odoo()
        tasks.check_odoo()

    (line,) = lines
    assert (line["event"], line["log_level"]) == ("odoo_checked", "info")
    assert line["odoo"].startswith("19.0 ")
    with connect_ledger(database_url) as conn:
        kept = read_check(conn)
    assert kept is not None
    assert (kept.problem, kept.addon) == (None, line["addon"])


@pytest.mark.usefixtures("environ")
def test_a_pull_has_parked_counters_applied(
    standin: OdooTarget,
    database_url: str,
    tmp_path: Path,
    broker: redis.Redis,
) -> None:
    code, path = catalog_file(tmp_path)
    with connect(target_settings(standin)) as client:
        load_catalog_file(path, client, database_url)
    tasks.pull_catalog()
    before = broker.llen(USAGE_QUEUE)
    with connect_ledger(database_url) as conn:
        row = conn.execute("SELECT id FROM service WHERE code = %s", (code,)).fetchone()
        assert row is not None
        world = World(code, row[0], ())
        push(conn, make_message(world, [counter("1", subscription="new")]))

    tasks.pull_catalog()

    assert (before, broker.llen(USAGE_QUEUE)) == (0, 1)
