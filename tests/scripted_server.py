"""A server on loopback that answers as told, byte for byte, and counts its requests."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

CLOSE = b""
HANG = None

Answer = bytes | None
"""The bytes to send before closing; HANG: none, and the connection stays open."""


@dataclass
class ScriptedServer:
    """``answers`` go out one per connection, the last one again and again."""

    url: str
    answers: list[Answer]
    requests: list[bytes] = field(default_factory=list)

    def next_answer(self) -> Answer:
        """What the next connection gets."""
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def http_answer(
    body: bytes, status: str = "200 OK", kind: str = "application/json", **more: str
) -> bytes:
    """An HTTP answer; ``Content_Length`` may be given to promise too much."""
    headers = {"Content_Length": str(len(body)), "Content_Type": kind, **more}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    head = "\r\n".join([f"HTTP/1.1 {status}", *lines, "Connection: close"])
    return head.encode() + b"\r\n\r\n" + body


@contextmanager
def scripted_server(*answers: Answer) -> Iterator[ScriptedServer]:
    """Such a server, while the block runs."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    server = ScriptedServer(f"http://127.0.0.1:{port}", list(answers))
    ended = threading.Event()
    thread = threading.Thread(target=_serve, args=(listener, server, ended))
    thread.start()
    try:
        yield server
    finally:
        ended.set()
        # Wakes accept(); closing the listener alone would not.
        socket.create_connection(("127.0.0.1", port)).close()
        thread.join(timeout=30)
        listener.close()


def closed_port_url() -> str:
    """A URL of loopback where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


def _serve(
    listener: socket.socket, server: ScriptedServer, ended: threading.Event
) -> None:
    held = []
    while True:
        connection, _ = listener.accept()
        if ended.is_set():
            connection.close()
            break
        connection.settimeout(10)
        server.requests.append(_read_request(connection))
        answer = server.next_answer()
        if answer is None:
            held.append(connection)
            continue
        with connection:
            connection.sendall(answer)
    for connection in held:
        connection.close()


def _read_request(connection: socket.socket) -> bytes:
    """All of a request; of what is no HTTP (a TLS hello), what came first."""
    data = connection.recv(65_536)
    while data.startswith((b"POST", b"GET")) and b"\r\n\r\n" not in data:
        data += connection.recv(65_536)
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [
        int(line.split(b":")[1])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length:")
    ]
    while len(body) < sum(lengths):
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body
