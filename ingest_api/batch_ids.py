"""Ids of batches: UUIDs of version 7 (RFC 9562), which rise with time, so that new rows
land at the end of the index."""

import secrets
from uuid import UUID


def new_batch_id(now_us: int) -> str:
    """A new id; ``now_us`` is microseconds since 1970.

    The 12 bits after the milliseconds are their fraction, the other 62 random.
    """
    milliseconds, microseconds = divmod(now_us, 1000)
    fraction = microseconds * 4096 // 1000
    high = milliseconds << 16 | 0x7000 | fraction
    low = 0b10 << 62 | secrets.randbits(62)
    return str(UUID(int=high << 64 | low))


def parse_batch_id(text: str) -> str | None:
    """The id in its one canonical form; None when the text is not a UUID written so."""
    try:
        canonical = str(UUID(text))
    except ValueError:
        return None
    return canonical if canonical == text.lower() else None
