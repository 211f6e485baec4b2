"""Each wrong setup of Odoo is one line that says what to do."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from deploy.cli import main
from odoo_bridge.check import check_odoo
from odoo_bridge.check_report import Report
from tests.bridge_world import PROTOCOLS, settings_for
from tests.certificates import make_authority
from tests.contract.conftest import running_standin
from tests.contract.odoo_target import OdooTarget
from tests.embedded_servers import PostgresServer
from tests.front_server import front_server
from tests.scripted_server import (
    CLOSE,
    HANG,
    Answer,
    http_answer,
    scripted_server,
)

PAGE = b"<html><title>Sign in</title></html>"


@pytest.fixture(scope="module", params=["none", "old"])
def older(
    request: pytest.FixtureRequest,
    postgres_server: PostgresServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[str, OdooTarget]]:
    """An Odoo without the addon, and one with an older one."""
    log = tmp_path_factory.mktemp("older") / "log"
    module = f"tests.contract.older_server {request.param}"
    name = f"older_{request.param}"
    with running_standin(postgres_server, name, module, log) as target:
        yield request.param, target


def check(odoo: OdooTarget, protocol: str, url: str = "", **more: str) -> Report:
    """The report of a check of it, with these settings changed."""
    settings = {
        "ODOO_DATABASE": odoo.database,
        "ODOO_LOGIN": odoo.login,
        "ODOO_API_KEY": odoo.api_key,
        "ODOO_PROTOCOL": protocol,
        **more,
    }
    return check_odoo(
        settings_for(url or odoo.url, **settings), lambda: datetime.now(UTC)
    )


def problem_of(report: Report) -> str:
    """The one problem, a line."""
    (problem,) = report.problems
    assert "\n" not in problem
    assert "Traceback" not in problem
    return problem


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_good_setup_is_described(standin: OdooTarget, protocol: str) -> None:
    report = check(standin, protocol)

    assert report.problems == ()
    assert report.found is not None
    assert report.found.odoo.startswith("19.0 ")
    assert report.found.user == standin.login
    assert report.found.key_known
    assert standin.url in report.where


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("ODOO_DATABASE", "nosuch", "nosuch"),
        ("ODOO_API_KEY", "wrong", "ODOO_API_KEY"),
    ],
)
def test_a_wrong_database_or_key_is_named(
    standin: OdooTarget, protocol: str, name: str, value: str, words: str
) -> None:
    report = check(standin, protocol, **{name: value})

    assert words in problem_of(report)
    assert not report.passes


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_missing_addon_is_told_from_an_old_one(
    older: tuple[str, OdooTarget], protocol: str
) -> None:
    kind, odoo = older
    wanted = {"none": "is not installed in the database contract", "old": "is older"}

    assert wanted[kind] in problem_of(check(odoo, protocol))


def test_a_user_without_the_group_is_told_which() -> None:
    odoo = OdooTarget("", "d", "u", "k", has_addon=True)
    body = b'{"missing_groups": ["Billing Bridge"]}'
    with scripted_server(http_answer(body)) as server:
        report = check(odoo, "json2", server.url)

    assert "the group Billing Bridge" in problem_of(report)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("answer", "words", "passes"),
    [
        (http_answer(PAGE, kind="text/html"), 'page "Sign in"', False),
        (http_answer(PAGE, "404 Not Found", "text/html"), "ODOO_URL", False),
        (http_answer(b"no", "502 Bad Gateway", "text/html"), "status 502", True),
        (http_answer(b'[{"id": 1, ', Content_Length="400"), "went away", True),
        (http_answer(b"", "301 Moved", "", Location="https://o/"), "https://o/", False),
        (CLOSE, "went away", True),
        (HANG, "in time", True),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "went away", True),
    ],
    ids=["html", "404", "502", "half", "redirect", "close", "nothing", "ssh"],
)
def test_what_is_no_odoo_is_one_line(
    protocol: str, answer: Answer, words: str, passes: bool
) -> None:
    odoo = OdooTarget("", "d", "u", "k", has_addon=True)
    with scripted_server(answer) as server:
        report = check(odoo, protocol, server.url, ODOO_TIMEOUT_SECONDS="1")

    assert words in problem_of(report)
    assert report.passes is passes


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("url", ["http://127.0.0.1:2", "http://no-such-host.invalid"])
def test_an_odoo_that_cannot_be_reached_is_one_line(url: str, protocol: str) -> None:
    odoo = OdooTarget("", "d", "u", "k", has_addon=True)
    report = check(odoo, protocol, url)

    assert "cannot be reached" in problem_of(report)
    assert "ODOO_URL" in problem_of(report)
    assert report.passes


@pytest.mark.parametrize("protocol", ["json2s", "xmlrpcs"])
def test_a_certificate_that_nobody_knows_is_one_line(
    protocol: str, tmp_path: Path
) -> None:
    odoo = OdooTarget("", "d", "u", "k", has_addon=True)
    _, context = make_authority(tmp_path, "127.0.0.1")
    with front_server(1, context) as front:
        report = check(odoo, protocol, front.url)

    assert "ODOO_CA_FILE" in problem_of(report)
    assert not report.passes


@pytest.fixture
def environ(
    standin: OdooTarget, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> pytest.MonkeyPatch:
    """The environment of an operator whose Odoo is the stand-in."""
    monkeypatch.chdir(tmp_path)  # no .fusion here
    for name, value in {
        "DATABASE_URL": "postgresql://127.0.0.1:2/none",
        "BROKER_URL": "redis://127.0.0.1:2",
        "FUSION_SECRET_KEY": "A" * 43 + "=",
        "ODOO_URL": standin.url,
        "ODOO_DATABASE": standin.database,
        "ODOO_LOGIN": standin.login,
        "ODOO_API_KEY": standin.api_key,
        "COLUMNS": "200",
    }.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def run_check() -> Result:
    """The command, as an operator calls it."""
    return CliRunner().invoke(main, ["odoo", "check"])


@pytest.mark.usefixtures("environ")
def test_the_command_shows_what_is_there(standin: OdooTarget) -> None:
    shown = run_check()

    assert shown.exit_code == 0, shown.stderr
    assert "19.0 Community" in shown.stdout
    assert standin.login in shown.stdout
    assert standin.api_key not in shown.output


def test_the_command_fails_with_the_problem(environ: pytest.MonkeyPatch) -> None:
    environ.setenv("ODOO_API_KEY", "wrong-key-wrong-key")

    shown = run_check()

    assert shown.exit_code == 1
    assert shown.stderr.startswith("problem: ")
    assert len(shown.stderr.splitlines()) == 1
    assert "wrong-ke" not in shown.output
