"""Every call that Lago's clients can make: method and path below the API's base."""

import inspect
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from lago_python_client.client import Client
from lago_python_client.exceptions import LagoApiError

Call = tuple[str, str]
NOT_RESOURCES: Final = {"base_api_url", "base_ingest_api_url"}
JAVASCRIPT_CALLS: Final = Path(__file__).parent / "javascript_calls.txt"
"""What the JavaScript client 1.53.0 can call, an ID in the place of each id."""

_REQUEST = re.compile(r'path: `([^`]*)`,\s*method: "(\w+)"')
_REFUSAL: Final = b'{"status": 501, "error": "Not Implemented"}'


def javascript_calls() -> set[Call]:
    """As listed beside this file."""
    lines = JAVASCRIPT_CALLS.read_text(encoding="utf-8").splitlines()
    return {(method, path) for method, path in (line.split() for line in lines)}


def javascript_calls_of(package: Path) -> set[Call]:
    """As the installed package has them."""
    text = (package / "esm" / "openapi" / "client.js").read_text(encoding="utf-8")
    return {
        (method, re.sub(r"\$\{[^}]*\}", "ID", path))
        for path, method in _REQUEST.findall(text)
    }


def javascript_package() -> Path | None:
    """Where the JavaScript client is: FUSION_LAGO_JAVASCRIPT names a folder that has it
    below node_modules; None when it is not installed."""
    folder = os.environ.get("FUSION_LAGO_JAVASCRIPT", "")
    package = Path(folder) / "node_modules" / "lago-javascript-client"
    return package if folder and package.is_dir() else None


def python_calls() -> set[Call]:
    """Each public method of the Python client, called once against a server that
    refuses; raises AssertionError for a method that asks nothing."""
    calls: set[Call] = set()
    with _refusing() as (url, seen):
        client = Client(api_key="key", api_url=url)
        for resource in vars(Client):
            if resource.islower() and resource not in NOT_RESOURCES | {"api_key"}:
                if resource.startswith("_"):
                    continue
                target = getattr(client, resource)._obj
                for name, method in inspect.getmembers(target, inspect.ismethod):
                    if not name.startswith("_"):
                        seen.clear()
                        _call(method)
                        assert seen, f"{resource}.{name} asked nothing"
                        calls.update(seen)
    return calls


class _Anything:
    """Stands for any object that a method wants."""

    def dict(self, **_: Any) -> dict[str, Any]:
        return {}

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __getattr__(self, name: str) -> Any:
        return _Anything()


def _call(method: Any) -> None:
    arguments: dict[str, Any] = {}
    for name, parameter in inspect.signature(method).parameters.items():
        is_id = name in ("resource_id", "identifier")
        if parameter.default is inspect.Parameter.empty or is_id:
            is_object = "input" in name or "object" in name
            arguments[name] = _Anything() if is_object else "ID"
    with suppress(LagoApiError):
        method(**arguments)


@contextmanager
def _refusing() -> Iterator[tuple[str, list[Call]]]:
    seen: list[Call] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            path = self.path.partition("?")[0].removeprefix("/api/v1")
            seen.append((self.command, path))
            self.send_response(501)
            self.send_header("content-length", str(len(_REFUSAL)))
            self.end_headers()
            self.wfile.write(_REFUSAL)

        do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/", seen
        finally:
            server.shutdown()
            thread.join()
