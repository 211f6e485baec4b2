"""Every answer of Odoo becomes the error that says whether to try again."""

import json
import xmlrpc.client
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from odoo_bridge.client import OdooClient, to_wire
from odoo_bridge.errors import (
    OdooAccessError,
    OdooAuthenticationError,
    OdooConflictError,
    OdooError,
    OdooFinalError,
    OdooInvalidError,
    OdooMisconfiguredError,
    OdooMissingError,
    OdooRetryError,
    OdooTimeoutError,
    OdooTooLargeError,
    OdooUnavailableError,
    OdooUnreachableError,
)
from odoo_bridge.faults import judge_fault, judge_http, one_line

JSON = "application/json; charset=utf-8"
HTML = "text/html; charset=utf-8"
TRACE = "Traceback (most recent call last):\n  File x, line 1, in y\n    z()\n"


def named(name: str, message: str = "text") -> str:
    """An error body of JSON-2."""
    return json.dumps({"name": name, "message": message, "debug": "…"})


@pytest.mark.parametrize(
    ("status", "name", "message", "kind"),
    [
        (401, "werkzeug.exceptions.Unauthorized", "Invalid apikey",
         OdooAuthenticationError),
        (403, "odoo.exceptions.AccessDenied", "Access Denied", OdooAuthenticationError),
        (403, "odoo.exceptions.AccessError", "no", OdooAccessError),
        (404, "werkzeug.exceptions.NotFound", "the model 'x' does not exist",
         OdooMissingError),
        (404, "odoo.exceptions.MissingError", "gone", OdooInvalidError),
        (409, "odoo.exceptions.LockError", "locked", OdooConflictError),
        (413, "werkzeug.exceptions.RequestEntityTooLarge", "big", OdooTooLargeError),
        (422, "odoo.exceptions.ValidationError", "bad", OdooInvalidError),
        (422, "werkzeug.exceptions.UnprocessableEntity",
         "got an unexpected keyword argument 'rows'", OdooMissingError),
        (500, "builtins.ValueError", "Invalid field", OdooInvalidError),
        (500, "psycopg2.errors.SerializationFailure", "try again", OdooConflictError),
        (500, "psycopg2.errors.DeadlockDetected", "try again", OdooConflictError),
        (500, "psycopg2.errors.QueryCanceled", "too long", OdooTimeoutError),
        (500, "psycopg2.OperationalError", "server closed", OdooUnavailableError),
        (500, "psycopg2.OperationalError", 'FATAL:  database "x" does not exist',
         OdooMisconfiguredError),
        (500, "builtins.MemoryError", "", OdooUnavailableError),
    ],
)  # fmt: skip
def test_a_json2_error_is_judged_by_its_name(
    status: int, name: str, message: str, kind: type[OdooError]
) -> None:
    assert type(judge_http(status, JSON, named(name, message))) is kind


@pytest.mark.parametrize(
    ("status", "content_type", "body", "kind"),
    [
        (404, HTML, "<title>404 Not Found</title>", OdooMisconfiguredError),
        (415, HTML, "<title>415</title>", OdooMisconfiguredError),
        (200, HTML, "<html>Welcome</html>", OdooMisconfiguredError),
        (303, "", "", OdooMisconfiguredError),
        (502, HTML, "<title>502 Bad Gateway</title>", OdooUnavailableError),
        (503, "text/plain", "starting", OdooUnavailableError),
        (500, HTML, "<title>Internal Server Error</title>", OdooUnavailableError),
        (429, HTML, "", OdooUnavailableError),
        (413, HTML, "", OdooTooLargeError),
    ],
)
def test_what_no_method_answered_is_judged_by_its_status(
    status: int, content_type: str, body: str, kind: type[OdooError]
) -> None:
    assert type(judge_http(status, content_type, body)) is kind


def test_html_is_named_by_its_title() -> None:
    error = judge_http(502, HTML, "<html><title>502 Bad Gateway</title></html>")

    assert "502 Bad Gateway" in str(error)


@pytest.mark.parametrize(
    ("code", "text", "kind"),
    [
        (3, "Access Denied", OdooAuthenticationError),
        (4, "You are not allowed to …", OdooAccessError),
        (2, "The name is not allowed.", OdooInvalidError),
        (2, "Object no.such.model doesn't exist", OdooMissingError),
        (2, "Cannot grab a lock on records", OdooConflictError),
        (1, TRACE + "ValueError: Invalid field 'x'", OdooInvalidError),
        (1, TRACE + "AttributeError: The method 'a.b' does not exist",
         OdooMissingError),
        (1, TRACE + "psycopg2.errors.SerializationFailure: could not serialize",
         OdooConflictError),
        (1, TRACE + "psycopg2.errors.CardinalityViolation: twice\nHINT:  Ensure",
         OdooInvalidError),
        (1, TRACE + 'psycopg2.OperationalError: FATAL:  database "x" does not exist',
         OdooMisconfiguredError),
        (1, TRACE + "psycopg2.OperationalError: connection refused\n\tIs it running?",
         OdooUnavailableError),
        (1, "nothing that can be read", OdooInvalidError),
    ],
)  # fmt: skip
def test_an_xmlrpc_fault_is_judged_by_number_and_last_line(
    code: int, text: str, kind: type[OdooError]
) -> None:
    assert type(judge_fault(code, text)) is kind


