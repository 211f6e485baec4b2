"""Whether each part of a stack answers, asked from outside as its users would."""

import httpx
import psycopg
import redis

_TIMEOUT_SECONDS = 2.0
# One for all: a new client reads the certificates anew, which takes 20 ms.
_HTTP = httpx.Client(
    timeout=_TIMEOUT_SECONDS,
    trust_env=False,
    limits=httpx.Limits(max_keepalive_connections=0),
)


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
        return _HTTP.get(url).is_success
    except httpx.HTTPError:
        return False


def server_answers(url: str) -> bool:
    """Whether an HTTP server answers there without an error of its own."""
    try:
        answer = _HTTP.get(url)
    except httpx.HTTPError:
        return False
    return not answer.is_server_error
