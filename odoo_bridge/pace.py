"""How much the bridge asks of Odoo at a time: less while it is slow, or says "not now".

An Odoo that comes back after hours has all of its users at its door, not only us. A
slow call is followed by smaller ones, and by a pause as long as it took; a failed one
by longer pauses each time, or the one that Odoo asked for. Each fast call doubles the
next, until they are full again; so do some that are neither fast nor slow, since an
Odoo that is far away takes as long for few rows as for many.
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from odoo_bridge.errors import (
    OdooError,
    OdooFinalError,
    OdooUnavailableError,
    OdooUnreachableError,
)

SLOW_SECONDS: Final = 2.0
"""A call of 500 rows takes a tenth of a second of an Odoo that is well."""
STEADY_CALLS: Final = 8
"""Neither fast nor slow, one after the other, before a larger one is tried."""
MOST_SHARES: Final = 32
LEAST_ROWS: Final = 10
LONGEST_PAUSE: Final = timedelta(minutes=5)
"""Of a Retry-After; a pause of our own is at most LONGEST_OWN_PAUSE."""
LONGEST_OWN_PAUSE: Final = timedelta(seconds=30)


@dataclass
class Pace:
    """Remembers how the last calls went; one for each process and kind of call.

    ``most_rows``: of a call at full speed; ``least_rows``: of the smallest;
    ``slow_seconds``: what takes longer is too much at a time.
    """

    most_rows: int
    least_rows: int = LEAST_ROWS
    slow_seconds: float = SLOW_SECONDS
    _shares: int = 1
    _failures: int = 0
    _steady: int = 0
    _held_until: datetime | None = None

    @property
    def rows(self) -> int:
        """How many rows the next call may have."""
        return max(self.most_rows // self._shares, min(self.least_rows, self.most_rows))

    def holds(self, now: datetime) -> bool:
        """Whether to leave Odoo alone for now."""
        return self._held_until is not None and now < self._held_until

    def note_answer(self, seconds: float, now: datetime) -> None:
        """Odoo took a call; ``seconds``: how long that took it."""
        self._failures = 0
        self._held_until = None
        self._steady += 1
        if seconds > self.slow_seconds:
            times = 1 << math.ceil(math.log2(seconds / self.slow_seconds))
            self._slow_down(times)
            self._held_until = now + min(timedelta(seconds=seconds), LONGEST_OWN_PAUSE)
        elif seconds * 2 <= self.slow_seconds or self._steady >= STEADY_CALLS:
            self._shares = max(self._shares // 2, 1)
            self._steady = 0

    def note_failure(self, error: OdooError, now: datetime) -> None:
        """A call failed as a whole.

        What a person must mend is no sign of load, and a call that never reached Odoo
        was none: the next beat may try that again, with few rows.
        """
        if isinstance(error, OdooFinalError):
            return
        self._slow_down(2)
        if isinstance(error, OdooUnreachableError):
            self._shares = MOST_SHARES
            return
        self._failures += 1
        own = timedelta(seconds=1 << min(self._failures - 1, 10))
        asked = timedelta()
        if isinstance(error, OdooUnavailableError) and error.retry_after_seconds:
            seconds = min(error.retry_after_seconds, LONGEST_PAUSE.total_seconds())
            asked = timedelta(seconds=seconds)
        self._held_until = now + max(min(own, LONGEST_OWN_PAUSE), asked)

    def _slow_down(self, times: int) -> None:
        self._steady = 0
        self._shares = min(self._shares * times, MOST_SHARES)
