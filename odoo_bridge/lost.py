"""Judges a request that got no answer at all, by how far it came."""

import ssl

import httpx

from odoo_bridge.errors import (
    OdooError,
    OdooMisconfiguredError,
    OdooTimeoutError,
    OdooUnavailableError,
    OdooUnreachableError,
)
from odoo_bridge.faults import one_line


def judge_lost(error: httpx.HTTPError) -> OdooError:
    """The error of a request that ended in this one."""
    text = one_line(str(error) or type(error).__name__)
    if isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout)):
        if _caused_by_tls(error):
            return OdooMisconfiguredError(
                f"no TLS with Odoo: {text}; check ODOO_URL, and name the authority of "
                "a certificate of your own in ODOO_CA_FILE"
            )
        return OdooUnreachableError(f"Odoo cannot be reached: {text}")
    if isinstance(error, httpx.ProxyError):
        # It refused the tunnel: nothing was sent to Odoo.
        return OdooUnreachableError(f"the proxy lets nothing through to Odoo: {text}")
    if isinstance(error, httpx.TimeoutException):
        return OdooTimeoutError(f"Odoo did not answer in time: {text}")
    if isinstance(error, httpx.UnsupportedProtocol):
        return OdooMisconfiguredError(f"{text}; check ODOO_URL")
    return OdooUnavailableError(f"Odoo went away during the call: {text}")


def _caused_by_tls(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLError):
            # A handshake that just breaks off is a server that goes away.
            return not isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError))
        error = error.__cause__ or error.__context__
    return False
