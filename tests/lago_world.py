"""Lago's own Python client before the running API."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import lago_python_client.models
from flask import Flask
from lago_python_client.client import Client
from werkzeug.serving import WSGIRequestHandler, make_server

models: Any = lago_python_client.models
"""Any, as their own types do not pass."""


class QuietHandler(WSGIRequestHandler):
    """Without a line for each request."""

    def log(self, type: str, message: str, *args: object) -> None:
        """Nothing."""


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """The app on a port of this machine's own; its URL."""
    server = make_server(
        "127.0.0.1", 0, app, threaded=True, request_handler=QuietHandler
    )
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def lago_client(url: str, key: str) -> Any:
    """The client, set up as an app does that moves from Lago: another base URL.

    Any, as its own types do not pass.
    """
    return Client(api_key=key, api_url=url)
