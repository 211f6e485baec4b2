"""The OpenAPI document, made from the routes and their marshmallow schemas."""

import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, Final

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import Schema, fields

from ingest_api.bodies import MAX_BODY_BYTES
from ingest_api.route import Route
from ingest_api.routes import API_ROUTES, OPEN_ROUTES, PREFIXES
from schemas.answers import ErrorSchema
from schemas.properties import MAX_PROPERTIES
from schemas.texts import MAX_TEXT_BYTES, MAX_TEXT_CHARS
from schemas.timestamps import EPOCH_PATTERN, ISO_PATTERN
from schemas.usage import (
    MAX_BATCH_MEMBERS,
    MAX_COUNTERS,
    MAX_MEMBERS,
    CounterSchema,
    Items,
    Members,
    Properties,
    Text,
    Timestamp,
    Value,
)

DOCUMENT_PATHS: Final = ("/openapi.json", *(f"{p}/openapi.json" for p in PREFIXES))

_ABOUT: Final = (
    f"What is below {PREFIXES[0]} answers below {PREFIXES[1]} as well. Bodies hold at "
    f"most {MAX_BODY_BYTES} bytes."
)
_TEXT: Final[dict[str, Any]] = {
    "type": "string",
    "minLength": 1,
    "maxLength": MAX_TEXT_CHARS,
    "description": f"At most {MAX_TEXT_BYTES} bytes in UTF-8.",
}
_TEXT_OR_NUMBER: Final[dict[str, Any]] = {"anyOf": [{"type": "number"}, _TEXT]}
_TIMESTAMP: Final[dict[str, Any]] = {
    "anyOf": [
        {"type": "string", "pattern": f"^({ISO_PATTERN}|{EPOCH_PATTERN})$"},
        {"type": "number"},
    ]
}
_MEMBERS: Final[dict[str, Any]] = {
    "type": "array",
    "minItems": 1,
    "maxItems": MAX_MEMBERS,
    "items": _TEXT_OR_NUMBER,
}
_PROPERTIES: Final[dict[str, Any]] = {
    "type": "object",
    "maxProperties": MAX_PROPERTIES,
    "propertyNames": {"minLength": 1, "maxLength": MAX_TEXT_CHARS},
    "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
}
_OWN_FIELDS: Final = {
    Text: _TEXT,
    Value: _TEXT_OR_NUMBER,
    Timestamp: _TIMESTAMP,
    Members: _MEMBERS,
    Properties: _PROPERTIES,
    Items: {
        "minItems": 1,
        "maxItems": MAX_COUNTERS,
        "description": f"At most {MAX_BATCH_MEMBERS} members in all their lists.",
    },
}
_PARAMETER: Final = re.compile(r"<(?:path:)?(\w+)>")


def build_document(version: str) -> dict[str, Any]:
    """The document, as plain JSON values; ``version`` is the program's."""
    plugin = MarshmallowPlugin()
    spec = APISpec(
        title="Fusion Billing",
        version=version,
        openapi_version="3.1.0",
        plugins=[plugin],
        info={"description": _ABOUT},
    )
    assert plugin.converter is not None  # noqa: S101 - set when the spec takes it
    plugin.converter.add_attribute_function(  # type: ignore[no-untyped-call]  # apispec's
        _own_field
    )
    spec.components.security_scheme("key", {"type": "http", "scheme": "bearer"})
    for route in OPEN_ROUTES:
        _add(spec, route.path, route)
    for route in API_ROUTES:
        _add(spec, PREFIXES[0] + route.path, route)
    for path in DOCUMENT_PATHS:
        answer = {"200": {"description": "OK", **_json({"type": "object"})}}
        spec.path(
            path, operations={"get": {"summary": "This document", "responses": answer}}
        )
    document = spec.to_dict()
    counter = document["components"]["schemas"][_schema_name(CounterSchema)]
    counter["not"] = {"required": ["value", "values"]}
    counter["anyOf"] = [
        {"required": [name]} for name in ("value", "values", "properties")
    ]
    return document


def _own_field(_: Any, field: fields.Field[Any], **__: Any) -> dict[str, Any]:
    return dict(_OWN_FIELDS.get(type(field), {}))


def _add(spec: APISpec, path: str, route: Route) -> None:
    operation: dict[str, Any] = {
        "summary": route.summary,
        "parameters": list(_parameters(route)),
        "responses": dict(_responses(route)),
        "security": [] if route.open else [{"key": []}],
    }
    if route.body is not None:
        operation["requestBody"] = {"required": True, **_json(route.body)}
    spec.path(
        _PARAMETER.sub(r"{\1}", path), operations={route.method.lower(): operation}
    )


def _parameters(route: Route) -> Iterator[dict[str, Any]]:
    string = {"type": "string"}
    for name in _PARAMETER.findall(route.path):
        yield {"in": "path", "name": name, "required": True, "schema": string}
    for name, text in route.required_query.items():
        named = {"in": "query", "name": name, "required": True, "description": text}
        yield {**named, "schema": string}
    for name, text in route.headers.items():
        named = {"in": "header", "name": name, "description": text}
        pattern = {"type": "string", "pattern": "^[!-~]{1,255}$"}
        yield {**named, "schema": pattern}
    if route.query is not None:
        yield {"in": "query", "schema": route.query}


def _responses(route: Route) -> Iterator[tuple[str, dict[str, Any]]]:
    for status, schema in route.answers.items():
        content = (
            {"content": {route.content_type: {"schema": {"type": "string"}}}}
            if schema is None
            else _json(schema)
        )
        yield str(status), {"description": HTTPStatus(status).phrase, **content}
    for status in route.errors:
        description = HTTPStatus(status).phrase
        yield str(status), {"description": description, **_json(ErrorSchema)}


def _json(schema: type[Schema] | dict[str, Any]) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": schema}}}


def _schema_name(schema: type[Schema]) -> str:
    return schema.__name__.removesuffix("Schema")
