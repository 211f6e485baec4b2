"""The environment that every process and command of a stack reads its settings from.

What the caller's environment sets stays; what it leaves out points at the embedded
part.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from deploy.embedded.state import STATE_VARIABLE, Secrets, StackError, State
from schemas.settings import Settings, variable_name
from schemas.variables import VariableUnreadable, read_variable

DATABASE = "ledger"
PORT_NAMES = ("database", "broker", "odoo", "api", "flower")
_NAMES = [variable_name(field.name) for field in fields(Settings)]
_SETTINGS = {*_NAMES, *(f"{name}_FILE" for name in _NAMES)}


@dataclass(frozen=True)
class Parts:
    """Which parts run embedded, rather than being a server that a setting names."""

    database: bool
    broker: bool
    odoo: bool


def embedded_parts(environ: Mapping[str, str]) -> Parts:
    """The parts that ``DATABASE_URL``, ``BROKER_URL`` and ``ODOO_URL`` leave to us."""
    return Parts(
        database=not _is_set(environ, "DATABASE_URL"),
        broker=not _is_set(environ, "BROKER_URL"),
        odoo=not _is_set(environ, "ODOO_URL"),
    )


def process_environment(
    environ: Mapping[str, str],
    *,
    state: State,
    secrets: Secrets,
    ports: Mapping[str, int],
    database_url: str | None,
    broker_url: str | None,
) -> dict[str, str]:
    """``environ`` with every setting that a process of the stack needs.

    ``ports`` has the PORT_NAMES. ``database_url`` and ``broker_url`` are the embedded
    servers', None where the environment names another. The stand-in's database stands
    beside the ledger's, on the same server. Raises StackError for a ``*_FILE`` that
    cannot be read; wrong settings are load_settings' to report.
    """
    ours = {
        "FUSION_SECRET_KEY": secrets.fernet_key,
        "FUSION_FLOWER_BASIC_AUTH": f"operator:{secrets.flower_password}",
        "FUSION_API_PORT": str(ports["api"]),
    }
    if database_url is not None:
        ours["DATABASE_URL"] = database_url
    if broker_url is not None:
        ours["BROKER_URL"] = broker_url
    if embedded_parts(environ).odoo:
        ours |= _standin(environ, secrets, ports["odoo"], database_url)
    kept = {
        # An empty variable is one that is not set.
        name: _absolute(name, value)
        for name, value in environ.items()
        if value or name not in _SETTINGS
    }
    wanted = {name: value for name, value in ours.items() if not _is_set(kept, name)}
    return {
        **kept,
        **wanted,
        STATE_VARIABLE: str(state.root),
        "PYTHONUNBUFFERED": "1",
    }


def settings_only(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that load_settings reads, for the commands of a running stack."""
    return {name: environment[name] for name in _SETTINGS if name in environment}


def setting(environ: Mapping[str, str], name: str) -> str | None:
    """The setting's value, from NAME or the file of NAME_FILE; None without either.

    Raises StackError when the file cannot be read.
    """
    try:
        return read_variable(environ, name)
    except VariableUnreadable as error:
        raise StackError(str(error)) from error


def _standin(
    environ: Mapping[str, str], secrets: Secrets, port: int, database_url: str | None
) -> dict[str, str]:
    ledger = database_url or setting(environ, "DATABASE_URL") or ""
    parts = urlsplit(ledger)
    name = f"{parts.path.strip('/') or DATABASE}_odoo"
    return {
        "ODOO_URL": f"http://127.0.0.1:{port}",
        "ODOO_DATABASE": "odoo",
        "ODOO_LOGIN": "fusion-bridge",
        "ODOO_API_KEY": secrets.odoo_api_key,
        "ODOO_STANDIN_PORT": str(port),
        "ODOO_STANDIN_DATABASE_URL": urlunsplit(parts._replace(path=f"/{name}")),
        # Trying things out: the receivers of webhooks are on this machine as well.
        "FUSION_WEBHOOK_ALLOW_LOOPBACK": "true",
    }


def _absolute(name: str, value: str) -> str:
    """A settings file by its absolute path: the processes run in another folder."""
    is_path = name in _SETTINGS and name.endswith("_FILE")
    return str(Path(value).expanduser().absolute()) if is_path else value


def _is_set(environ: Mapping[str, str], name: str) -> bool:
    return bool(environ.get(name) or environ.get(f"{name}_FILE"))
