"""How much is asked of Odoo: less after slow and failed calls, all again later."""

from datetime import UTC, datetime, timedelta

import pytest

from odoo_bridge.errors import (
    OdooAuthenticationError,
    OdooConflictError,
    OdooError,
    OdooTimeoutError,
    OdooUnavailableError,
    OdooUnreachableError,
)
from odoo_bridge.pace import LONGEST_OWN_PAUSE, LONGEST_PAUSE, Pace

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
FAST = 0.1


def test_a_bridge_begins_at_full_speed() -> None:
    pace = Pace(500)

    assert (pace.rows, pace.holds(NOW)) == (500, False)


@pytest.mark.parametrize(
    ("seconds", "rows", "pause"), [(3, 250, 3), (7.5, 125, 7.5), (16, 62, 16)]
)
def test_a_slow_call_makes_the_next_smaller_and_is_paused_after(
    seconds: float, rows: int, pause: float
) -> None:
    pace = Pace(500)

    pace.note_answer(seconds, NOW)

    assert pace.rows == rows
    assert pace.holds(NOW + timedelta(seconds=pause - 0.1))
    assert not pace.holds(NOW + timedelta(seconds=pause))


def test_fast_calls_bring_full_speed_back() -> None:
    pace = Pace(500)
    pace.note_answer(7.5, NOW)

    seen = []
    for _ in range(3):
        pace.note_answer(FAST, NOW)
        seen.append((pace.rows, pace.holds(NOW)))

    assert seen == [(250, False), (500, False), (500, False)]


def test_an_odoo_that_is_far_away_gets_full_calls_again() -> None:
    pace = Pace(500)
    pace.note_failure(OdooUnreachableError("away"), NOW)
    assert pace.rows < 500

    for _ in range(100):
        pace.note_answer(1.5, NOW)

    assert pace.rows == 500


def test_a_call_that_is_neither_fast_nor_slow_changes_nothing() -> None:
    pace = Pace(500)
    pace.note_answer(3, NOW)
    pace.note_answer(1.5, NOW)

    assert pace.rows == 250


@pytest.mark.parametrize("error", [OdooTimeoutError(), OdooConflictError()])
def test_each_failure_is_waited_after_for_longer(error: OdooError) -> None:
    pace = Pace(500)

    waits = []
    for _ in range(7):
        pace.note_failure(error, NOW)
        waits.append(next(n for n in range(99) if not pace.holds(NOW + n * SECOND)))

    assert waits == [1, 2, 4, 8, 16, 30, 30]
    assert LONGEST_OWN_PAUSE == 30 * SECOND
    assert pace.rows == 15


def test_what_odoo_asks_for_is_waited_for() -> None:
    pace, error = Pace(500), OdooUnavailableError("not now")
    error.retry_after_seconds = 45

    pace.note_failure(error, NOW)

    assert pace.holds(NOW + 44 * SECOND)
    assert not pace.holds(NOW + 45 * SECOND)


def test_nobody_puts_the_bridge_off_for_long() -> None:
    pace, error = Pace(500), OdooUnavailableError("not now")
    error.retry_after_seconds = 1e9

    pace.note_failure(error, NOW)

    assert not pace.holds(NOW + LONGEST_PAUSE)


def test_an_odoo_that_is_gone_is_tried_at_once_and_with_few_rows() -> None:
    pace = Pace(500)

    pace.note_failure(OdooUnreachableError(), NOW)

    assert (pace.rows, pace.holds(NOW)) == (15, False)


def test_what_a_person_must_mend_is_no_sign_of_load() -> None:
    pace = Pace(500)

    pace.note_failure(OdooAuthenticationError(), NOW)

    assert (pace.rows, pace.holds(NOW)) == (500, False)


def test_a_call_never_has_more_rows_than_the_setting() -> None:
    pace = Pace(3)
    pace.note_failure(OdooUnreachableError(), NOW)

    assert pace.rows == 3
