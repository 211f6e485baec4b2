"""Calls a method of the addon with rows, and says what became of each of them.

A call that fails is halved when rows may be to blame: when Odoo still takes the same
call without rows. So one row that Odoo chokes on holds up no other.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from odoo_bridge.client import OdooClient
from odoo_bridge.errors import (
    OdooAccessError,
    OdooConflictError,
    OdooError,
    OdooInvalidError,
    OdooMisconfiguredError,
    OdooTimeoutError,
    OdooTooLargeError,
    OdooUnavailableError,
    OdooUnreachableError,
)
from odoo_bridge.faults import one_line
from schemas.odoo_rows import Row

MAX_CALLS: Final = 32
"""Of one batch, when Odoo refuses it whole and the rows to blame are searched for."""

Outcome = TypeVar("Outcome")


@dataclass(frozen=True)
class RowCall(Generic[Outcome]):
    """A method that takes ``rows``, besides ``more``, and answers a result per row.

    ``read`` makes an outcome of a result, and raises KeyError, TypeError or ValueError
    on one of another shape; ``fail`` makes one of a single line that says why.
    """

    model: str
    method: str
    read: Callable[[Mapping[str, Any]], Outcome]
    fail: Callable[[str], Outcome]
    more: Mapping[str, Any] = field(default_factory=dict)


def send_rows(
    client: OdooClient, call: RowCall[Outcome], rows: Sequence[Row]
) -> list[Outcome]:
    """Send all; answers an outcome per row. Raises OdooError when no row is to blame.

    For methods that may run twice: a call whose answer was lost is repeated.
    """
    outcomes = [call.fail("Odoo gave no result for the row")] * len(rows)
    parts, calls = [list(range(len(rows)))] if rows else [], 0
    while parts:
        part = parts.pop()
        calls += 1
        try:
            answer = _send(client, call, [rows[index] for index in part])
        except (OdooTimeoutError, OdooUnreachableError):
            raise
        except (
            OdooInvalidError,
            OdooTooLargeError,
            OdooAccessError,
            OdooConflictError,
            OdooUnavailableError,
        ) as error:
            if _is_not_now(error):
                raise  # too busy for any row; a search would make it busier
            _send(client, call, [])
            if len(part) > 1 and calls < MAX_CALLS:
                middle = len(part) // 2
                parts += [part[middle:], part[:middle]]
            else:
                for index in part:
                    outcomes[index] = call.fail(one_line(error.fault))
        else:
            for place, outcome in _read_answer(call, answer, len(part)):
                outcomes[part[place]] = outcome
    return outcomes


def _send(client: OdooClient, call: RowCall[Outcome], rows: list[Row]) -> Any:
    return client.repeat(call.model, call.method, **call.more, rows=rows)


def _is_not_now(error: OdooError) -> bool:
    return (
        isinstance(error, OdooUnavailableError)
        and error.retry_after_seconds is not None
    )


def _read_answer(
    call: RowCall[Outcome], answer: Any, rows: int
) -> list[tuple[int, Outcome]]:
    """Each row's place and outcome. Raises OdooMisconfiguredError on another shape."""
    try:
        return [
            (place, call.read(result))
            for result in answer
            if 0 <= (place := int(result["index"])) < rows
        ]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise OdooMisconfiguredError(
            f"{call.method} answered something else than a result per row; another "
            "version of the addon is installed in Odoo"
        ) from error
