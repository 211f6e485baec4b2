"""What XML-RPC and JSON-RPC share: the services "common", "object" and "db"."""

from typing import Any

from odoo_bridge.embedded.dispatch import (
    Server,
    call_by_position,
    check_database,
    check_key,
    is_key,
)
from odoo_bridge.embedded.errors import AccessDenied

VERSION_INFO = (19, 0, 0, "final", 0, "")
VERSION = "19.0"


def call_service(server: Server, service: str, method: str, params: Any) -> Any:
    """One call. Raises KeyError on a service that there is not."""
    services = {"common": _common, "object": _object, "db": _db}
    return services[service](server, method, params)


def _common(server: Server, method: str, params: Any) -> Any:
    if method == "version":
        return {
            "server_version": VERSION,
            "server_version_info": list(VERSION_INFO),
            "server_serie": VERSION,
            "protocol_version": 1,
        }
    if method in ("login", "authenticate"):
        database, login, key = params[:3]
        check_database(server, database)
        return server.uid if is_key(server, key) and login == server.login else False
    raise Exception(f"Method not found: {method}")


def _object(server: Server, method: str, params: Any) -> Any:
    database, uid, key, model, name, *rest = params
    if not key:
        raise AccessDenied
    check_database(server, database)
    match method:
        case "execute":
            args, kwargs = rest, {}
        case "execute_kw":
            args, kwargs = (rest[0], {}) if len(rest) == 1 else rest
        case _:
            raise NameError(f"Method not available {method}")
    check_key(server, uid, key)
    return call_by_position(server, model, name, list(args), kwargs or {})


def _db(server: Server, method: str, params: Any) -> Any:
    raise AccessDenied  # as a server that does not list its databases
