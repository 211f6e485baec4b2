"""gunicorn's configuration for the API, in the embedded stack and in production."""

import os
import signal
from typing import Any

from deploy.embedded.child import die_with_parent
from schemas.settings import load_settings

_settings = load_settings(os.environ)
_host = f"[{_settings.api_host}]" if ":" in _settings.api_host else _settings.api_host

wsgi_app = "ingest_api.app:create_app()"
bind = f"{_host}:{_settings.api_port}"  # gunicorn sets SO_REUSEADDR
worker_class = "gthread"
workers = _settings.api_workers
threads = _settings.api_threads
graceful_timeout = 10
timeout = 60
keepalive = 30
loglevel = _settings.log_level.lower()
control_socket_disable = True  # its path is shared by every gunicorn of the user


def post_fork(arbiter: Any, worker: Any) -> None:
    """A worker ends with its arbiter: after a `kill -9` none keeps the port."""
    die_with_parent(signal.SIGKILL, worker.ppid)
