"""What applying a row shares: records by external codes, and who may be in the way."""

from decimal import Decimal

import psycopg2
from odoo import models
from odoo.exceptions import ConcurrencyError, UserError
from psycopg2 import errors

from . import rows as r

SERVICE = "fusion.billing.service"
LINK = "fusion.billing.account.link"
METRIC = "fusion.billing.metric"
PLAN = "fusion.billing.plan"
CHARGE = "fusion.billing.charge"
USAGE = "fusion.billing.usage"
ORDER = "sale.order"
PARTNER = "res.partner"

SILENT = {
    "tracking_disable": True,
    "mail_create_nolog": True,
    "mail_create_nosubscribe": True,
    "mail_notrack": True,
}
"""The context of a change that no chatter tells anybody of."""


class StaleRow(Exception):
    """The record has a newer revision than the row's: it stays as it is."""

    def __init__(self, record_id, revision):
        super().__init__(record_id, revision)
        self.record_id, self.revision = record_id, revision


def apply_rows(env, rows, apply):
    """Apply each row in a savepoint of its own; a bad one does not sink the others.

    ``apply(env, row)`` answers an id and a status, or raises RowError or StaleRow.
    Answers ``{"index", "status", "id", "reason"}`` per row, a stale one's with the
    "revision" that is held.
    """
    return [_apply_one(env, index, row, apply) for index, row in enumerate(rows)]


def _apply_one(env, index, row, apply):
    try:
        with env.cr.savepoint():
            key, status = apply(env, r.row_of(row))
    except StaleRow as stale:
        result = {"index": index, "status": "stale", "id": stale.record_id}
        return {**result, "reason": False, "revision": stale.revision}
    except (r.RowError, UserError) as error:
        reason = str(error)
    except psycopg2.IntegrityError as error:
        reason = explain_constraint(env, error)
    except psycopg2.DataError as error:
        reason = error.diag.message_primary
    else:
        return {"index": index, "status": status, "id": key, "reason": False}
    return {"index": index, "status": "error", "id": False, "reason": reason}


def explain_constraint(env, error):
    """What a constraint's failure means to a person, in Odoo's words."""
    table = error.diag.table_name
    model = next((m for m in env.registry.values() if m._table == table), None)
    message = env[model._name if model else "base"]._sql_error_to_message(error)
    return env._("The operation cannot be completed: %s", message)


def put(model, key, values, **created):
    """Create or update the record of that key. Answers it, and what was done.

    ``created``: values of a new record alone. Created, updated or unchanged.
    """
    record = held(model, key)
    if not record:
        return create(model, {**created, **key, **values}), "created"
    changed = {name: v for name, v in values.items() if not holds(record, name, v)}
    if not changed:
        return record, "unchanged"
    record.write(changed)
    return record, "updated"


def held(model, key):
    """The record of that key, archived or not, or none."""
    domain = [(name, "=", value) for name, value in key.items()]
    return model.with_context(active_test=False).search(domain, limit=1)


def create(model, values):
    """A record that was looked for and not found.

    Raises ConcurrencyError when another transaction has made it in the meantime, upon
    which Odoo tries the whole call again.
    """
    try:
        record = model.create(values)
        model.env.flush_all()
    except errors.UniqueViolation as error:
        raise ConcurrencyError(str(error.diag.constraint_name)) from error
    return record


def holds(record, name, value):
    """Whether the record's field has the value already."""
    held = record[name]
    if isinstance(held, models.BaseModel):
        held = held.id or None
    held = None if held is False else held
    value = None if value is False else value
    if isinstance(value, Decimal) or isinstance(held, Decimal):
        return type(held) is type(value) and held == value
    return held == value


def find_service(env, row):
    """The row's service. Raises RowError, as all of these."""
    code = r.text(row, "service")
    service = env[SERVICE]._find(code)
    if not service:
        raise r.RowError(f"service: unknown service {code!r}")
    return service


def find(env, row, key, model, field, service):
    """The service's record of what the row names under the key."""
    code = r.text(row, key)
    found = held(env[model], {"service_id": service.id, field: code})
    if not found:
        raise r.RowError(f"{key}: unknown {key} {code!r}")
    return found
