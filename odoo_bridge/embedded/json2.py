"""JSON-2: ``POST /json/2/<model>/<method>``, arguments by name in one JSON object."""

import inspect
import json
import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from flask import Blueprint, Response, current_app, request
from werkzeug.exceptions import BadRequest, HTTPException, NotFound, Unauthorized

from odoo_bridge.embedded.dispatch import Server, call_by_name, is_key
from odoo_bridge.embedded.env import is_api_model
from odoo_bridge.embedded.errors import error_body, status_of
from odoo_bridge.embedded.generic import GENERIC, fields_get
from odoo_bridge.embedded.values import DATE_FORMAT, DATETIME_FORMAT

json2 = Blueprint("json2", __name__)

WRONG_DATABASE = """\
<!DOCTYPE html>
<title>404 Not Found</title>
<h1>Not Found</h1>
<p>No database is selected and the requested URL was not found in the \
server-wide controllers.</p>
<p>Please verify the hostname, <a href=/web/login>login</a> and try again.</p>

<!-- Alternatively, use the X-Odoo-Database header. -->
"""
WRONG_TYPE = """\
<!doctype html>
<html lang=en>
<title>415 Unsupported Media Type</title>
<h1>Unsupported Media Type</h1>
<p>Request inferred type is compatible with [&#39;http&#39;] but \
&#39;/json/2/&lt;__model__&gt;/&lt;__method__&gt;&#39; is type=&#39;json2&#39;.<br><br>\
Please verify the Content-Type request header and try again.</p>
"""
ANY_VERB = ["GET", "POST", "PUT", "DELETE", "PATCH"]


@json2.post("/json/2/<model>/<method>")
def call(model: str, method: str) -> Response:
    """One call; the answer is the method's result, or the error's JSON."""
    server: Server = current_app.config["SERVER"]
    if refusal := _refusal(server):
        return refusal
    try:
        _check_bearer(server)
        arguments = _arguments()
        ids = arguments.pop("ids", ())
        context = arguments.pop("context", None)
        result = call_by_name(server, model, method, ids, context, arguments)
        return json_response(result)
    except Exception as error:  # every failure of a call is an answer with its name
        return _error_response(error)


@json2.route("/json/2", methods=ANY_VERB)
@json2.route("/json/2/<path:rest>", methods=ANY_VERB)
def not_a_call(rest: str = "") -> Response:
    """Anything else below /json/2."""
    server: Server = current_app.config["SERVER"]
    return _refusal(server) or _error_response(
        NotFound("Did you mean POST /json/2/<model>/<method>?")
    )


@json2.get("/doc-bearer/<model>.json")
def document(model: str) -> Response:
    """A model's fields and methods: where clients learn the arguments' names."""
    server: Server = current_app.config["SERVER"]
    if refusal := _refusal(server):
        return refusal
    try:
        _check_bearer(server)
        if model not in server.models:
            raise NotFound
        found = server.models[model]
        methods = {**GENERIC, **found.methods}
        described: dict[str, Any] = {
            name: {
                "parameters": {
                    parameter: {} for parameter in list(_parameters(method))[1:]
                },
                "api": ["model"] if is_api_model(method) else [],
                "doc": inspect.getdoc(method),
            }
            for name, method in methods.items()
        }
        fields = call_by_name(server, model, fields_get.__name__, (), None, {})
        return json_response(
            {
                "model": model,
                "name": found.label,
                "fields": fields,
                "methods": described,
            }
        )
    except HTTPException as error:
        return _error_response(error)


def json_response(body: Any, status: int = 200) -> Response:
    """JSON as Odoo writes it: NaN as the bare word, what it does not know as text."""
    return Response(
        json.dumps(body, default=_json_default),
        status,
        content_type="application/json; charset=utf-8",
    )


def _json_default(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.strftime(DATETIME_FORMAT)
    if isinstance(value, date):
        return value.strftime(DATE_FORMAT)
    if isinstance(value, bytes):
        return value.decode()
    return str(value)


def _refusal(server: Server) -> Response | None:
    """What is refused before anyone is asked who they are, as pages of HTML."""
    html = "text/html; charset=utf-8"
    database = request.headers.get("X-Odoo-Database", server.database)
    if database != server.database:
        return Response(WRONG_DATABASE, 404, content_type=html)
    if request.mimetype != "application/json" and request.content_length:
        return Response(WRONG_TYPE, 415, content_type=html)
    return None


def _check_bearer(server: Server) -> None:
    header = request.headers.get("Authorization", "")
    found = re.match(r"bearer\s+(.+)", header, re.IGNORECASE)
    if found is None:
        raise Unauthorized(
            "User not authenticated, use an API Key with a Bearer Authorization header."
        )
    if not is_key(server, found[1]):
        raise Unauthorized("Invalid apikey")


def _arguments() -> dict[str, Any]:
    body = request.get_data()
    if not body:
        return {}
    try:
        given = json.loads(body)
    except ValueError as error:
        raise BadRequest(f"could not parse the body as json: {error}") from error
    return dict(given) if isinstance(given, dict) else {}


def _error_response(error: Exception) -> Response:
    response = json_response(error_body(error), status_of(error))
    if isinstance(error, Unauthorized):
        response.headers["WWW-Authenticate"] = "Bearer "
    return response


def _parameters(method: Any) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(method).parameters
