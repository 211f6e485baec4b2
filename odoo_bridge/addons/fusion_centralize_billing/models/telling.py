"""Telling events in the transaction of what they tell of: one for each real change.

Before a record changes for the first time in a transaction, its hooks note how it
stands in the database; when the transaction is about to commit, or a savepoint to
begin, what has changed since is told as rows of ``fusion.billing.webhook``. So it does
not matter which button did it, nor how often a field was computed in between; what ends
where it began tells nothing, and what is rolled back, to a savepoint or wholly, leaves
nothing.
"""

import logging
from functools import partial
from uuid import NAMESPACE_OID, uuid4, uuid5

import psycopg2
from odoo.exceptions import ConcurrencyError
from psycopg2.extras import Json

from .queries import load_queries

_NOTES = "fusion_centralize_billing.events."
_APPS = "fusion_centralize_billing.apps."
_SQL = load_queries("events")

log = logging.getLogger(__name__)


def watch(records, new=False):
    """Note how the records stand, before the transaction's first change of them.

    Their model has ``_x_fc_seen()``, which answers a dict of plain values by id (what
    is not there has no entry), and ``_x_fc_events(before)``, which answers events (see
    ``event_row``) of the records whose ids ``before`` has, None for one without entry.
    ``new``: they were not there before.
    """
    cr = records.env.cr
    ids = [key for key in records._ids if key]  # a record that is not saved is falsy
    notes = cr.precommit.data.get(_NOTES + records._name)
    if notes is None:
        if not ids:
            return
        notes = cr.precommit.data[_NOTES + records._name] = {}
        cr.precommit.add(partial(_tell_changes, records.env(su=True), records._name))
    if unnoted := [key for key in ids if key not in notes]:
        notes.update(dict.fromkeys(unnoted))
        if not new:
            notes.update(records.browse(unnoted)._x_fc_seen())


def changed_by_app(records):
    """Note that their app is what changes the records, so that it knows already.

    For what follows until the transaction commits or a savepoint begins or ends.
    """
    noted = records.env.cr.precommit.data.setdefault(_APPS + records._name, set())
    noted.update(records._ids)


def app_changes(records):
    """The ids of the model's records that ``changed_by_app`` has noted."""
    return records.env.cr.precommit.data.get(_APPS + records._name, set())


def _tell_changes(env, name):
    """Tell what has changed. A change is not lost to a fault of what tells of it.

    Trouble that Odoo ends by trying the whole transaction again is raised.
    """
    env.flush_all()  # what those before in precommit's queue have changed
    before = env.cr.precommit.data.pop(_NOTES + name, {})
    try:
        with env.cr.savepoint(flush=False):
            tell(env, env[name]._x_fc_events(before))
    except (psycopg2.OperationalError, ConcurrencyError):
        raise
    except Exception:
        log.exception("no events of %s %s", name, sorted(before))


def tell(env, events):
    """Write the events; one whose key has been told is passed over.

    Safe to repeat where keys are given, and in the transaction of what they tell of.
    """
    if events:
        run(env, "insert_events", events=Json(events), uid=env.uid)


def event_row(service_id, event, build, key=None):
    """An event of a service; ``build()`` answers its payload, ``{object: {...}}``.

    What cannot be built is an event that failed, with the reason, for a person to see;
    it sinks neither the user's action nor another event.
    """
    row = {"service_id": service_id, "event": event, "key": key or uuid4().hex}
    try:
        return {**row, "payload": build(), "state": "pending"}
    except Exception as error:
        log.exception("no payload of %s", event)
        return {**row, "state": "failed", "reason": f"payload: {error!r}"[:250]}


def fetch(env, query, **values):
    """The rows of a statement of events.sql, as dicts."""
    run(env, query, **values)
    return env.cr.dictfetchall()


def run(env, query, **values):
    """Run a statement of events.sql."""
    env.cr.execute(_SQL[query], values)


def public_id(env, name, key):
    """A UUID of a record that stays the same, and that no other database has."""
    database = env["ir.config_parameter"].sudo().get_param("database.uuid")
    return str(uuid5(NAMESPACE_OID, f"{database},{name},{key}"))


def instant(moment):
    """A naive UTC datetime as ISO 8601; None where there is none."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None


def day(date):
    """A date as ISO 8601; None where there is none."""
    return date.isoformat() if date else None
