"""A server before another one, as an operator's: TLS, a path of its own, a proxy."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

_CHUNK = 65_536


@dataclass
class Front:
    """``url`` leads through it; ``heads`` are the first lines of what came."""

    url: str
    port: int
    heads: list[str] = field(default_factory=list)


@contextmanager
def front_server(
    target_port: int,
    context: ssl.SSLContext | None = None,
    *,
    host: str = "127.0.0.1",
    strip: str = "",
) -> Iterator[Front]:
    """Passes each connection on to a port of loopback, one request apiece.

    ``context`` terminates TLS. ``strip`` is taken from the front of each request's
    target: a path of the server's own, or the ``http://host`` of what is asked of a
    proxy. CONNECT opens a tunnel, whatever host it names.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as listener:
        port = listener.getsockname()[1]
        scheme = "https" if context else "http"
        shown = f"[{host}]" if ":" in host else host
        front = Front(f"{scheme}://{shown}:{port}", port)
        ended = threading.Event()

        def serve() -> None:
            threads = []
            while True:
                connection, _ = listener.accept()
                if ended.is_set():
                    connection.close()
                    break
                arguments = (connection, target_port, context, strip, front)
                threads.append(threading.Thread(target=_pass_on, args=arguments))
                threads[-1].start()
            for each in threads:
                each.join(timeout=30)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield front
        finally:
            ended.set()
            socket.create_connection((host, port)).close()  # wakes accept()
            thread.join(timeout=60)


def _pass_on(
    connection: socket.socket,
    target_port: int,
    context: ssl.SSLContext | None,
    strip: str,
    front: Front,
) -> None:
    connection.settimeout(20)
    with suppress(OSError), connection:
        if context is not None:
            connection = context.wrap_socket(connection, server_side=True)
        with (
            connection,
            socket.create_connection(("127.0.0.1", target_port), 20) as target,
        ):
            data = connection.recv(_CHUNK)
            head, _, rest = data.partition(b"\r\n")
            front.heads.append(head.decode())
            if head.startswith(b"CONNECT"):
                connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            else:
                head = head.replace(f" {strip}/".encode(), b" /", 1)
                target.sendall(head + b"\r\n" + rest)
            back = threading.Thread(target=_pump, args=(target, connection))
            back.start()
            _pump(connection, target)
            back.join(timeout=30)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(_CHUNK):
            sink.sendall(data)
    with suppress(OSError):
        socket.socket.shutdown(sink, socket.SHUT_RDWR)
