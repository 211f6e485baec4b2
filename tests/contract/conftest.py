"""The stand-in as a process of its own, or the real Odoo that is named."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from deploy.embedded.ports import free_port
from tests.contract.odoo_target import OdooTarget
from tests.embedded_servers import PostgresServer, new_database
from tests.waiting import wait_until

API_KEY = "contract-test-key"
REPOSITORY = Path(__file__).parents[2]


@contextmanager
def running_standin(
    postgres: PostgresServer, database: str, module: str, log: Path
) -> Iterator[OdooTarget]:
    """``python -m module`` over a new database of that name while the block runs.

    ``module`` may have arguments behind it.
    """
    with new_database(postgres, database) as database_url:
        yield from _serve(database_url, module, log)


def _serve(database_url: str, module: str, log: Path) -> Iterator[OdooTarget]:
    port = free_port(set())
    environment = {
        **os.environ,
        "ODOO_STANDIN_DATABASE_URL": database_url,
        "ODOO_STANDIN_PORT": str(port),
        "ODOO_DATABASE": "contract",
        "ODOO_LOGIN": "fusion-bridge",
        "ODOO_API_KEY": API_KEY,
    }
    target = OdooTarget(
        url=f"http://127.0.0.1:{port}",
        database="contract",
        login="fusion-bridge",
        api_key=API_KEY,
        has_addon=True,
        database_url=database_url,
    )
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *module.split()],
            env=environment,
            cwd=REPOSITORY,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_until(lambda: answers(target, process, log), f"{module} answers")
            yield target
        finally:
            process.terminate()
            process.wait(timeout=30)


def answers(target: OdooTarget, process: subprocess.Popen[bytes], log: Path) -> bool:
    """Whether it serves; AssertionError with its log when it ended instead."""
    assert process.poll() is None, log.read_text()
    try:
        return httpx.get(f"{target.url}/web/health").status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture(scope="session")
def odoo(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OdooTarget]:
    """The Odoo that the contract is checked against; by default the stand-in."""
    option = request.config.getoption
    if url := option("--odoo-url"):
        known = OdooTarget(
            url=url.rstrip("/"),
            database=option("--odoo-database"),
            login=option("--odoo-login"),
            api_key=option("--odoo-api-key"),
            database_url=option("--odoo-database-url"),
            has_addon=False,
        )
        found = known.json2("fusion.billing.service", "search_count", domain=[])
        yield OdooTarget(**{**vars(known), "has_addon": found.status_code == 200})
        return
    postgres: PostgresServer = request.getfixturevalue("postgres_server")
    log = tmp_path_factory.mktemp("standin") / "log"
    with running_standin(postgres, "standin", "odoo_bridge.embedded", log) as target:
        yield target


@pytest.fixture
def addon(odoo: OdooTarget) -> OdooTarget:
    """The Odoo under test, if it has the addon."""
    if not odoo.has_addon:
        pytest.skip("this Odoo has not got the addon's models")
    return odoo


@pytest.fixture(scope="session")
def probed(
    postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OdooTarget]:
    """A stand-in that has the recording server's probe model as well."""
    log = tmp_path_factory.mktemp("probed") / "log"
    module = "tests.contract.probe_server"
    with running_standin(postgres_server, "probed", module, log) as target:
        yield target
