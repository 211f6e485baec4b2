"""The stand-in Odoo as a process of its own, or the real one named by --odoo-url."""

from collections.abc import Iterator

import pytest

from tests.contract.conftest import running_standin
from tests.contract.odoo_target import OdooTarget
from tests.embedded_servers import PostgresServer


@pytest.fixture(scope="session")
def standin(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OdooTarget]:
    """The Odoo of the bridge's tests; each of them uses a service of its own."""
    option = request.config.getoption
    if url := option("--odoo-url"):
        yield OdooTarget(
            url=url.rstrip("/"),
            database=option("--odoo-database"),
            login=option("--odoo-login"),
            api_key=option("--odoo-api-key"),
            database_url=option("--odoo-database-url"),
            has_addon=True,
        )
        return
    postgres_server: PostgresServer = request.getfixturevalue("postgres_server")
    log = tmp_path_factory.mktemp("bridge-standin") / "log"
    module = "odoo_bridge.embedded"
    with running_standin(postgres_server, "bridge_standin", module, log) as target:
        yield target
