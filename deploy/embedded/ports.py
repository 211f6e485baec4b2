"""Free ports of loopback, remembered so that addresses stay over restarts."""

import json
import random
import socket
from pathlib import Path

from deploy.embedded.files import write_private

# Below 32768, where Linux begins to hand out ports for outgoing connections.
_LOWEST, _HIGHEST = 20_000, 32_767


class NoFreePort(OSError):
    """No port of loopback is free in the range that we use."""


def choose_ports(names: tuple[str, ...], remembered: Path) -> dict[str, int]:
    """A free port for each name: last time's when it is still free, else a new one.

    ``remembered`` is a JSON file of name → port, written anew. Raises NoFreePort.
    """
    before = _read(remembered)
    chosen: dict[str, int] = {}
    for name in names:
        last = before.get(name)
        usable = last is not None and last not in chosen.values() and is_free(last)
        chosen[name] = last if usable and last else free_port(set(chosen.values()))
    write_private(remembered, json.dumps(before | chosen, indent=2) + "\n")
    return chosen


def free_port(taken: set[int]) -> int:
    """A free port at random, so that two stacks starting at once rarely meet."""
    for _ in range(1000):
        port = random.randint(_LOWEST, _HIGHEST)
        if port not in taken and is_free(port):
            return port
    raise NoFreePort(f"no free port on 127.0.0.1 from {_LOWEST} to {_HIGHEST}")


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of loopback now."""
    with socket.socket() as probe:
        # As servers do: a closed connection's TIME_WAIT does not count as taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _read(path: Path) -> dict[str, int]:
    try:
        ports = json.loads(path.read_text(encoding="utf-8"))
        return {name: int(port) for name, port in ports.items()}
    except FileNotFoundError:
        return {}
    except (ValueError, AttributeError, TypeError):  # cut off by a crash: choose anew
        return {}
