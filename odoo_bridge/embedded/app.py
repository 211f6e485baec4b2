"""The WSGI application: the protocols over one database."""

from importlib.resources import files

from flask import Flask, Response
from psycopg import Connection, IsolationLevel, connect
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool

from odoo_bridge.embedded.addon import addon_models
from odoo_bridge.embedded.addon_check import KEY_START
from odoo_bridge.embedded.dispatch import Pool, Server
from odoo_bridge.embedded.json2 import json2, json_response
from odoo_bridge.embedded.jsonrpc import json_rpc
from odoo_bridge.embedded.models import Registry
from odoo_bridge.embedded.rpc import VERSION, VERSION_INFO
from odoo_bridge.embedded.xmlrpc import xml_rpc

MAX_BODY_BYTES = 128 * 1024 * 1024
POOL_TIMEOUT_SECONDS = 5.0
LOCK_SCHEMA = 1_900_190_001
SCHEMA = ("schema.sql", "places.sql", "invoices.sql", "events.sql")
"""The tables, in the order in which they refer to each other."""

BANNER = """\
A stand-in for Odoo 19, for trying out and for tests. It is not Odoo: it speaks Odoo's
wire protocols for the models that Fusion Billing uses, and does no accounting.
"""


def create_app(
    database_url: str,
    *,
    database: str,
    login: str,
    api_key: str,
    models: Registry | None = None,
    threads: int = 8,
) -> Flask:
    """The application, its tables made. ``models`` replaces those of the contract."""
    uid = prepare_database(database_url, login)
    note_key(database_url, uid, api_key)
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.config["SERVER"] = Server(
        pool=open_pool(database_url, threads),
        models=addon_models() if models is None else models,
        database=database,
        login=login,
        api_key=api_key,
        uid=uid,
    )
    for blueprint in (json2, xml_rpc, json_rpc):
        app.register_blueprint(blueprint)
    app.add_url_rule("/", view_func=banner)
    app.add_url_rule("/web/version", view_func=version)
    app.add_url_rule("/json/version", view_func=version)
    app.add_url_rule("/web/health", view_func=health)
    return app


def prepare_database(database_url: str, login: str) -> int:
    """Make the tables and the user; answers the user's id. May run twice, at once."""
    folder = files(__package__)
    schema = b"".join((folder / name).read_bytes() for name in SCHEMA)
    with connect(database_url) as conn:
        conn.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK_SCHEMA])
        conn.execute(schema)
        row = conn.execute(
            "INSERT INTO res_users (login, name) VALUES (%(login)s, %(login)s) "
            "ON CONFLICT (login) DO UPDATE SET active = true RETURNING id",
            {"login": login},
        ).fetchone()
    assert row is not None  # noqa: S101 - RETURNING answers one row, or it raised
    return int(row[0])


def note_key(database_url: str, uid: int, api_key: str) -> None:
    """Note that the user has a key that begins so. Safe to repeat: one row is kept."""
    with connect(database_url) as conn:
        conn.execute(
            "INSERT INTO res_users_apikeys (user_id, index) VALUES (%s, %s) "
            "ON CONFLICT DO NOTHING",
            (uid, api_key[:KEY_START]),
        )


def open_pool(database_url: str, threads: int) -> Pool:
    """Connections in Odoo's isolation level, one for each thread."""

    def configure(conn: Connection[DictRow]) -> None:
        conn.isolation_level = IsolationLevel.REPEATABLE_READ

    return ConnectionPool(
        database_url,
        connection_class=Connection[DictRow],
        kwargs={"row_factory": dict_row},
        configure=configure,
        # After a restart of the database every kept connection is dead.
        check=ConnectionPool.check_connection,
        timeout=POOL_TIMEOUT_SECONDS,
        min_size=1,
        max_size=threads,
        open=True,
    )


def banner() -> Response:
    """What this is."""
    return Response(BANNER, content_type="text/plain; charset=utf-8")


def version() -> Response:
    """The version that it stands in for."""
    return json_response({"version_info": VERSION_INFO, "version": VERSION})


def health() -> Response:
    """Alive, as Odoo's own /web/health says it."""
    return json_response({"status": "pass"})
