"""One call of one method: found by name, run in a transaction, retried on conflict."""

import hmac
import inspect
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import psycopg
from psycopg import Connection, errors
from psycopg.rows import DictRow
from psycopg_pool import ConnectionPool
from werkzeug.exceptions import NotFound, UnprocessableEntity

from odoo_bridge.embedded.env import Env, Method, Records, is_api_model
from odoo_bridge.embedded.errors import (
    AccessDenied,
    AccessError,
    UserError,
    ValidationError,
)
from odoo_bridge.embedded.generic import GENERIC
from odoo_bridge.embedded.models import Model, Registry

MAX_TRIES = 5
RETRIED = (
    errors.SerializationFailure,
    errors.DeadlockDetected,
    errors.LockNotAvailable,
)

Pool = ConnectionPool[Connection[DictRow]]
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Server:
    """What every request needs: the database, the models, and the one user."""

    pool: Pool
    models: Registry
    database: str
    login: str
    api_key: str
    uid: int


def call_by_name(
    server: Server,
    model_name: str,
    method_name: str,
    ids: Any,
    context: Any,
    arguments: Mapping[str, Any],
) -> Any:
    """A JSON-2 call. Raises NotFound, UnprocessableEntity, or what the method does."""
    model = server.models.get(model_name)
    if model is None:
        raise NotFound(f"the model {model_name!r} does not exist")
    try:
        method = find_method(model, method_name)
    except AttributeError as error:
        raise NotFound(str(error)) from error
    if is_api_model(method) and ids:
        raise UnprocessableEntity(f"cannot call {model_name}.{method_name} with ids")
    try:
        inspect.signature(method).bind(None, **arguments)
    except TypeError as error:
        raise UnprocessableEntity(str(error)) from error

    def run(conn: Connection[DictRow]) -> Any:
        env = Env(conn, server.uid, server.models, context or {})
        return method(Records(env, model, _ids(ids)), **arguments)

    return in_transaction(server, run)


def call_by_position(
    server: Server,
    model_name: str,
    method_name: str,
    args: list[Any],
    kwargs: Mapping[str, Any],
) -> Any:
    """An XML-RPC or JSON-RPC call: ids first, unless the method is the model's own."""
    model = server.models.get(model_name)
    if model is None:
        raise UserError(f"Object {model_name} doesn't exist")
    method = find_method(model, method_name)
    options = dict(kwargs)
    context = options.pop("context", None) or {}

    def run(conn: Connection[DictRow]) -> Any:
        env = Env(conn, server.uid, server.models, context)
        if is_api_model(method):
            return method(Records(env, model), *args, **options)
        records = Records(env, model, _ids(args[0]))
        return method(records, *args[1:], **options)

    result = in_transaction(server, run)
    if method_name == "create" and isinstance(args[0], Mapping):
        return result[0]
    return result


def find_method(model: Model, name: str) -> Method:
    """The public method. Raises AccessError if private, AttributeError on none."""
    if name.startswith("_"):
        shown = f"{model.name}.{name}"
        raise AccessError(
            f"Private methods (such as '{shown}') cannot be called remotely."
        )
    method = model.methods.get(name) or GENERIC.get(name)
    if method is None:
        raise AttributeError(f"The method '{model.name}.{name}' does not exist")
    return method


def check_key(server: Server, uid: Any, key: Any) -> None:
    """Raise AccessDenied unless they are the one user's."""
    if int(uid) != server.uid or not is_key(server, key):
        raise AccessDenied


def is_key(server: Server, key: Any) -> bool:
    """Whether it is the one user's key; takes as long however much of it is right.

    Raises TypeError when it is not a text, as Odoo does.
    """
    if not isinstance(key, str):
        raise TypeError(f"secret must be unicode or bytes, not {type(key).__name__}")
    given = key.encode(errors="surrogatepass")
    return hmac.compare_digest(given, server.api_key.encode())


def check_database(server: Server, name: Any) -> None:
    """Raise what Odoo raises when it cannot connect to a database of that name."""
    if name != server.database:
        raise psycopg.OperationalError(
            f'connection to server failed: FATAL:  database "{name}" does not exist'
        )


def in_transaction(
    server: Server, run: Callable[[Connection[DictRow]], Answer]
) -> Answer:
    """Run it in one repeatable-read transaction, up to five times, as Odoo does.

    A constraint's error becomes a ValidationError with the constraint's message.
    """
    tries = 1
    while True:
        try:
            with server.pool.connection() as conn:
                return run(conn)
        except RETRIED:
            if tries == MAX_TRIES:
                raise
            time.sleep(random.uniform(0, 0.05 * 2**tries))
            tries += 1
        except psycopg.IntegrityError as error:
            raise ValidationError(explain_constraint(error, server.models)) from error


def explain_constraint(error: psycopg.IntegrityError, models: Registry) -> str:
    """What a constraint's failure means to a person, in Odoo's words."""
    opening = "The operation cannot be completed: "
    told = error.diag
    name, table = told.constraint_name or "", told.table_name or ""
    model = next((m for m in models.values() if m.table == table), None)
    if model is None:
        return f"{opening}{told.message_primary}"
    if isinstance(error, errors.NotNullViolation) and told.column_name:
        field = model.fields[told.column_name]
        return (
            f"{opening}Missing required value for the field "
            f"'{field.label}' ({told.column_name}).\n"
            f"Model: '{model.label}' ({model.name})\n"
            "- create/update: a mandatory field is not set\n"
            "- delete: another model requires the record being deleted, you can "
            "archive it instead\n"
        )
    if isinstance(error, errors.ForeignKeyViolation | errors.RestrictViolation):
        column = name.removeprefix(f"{table}_").removesuffix("_fkey")
        return (
            f"{opening}Another model is using the record you are trying to delete.\n\n"
            f"The troublemaker is: '{model.label}' ({model.name})\n"
            "Thanks to the following constraint: "
            f"'{model.fields[column].label}' ({column})\n"
            "How about archiving the record instead?"
        )
    return opening + model.constraints.get(name, str(told.message_primary))


def _ids(given: Any) -> tuple[Any, ...]:
    if not given:
        return ()
    return tuple(given) if isinstance(given, list | tuple | str) else (given,)
