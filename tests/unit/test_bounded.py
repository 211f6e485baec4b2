"""A dependency that fails or hangs costs a caller its deadline, and no more."""

import threading
from functools import partial

import pytest

from ingest_api.bounded import BoundedCalls, Unavailable
from tests.waiting import wait_until

SECONDS = 5.0


def fail() -> None:
    raise ConnectionError("refused")


def calls_to(
    threads: int = 2, cooldown_seconds: float = 0.0, fair_seconds: float = 0.0
) -> BoundedCalls:
    return BoundedCalls("broker", threads, (OSError,), cooldown_seconds, fair_seconds)


def works_again(calls: BoundedCalls) -> bool:
    try:
        return calls.call(lambda: True, SECONDS)
    except Unavailable:
        return False


def test_a_call_returns_what_the_function_returns() -> None:
    calls = calls_to()

    assert [calls.call(partial(str, n), SECONDS) for n in range(3)] == ["0", "1", "2"]


def test_an_error_that_is_not_the_dependencys_passes_through() -> None:
    calls = calls_to()

    with pytest.raises(ZeroDivisionError):
        calls.call(lambda: 1 / 0, SECONDS)
    assert calls.call(lambda: True, SECONDS)


def test_a_hanging_call_ends_at_its_deadline() -> None:
    calls, release = calls_to(), threading.Event()

    with pytest.raises(Unavailable):
        calls.call(release.wait, 0.05)

    release.set()
    wait_until(lambda: works_again(calls), "the calls work again")


def test_after_a_failure_calls_fail_at_once() -> None:
    calls, tried = calls_to(cooldown_seconds=60), []

    with pytest.raises(Unavailable):
        calls.call(fail, SECONDS)
    with pytest.raises(Unavailable):
        calls.call(lambda: tried.append(1), SECONDS)

    assert tried == []


def test_a_caller_without_time_fails_alone() -> None:
    calls, release = calls_to(cooldown_seconds=60, fair_seconds=0.1), threading.Event()

    with pytest.raises(Unavailable):
        calls.call(release.wait, 0.05)

    assert calls.call(lambda: True, SECONDS)
    release.set()


def test_a_fair_wait_in_vain_is_held_against_the_dependency() -> None:
    calls, release = calls_to(cooldown_seconds=60, fair_seconds=0.1), threading.Event()

    with pytest.raises(Unavailable):
        calls.call(release.wait, 0.1)

    with pytest.raises(Unavailable):
        calls.call(lambda: True, SECONDS)
    release.set()


def test_after_the_cooldown_a_call_that_succeeds_mends_it() -> None:
    calls = calls_to()

    with pytest.raises(Unavailable):
        calls.call(fail, SECONDS)

    assert calls.call(lambda: True, SECONDS)


def test_one_call_at_a_time_tries_a_failing_dependency() -> None:
    calls, entered, release = calls_to(), threading.Event(), threading.Event()

    def probe() -> None:
        entered.set()
        release.wait(SECONDS)

    with pytest.raises(Unavailable):
        calls.call(fail, SECONDS)
    prober = threading.Thread(target=calls.call, args=(probe, SECONDS))
    prober.start()
    entered.wait(SECONDS)

    with pytest.raises(Unavailable):
        calls.call(lambda: True, SECONDS)

    release.set()
    prober.join()
    assert calls.call(lambda: True, SECONDS)


def test_threads_are_bounded_however_many_calls_hang() -> None:
    calls, release = calls_to(threads=1), threading.Event()
    before = threading.active_count()

    for _ in range(3):
        with pytest.raises(Unavailable):
            calls.call(release.wait, 0.05)

    assert threading.active_count() <= before + 1
    release.set()
    wait_until(lambda: works_again(calls), "the calls work again")
