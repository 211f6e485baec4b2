"""Rows of a model: insert, update, delete, find and fetch. SQL from field names.

Every name that reaches SQL comes from the model's fields; every value is a parameter.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from psycopg import sql

from odoo_bridge.embedded.domain import compile_domain
from odoo_bridge.embedded.env import Env, Records
from odoo_bridge.embedded.errors import MissingError, UserError
from odoo_bridge.embedded.models import LOG_FIELDS, Field, Model
from odoo_bridge.embedded.values import normalize_email, to_column

NOW = sql.SQL("now() AT TIME ZONE 'UTC'")

_ORDER_TERM = re.compile(
    r"\s*(?P<field>[a-z0-9_]+)(\.(?P<property>[a-z0-9_]+))?"
    r"(\s+(?P<direction>asc|desc))?(\s+(?P<nulls>nulls\s+(first|last)))?\s*",
    re.IGNORECASE,
)


def insert(env: Env, model: Model, values: Mapping[str, Any]) -> int:
    """One new row; answers its id. Fields that are not given take their default."""
    columns = _columns(model, {**values, **_defaults(env, model, values)})
    names = [*columns, "create_uid", "create_date", "write_uid", "write_date"]
    row = env.conn.execute(
        sql.SQL("INSERT INTO {} ({}) VALUES ({}) RETURNING id").format(
            sql.Identifier(model.table),
            _identifiers(names),
            sql.SQL(", ").join(
                [*map(sql.Placeholder, columns), *_log_values(), *_log_values()]
            ),
        ),
        {**columns, "uid": env.uid},
    ).fetchone()
    assert row is not None  # noqa: S101 - RETURNING answers one row, or it raised
    return int(row["id"])


def update(records: Records, values: Mapping[str, Any]) -> None:
    """Set the values on every record. Missing ones are passed over."""
    model = records.model
    columns = _columns(model, values)
    pairs = [
        sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name))
        for name in columns
    ]
    stamp = sql.SQL("write_uid = {}, write_date = {}").format(*_log_values())
    records.env.conn.execute(
        sql.SQL("UPDATE {} SET {} WHERE id = ANY({})").format(
            sql.Identifier(model.table),
            sql.SQL(", ").join([*pairs, stamp]),
            sql.Placeholder("_ids"),
        ),
        {**columns, "uid": records.env.uid, "_ids": list(records.ids)},
    )


def delete(records: Records) -> None:
    """Remove the records. Missing ones are passed over."""
    records.env.conn.execute(
        sql.SQL("DELETE FROM {} WHERE id = ANY({})").format(
            sql.Identifier(records.model.table), sql.Placeholder("ids")
        ),
        {"ids": list(records.ids)},
    )


def existing(records: Records) -> set[int]:
    """Those of the records' ids that are there."""
    rows = records.env.conn.execute(
        sql.SQL("SELECT id FROM {} WHERE id = ANY({})").format(
            sql.Identifier(records.model.table), sql.Placeholder("ids")
        ),
        {"ids": list(records.ids)},
    )
    return {int(row["id"]) for row in rows}


def require(records: Records) -> None:
    """Raise MissingError unless every record is there."""
    there = existing(records)
    missing = tuple(key for key in records.ids if key not in there)
    if missing:
        raise MissingError(
            "Record does not exist or has been deleted.\n"
            f"(Record: {records.model.name}{missing!r}, User: {records.env.uid})"
        )


def fetch(records: Records, names: Iterable[str]) -> list[dict[str, Any]]:
    """The records' columns, in the order of the ids; missing ones are left out."""
    columns = ["id", *(name for name in names if name not in ("id", "display_name"))]
    rows = records.env.conn.execute(
        sql.SQL("SELECT {} FROM {} WHERE id = ANY({})").format(
            _identifiers(columns),
            sql.Identifier(records.model.table),
            sql.Placeholder("ids"),
        ),
        {"ids": list(records.ids)},
    )
    by_id = {row["id"]: row for row in rows}
    return [by_id[key] for key in records.ids if key in by_id]


