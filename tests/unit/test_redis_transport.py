"""What the atomic transport overrides in kombu is what it was written against.

The transport replaces methods of kombu's Redis channel and leans on how the rest calls
them. None of that is public, so an upgrade of kombu has to be read, not trusted.
"""

import hashlib
import inspect
from importlib.metadata import version
from operator import attrgetter

import pytest
from kombu.transport import TRANSPORT_ALIASES, get_transport_cls, redis, virtual

from schemas.broker import ATOMIC_SCHEME
from workers import redis_held, redis_transport

WRITTEN_AGAINST = "5.7.0"

SOURCES: dict[str, str] = {
    # replaced
    "redis.Channel._brpop_start": "06723d707ddf2240",
    "redis.Channel._brpop_read": "c42518699709f2df",
    "redis.Channel._get": "be26a9f1eb4cf8da",
    "redis.Channel._restore": "92e63e38835b6592",
    "redis.Channel._do_restore_message": "8b430df94e45b5b0",
    "redis.QoS": "2a3e5c43dc039ae8",
    # extended
    "redis.Channel.__init__": "f189bdebe2436ccd",
    "redis.Channel.basic_consume": "34e0da85e689ff98",
    "redis.Channel.conn_or_acquire": "25883caca6c4121e",
    "redis.Channel.close": "101e9b9cdad44b88",
    "virtual.Channel.basic_consume": "0fec962694938b61",
    "virtual.Channel.basic_get": "ba4884c15b6bed6d",
    # leaned on
    "redis.Channel._put": "1c0cf9749576614c",
    "redis.Channel._q_for_pri": "f3997660680dd00f",
    "redis.Channel._flush_brpop_reauth": "bb4930b4fd3cf8f3",
    "redis.MultiChannelPoller": "0530f30a9dec1cde",
    "redis.Transport": "e360a7e9e0e0e7e0",
    "virtual.QoS": "f884d8db8d6405e1",
    "virtual.Message": "03eca4812d47b440",
    "virtual.Transport._deliver": "799e242f3ec53863",
}


def fingerprint(name: str) -> str:
    module, _, attribute = name.partition(".")
    source = attrgetter(attribute)({"redis": redis, "virtual": virtual}[module])
    return hashlib.sha256(inspect.getsource(source).encode()).hexdigest()[:16]


@pytest.mark.parametrize("name", SOURCES)
def test_kombu_is_what_the_transport_was_written_against(name: str) -> None:
    assert fingerprint(name) == SOURCES[name], (
        f"kombu {version('kombu')} changed {name} since {WRITTEN_AGAINST}. Read the "
        "difference, compare it with workers/redis_transport.py and redis_held.py, run "
        "tests/integration/test_transport_redis.py and tests/faults, and only then "
        f"write {fingerprint(name)!r} here."
    )


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (redis_transport.Channel, redis.Channel),
        (redis_transport.Transport, redis.Transport),
        (redis_held.HeldMessages, redis.QoS),
    ],
)
def test_every_method_that_shadows_one_of_kombu_is_fingerprinted(
    ours: type, theirs: type
) -> None:
    shadowed = {
        f"redis.{theirs.__name__}.{name}"
        for name, value in vars(ours).items()
        if inspect.isfunction(value) and hasattr(theirs, name)
    }
    known = {
        name
        for name in shadowed
        if name in SOURCES
        or f"redis.{theirs.__name__}" in SOURCES
        or name.replace("redis.", "virtual.") in SOURCES
    }

    assert shadowed == known


def test_registering_twice_is_registering_once() -> None:
    redis_transport.register()
    redis_transport.register()

    transport: object = get_transport_cls(ATOMIC_SCHEME)
    assert transport is redis_transport.Transport
    assert TRANSPORT_ALIASES["redis"] == "kombu.transport.redis:Transport"
