"""Servers and stacks that tests share: real ones, from the embedded runner."""

import itertools
import os
from collections.abc import Iterator

import psycopg
import pytest

from ledger.migrate import migrate
from tests.books import prove_books
from tests.embedded_servers import (
    BrokerServer,
    PostgresServer,
    new_database,
    running_postgres,
    running_redis,
    state_directory,
)
from tests.stack_process import RunningStack, running_stack

_numbers = itertools.count(1)


def pytest_addoption(parser: pytest.Parser) -> None:
    """A real Odoo for the contract tests; without one they run on the stand-in."""
    group = parser.getgroup("odoo", "a real Odoo for tests/contract")
    group.addoption("--odoo-url", help="scheme://host:port; default: the stand-in")
    group.addoption("--odoo-database", default="odoo")
    group.addoption("--odoo-login", default="admin")
    group.addoption("--odoo-database-url", help="its PostgreSQL, to hold one open")
    group.addoption("--odoo-api-key", default=os.environ.get("ODOO_API_KEY"))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """The embedded PostgreSQL, without fsync: no test pulls the machine's plug."""
    with (
        state_directory() as state,
        running_postgres(state, fsync="off", full_page_writes="off") as server,
    ):
        yield server


@pytest.fixture(scope="session")
def redis_server() -> Iterator[BrokerServer]:
    """The embedded Redis with its durable settings, shared by the session."""
    with state_directory() as state, running_redis(state) as server:
        yield server


@pytest.fixture
def own_redis() -> Iterator[BrokerServer]:
    """An empty Redis of the test's own, which it may freeze and kill."""
    with state_directory() as state, running_redis(state) as server:
        yield server


@pytest.fixture(scope="session")
def template_database(postgres_server: PostgresServer) -> Iterator[str]:
    """The name of a migrated database that is cloned and never used itself."""
    with new_database(postgres_server, "template_ledger") as url:
        migrate(url)
        yield "template_ledger"


@pytest.fixture
def database_url(
    request: pytest.FixtureRequest,
    postgres_server: PostgresServer,
    template_database: str,
) -> Iterator[str]:
    """A fresh, migrated ledger of the test's own, whose books agree at its end (P4).

    A test that alters them says so by the mark ``altered_books``.
    """
    name = f"test_{next(_numbers)}"
    with new_database(postgres_server, name, template_database) as url:
        yield url
        if request.node.get_closest_marker("altered_books") is None:
            prove_books(url)


@pytest.fixture
def conn(database_url: str) -> Iterator[psycopg.Connection]:
    """A connection to the test's ledger, in a transaction as the code has it."""
    with psycopg.connect(database_url) as connection:
        yield connection


@pytest.fixture(scope="session")
def stack() -> Iterator[RunningStack]:
    """A whole running stack, shared by the session: each test uses its own service."""
    with state_directory() as state, running_stack(state.root) as running:
        yield running
