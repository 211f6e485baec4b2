"""How commands find the stack they work with."""

import json
from pathlib import Path

import pytest

from deploy.embedded.state import StackError, hold, make_state
from deploy.stack import find_stack, local_url

OURS = "postgresql://fusion@127.0.0.1:5432/ledger"
OTHER = "postgresql://fusion@db.example:5432/ledger"


@pytest.fixture
def default_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a stack leaves in the default state directory, below our working one."""
    monkeypatch.chdir(tmp_path)
    state = make_state(Path(".fusion"))
    state.addresses.write_text(json.dumps({"api": "http://127.0.0.1:8080"}))
    state.environment.write_text(json.dumps({"DATABASE_URL": OURS}))
    return state.root


def test_a_running_stack_is_found_by_its_directory(default_directory: Path) -> None:
    with hold(make_state(default_directory)):
        stack = find_stack(default_directory, {"DATABASE_URL": OTHER})

    assert (stack.database_url, stack.api_url) == (OURS, "http://127.0.0.1:8080")


def test_without_a_directory_the_default_one_is_found(default_directory: Path) -> None:
    with hold(make_state(default_directory)):
        assert find_stack(None, {}).state == default_directory
        assert find_stack(None, {"DATABASE_URL": OURS}).state == default_directory


def test_another_database_in_the_environment_goes_before_the_default_directory(
    default_directory: Path,
) -> None:
    with hold(make_state(default_directory)):
        stack = find_stack(None, {"DATABASE_URL": OTHER})

    assert (stack.database_url, stack.state) == (OTHER, None)


def test_a_stack_that_was_killed_is_not_found(default_directory: Path) -> None:
    with pytest.raises(StackError, match="no stack runs in"):
        find_stack(default_directory, {"DATABASE_URL": OTHER})


def test_nowhere_a_stack_says_how_to_have_one(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="fusion-billing up --state"):
        find_stack(tmp_path / "none", {})


def test_the_database_may_be_named_by_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_text(f"{OTHER}\n")

    assert find_stack(None, {"DATABASE_URL_FILE": str(secret)}).database_url == OTHER


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8080"),
        ("0.0.0.0", "http://127.0.0.1:8080"),
        ("::1", "http://[::1]:8080"),
    ],
)
def test_a_listening_address_is_turned_into_one_to_call(host: str, url: str) -> None:
    assert local_url(host, 8080) == url
