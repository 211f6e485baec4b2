"""The Flask app: routes, error answers, and what every response carries."""

import json
import os
from importlib.metadata import version
from time import perf_counter
from typing import Final

import structlog
from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException

from ingest_api.api import EXTENSION, Api
from ingest_api.bodies import MAX_BODY_BYTES
from ingest_api.bounded import Unavailable
from ingest_api.errors import (
    ApiError,
    bad_request,
    body_too_large,
    charge_unratable,
    error_response,
    not_found,
    unavailable,
)
from ingest_api.lago.absent import ABSENT_ROUTES, AbsentRoute
from ingest_api.metrics import REQUEST_SECONDS, REQUESTS
from ingest_api.openapi import DOCUMENT_PATHS, build_document
from ingest_api.path_ids import IdConverter
from ingest_api.route import Route
from ingest_api.routes import API_ROUTES, OPEN_ROUTES, PREFIXES
from ledger.unrated import ChargeUnratable
from schemas.logging import configure_logging
from schemas.settings import Settings, load_settings

UNKNOWN_ROUTE: Final = "unknown"

log = structlog.get_logger()


def create_app(settings: Settings | None = None) -> Flask:
    """The WSGI app; without settings, those of the environment, which then also say
    how this process logs.

    Makes no connection and starts no thread, so that gunicorn may fork afterwards.
    Raises SettingsError.
    """
    if settings is None:
        settings = load_settings(os.environ)
        configure_logging(settings.log_level)
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES + 1
    app.json.sort_keys = False  # type: ignore[attr-defined]  # Flask's default has it
    # No redirects: an id may hold two slashes in a row.
    app.url_map.merge_slashes = False
    app.url_map.converters["path"] = IdConverter
    app.extensions[EXTENSION] = Api(settings)
    for route in OPEN_ROUTES:
        _add(app, "", route)
    for prefix in PREFIXES:
        for route in API_ROUTES:
            _add(app, prefix, route)
        for absent in ABSENT_ROUTES:
            _add_absent(app, prefix, absent)
    _add_document(app)
    _add_errors(app)
    app.before_request(_note_start)
    app.after_request(_finish)
    return app


def _add(app: Flask, prefix: str, route: Route) -> None:
    app.add_url_rule(
        prefix + route.path,
        endpoint=f"{prefix}{route.name}".replace(".", "_"),
        view_func=route.view,
        methods=[route.method],
    )


def _add_absent(app: Flask, prefix: str, route: AbsentRoute) -> None:
    app.add_url_rule(
        prefix + route.path,
        endpoint=f"{prefix}{route.name}".replace(".", "_"),
        view_func=route.view,
        methods=list(route.methods),
        provide_automatic_options=False,
    )


def _add_document(app: Flask) -> None:
    text = json.dumps(build_document(version("fusion-billing")))

    def show_document() -> Response:
        return Response(text, mimetype="application/json")

    for path in DOCUMENT_PATHS:
        app.add_url_rule(path, endpoint=path.replace(".", "_"), view_func=show_document)


def _add_errors(app: Flask) -> None:
    app.register_error_handler(ApiError, error_response)
    app.register_error_handler(
        Unavailable, lambda error: error_response(unavailable(error.dependency))
    )
    app.register_error_handler(
        ChargeUnratable, lambda error: error_response(charge_unratable(error.metric))
    )
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected_error)


def _http_error(error: HTTPException) -> Response:
    """Werkzeug's own errors in our shape; a wrong verb is an unknown route."""
    if error.code in (404, 405):
        return error_response(not_found())
    if error.code == 413:
        return error_response(body_too_large(MAX_BODY_BYTES))
    return error_response(bad_request("the request cannot be read"))


def _unexpected_error(error: Exception) -> Response:
    """A fault of ours: logged in full, told in one word, so that nothing leaks."""
    log.error("request_failed", endpoint=request.endpoint, exc_info=error)
    return error_response(ApiError(500))


def _note_start() -> None:
    g.started = perf_counter()


def _finish(response: Response) -> Response:
    route = request.url_rule.rule if request.url_rule else UNKNOWN_ROUTE
    method = request.method if request.url_rule else UNKNOWN_ROUTE
    REQUESTS.labels(route, method, response.status_code).inc()
    REQUEST_SECONDS.labels(route).observe(perf_counter() - g.started)
    response.headers["Cache-Control"] = "no-store"
    for name, value in g.get("rate_headers", {}).items():
        response.headers.setdefault(name, value)
    return response
