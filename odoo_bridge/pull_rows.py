"""Writes one row of Odoo's into the ledger, in a transaction of its own.

A row that cannot be taken is noted and passed over, so that it does not hold up the
others. So is one that was renamed in Odoo: the ledger and the apps know it by its old
name. And one that takes too long, or meets what runs beside it. Each of them is asked
for again at the next pull, whether it has changed or not.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg
import structlog
from marshmallow import ValidationError

from ledger.catalog_rows import CatalogRowUnknown
from ledger.db import CONTENTION, Connection
from ledger.holding import taken_since
from ledger.pulling import Seen
from ledger.renames import CatalogRowRefused, refuse_rename
from odoo_bridge.faults import one_line
from odoo_bridge.write_rows import write_row
from schemas.messages import MAX_INT4
from schemas.odoo_rows import read_row

log = structlog.get_logger(__name__)


@dataclass
class Tally:
    """What became of a kind's rows, while it grows; Odoo was read after ``read_at``.

    ``refused``: Odoo's ids of those passed over. ``nameless``: one of those has no id
    that it could be asked for by. ``passed_over``: as in a PullReport.
    ``known_ids``: where Odoo may have dealt ids anew, those that are what they were.
    """

    read_at: datetime
    taken: int = 0
    faults: list[str] = field(default_factory=list)
    refused: set[int] = field(default_factory=set)
    nameless: bool = False
    passed_over: set[tuple[str, str, str]] = field(default_factory=set)
    known_ids: frozenset[int] | None = None


def take_row(conn: Connection, kind: str, row: Any, tally: Tally) -> Seen | None:
    """Write one row and commit; or note why it could not be written.

    Answers what was seen of it; None where not even its id could be read.
    """
    key = row.get("id") if isinstance(row, dict) else None
    service = name = None
    try:
        service, entry = read_row(kind, row)
        if type(key) is not int:
            raise ValidationError("is no id", "id")
        name = name_of(kind, entry, key)
        with conn.transaction():
            if _keeps_its_name(kind, key, tally):
                refuse_rename(conn, kind, service, name, key)
            if not taken_since(conn, kind, service, name, tally.read_at):
                write_row(conn, kind, row, service, entry, key)
    except ValidationError as error:
        reason = str(error.messages)
    except (CatalogRowRefused, CatalogRowUnknown, UnicodeEncodeError) as error:
        reason = str(error)
    except (psycopg.DataError, psycopg.IntegrityError, *CONTENTION) as error:
        reason = error.diag.message_primary or str(error)
    else:
        tally.taken += 1
        return Seen(key, service, name)
    log.warning("catalog_row_refused", kind=kind, odoo_id=key, reason=one_line(reason))
    tally.faults.append(one_line(f"{kind} {key}: {reason}"))
    if service is not None and name is not None:
        tally.passed_over.add((kind, service, name))
    if type(key) is not int or not 0 < key <= MAX_INT4:
        tally.nameless = True
        return None
    tally.refused.add(key)
    return Seen(key, None, None)


def _keeps_its_name(kind: str, key: int, tally: Tally) -> bool:
    """Whether the record of that id is to have the name that the ledger knows.

    An invoice has no name by which anything knows it.
    """
    return kind != "invoice" and (tally.known_ids is None or key in tally.known_ids)


def name_of(kind: str, entry: Any, odoo_id: int) -> str:
    """What the ledger knows the record by, within its service."""
    if kind == "invoice":
        return str(odoo_id)
    name: str = entry.external_id if hasattr(entry, "external_id") else entry.code
    return name