def find(
    env: Env,
    model: Model,
    domain: Any,
    offset: Any = 0,
    limit: Any = None,
    order: str | None = None,
) -> list[int]:
    """The ids of the records that match, in order."""
    compiled = compile_domain(domain, model, env.models)
    query = sql.SQL("SELECT {} FROM {} WHERE {} ORDER BY {}").format(
        sql.Identifier(model.table, "id"),
        sql.Identifier(model.table),
        _active_only(env, model, compiled.where, compiled.names),
        order_by(env, model, order or model.order),
    )
    if limit:
        query += sql.SQL(" LIMIT {}").format(compiled.bind(limit))
    if offset:
        query += sql.SQL(" OFFSET {}").format(compiled.bind(offset))
    return [row["id"] for row in env.conn.execute(query, compiled.params)]


def order_by(env: Env, model: Model, order: str) -> sql.Composable:
    """An "order" specification as SQL. Raises UserError or ValueError on a bad one."""
    terms = []
    for part in order.split(","):
        found = _ORDER_TERM.fullmatch(part)
        if found is None:
            raise UserError(
                f'Invalid "order" specified ({order}). A valid "order" specification '
                "is a comma-separated list of valid field names (optionally followed "
                "by asc/desc for the direction)"
            )
        name = found["field"]
        field = model.fields.get(name)
        if field is None:
            raise ValueError(f"Invalid field {name!r} on model {model.name!r}")
        if found["property"]:
            raise ValueError(
                f"Invalid field property {found['property']!r} on {model.name}.{name}"
            )
        terms.append(
            sql.SQL(" ").join(
                [
                    _order_term(env, model, name, field),
                    sql.SQL("DESC" if _lower(found["direction"]) == "desc" else "ASC"),
                    sql.SQL(
                        {"first": "NULLS FIRST", "last": "NULLS LAST"}.get(
                            _lower(found["nulls"])[5:].strip(), ""
                        )
                    ),
                ]
            )
        )
    return sql.SQL(", ").join(terms)


def _order_term(env: Env, model: Model, name: str, field: Field) -> sql.Composable:
    if name == "display_name":
        name = model.record_name
    target = env.models.get(field.relation)
    if target is None:
        return sql.Identifier(model.table, name)
    return sql.SQL("(SELECT o.{} FROM {} o WHERE o.id = {})").format(
        sql.Identifier(target.record_name),
        sql.Identifier(target.table),
        sql.Identifier(model.table, name),
    )


def _active_only(
    env: Env, model: Model, where: sql.Composable, names: set[str]
) -> sql.Composable:
    if (
        "active" not in model.fields
        or "active" in names
        or not env.context.get("active_test", True)
    ):
        return where
    active = sql.Identifier(model.table, "active")
    return sql.SQL("{} IS TRUE AND ({})").format(active, where)


def _columns(model: Model, values: Mapping[str, Any]) -> dict[str, Any]:
    columns = {}
    for name, value in values.items():
        if name in LOG_FIELDS:
            continue
        if name not in model.fields:
            raise ValueError(f"Invalid field {name!r} in {model.name!r}")
        field = model.fields[name]
        columns[name] = to_column(field, value, f"{model.name}.{name}")
    if "email_normalized" in model.fields and "email" in columns:
        columns["email_normalized"] = normalize_email(columns["email"])
    return columns


def _defaults(env: Env, model: Model, values: Mapping[str, Any]) -> dict[str, Any]:
    """For the fields not given: their default; a boolean is false, a number 0.

    A default that is computed also replaces a value that is empty.
    """
    defaults: dict[str, Any] = {}
    for name, field in model.fields.items():
        if callable(field.default):
            if not values.get(name):
                defaults[name] = field.default(env)
        elif name not in values and name not in LOG_FIELDS:
            if field.default is not None:
                defaults[name] = field.default
            elif field.type in ("boolean", "integer", "float") and not field.required:
                defaults[name] = 0
    return defaults


def _log_values() -> list[sql.Composable]:
    return [sql.Placeholder("uid"), NOW]


def _identifiers(names: Sequence[str]) -> sql.Composable:
    return sql.SQL(", ").join(map(sql.Identifier, names))


def _lower(text: str | None) -> str:
    return (text or "").lower()
