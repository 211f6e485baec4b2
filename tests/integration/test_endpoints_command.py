"""`fusion-billing endpoints`: an operator and a database."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from deploy.cli import main
from deploy.demo_receiver import DemoReceiver, Received
from ledger.db import Connection
from ledger.endpoints import list_endpoints
from ledger.sealing import unseal_secret
from tests.ledger_world import World, make_world
from tests.webhook_world import SECRET_KEY, enqueue, run_pump

URL = "http://127.0.0.1:2/in"


@pytest.fixture
def world(conn: Connection) -> World:
    return make_world(conn)


@pytest.fixture(autouse=True)
def environment(
    monkeypatch: pytest.MonkeyPatch, database_url: str, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)  # no .fusion here
    for name, value in {
        "DATABASE_URL": database_url,
        "BROKER_URL": "redis://127.0.0.1:2",
        "ODOO_URL": "http://127.0.0.1:2",
        "ODOO_API_KEY": "none",
        "FUSION_SECRET_KEY": SECRET_KEY,
        "FUSION_WEBHOOK_ALLOW_LOOPBACK": "true",
    }.items():
        monkeypatch.setenv(name, value)


def run(*words: str) -> Result:
    return CliRunner().invoke(main, ["endpoints", *words])


def test_create_prints_the_secret_and_only_it(conn: Connection, world: World) -> None:
    result = run("create", world.code, URL, "--event-type", "invoice.paid")

    assert result.exit_code == 0
    secret = result.stdout.removesuffix("\n")
    assert secret.startswith("whsec_")
    assert "\n" not in secret
    (row,) = list_endpoints(conn)
    assert (row.service, row.url, row.event_types) == (
        world.code,
        URL,
        ("invoice.paid",),
    )
    stored = conn.execute("SELECT secret FROM webhook_endpoint").fetchone()
    assert stored is not None
    assert secret.encode() not in stored[0]
    assert unseal_secret(stored[0], SECRET_KEY) == secret


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("nobody", URL), "no service 'nobody'"),
        (("{service}", "http://10.0.0.1/"), "loopback only"),
        (("{service}", "https://10.0.0.1/"), "public Internet"),
        (("{service}", "nonsense"), "https://"),
        (("{service}", URL, "--event-type", "paid!"), "not an event type"),
    ],
)
def test_what_cannot_be_an_endpoint_is_refused(
    conn: Connection, world: World, words: tuple[str, ...], reason: str
) -> None:
    result = run("create", *(word.format(service=world.code) for word in words))

    assert result.exit_code == 1
    assert reason in result.stderr
    assert result.stdout == ""
    assert list_endpoints(conn) == []


def test_the_same_url_twice_is_refused(world: World) -> None:
    run("create", world.code, URL)

    result = run("create", world.code, URL)

    assert result.exit_code == 1
    assert "already" in result.stderr


def test_loopback_is_refused_outside_development(
    monkeypatch: pytest.MonkeyPatch, world: World
) -> None:
    monkeypatch.setenv("FUSION_WEBHOOK_ALLOW_LOOPBACK", "false")

    plain = run("create", world.code, URL)
    by_name = run("create", world.code, "https://localhost:2/in")

    assert "must be https://" in plain.stderr
    assert "this machine" in by_name.stderr


def test_disable_and_enable_are_shown_by_list(conn: Connection, world: World) -> None:
    run("create", world.code, URL)
    (row,) = list_endpoints(conn)
    conn.rollback()

    disabled = run("disable", str(row.id))
    listed = run("list", "--service", world.code)
    enabled = run("enable", str(row.id))

    assert disabled.exit_code == listed.exit_code == enabled.exit_code == 0
    assert "by an" in listed.stdout
    assert "whsec_" not in listed.stdout
    assert list_endpoints(conn)[0].enabled


@pytest.mark.parametrize("command", ["disable", "enable"])
def test_an_unknown_endpoint_is_a_clear_error(command: str) -> None:
    result = run(command, "00000000-0000-0000-0000-000000000000")

    assert result.exit_code == 1
    assert "no endpoint 0000" in result.stderr


def test_the_demo_receiver_verifies_what_the_pump_sends(
    conn: Connection, world: World, database_url: str
) -> None:
    with DemoReceiver() as receiver:
        secret = run("create", world.code, receiver.url).stdout.strip()
        enqueue(conn, world.service_id)
        early = run_pump(database_url)
        receiver.trust(secret)
        enqueue(conn, world.service_id, 2)
        run_pump(database_url)

    assert (early.failed, early.delivered) == (1, 0)
    assert receiver.counts == Received(3, 2, 1, "invoice.paid")


def test_an_endpoint_may_want_lagos_bodies_and_tokens(
    conn: Connection, world: World
) -> None:
    asked = ("--body-style", "lago", "--signature-algo", "jwt")

    assert run("create", world.code, URL, *asked).exit_code == 0
    row = conn.execute("SELECT body_style, signature_algo FROM webhook_endpoint")
    assert row.fetchall() == [("lago", "jwt")]
