"""What Lago's endpoints read of a request: the wrapped body, the query, the scope.

Absent and null are one to Lago's clients, which send null for what was not given: a
null is dropped before a schema sees it. So "" empties a text.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from flask import request
from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate

from ingest_api.bodies import read_json_body
from ingest_api.errors import ApiError, bad_request, validation_failed
from ingest_api.strict_json import JsonInvalid, TooManyObjects, parse_json
from ledger.keys import Principal
from schemas.answers import DEFAULT_PER_PAGE, MAX_PAGE, MAX_PER_PAGE

MAX_OBJECTS: Final = 5_000
MAX_DEPTH: Final = 12

_CODE: Final = re.compile(r"([a-z][a-z_]*)(: .*)?", re.DOTALL)
_MANDATORY: Final = ("Missing data for required field.", "Field may not be null.")


@dataclass(frozen=True)
class Page:
    """A wanted page of a list, from 1."""

    number: int
    size: int

    @property
    def offset(self) -> int:
        """How many come before it."""
        return (self.number - 1) * self.size


class PageQuerySchema(Schema):
    """The query of a list; resources add their filters."""

    class Meta:
        """As it says."""

        unknown = EXCLUDE

    page = fields.Integer(load_default=1, validate=validate.Range(1, MAX_PAGE))
    per_page = fields.Integer(
        load_default=DEFAULT_PER_PAGE, validate=validate.Range(1, MAX_PER_PAGE)
    )


def read_wrapped(name: str, schema: Schema) -> dict[str, Any]:
    """What stands in the body's wrapper, as the schema loads it.

    Raises ApiError: 400 without JSON or the wrapper, 413, 415, 422 by field.
    """
    return load_values(schema, read_wrapper(name))


def read_wrapper(name: str) -> Any:
    """The object or list in the body's wrapper, without nulls."""
    try:
        body = parse_json(read_json_body(request), MAX_OBJECTS)
    except JsonInvalid as error:
        raise bad_request(str(error)) from error
    except TooManyObjects as error:
        raise bad_request(f"the body holds more than {MAX_OBJECTS} objects") from error
    if not isinstance(body, Mapping) or not isinstance(body.get(name), dict | list):
        raise bad_request(f"param is missing or the value is empty: {name}")
    return _without_nulls(body[name], MAX_DEPTH)


def load_values(schema: Schema, values: Any) -> dict[str, Any]:
    """The loaded values. Raises ApiError 422, in Lago's codes."""
    try:
        loaded = schema.load(values)
    except ValidationError as error:
        raise refused(error.messages_dict) from error
    assert isinstance(loaded, dict)  # noqa: S101 - no schema of ours here makes another
    return loaded


def refused(errors: Mapping[Any, Any]) -> ApiError:
    """422 with Lago's codes by field; the sentences, which Lago has not, in message."""
    sentences: list[str] = []
    details = _codes(errors, (), sentences)
    return validation_failed(details, "; ".join(sentences[:10]) or None)


def read_query(schema: Schema) -> dict[str, Any]:
    """The query; of a name that comes twice the first, but for lists (``name[]``)."""
    values: dict[str, Any] = {}
    for name, texts in request.args.lists():
        if name.endswith("[]"):
            values[name.removesuffix("[]")] = texts
        else:
            wanted = schema.fields.get(name)
            values[name] = texts if isinstance(wanted, fields.List) else texts[0]
    return load_values(schema, values)


def page_of(values: Mapping[str, Any]) -> Page:
    """The page that a loaded PageQuerySchema asks for."""
    return Page(values["page"], values["per_page"])


def require_scope(principal: Principal, scope: str, sentence: str) -> None:
    """Raises ApiError 403 with the sentence when the key has not got the scope."""
    if scope not in principal.scopes:
        raise ApiError(403, code="missing_scope", message=sentence)


def _without_nulls(value: Any, depth: int) -> Any:
    if depth == 0:
        raise bad_request(f"nested deeper than {MAX_DEPTH}")
    if isinstance(value, Mapping):
        return {
            name: _without_nulls(part, depth - 1)
            for name, part in value.items()
            if part is not None
        }
    if isinstance(value, list):
        return [_without_nulls(part, depth - 1) for part in value]
    return value


def _codes(errors: Any, path: tuple[str, ...], sentences: list[str]) -> Any:
    if isinstance(errors, Mapping):
        return {
            str(name)[:64]: _codes(part, (*path, str(name)[:64]), sentences)
            for name, part in errors.items()
        }
    if isinstance(errors, list):
        return [_codes(part, path, sentences) for part in errors]
    text = str(errors)
    found = _CODE.fullmatch(text)
    if found is not None:
        code, sentence = found[1], (found[2] or "")[2:]
    else:
        code = "value_is_mandatory" if text in _MANDATORY else "value_is_invalid"
        sentence = text
    if sentence:
        sentences.append(f"{'.'.join(path)}: {sentence}")
    return code
