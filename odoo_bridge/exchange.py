"""One POST and its whole answer, bounded in time and size: what both protocols share.

httpx bounds each read by itself, so that a peer that sends a byte a second would hold
the bridge for hours: here a timer cuts the connection when the call's time is over.
"""

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

import httpx

from odoo_bridge.errors import (
    OdooError,
    OdooMisconfiguredError,
    OdooTimeoutError,
    OdooTooLargeError,
    OdooUnavailableError,
)
from odoo_bridge.faults import judge_http, read_retry_after
from odoo_bridge.lost import judge_lost
from schemas.tls import is_loopback_url, tls_context

CONNECT_SECONDS: Final = 5.0
MAX_ANSWER_BYTES: Final = 32 * 1024 * 1024
"""Some thirty times the largest page of the catalog."""
_NOT_NOW: Final = (429, 503)


@dataclass(frozen=True)
class Answer:
    """What came back, whole. ``headers`` by their lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def content_type(self) -> str:
        """Its type, "" where it says none."""
        return self.headers.get("content-type", "")

    def judge(self) -> OdooError:
        """The error that it is, when it is not the result of a method."""
        text = self.body.decode("utf-8", "replace")
        location = self.headers.get("location", "")
        error = judge_http(self.status, self.content_type, text, location)
        if isinstance(error, OdooUnavailableError):
            asked = read_retry_after(self.headers)
            not_now = 0.0 if self.status in _NOT_NOW else None
            error.retry_after_seconds = not_now if asked is None else asked
        return error


class Exchange:
    """Sends one request a call over a connection that is kept. For one thread.

    Proxies are the environment's (HTTP_PROXY, HTTPS_PROXY, NO_PROXY). ``ca_file``: the
    certificates to trust instead of the system's, "" for those. Raises
    OdooMisconfiguredError when that file or a header cannot be used.
    """

    def __init__(
        self,
        url: str,
        timeout_seconds: float,
        ca_file: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._seconds = timeout_seconds
        self._open_socket: socket.socket | None = None
        connect = min(CONNECT_SECONDS, timeout_seconds)
        try:
            self._http = httpx.Client(
                headers=headers,
                timeout=httpx.Timeout(timeout_seconds, connect=connect),
                verify=tls_context(ca_file),
                # A machine's proxy does not know the way to that machine's loopback.
                trust_env=not is_loopback_url(url),
            )
        except UnicodeEncodeError as error:  # whose text has the key
            raise OdooMisconfiguredError(_UNSENDABLE) from error
        except OSError as error:
            raise OdooMisconfiguredError(
                f"ODOO_CA_FILE: cannot read certificates from {ca_file}: {error}"
            ) from error
        except ValueError as error:
            raise OdooMisconfiguredError(
                f"the proxy of the environment cannot be used: {error}"
            ) from error

    def post(self, url: str, body: bytes, content_type: str) -> Answer:
        """Send it once and read the answer. Raises OdooError; see errors.py."""
        with self._time_limit() as limit:
            try:
                with self._http.stream(
                    "POST",
                    url,
                    content=body,
                    headers={"Content-Type": content_type},
                    extensions={"trace": limit.watch},
                ) as response:
                    content = _read(response)
            except httpx.LocalProtocolError as error:  # whose text has the key
                raise OdooMisconfiguredError(_UNSENDABLE) from error
            except (httpx.InvalidURL, UnicodeError) as error:
                raise OdooMisconfiguredError(
                    f"ODOO_URL cannot be used: {error}"
                ) from error
            except httpx.HTTPError as error:
                if limit.passed:
                    raise self._late() from error
                raise judge_lost(error) from error
        if limit.passed:
            # A body that ends with the connection looks whole when that is cut.
            raise self._late()
        return Answer(response.status_code, dict(response.headers), content)

    def close(self) -> None:
        """Close the kept connection."""
        self._http.close()

    def _late(self) -> OdooTimeoutError:
        return OdooTimeoutError(
            f"Odoo did not answer in time: no whole answer in {self._seconds:g} s"
        )

    @contextmanager
    def _time_limit(self) -> Iterator["_TimeLimit"]:
        limit = _TimeLimit(self._open_socket)
        timer = threading.Timer(self._seconds, limit.cut)
        timer.daemon = True
        timer.start()
        try:
            yield limit
        finally:
            timer.cancel()
            self._open_socket = limit.open_socket


class _TimeLimit:
    """Knows the connection of a call, and cuts it when told that time is over."""

    def __init__(self, open_socket: socket.socket | None) -> None:
        self.open_socket = open_socket
        self.passed = False

    def watch(self, event: str, details: dict[str, Any]) -> None:
        """Called by httpcore on everything that it does; see its "trace" extension."""
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            self.open_socket = details["return_value"].get_extra_info("socket")
            if self.passed:
                self.cut()

    def cut(self) -> None:
        """End the connection; whoever reads from it wakes up."""
        self.passed = True
        if self.open_socket is not None:
            with suppress(OSError):
                # Not SSLSocket's own, which takes the TLS from under the reader.
                socket.socket.shutdown(self.open_socket, socket.SHUT_RDWR)


_UNSENDABLE: Final = (
    "ODOO_API_KEY or ODOO_DATABASE has characters that no header can hold; check for "
    "line breaks and other signs in them"
)


def _read(response: httpx.Response) -> bytes:
    content = bytearray()
    for chunk in response.iter_bytes():
        content += chunk
        if len(content) > MAX_ANSWER_BYTES:
            raise OdooTooLargeError(
                f"the answer is longer than {MAX_ANSWER_BYTES >> 20} MiB"
            )
    return bytes(content)
