"""JSON-RPC: ``POST /jsonrpc`` with ``{service, method, args}``; errors are 200 too."""

import json
from typing import Any

from flask import Blueprint, Response, current_app, request

from odoo_bridge.embedded.dispatch import Server
from odoo_bridge.embedded.errors import error_body
from odoo_bridge.embedded.json2 import json_response
from odoo_bridge.embedded.rpc import call_service

json_rpc = Blueprint("jsonrpc", __name__)


@json_rpc.post("/jsonrpc")
def call() -> Response:
    """One call; a result of None is left out of the answer."""
    server: Server = current_app.config["SERVER"]
    try:
        body = json.loads(request.get_data())
    except ValueError:
        return Response("Invalid JSON data", 400)
    answer: dict[str, Any] = {"jsonrpc": "2.0", "id": body.get("id")}
    try:
        result = _call(server, **body.get("params", {}))
        if result is not None:
            answer["result"] = result
        return json_response(answer)
    except Exception as error:  # every failure of a call is an answer with its name
        answer["error"] = {
            "code": 0,
            "message": "Odoo Server Error",
            "data": error_body(error),
        }
        return json_response(answer)


def _call(server: Server, service: str, method: str, args: Any) -> Any:
    return call_service(server, service, method, args)
