"""Whether each part of a stack answers, asked from outside as its users would."""

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import httpx
import psycopg
import redis

_TIMEOUT_SECONDS = 2.0


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


def silent_workers(
    nodes: Iterable[str], environment: Mapping[str, str], folder: Path
) -> list[str]:
    """Those of these Celery workers that do not answer a ping by way of the broker."""
    wanted = list(nodes)
    ping = ["inspect", "ping", "--json", "--timeout", "3", "-d", ",".join(wanted)]
    done = subprocess.run(
        [sys.executable, "-m", "celery", "-A", "workers.app:app", *ping],
        env=dict(environment),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        answered = json.loads(done.stdout)
    except ValueError:  # nobody answered: no JSON, or none but an error's text
        return wanted
    return [node for node in wanted if node not in answered]
