"""Rows as they leave Odoo: plain values, False for what is not there."""

from datetime import date, datetime

from . import rows as r
from .queries import load_queries


def read_rows(env, file_name, query, values):
    """The rows of a statement of that file, as dicts of plain values."""
    env.cr.execute(load_queries(file_name)[query], values)
    return [
        {name: _wire(value) for name, value in row.items()}
        for row in env.cr.dictfetchall()
    ]


def nest_rows(env, rows, name, query, parent):
    """Give each row the rows of the query that belong to it, under that name.

    ``parent``: the query's column with the id of the row that its row belongs to.
    """
    for row in rows:
        row[name] = []
    by_id = {row["id"]: row[name] for row in rows}
    for part in read_rows(env, *query, {f"{parent}s": list(by_id)}):
        by_id[part.pop(parent)].append(part)


def _wire(value):
    if isinstance(value, datetime):
        return value.strftime(r.DATETIME_FORMAT)
    if isinstance(value, date):
        return value.strftime(r.DATE_FORMAT)
    return False if value is None else value
