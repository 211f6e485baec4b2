"""Finds a running stack for the commands: by its state directory or the environment."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.embedded.environment import setting
from deploy.embedded.state import DEFAULT_STATE, StackError, State, is_held
from schemas.settings import Settings, load_settings

__all__ = ["Stack", "StackError", "find_stack"]


@dataclass(frozen=True)
class Stack:
    """What a command needs to work with a stack.

    ``environment`` holds its settings as variables; ``state`` and ``addresses`` are
    None when it is known by the environment alone.
    """

    environment: Mapping[str, str]
    state: Path | None
    addresses: Mapping[str, object] | None

    @property
    def database_url(self) -> str:
        """The ledger. Raises StackError when it is not set."""
        url = setting(self.environment, "DATABASE_URL")
        if url is None:
            raise StackError("DATABASE_URL is not set")
        return url

    @property
    def settings(self) -> Settings:
        """All settings. Raises SettingsError, naming each that is missing or wrong."""
        return load_settings(self.environment)

    @property
    def api_url(self) -> str:
        """Where the API answers, ``http://host:port``."""
        if self.addresses is not None:
            return str(self.addresses["api"])
        return local_url(self.settings.api_host, self.settings.api_port)


def find_stack(
    state: Path | None = None, environ: Mapping[str, str] | None = None
) -> Stack:
    """The stack that runs in ``state``, else the one that the environment names.

    Without ``state``: the environment's when it sets DATABASE_URL, unless the stack in
    the default directory runs on that same database and so knows the rest as well; else
    the default directory's. Raises StackError when there is none.
    """
    environ = os.environ if environ is None else environ
    if state is not None:
        stack = _running(state)
        if stack is None:
            raise StackError(_NO_STACK.format(state=state))
        return stack
    named = setting(environ, "DATABASE_URL")
    stack = _running(DEFAULT_STATE)
    if stack is not None and named in (None, stack.database_url):
        return stack
    if named is not None:
        return Stack(dict(environ), None, None)
    raise StackError(_NO_STACK.format(state=DEFAULT_STATE))


def local_url(host: str, port: int) -> str:
    """The URL by which this machine reaches a server that listens on host and port."""
    if host in ("", "0.0.0.0", "::"):
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


_NO_STACK = (
    "no stack runs in {state}; start one with `fusion-billing up --state {state}`, or "
    "set DATABASE_URL, BROKER_URL and ODOO_URL to name one"
)


def _running(root: Path) -> Stack | None:
    state = State(root.expanduser().absolute())
    try:
        addresses = json.loads(state.addresses.read_text(encoding="utf-8"))
        environment = json.loads(state.environment.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    # A stack that was killed has left its addresses.
    return Stack(environment, state.root, addresses) if is_held(state) else None
