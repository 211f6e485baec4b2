"""One ledger, one broker database and one app a module; people with services each."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from flask import Flask

from ledger.db import Connection
from tests.api_world import Person, make_person, running_app
from tests.books import prove_books
from tests.embedded_servers import BrokerServer, PostgresServer, new_database
from tests.lago_world import lago_client, served

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def database_url(
    postgres_server: PostgresServer, template_database: str
) -> Iterator[str]:
    """A migrated ledger of the module's own, since cloning one takes a second.

    Its books agree at the end.
    """
    name = f"test_api_{next(_numbers)}"
    with new_database(postgres_server, name, template_database) as url:
        yield url
        prove_books(url)


@pytest.fixture(scope="module")
def broker_url(redis_server: BrokerServer) -> Iterator[str]:
    """A Redis database of these tests' own, empty."""
    url = redis_server.url.removesuffix("/0") + "/7"
    with redis.Redis.from_url(url) as client:
        client.flushdb()
        yield url
        client.flushdb()


@pytest.fixture(scope="module")
def app(database_url: str, broker_url: str) -> Iterator[Flask]:
    """The app on both."""
    with running_app(broker_url, DATABASE_URL=database_url) as app:
        yield app


@pytest.fixture
def olga(app: Flask, conn: Connection) -> Person:
    """Owns a service."""
    return make_person(app, conn)


@pytest.fixture
def mallory(app: Flask, conn: Connection) -> Person:
    """Owns another service, and must be refused at Olga's."""
    return make_person(app, conn)


@pytest.fixture(scope="module")
def url(app: Flask) -> Iterator[str]:
    """Where the app answers over HTTP."""
    with served(app) as url:
        yield url


@pytest.fixture
def lago(url: str, olga: Person) -> Any:
    """Lago's client with Olga's key."""
    return lago_client(url, olga.key)
