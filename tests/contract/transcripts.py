"""The recorded answers of a real Odoo 19, made ready to be asked again and compared.

``SKIPPED`` says which are not asked again, and why; ``SHAPE_ONLY`` which answers hold
what differs by nature (ids, counts), so that only their keys and types are compared.
"""

import json
import os
import re
import xmlrpc.client
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RECORDED = Path(
    os.environ.get("ODOO_TRANSCRIPTS")
    or Path(__file__).parents[3] / "shared" / "data" / "odoo19-transcripts.jsonl"
)

RECORDED_KEY = "API-KEY-REDACTED"
RECORDED_DATABASE = "fbench"
RECORDED_UIDS = (2, 5)

SKIPPED = {
    "formatted_read_group": "grouping is not among the contract's methods",
    "read_group_legacy": "grouping is not among the contract's methods",
    "formatted_read_group_month": "grouping is not among the contract's methods",
    "context_lang": "no translations: one language",
    "context_lang_inactive": "no translations: one language",
    "x2many_commands": "no model of the contract has a one2many or many2many",
    "x2many_read": "no model of the contract has a one2many or many2many",
    "x2many_update_delete": "no model of the contract has a one2many or many2many",
    "raise_redirect": "a web client's error: no method of the contract raises it",
    "access_error_model": "no access groups: one user who may do everything",
    "access_error_field": "no access groups: one user who may do everything",
    "access_error_write": "no access groups: one user who may do everything",
    "upsert_sql": "a prototype's method; upsert_rollups has cases of its own",
    "upsert_sql_bad_row": "a prototype's method; upsert_rollups has cases of its own",
    "too_large": "its body was not recorded; test_refusals sends the header alone",
}

SHAPE_ONLY = {
    "context_get": "the user's id",
    "create_multi": "ids go on from the records made before",
    "create_single": "ids go on from the records made before",
    "datetime_native": "ids go on from the records made before",
    "int_over_int4": "ids go on from the records made before",
    "login_ok": "the user's id",
    "no_db_header": "a count of the records made before",
    "read_load_none": "the bare id of a link: another link's than recorded",
    "string_for_int": "ids go on from the records made before",
}

# Fields of the recording server's records that no model of the contract has.
_ABSENT = {
    "country_id",
    "state_id",
    "category_id",
    "credit_limit",
    "child_ids",
    "tag_ids",
}
_VARYING = {"write_date", "create_uid"}

JSON_PROTOCOLS = ("json2", "jsonrpc", "http")


@dataclass(frozen=True)
class Transcript:
    """One recorded call and its answer."""

    name: str
    protocol: str
    method: str
    path: str
    request_headers: dict[str, str]
    request_body: str
    status: int
    response_headers: dict[str, str]
    response_body: str

    @property
    def case(self) -> str:
        """The name without the protocol's suffix."""
        return self.name.partition("/")[0]


def load_transcripts() -> list[Transcript]:
    """All that were recorded, in their order; none where the file is not there."""
    if not RECORDED.exists():
        return []
    with RECORDED.open(encoding="utf-8") as lines:
        known = Transcript.__dataclass_fields__
        return [
            Transcript(**{k: v for k, v in json.loads(line).items() if k in known})
            for line in lines
        ]


def replayed() -> list[Transcript]:
    """Those that are asked again."""
    return [entry for entry in load_transcripts() if entry.case not in SKIPPED]


@dataclass(frozen=True)
class Credentials:
    """What takes the place of the recorded database, user and key."""

    database: str
    login: str
    api_key: str
    uid: int


def rewritten_headers(entry: Transcript, ours: Credentials) -> dict[str, str]:
    """The recorded headers with our database and key."""
    key = "expired" if entry.case == "expired_key" else ours.api_key
    headers = {
        name: value.replace(RECORDED_KEY, key).replace(RECORDED_DATABASE, ours.database)
        for name, value in entry.request_headers.items()
    }
    return {"Content-Type": "", **headers}


def rewritten_body(entry: Transcript, ours: Credentials) -> bytes:
    """The recorded body with our database, user and key, and without absent fields."""
    if entry.protocol.startswith("xmlrpc"):
        try:
            params, method = xmlrpc.client.loads(entry.request_body)
        except Exception:  # a body that is wrong on purpose goes as it is
            return entry.request_body.encode()
        ours_now = _adapt(entry, tuple(_identify(params, entry, ours)))
        return _dumps(ours_now, str(method)).encode()
    try:
        body = json.loads(entry.request_body)
    except ValueError:
        return entry.request_body.encode()
    if entry.protocol == "jsonrpc":
        args = body["params"]["args"]
        body["params"]["args"] = list(_identify(args, entry, ours))
    return json.dumps(_adapt(entry, body)).encode()