def test_a_message_is_one_short_line() -> None:
    assert one_line("a\n\tb   c") == "a b c"
    assert len(one_line("x" * 10_000)) == 500


def test_every_error_says_whether_to_try_again() -> None:
    leaves = {
        error
        for error in _subclasses(OdooError)
        if error not in (OdooRetryError, OdooFinalError)
    }

    for error in leaves:
        assert issubclass(error, OdooRetryError) != issubclass(error, OdooFinalError)


def _subclasses(kind: type[OdooError]) -> set[type[OdooError]]:
    found = set(kind.__subclasses__())
    return found.union(*(_subclasses(below) for below in found))


class Scripted:
    """A transport that fails as told and then answers; counts the calls."""

    def __init__(self, *errors: OdooError) -> None:
        self.errors = list(errors)
        self.calls = 0

    def execute(self, model: str, method: str, ids: Any, named: Any) -> str:
        """Raise the next error, or answer."""
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"

    def close(self) -> None:
        """Nothing is open."""


def client_over(transport: Scripted) -> OdooClient:
    """A client that does not pause."""
    return OdooClient(transport, (0.0, 0.0))


@pytest.mark.parametrize("error", [OdooUnreachableError("x"), OdooConflictError("x")])
def test_what_cannot_have_committed_is_called_again(error: OdooError) -> None:
    transport = Scripted(error, error)

    assert client_over(transport).call("m", "f") == "done"
    assert transport.calls == 3


@pytest.mark.parametrize(
    "error",
    [OdooUnavailableError("x"), OdooTimeoutError("x"), OdooInvalidError("x")],
)
def test_what_may_have_committed_or_cannot_succeed_is_called_once(
    error: OdooError,
) -> None:
    transport = Scripted(error)

    with pytest.raises(type(error)):
        client_over(transport).call("m", "f")

    assert transport.calls == 1


def test_a_repeatable_call_is_repeated_after_a_loss_but_not_a_time_out() -> None:
    lost, late = Scripted(OdooUnavailableError("x")), Scripted(OdooTimeoutError("x"))

    assert client_over(lost).repeat("m", "f") == "done"
    with pytest.raises(OdooTimeoutError):
        client_over(late).repeat("m", "f")

    assert (lost.calls, late.calls) == (2, 1)


def test_retries_are_bounded() -> None:
    transport = Scripted(*(OdooConflictError("x") for _ in range(9)))

    with pytest.raises(OdooConflictError):
        client_over(transport).repeat("m", "f")

    assert transport.calls == 3


def test_numbers_and_instants_cross_as_exact_text() -> None:
    instant = datetime(2026, 1, 2, 3, 4, 5, 600, tzinfo=UTC)

    assert to_wire({"a": [Decimal("1E+3"), Decimal("0.0075")], "b": instant}) == {
        "a": ["1000", "0.0075"],
        "b": "2026-01-02 03:04:05",
    }


@pytest.mark.parametrize("value", [1.5, [1.5], {"a": 1.5}])
def test_a_float_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="float"):
        to_wire(value)


def test_xmlrpc_could_not_carry_a_decimal_by_itself() -> None:
    with pytest.raises(TypeError):
        xmlrpc.client.dumps((Decimal(1),))  # type: ignore[arg-type]  # the error is wanted


def test_pauses_are_anything_up_to_their_length(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    for _ in range(200):
        transport = Scripted(OdooConflictError("x"), OdooConflictError("x"))
        OdooClient(transport, (0.5, 2.0)).call("m", "f")

    first, second = slept[::2], slept[1::2]
    assert 0 <= min(first) < 0.1 < 0.4 < max(first) <= 0.5
    assert 0 <= min(second) < 0.4 < 1.6 < max(second) <= 2


@pytest.mark.parametrize(("asked", "calls"), [(0.3, 2), (0.6, 1)])
def test_a_retry_waits_as_long_as_odoo_asks_or_is_left_to_the_caller(
    asked: float, calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    error = OdooUnavailableError("x")
    error.retry_after_seconds = asked
    transport = Scripted(error)
    client = OdooClient(transport, (0.5,))
    if calls == 1:
        with pytest.raises(OdooUnavailableError):
            client.repeat("m", "f")
    else:
        client.repeat("m", "f")

    assert transport.calls == calls
    assert all(asked <= pause <= 0.5 for pause in slept)
