"""HTTP sessions that dial only where a webhook may go.

The vetting sits where a socket is made for an address, after the name was resolved:
neither an address as host, nor DNS that changes its answer, nor a redirect gets past.
"""

import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version
from ipaddress import ip_address

import aiohttp
from aiohappyeyeballs import AddrInfoType

from ledger.targets import Address, is_loopback, is_public

TOTAL_TIMEOUT_SECONDS = 15.0
CONNECT_TIMEOUT_SECONDS = 5.0
# Shorter than the servers' usual 2 s and more: a POST on a connection that the other
# side is just closing fails, and is not sent again by the client.
KEEP_ALIVE_SECONDS = 1.5
_READ_BUFFER_BYTES = 4096

Sessions = Mapping[str, aiohttp.ClientSession]


class TargetBlocked(OSError):
    """The address may not be dialled; which one it was stays unsaid."""


@asynccontextmanager
async def open_sessions(*, allow_loopback: bool) -> AsyncIterator[Sessions]:
    """One session by URL scheme: https to the public Internet; http to loopback, and
    https to loopback, only when allowed."""

    def public_or_allowed(address: Address) -> bool:
        return is_public(address) or (allow_loopback and is_loopback(address))

    async with AsyncExitStack() as stack:
        sessions = {"https": _session(public_or_allowed)}
        if allow_loopback:
            sessions["http"] = _session(is_loopback)
        for session in sessions.values():
            await stack.enter_async_context(session)
        yield sessions


def vetting_socket_factory(
    may_dial: Callable[[Address], bool],
) -> Callable[[AddrInfoType], socket.socket]:
    """Makes the socket for a resolved address, or raises TargetBlocked."""

    def make_socket(info: AddrInfoType) -> socket.socket:
        family, kind, protocol, _, address = info
        if not may_dial(ip_address(address[0])):
            raise TargetBlocked("blocked target")
        return socket.socket(family, kind, protocol)

    return make_socket


def _session(may_dial: Callable[[Address], bool]) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=0,  # the claim's caps bound the connections
            keepalive_timeout=KEEP_ALIVE_SECONDS,
            socket_factory=vetting_socket_factory(may_dial),
        ),
        timeout=aiohttp.ClientTimeout(
            total=TOTAL_TIMEOUT_SECONDS, connect=CONNECT_TIMEOUT_SECONDS
        ),
        headers={
            "content-type": "application/json",
            "user-agent": f"fusion-billing/{version('fusion-billing')}",
        },
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
        read_bufsize=_READ_BUFFER_BYTES,
    )
