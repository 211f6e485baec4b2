"""gunicorn's configuration for the API, in the embedded stack and in production."""

import gc
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

from deploy.embedded.state import STATE_VARIABLE
from schemas.settings import load_settings
from workers.parent_death import die_with_parent

SWITCH_SECONDS = 0.0005
_settings = load_settings(os.environ)
_host = f"[{_settings.api_host}]" if ":" in _settings.api_host else _settings.api_host

wsgi_app = "ingest_api.app:create_app()"
bind = f"{_host}:{_settings.api_port}"  # gunicorn sets SO_REUSEADDR
worker_class = "ingest_api.gunicorn_worker.ArrivalWorker"
workers = _settings.api_workers
threads = _settings.api_threads
graceful_timeout = 10
timeout = 60
keepalive = 30
limit_request_line = 8190  # an id of 765 bytes, percent-encoded, in path and query
loglevel = _settings.log_level.lower()
control_socket_disable = True  # its path is shared by every gunicorn of the user


def _make_metrics_directory() -> Path:
    """An empty directory in which the workers of this gunicorn count together."""
    state = os.environ.get(STATE_VARIABLE)
    if state is None:
        return Path(tempfile.mkdtemp(prefix="fusion-billing-metrics-"))
    directory = Path(state) / "metrics"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    return directory


# Before a worker imports prometheus_client, which reads it then.
os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", str(_make_metrics_directory()))


def post_fork(arbiter: Any, worker: Any) -> None:
    """A worker ends with its arbiter: after a `kill -9` none keeps the port."""
    die_with_parent(signal.SIGKILL, worker.ppid)


def post_worker_init(worker: Any) -> None:
    """Before the first request: keep one thread's work from holding up the others.

    A thread that comes back from a wait gets the interpreter after this long, not after
    5 ms, of which a request has ten; what is loaded by now is not collected again.
    """
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.collect()
    gc.freeze()


def child_exit(arbiter: Any, worker: Any) -> None:
    """Gauges of a worker that has ended are not counted any more."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]  # no types
