"""The recording server's probe model, rebuilt for the replay of its transcripts.

Its methods raise, return and wait as the recorded calls ask, so that the whole way
from a method to the wire is compared and not only the generic methods.
"""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import psycopg
from psycopg import errors

from odoo_bridge.embedded import errors as odoo_errors
from odoo_bridge.embedded.addon import addon_models
from odoo_bridge.embedded.env import Method, Records, api_model
from odoo_bridge.embedded.generic import GENERIC, create
from odoo_bridge.embedded.models import Field, Registry, link, model, required

RETURNED: dict[str, Any] = {
    "none": None,
    "false": False,
    "bigint": 2**40,
    "decimal": Decimal("1.10"),
    "nan": float("nan"),
    "tuple": (1, 2),
    "set": {1, 2},
    "datetime": datetime(2026, 1, 2, 3, 4, 5),  # noqa: DTZ001 - as Odoo has them
    "bytes": b"abc",
    "nested_none": {"a": None},
    "intkeys": {1: "a"},
    "ctrl": "a\x01b",
    "records": [1, 2],
    "float": 0.1 + 0.2,
    "bigfloat": 123456789012.12346,
}


def create_checked(records: Records, vals_list: Any) -> list[int]:
    """The generic create, with a rule on the name."""
    given = [vals_list] if isinstance(vals_list, dict) else vals_list
    if any(values.get("name") == "bad" for values in given):
        raise odoo_errors.ValidationError("The name 'bad' is not allowed.")
    return create(records, vals_list)


def do_raise(records: Records, what: str) -> None:
    """Raise the error that is asked for."""
    message = f"message of {what}"
    match what:
        case "user":
            raise odoo_errors.UserError(message)
        case "missing":
            raise odoo_errors.MissingError(message)
        case "lock":
            raise odoo_errors.LockError(message)
        case "access":
            raise odoo_errors.AccessError("nope")
        case "denied":
            raise odoo_errors.AccessDenied(message)
        case "zero":
            raise ZeroDivisionError("integer division or modulo by zero")


def ret_any(records: Records, what: str) -> Any:
    """Answer the value that is asked for."""
    return RETURNED[what]


def echo_type(records: Records, v: Any) -> str:
    """The value's type and text."""
    return f"{type(v).__name__} {v}"


def create_ret_none(records: Records, name: str) -> None:
    """Create a record, then answer what XML-RPC cannot write."""
    create(records, {"name": name})


def create_ret_bigint(records: Records, name: str) -> int:
    """Create a record, then answer what XML-RPC cannot write."""
    create(records, {"name": name})
    return 2**31


def stmt_timeout(records: Records, ms: int, seconds: int) -> None:
    """Outlast a statement's time-out."""
    records.env.conn.execute(
        "SELECT set_config('statement_timeout', %s, true)", [f"{ms}ms"]
    )
    records.env.conn.execute("SELECT pg_sleep(%s)", [seconds])


def bump(records: Records, hold: float) -> None:
    """A method of exactly one record."""
    records.one()


def lock_nowait(records: Records) -> bool:
    """Lock the records, or say that another has."""
    try:
        records.env.conn.execute(
            "SELECT id FROM fbc_probe WHERE id = ANY(%s) FOR UPDATE NOWAIT",
            [list(records.ids)],
        )
    except errors.LockNotAvailable as error:
        raise odoo_errors.LockError("Cannot grab a lock on records") from error
    return True


def always_conflict(records: Records) -> None:
    """A conflict however often it is tried."""
    raise psycopg.errors.SerializationFailure(
        "could not serialize access due to concurrent update"
    )


def upsert_naive_dup(records: Records, sub: int, metric: int) -> None:
    """The upsert that folds nothing first: one key twice in one statement."""
    records.env.conn.execute(
        "INSERT INTO fbc_probe (name, code) VALUES ('a', 'dup'), ('b', 'dup') "
        "ON CONFLICT (code) DO UPDATE SET name = excluded.name"
    )


MODEL_METHODS: dict[str, Method] = {
    "create": create_checked,
    "do_raise": do_raise,
    "ret_any": ret_any,
    "echo_type": echo_type,
    "create_ret_none": create_ret_none,
    "create_ret_bigint": create_ret_bigint,
    "stmt_timeout": stmt_timeout,
}
RECORD_METHODS: dict[str, Method] = {
    "bump": bump,
    "lock_nowait": lock_nowait,
    "always_conflict": always_conflict,
}

PROBE = model(
    "fbc.probe",
    "RPC behaviour probe",
    {
        "name": required("Name"),
        "code": Field("char", "Code"),
        "n_int": Field("integer", "Integer"),
        "n_float": Field("float", "Float"),
        "n_num": Field("float", "Numeric"),
        "d": Field("date", "Date"),
        "dt": Field("datetime", "Datetime"),
        "parent_id": link("Parent", "fbc.probe"),
        "currency_id": link("Currency", "res.currency"),
    },
    watched=(),
    constraints={"fbc_probe_code_uniq": "Probe code must be unique."},
    methods={
        **GENERIC,
        **RECORD_METHODS,
        **{name: api_model(method) for name, method in MODEL_METHODS.items()},
    },
)


def probe_models() -> Registry:
    """The stand-in's models and the probe."""
    models = addon_models()
    usage = models["fusion.billing.usage"]
    naive = {**usage.methods, "upsert_naive_dup": api_model(upsert_naive_dup)}
    return {
        **models,
        PROBE.name: PROBE,
        usage.name: replace(usage, methods=naive),
    }
