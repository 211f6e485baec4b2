"""Calls to a dependency that may be slow, frozen or gone, with an end in any case.

No driver of ours can be trusted with a time-out in every state (a frozen server still
acknowledges what the kernel receives), so a call runs on a thread of the dependency's
own, and the caller waits no longer than its deadline. A thread that hangs stays lost
until its server answers or dies; there are a bounded number of them.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from time import monotonic
from typing import Any, Final, TypeVar

import structlog

T = TypeVar("T")

_Job = tuple[Callable[[], Any], Future[Any]]

COOLDOWN_SECONDS: Final = 0.5
FAIR_SECONDS: Final = 0.5
"""A call that waited for less and had no answer says nothing about the dependency."""

log = structlog.get_logger()


class Unavailable(Exception):
    """The dependency refused, failed or did not answer in time.

    What was asked of it may have happened all the same.
    """

    def __init__(self, dependency: str) -> None:
        super().__init__(dependency)
        self.dependency = dependency


class BoundedCalls:
    """Runs calls to one dependency on at most ``threads`` threads.

    After a failure, calls fail at once while it cools down; then one call at a time
    may try, until one succeeds. A time-out before ``fair_seconds`` is no failure of
    the dependency: its caller was short of time. Threads start when needed, hence
    after a fork.
    """

    def __init__(
        self,
        dependency: str,
        threads: int,
        errors: tuple[type[Exception], ...],
        cooldown_seconds: float = COOLDOWN_SECONDS,
        fair_seconds: float = FAIR_SECONDS,
    ) -> None:
        self.dependency = dependency
        self._cooldown_seconds = cooldown_seconds
        self._fair_seconds = fair_seconds
        self._errors = errors
        self._free = threading.Semaphore(threads)
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._idle = 0
        self._started = 0
        self._lock = threading.Lock()
        self._failing = False
        self._probing = False
        self._next_try = 0.0

    def call(self, function: Callable[[], T], timeout_seconds: float) -> T:
        """What the function returns, or raises beyond ``errors``.

        Raises Unavailable after the time-out, for one of ``errors``, or at once while
        the dependency is failing.
        """
        probe = self._enter()
        try:
            result = self._run(function, timeout_seconds)
        except Unavailable as error:
            if timeout_seconds >= self._fair_seconds:
                self._note_failure(error)
            raise
        except self._errors as error:
            self._note_failure(error)
            raise Unavailable(self.dependency) from error
        finally:
            if probe:
                self._probing = False
        if self._failing:
            log.info("dependency_answers", dependency=self.dependency)
            self._failing = False
        return result

    def close(self) -> None:
        """End the threads, each after what it is doing; nothing may be called then."""
        for _ in range(self._started):
            self._jobs.put(None)

    def _enter(self) -> bool:
        """True when this call is the probe of a failing dependency."""
        if not self._failing:
            return False
        with self._lock:
            if self._probing or monotonic() < self._next_try:
                raise Unavailable(self.dependency)
            self._probing = True
            return True

    def _note_failure(self, error: Exception) -> None:
        if not self._failing:
            name = type(error.__cause__ or error).__name__
            log.warning(
                "dependency_unavailable", dependency=self.dependency, error=name
            )
        self._next_try = monotonic() + self._cooldown_seconds
        self._failing = True

    def _run(self, function: Callable[[], T], timeout_seconds: float) -> T:
        deadline = monotonic() + timeout_seconds
        if not self._free.acquire(timeout=timeout_seconds):
            raise Unavailable(self.dependency)
        future: Future[T] = Future()
        with self._lock:
            start_thread = self._idle == 0
            if start_thread:
                self._started += 1
            else:
                self._idle -= 1
        self._jobs.put((function, future))
        if start_thread:
            name = f"{self.dependency}-call"
            threading.Thread(target=self._work, name=name, daemon=True).start()
        try:
            return future.result(max(0.0, deadline - monotonic()))
        except TimeoutError as error:
            if future.done() and future.exception() is error:
                raise
            raise Unavailable(self.dependency) from error

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            function, future = job
            try:
                future.set_result(function())
            except BaseException as error:  # handed to the caller, whatever it is
                future.set_exception(error)
            del job, function, future
            with self._lock:
                self._idle += 1
            self._free.release()
