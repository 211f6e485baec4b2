"""The bridge's tasks. All claim or re-read what is due, so a lost one costs a beat.

An Odoo or a ledger that fails is one line in the log a minute, and the next beat tries
again: no task fails for it, so that none of it loops. Settings are read at each run, so
that a new API key is taken without a restart.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import psycopg
import structlog
from celery import current_app, shared_task

from ledger.db import transaction
from ledger.unparking import services_with_parked
from odoo_bridge import checking, closing, documents, events, outgoing, pull, push
from odoo_bridge.client import connect
from odoo_bridge.drift_nightly import check_drift_nightly
from odoo_bridge.errors import OdooError, OdooRetryError
from odoo_bridge.failure_log import FailureLog
from odoo_bridge.faults import one_line
from odoo_bridge.pace import Pace
from schemas.broker import PUBLISH_ERRORS
from schemas.messages import (
    APPLY_PARKED,
    CHECK_DRIFT,
    CHECK_ODOO,
    CLOSE_PERIODS,
    FETCH_DOCUMENTS,
    PULL_CATALOG,
    PUSH_ROLLUPS,
    SEND_CHANGES,
    TAKE_EVENTS,
)
from schemas.settings import load_settings

log = structlog.get_logger(__name__)
failures = FailureLog()
pace = Pace(push.ROWS)
"""Of this process, whose tasks run every second."""
close_pace = closing.close_pace()
announcer = checking.Announcer(failures)


@shared_task(name=PUSH_ROLLUPS)
def push_rollups() -> None:
    """Bring Odoo's usage rows up to the ledger's rollups."""
    settings = load_settings(os.environ)
    pace.most_rows = settings.odoo_push_rows
    with _one_line_on_failure("push_failed"), connect(settings) as client:
        report = push.push_rollups(
            client, settings.database_url, lambda: datetime.now(UTC), pace
        )
        if report != push.PushReport():
            log.info("rollups_pushed", **vars(report))


@shared_task(name=PULL_CATALOG)
def pull_catalog() -> None:
    """Bring the ledger's catalog up to Odoo's; then what was parked may be applied."""
    settings = load_settings(os.environ)
    with _one_line_on_failure("pull_failed"), connect(settings) as client:
        pull.pull_changes(
            client,
            settings.database_url,
            datetime.now(UTC),
            settings.odoo_full_pull_seconds,
        )
        with transaction(settings.database_url) as conn:
            waiting = services_with_parked(conn)
        if waiting:
            current_app.send_task(APPLY_PARKED)


@shared_task(name=TAKE_EVENTS)
def take_events() -> None:
    """Put Odoo's lifecycle events into the outbox, from which webhooks leave."""
    settings = load_settings(os.environ)
    with _one_line_on_failure("events_failed"), connect(settings) as client:
        report = events.take_events(client, settings.database_url, datetime.now(UTC))
        if report != events.EventReport():
            log.info("events_taken", **vars(report))
        if report.taken:
            # What was told is asked for next.
            current_app.send_task(PULL_CATALOG)


@shared_task(name=CLOSE_PERIODS)
def close_periods() -> None:
    """Have Odoo put frozen periods on draft invoices."""
    settings = load_settings(os.environ)
    with _one_line_on_failure("close_failed"), connect(settings) as client:
        report = closing.close_periods(
            client, settings.database_url, lambda: datetime.now(UTC), close_pace
        )
        if report != closing.CloseReport():
            log.info("periods_closed", **vars(report))


@shared_task(name=CHECK_DRIFT)
def check_drift() -> None:
    """Compare ledger and Odoo once a night, and report what is not the same."""
    settings = load_settings(os.environ)
    with _one_line_on_failure("drift_failed"):
        check_drift_nightly(settings, lambda: datetime.now(UTC))


@shared_task(name=CHECK_ODOO)
def check_odoo() -> None:
    """Look what Odoo is and what the bridge lacks there: at the start, then hourly."""
    settings = load_settings(os.environ)
    with _one_line_on_failure("check_failed"):
        checking.check_when_due(settings, announcer, lambda: datetime.now(UTC))


@shared_task(name=SEND_CHANGES)
def send_changes() -> None:
    """Bring Odoo's customers and subscriptions up to what apps made of them here."""
    settings = load_settings(os.environ)
    with _one_line_on_failure("send_failed"), connect(settings) as client:
        report = outgoing.send_changes(
            client, settings.database_url, lambda: datetime.now(UTC)
        )
        if report != outgoing.SendReport():
            log.info("changes_sent", **vars(report))


@shared_task(name=FETCH_DOCUMENTS)
def fetch_documents() -> None:
    """Fetch the PDFs of invoices that apps have asked for."""
    settings = load_settings(os.environ)
    with _one_line_on_failure("documents_failed"), connect(settings) as client:
        report = documents.fetch_documents(
            client, settings.database_url, lambda: datetime.now(UTC)
        )
        if report != documents.DocumentReport():
            log.info("documents_fetched", **vars(report))


@contextmanager
def _one_line_on_failure(event: str) -> Iterator[None]:
    """Log trouble as a warning, what a person must mend as an error; go on."""
    try:
        yield
    except OdooRetryError as error:
        _log_failure("warning", event, error)
    except OdooError as error:
        _log_failure("error", event, error)
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        _log_failure("warning", event, error)
    except PUBLISH_ERRORS as error:
        _log_failure("warning", event, error)
    else:
        failures.succeeded(event)


def _log_failure(level: str, event: str, error: Exception) -> None:
    failures.failed(level, event, type(error).__name__, reason=one_line(str(error)))
