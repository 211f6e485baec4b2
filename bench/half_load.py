"""Latencies while batches come in at half the rate that the whole way sustains.

Open loop: a batch is due at its time, whether the one before is answered or not, and
its latency counts from when it was due, so that a stall shows in all that it delays.
"""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bench.traffic import PROBE, App, make_body

THREADS = 32
PROBE_PAUSE_SECONDS = 0.1
LOOK_SECONDS = 0.01
LOST_SECONDS = 60


@dataclass(frozen=True)
class HalfLoad:
    """Seconds of each batch's answer, and from a 202 until current usage shows it."""

    answered: list[float]
    visible: list[float]


def half_load(sender: App, batches_per_second: float, seconds: int) -> HalfLoad:
    """Send 100-counter batches at this rate, and look how long they take."""
    bodies = [make_body(100) for _ in range(int(batches_per_second * seconds))]
    over = threading.Event()
    with ThreadPoolExecutor(THREADS) as pool, ThreadPoolExecutor(1) as looking:
        visible = looking.submit(_look, sender, over)
        try:
            begun = time.monotonic() + 0.1
            answers = []
            for number, body in enumerate(bodies):
                due = begun + number / batches_per_second
                time.sleep(max(0.0, due - time.monotonic()))
                answers.append(pool.submit(_push, sender, body, due))
            answered = [answer.result() for answer in answers]
        finally:
            over.set()
        return HalfLoad(answered, visible.result())


def _push(sender: App, body: bytes, due: float) -> float:
    sender.push(body)
    return time.monotonic() - due


def _look(sender: App, over: threading.Event) -> list[float]:
    """Push a counter, wait until current usage shows it, pause, again."""
    seen = sender.counted(PROBE)
    taken = []
    while not over.wait(PROBE_PAUSE_SECONDS):
        sender.push(make_body(1, PROBE))
        accepted = time.monotonic()
        seen += 1
        while sender.counted(PROBE) < seen:
            if time.monotonic() - accepted > LOST_SECONDS:
                raise SystemExit("an accepted counter did not become visible")
            time.sleep(LOOK_SECONDS)
        taken.append(time.monotonic() - accepted)
    return taken