def _dumps(params: Any, method: str) -> str:
    written = _Marshaller(None, allow_none=True).dumps(params)
    return f"<methodCall><methodName>{method}</methodName>{written}</methodCall>"


class _Marshaller(xmlrpc.client.Marshaller):
    """Writes integers past 2^31 as i8, as the recording client did."""

    def write_int(self, value: int, write: Any) -> None:
        """An integer of any size."""
        kind = "int" if abs(value) < 2**31 else "i8"
        write(f"<value><{kind}>{value}</{kind}></value>\n")

    dispatch: dict[Any, Any] = {  # noqa: RUF012 - shared, as in the base class
        **xmlrpc.client.Marshaller.dispatch,
        int: write_int,
    }


def _identify(params: Any, entry: Transcript, ours: Credentials) -> Iterator[Any]:
    for place, value in enumerate(params):
        if value == RECORDED_DATABASE:
            yield ours.database
        elif value == "fbc_bridge":
            yield ours.login
        elif value == RECORDED_KEY:
            yield "expired" if entry.case == "expired_key" else ours.api_key
        elif place == 1 and value in RECORDED_UIDS:
            yield ours.uid
        else:
            yield value


def _adapt(entry: Transcript, value: Any) -> Any:
    """The arguments in the terms of models that we have."""
    if entry.case == "read_load_none":
        return _replaced(value, "country_id", "create_uid")
    if entry.case == "check_violation":
        # The prototype's usage had a service code where the contract has a link.
        value = _replaced(value, 1.0, "1.0")
        return _renamed(value, "service_code", "service_id", 1)
    return _without(value)


def _replaced(value: Any, old: Any, new: Any) -> Any:
    if isinstance(value, dict):
        return {key: _replaced(item, old, new) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_replaced(item, old, new) for item in value]
    return new if type(value) is type(old) and value == old else value


def _renamed(value: Any, old: str, new: str, content: Any) -> Any:
    if isinstance(value, dict):
        kept = {
            key: _renamed(item, old, new, content)
            for key, item in value.items()
            if key != old
        }
        return {**kept, new: content} if old in value else kept
    if isinstance(value, list | tuple):
        return [_renamed(item, old, new, content) for item in value]
    return value


def _without(value: Any) -> Any:
    """The value without the names that we have no field for."""
    if isinstance(value, dict):
        return {k: _without(item) for k, item in value.items() if k not in _ABSENT}
    if isinstance(value, list | tuple):
        return [
            _without(item)
            for item in value
            if not (isinstance(item, str) and item in _ABSENT)
        ]
    return value


def comparable(entry: Transcript, body: str) -> Any:
    """An answer with what varies by nature levelled out."""
    if entry.protocol.startswith("xmlrpc") and body.startswith("<?xml"):
        try:
            answer: Any = xmlrpc.client.loads(body)[0][0]
        except xmlrpc.client.Fault as fault:
            code = fault.faultCode
            answer = {"fault": code, "text": fault.faultString}
    elif entry.protocol in JSON_PROTOCOLS and not body.lstrip().startswith("<"):
        answer = json.loads(body)
    else:
        return body
    if entry.case == "read_load_none":
        answer = _renamed(answer, "country_id", "create_uid", 1)
    if entry.case in SHAPE_ONLY:
        return shape_of(answer)
    return _without(_levelled(answer))


def _levelled(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: shape_of(item) if key in _VARYING else _levelled(item)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_levelled(item) for item in value]
    if not isinstance(value, str):
        return value
    if value.startswith("Traceback"):
        # The last line names the error; the frames above it are each server's own.
        value = _error_of(value)
    value = re.sub(r"connection to server.*? failed", "connection failed", value)
    return re.sub(r"User: \d+", "User: N", value)


def _error_of(traceback: str) -> str:
    """What follows the frames: the error's own text, which may have several lines."""
    # The recording left out empty lines.
    lines = [line for line in traceback.splitlines()[1:] if line.strip()]
    first = next(i for i, line in enumerate(lines) if re.match(r"\S+(: |$)", line))
    return "\n".join(lines[first:])


def shape_of(value: Any) -> Any:
    """The value's keys and types; lists by the shape of their first item."""
    if isinstance(value, dict):
        return {key: shape_of(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shape_of(item) for item in value[:1]]
    return type(value).__name__
