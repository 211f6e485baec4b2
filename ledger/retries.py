"""When a webhook that failed is tried again. Pure: the clock and the jitter come in."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

# What is waited before each attempt; after the last one fails, the delivery is dead.
SCHEDULE = (
    timedelta(0),
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
MAX_JITTER = 0.2
MAX_RETRY_AFTER = timedelta(hours=10)


def next_attempt_at(
    failures: int, now: datetime, *, jitter: float, retry_after: timedelta | None
) -> datetime | None:
    """When to try again after this many failures; None when the schedule is exhausted.

    ``jitter``, 0 to 1, spreads the wait over 1 to 1.2 times the schedule's, so that an
    outage does not end in a stampede. The receiver's Retry-After can only put it off.
    """
    if failures >= len(SCHEDULE):
        return None
    wait = SCHEDULE[failures] * (1 + MAX_JITTER * jitter)
    return now + max(wait, retry_after or timedelta(0))


def parse_retry_after(header: str | None, now: datetime) -> timedelta | None:
    """The wait that a Retry-After header asks for: seconds or an HTTP date.

    Clamped to 0 … 10 h; None when it is absent or cannot be read (RFC 9110, 10.2.3).
    """
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        # More digits than this is more than the clamp.
        wait = timedelta(seconds=int(text)) if len(text) < 9 else MAX_RETRY_AFTER
    else:
        try:
            date = parsedate_to_datetime(text)
        except (ValueError, OverflowError):  # the latter: a year of 20 digits
            return None
        wait = (date if date.tzinfo else date.replace(tzinfo=UTC)) - now
    return min(max(wait, timedelta(0)), MAX_RETRY_AFTER)
