"""``python -m odoo_bridge.embedded``: the stand-in on loopback, one process.

Environment: ODOO_STANDIN_DATABASE_URL, ODOO_STANDIN_PORT, ODOO_DATABASE, ODOO_LOGIN,
ODOO_API_KEY; the secrets also as NAME_FILE, the name of a file that holds them.
"""

import os
import sys
from collections.abc import Mapping
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication

from odoo_bridge.embedded.app import BANNER, create_app
from odoo_bridge.embedded.models import Registry
from schemas.variables import VariableUnreadable, read_variable

HOST = "127.0.0.1"
THREADS = 8


class Standin(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn over one application; it closes each connection, as Odoo does."""

    def __init__(self, environ: Mapping[str, str], models: Registry | None = None):
        self.environ = environ
        self.models = models
        super().__init__()

    def load_config(self) -> None:
        """Set gunicorn's settings; its command line is not read."""
        settings: dict[str, Any] = {
            "bind": f"{HOST}:{setting(self.environ, 'ODOO_STANDIN_PORT')}",
            "workers": 1,
            "worker_class": "gthread",
            "threads": THREADS,
            "keepalive": 0,
            "timeout": 120,
            "graceful_timeout": 5,
            "proc_name": "odoo-standin",
            "control_socket_disable": True,
        }
        for name, value in settings.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Flask:
        """The application, made in the worker: connections do not survive a fork."""
        return create_app(
            setting(self.environ, "ODOO_STANDIN_DATABASE_URL"),
            database=setting(self.environ, "ODOO_DATABASE", "odoo"),
            login=setting(self.environ, "ODOO_LOGIN", "fusion-bridge"),
            api_key=setting(self.environ, "ODOO_API_KEY"),
            models=self.models,
            threads=THREADS,
        )


def setting(environ: Mapping[str, str], name: str, default: str | None = None) -> str:
    """A setting; exits when it is not set or its file cannot be read."""
    try:
        value = read_variable(environ, name) or default
    except VariableUnreadable as error:
        sys.exit(str(error))
    if value is None:
        sys.exit(f"{name} is not set")
    return value


def main() -> None:
    """Run until told to stop."""
    for name in ("ODOO_STANDIN_DATABASE_URL", "ODOO_STANDIN_PORT", "ODOO_API_KEY"):
        setting(os.environ, name)
    sys.stderr.write(BANNER)
    Standin(os.environ).run()


if __name__ == "__main__":
    main()
