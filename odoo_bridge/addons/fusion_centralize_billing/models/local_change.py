"""What a row says of the app's change that it carries: its revision, and its fields.

A row of a catalog file carries none, and is applied as a whole. One that carries a
revision is taken once: Odoo, which owns what it has taken, may have changed it since.
"""

from . import rows as r
from .applying import StaleRow


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
