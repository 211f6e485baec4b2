"""Whether what the API leans on answers, looked up seldom and within bounds."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Final

import httpx

from ingest_api.bounded import BoundedCalls, Unavailable
from schemas.tls import is_loopback_url, tls_context

CHECK_SECONDS: Final = 1.0
FRESH_SECONDS: Final = 1.0
"""How old an answer may be: the endpoint is open, and must not multiply load."""


class Dependencies:
    """The state of each dependency: ``ok`` or ``unavailable``, by name.

    A check returns, or raises Unavailable, within CHECK_SECONDS.
    """

    def __init__(self, checks: Mapping[str, Callable[[], object]]) -> None:
        self._checks = checks
        self._lock = threading.Lock()
        self._states: dict[str, str] = {}
        self._fresh_until = 0.0

    def states(self) -> dict[str, str]:
        """The states, as of FRESH_SECONDS ago at most."""
        with self._lock:
            if monotonic() >= self._fresh_until:
                with ThreadPoolExecutor(len(self._checks)) as executor:
                    states = executor.map(_state, self._checks.values())
                    self._states = dict(zip(self._checks, states, strict=True))
                self._fresh_until = monotonic() + FRESH_SECONDS
            return self._states


class OdooCheck:
    """Asks Odoo for a sign of life; any answer below 500 is one."""

    def __init__(self, odoo_url: str, ca_file: str = "") -> None:
        self._url = f"{odoo_url.rstrip('/')}/web/health"
        self._client: httpx.Client | None
        try:
            self._client = httpx.Client(
                timeout=CHECK_SECONDS,
                verify=tls_context(ca_file),
                # No proxy is asked the way to this machine itself.
                trust_env=not is_loopback_url(odoo_url),
            )
        except OSError:
            # The bridge says why; the API counts usage without Odoo's certificates.
            self._client = None
        self._calls = BoundedCalls("odoo", 2, (httpx.HTTPError, httpx.InvalidURL))

    def __call__(self) -> None:
        """Raises Unavailable."""
        self._calls.call(self._ask, CHECK_SECONDS)

    def close(self) -> None:
        """End its threads and its connection."""
        self._calls.close()
        if self._client is not None:
            self._client.close()

    def _ask(self) -> None:
        if self._client is None or self._client.get(self._url).status_code >= 500:
            raise Unavailable("odoo")


def _state(check: Callable[[], object]) -> str:
    try:
        check()
    except Unavailable:
        return "unavailable"
    return "ok"
