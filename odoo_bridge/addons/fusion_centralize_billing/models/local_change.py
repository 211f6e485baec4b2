"""What a row says of the app's change that it carries: its revision, and its fields.

A row of a catalog file carries none, and is applied as a whole. One that carries a
revision is taken once: Odoo, which owns what it has taken, may have changed it since.
"""

from . import rows as r
from .applying import StaleRow, held, put

FIELDS = {"archived": "active"}
"""Where a field of a metric or plan is not named as the row's key is."""


def read_revision(row):
    """The revision of the change, 0: the row is no app's change. Raises RowError."""
    return r.whole(row, "revision", default=0)


def read_changed(row):
    """The keys that the app changed; None: all of the row counts. Raises RowError."""
    changed = row.get("changed")
    if changed is None or changed is False:
        return None
    if not isinstance(changed, list | tuple) or not all(
        isinstance(key, str) for key in changed
    ):
        raise r.RowError("changed: must be a list of keys")
    return frozenset(changed)


def is_taken(record_id, revision, held):
    """Whether a record has the revision. Raises StaleRow when it has a newer one."""
    if revision and revision < held:
        raise StaleRow(record_id, held)
    return bool(revision) and revision == held


def apply_change(model, row, key, values, check=None):
    """Put the metric or plan of that key; of an app's change what was changed of it.

    ``check(record, values)`` may refuse the values of a record that is there. Answers
    its id, the status, and which keys of the row were taken: None for all of them, none
    for a revision that it has. Raises StaleRow.
    """
    revision, changed = read_revision(row), read_changed(row)
    record = held(model, key)
    if record and is_taken(record.id, revision, record.revision):
        return record.id, "unchanged", frozenset()
    if not record:
        changed = None
    if changed is not None:
        taken = {FIELDS.get(word, word) for word in changed}
        values = {name: value for name, value in values.items() if name in taken}
    if record and check:
        check(record, values)
    record, status = put(model, key, values)
    if revision:
        record.revision = revision
    return record.id, status, changed
