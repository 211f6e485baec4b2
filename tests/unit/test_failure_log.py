"""What fails over and over is logged at first, and then once a minute."""

from structlog.testing import capture_logs

from odoo_bridge.failure_log import EVERY_SECONDS, FailureLog


class Clock:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """The seconds now."""
        return self.now


def test_an_hour_of_failures_is_sixty_lines() -> None:
    clock = Clock()
    failures = FailureLog(clock)
    with capture_logs() as lines:
        for _ in range(3600):
            failures.failed("warning", "push_failed", "Away", reason="x")
            clock.now += 1

    assert len(lines) == 3600 / EVERY_SECONDS
    assert [line["unlogged"] for line in lines[:3]] == [0, 59, 59]
    assert {line["log_level"] for line in lines} == {"warning"}


def test_another_kind_of_failure_and_another_event_are_logged_at_once() -> None:
    failures = FailureLog(Clock())
    with capture_logs() as lines:
        failures.failed("warning", "push_failed", "Away")
        failures.failed("warning", "push_failed", "Away")
        failures.failed("error", "push_failed", "Denied")
        failures.failed("warning", "pull_failed", "Away")

    assert [(line["event"], line["kind"]) for line in lines] == [
        ("push_failed", "Away"),
        ("push_failed", "Denied"),
        ("pull_failed", "Away"),
    ]


def test_the_first_failure_after_a_success_is_logged() -> None:
    failures = FailureLog(Clock())
    with capture_logs() as lines:
        failures.succeeded("push_failed")
        failures.failed("warning", "push_failed", "Away")
        failures.succeeded("push_failed")
        failures.failed("warning", "push_failed", "Away")

    assert [line["event"] for line in lines] == [
        "push_failed",
        "push_failed_over",
        "push_failed",
    ]
