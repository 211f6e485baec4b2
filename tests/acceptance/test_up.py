"""`fusion-billing up` as its user sees it: addresses, healing, a clean end."""

import os
import signal
import socket
import stat

import httpx
import psutil
import pytest

from deploy.embedded.state import State, leftovers
from tests.stack_process import (
    PROCESSES,
    RunningStack,
    assert_data_kept,
    end_up,
    is_healthy,
    keep_data,
    output_of,
    running_stack,
    start_up,
)
from tests.waiting import wait_until


def test_the_addresses_are_written_for_their_owner_once_all_answer(
    stack: RunningStack,
) -> None:
    addresses = stack.addresses

    assert is_healthy(stack)
    assert set(addresses["processes"]) == PROCESSES
    assert all(psutil.pid_exists(pid) for [pid] in addresses["processes"].values())
    mode = (stack.state / "addresses.json").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_secrets_are_in_no_process_list(stack: RunningStack) -> None:
    passwords = [
        stack.addresses["odoo_api_key"],
        stack.addresses["flower_basic_auth"].split(":")[1],
        stack.addresses["broker_url"].split("@")[0].split(":")[2],
        stack.addresses["database_url"].split("@")[0].split(":")[2],
    ]
    family = psutil.Process(stack.process.pid).children(recursive=True)
    lines = [" ".join(process.cmdline()) for process in family if process.is_running()]

    assert not [line for line in lines if any(word in line for word in passwords)]


def test_flower_asks_for_a_login(stack: RunningStack) -> None:
    url = f"{stack.addresses['flower']}/api/workers"
    user, password = stack.addresses["flower_basic_auth"].split(":")

    assert httpx.get(url, trust_env=False).status_code == 401
    login = httpx.get(url, auth=(user, password), trust_env=False, timeout=30)
    assert login.status_code == 200


@pytest.mark.parametrize("name", sorted(PROCESSES))
def test_a_killed_process_is_back_under_a_new_id(
    stack: RunningStack, name: str
) -> None:
    before = stack.kill(name)

    wait_until(lambda: stack.pid(name) not in (before, None), f"{name} is back", 60)
    wait_until(lambda: is_healthy(stack), f"all answer after the end of {name}", 60)


def test_a_second_up_in_the_same_directory_is_refused(stack: RunningStack) -> None:
    second = stack.run("up")

    assert second.returncode == 2
    assert f"a stack runs in {stack.state} already" in second.stderr
    assert "Traceback" not in second.stderr
    assert is_healthy(stack)


def test_two_stacks_run_side_by_side(stack: RunningStack, state: State) -> None:
    with running_stack(state.root) as other:
        ours, theirs = stack.addresses, other.addresses

        assert is_healthy(stack)
        assert is_healthy(other)
        for name in ("api", "flower", "odoo", "database_url", "broker_url"):
            assert ours[name] != theirs[name]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_nothing_is_left_after_a_signal(state: State, number: int) -> None:
    with running_stack(state.root) as stack:
        status = end_up(stack.process, number)

        assert status == 0
        assert leftovers(state) == []
        assert not state.addresses.exists()


def test_killed_as_a_whole_it_comes_back_with_its_data(state: State) -> None:
    with running_stack(state.root) as stack:
        keep_data(stack)
        family = psutil.Process(stack.process.pid).children(recursive=True)
        for process in (psutil.Process(stack.process.pid), *family):
            process.kill()
        stack.process.wait(timeout=30)

    with running_stack(state.root) as again:
        assert_data_kept(again)


def test_nothing_is_left_after_up_is_killed_and_the_next_waits_for_it(
    state: State,
) -> None:
    with running_stack(state.root) as stack:
        keep_data(stack)
        stack.process.kill()
        stack.process.wait(timeout=30)
        # At once: supervisord is still ending the processes of the first.
        with running_stack(state.root) as again:
            assert_data_kept(again)
            again.process.kill()
            again.process.wait(timeout=30)

        wait_until(lambda: not leftovers(state), "all has ended", 120)


def test_up_ends_with_an_error_when_supervisord_is_killed(state: State) -> None:
    with running_stack(state.root) as stack:
        [supervisord] = psutil.Process(stack.process.pid).children()
        supervisord.kill()

        assert stack.process.wait(timeout=120) == 1
        assert leftovers(state) == []
        assert "supervisord has ended" in output_of(state.root).read_text()


def test_a_process_that_cannot_start_is_named_with_its_log(state: State) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        process = start_up(state.root, os.environ | {"FUSION_API_PORT": port})
        try:
            status = process.wait(timeout=240)
        finally:
            end_up(process)

        output = output_of(state.root).read_text()
        assert status == 1
        assert "api does not start" in output
        assert f"127.0.0.1', {port}" in output
        assert leftovers(state) == []


def test_wrong_settings_are_reported_together_before_anything_starts(
    state: State,
) -> None:
    environ = os.environ | {"FUSION_API_WORKERS": "0", "FUSION_LOG_LEVEL": "loud"}

    process = start_up(state.root, environ)

    assert process.wait(timeout=60) == 2
    output = output_of(state.root).read_text()
    assert "FUSION_API_WORKERS" in output
    assert "FUSION_LOG_LEVEL" in output
    assert "Traceback" not in output
    assert leftovers(state) == []
