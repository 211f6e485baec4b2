"""How many requests a second one key may make."""

from dataclasses import dataclass
from time import time

from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter


@dataclass(frozen=True)
class Allowance:
    """Whether this request may pass, and what the key has left in this second."""

    allowed: bool
    limit: int
    remaining: int
    reset_seconds: int


class RateLimit:
    """Counts in this process: each of the API's processes gives out its share."""

    def __init__(self, per_second: int, processes: int) -> None:
        self._share = max(1, per_second // processes)
        self._item = RateLimitItemPerSecond(self._share)
        self._limiter = FixedWindowRateLimiter(MemoryStorage())

    def take(self, key: str) -> Allowance:
        """Count one request of the key's."""
        allowed = self._limiter.hit(self._item, key)
        stats = self._limiter.get_window_stats(self._item, key)
        reset_seconds = max(1, round(stats.reset_time - time()))
        return Allowance(allowed, self._share, max(0, stats.remaining), reset_seconds)
