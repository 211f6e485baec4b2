"""Asks Odoo what it is and what the bridge lacks there: one line for each fault.

It changes nothing, and never raises: an Odoo that is set up wrong, or away, is what it
is there to tell.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from odoo_bridge.called import ADDON, CALLED, ODOO_SERIES, SERVICE
from odoo_bridge.check_report import Report, judge_answer
from odoo_bridge.client import connect
from odoo_bridge.errors import (
    OdooAccessError,
    OdooError,
    OdooMisconfiguredError,
    OdooMissingError,
    OdooRetryError,
)
from odoo_bridge.faults import one_line
from odoo_bridge.xmlrpc import XmlRpcConnector
from schemas.settings import Settings

KEY_START: Final = 8
"""Characters of a key by which Odoo finds it; it keeps and logs them in the clear."""


def check_odoo(settings: Settings, clock: Callable[[], datetime]) -> Report:
    """Ask once, without retries. ``clock`` is the ledger's. Safe to repeat."""
    where = (
        f"{settings.odoo_url.rstrip('/')}, database {settings.odoo_database}, "
        f"{settings.odoo_protocol}"
    )
    try:
        with connect(settings, ()) as client:
            asked_at = clock()
            answer = client.call(
                SERVICE,
                "bridge_check",
                key_start=settings.odoo_api_key[:KEY_START],
                methods=CALLED,
            )
            now = clock()
            middle = asked_at + (now - asked_at) / 2
            return judge_answer(settings, where, answer, middle, now)
    except OdooError as error:
        problem = explain(settings, error)
        passes = isinstance(error, OdooRetryError)
        return Report(where, None, (problem,), (), passes)


def explain(settings: Settings, error: OdooError) -> str:
    """What is wrong and what to do; looks once more where the error leaves it open."""
    if isinstance(error, OdooMissingError):
        return _tell_missing_from_old(settings)
    if isinstance(error, OdooMisconfiguredError):
        version = _ask_version(settings)
        if version is None:
            return str(error)
        if not version.startswith(ODOO_SERIES):
            return f"Odoo {version} answers there; the bridge needs Odoo {ODOO_SERIES}"
        return (
            f"Odoo {version} answers there, but does not have the database "
            f"{settings.odoo_database}; check ODOO_DATABASE"
        )
    return str(error)


def _tell_missing_from_old(settings: Settings) -> str:
    try:
        with connect(settings, ()) as client:
            client.call(SERVICE, "search_count", domain=[])
    except OdooMissingError:
        return (
            f"the addon {ADDON} is not installed in the database "
            f"{settings.odoo_database}; install it there"
        )
    except OdooAccessError:
        pass  # to a model that is there
    except OdooError as error:
        return str(error)
    return f"the addon {ADDON} is older than this bridge; upgrade it in Odoo"


def _ask_version(settings: Settings) -> str | None:
    """Odoo's version, by the one question that every version answers to everybody."""
    url, seconds = settings.odoo_url.rstrip("/"), settings.odoo_timeout_seconds
    try:
        connector = XmlRpcConnector(url, seconds, settings.odoo_ca_file)
    except OdooError:
        return None
    try:
        return one_line(str(connector.send("common", "version")["server_version"]))
    except (OdooError, TypeError, LookupError):
        return None
    finally:
        connector.close()
