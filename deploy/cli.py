"""The command line `fusion-billing`: a group whose commands are one file each.

A command is a module below ``deploy/commands`` that has a click command ``cli``; its
name is the module's. It is imported when it is called or its help is shown.
"""

import importlib
import pkgutil
from typing import Any

import click
import psycopg

from deploy import commands
from deploy.embedded.state import StackError
from ledger.db import CONTENTION
from schemas.settings import SettingsError

_AWAY = "the database does not answer"


class _Failure(click.ClickException):
    """An error with one clear text: no traceback, exit status 2."""

    exit_code = 2


class CommandFolder(click.Group):
    """Finds its commands in the package ``deploy.commands``."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the modules, as commands are written."""
        modules = pkgutil.iter_modules(commands.__path__)
        return sorted(module.name.replace("_", "-") for module in modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The ``cli`` of the module with this name, None when there is none."""
        if cmd_name not in self.list_commands(ctx):
            return None
        module = importlib.import_module(
            f"{commands.__name__}.{cmd_name.replace('-', '_')}"
        )
        command: click.Command = module.cli
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; errors that have a clear text of their own end with it."""
        try:
            return super().invoke(ctx)
        except (StackError, SettingsError) as error:
            raise _Failure(str(error)) from error
        except psycopg.OperationalError as error:
            busy = isinstance(error, CONTENTION)
            what = "the database is busy, try again" if busy else _AWAY
            text = " ".join(str(error).split())
            raise _Failure(f"{what}: {text}") from error


@click.group(cls=CommandFolder)
@click.version_option(package_name="fusion-billing")
def main() -> None:
    """Usage billing for Odoo: ingest counters, keep the books, bill in Odoo."""


if __name__ == "__main__":
    main()
