"""Whether each part of a stack answers, asked from outside as its users would."""

from collections.abc import Iterable

import httpx
import psycopg
import redis
from celery import Celery

from schemas.broker import PUBLISH_ERRORS, celery_settings
from schemas.settings import Settings

_TIMEOUT_SECONDS = 2.0
_PING_SECONDS = 0.5


def database_answers(database_url: str) -> bool:
    """Whether PostgreSQL takes a connection to this database."""
    try:
        with psycopg.connect(database_url, connect_timeout=2) as conn:
            conn.execute("SELECT 1")
    except psycopg.OperationalError:
        return False
    return True


def redis_answers(broker_url: str) -> bool:
    """Whether Redis answers, with its data loaded."""
    with redis.Redis.from_url(
        broker_url, socket_timeout=_TIMEOUT_SECONDS, socket_connect_timeout=1
    ) as client:
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False


def http_answers(url: str) -> bool:
    """Whether a GET of the URL is answered with 2xx."""
    try:
        return httpx.get(url, timeout=_TIMEOUT_SECONDS, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def server_answers(url: str) -> bool:
    """Whether an HTTP server answers there without an error of its own."""
    try:
        answer = httpx.get(url, timeout=_TIMEOUT_SECONDS, trust_env=False)
    except httpx.HTTPError:
        return False
    return not answer.is_server_error


def silent_workers(nodes: Iterable[str], settings: Settings) -> list[str]:
    """Those of these Celery workers that do not answer a ping by way of the broker.

    ``celery inspect ping`` asks the same; its process alone takes a second to start.
    """
    wanted = list(nodes)
    app = Celery("fusion-billing-up", set_as_current=False)
    app.conf.update(celery_settings(settings, consumer=False))
    try:
        with app.connection_for_write() as connection:
            answers = app.control.broadcast(
                "ping",
                connection=connection,
                destination=wanted,
                reply=True,
                timeout=_PING_SECONDS,
                limit=len(wanted),
            )
    except PUBLISH_ERRORS:
        return wanted
    answered = {node for answer in answers or () for node in answer}
    return [node for node in wanted if node not in answered]
