"""What `up` will run: the environment, the programs, the addresses, in one value."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from deploy.embedded.environment import (
    DATABASE,
    PORT_NAMES,
    Parts,
    embedded_parts,
    process_environment,
)
from deploy.embedded.ports import choose_ports
from deploy.embedded.postgres import prepare_postgres
from deploy.embedded.programs import Program, application_programs, server_programs
from deploy.embedded.redis_server import prepare_redis
from deploy.embedded.state import StackError, State, read_secrets
from deploy.stack import local_url
from schemas.settings import Settings, load_settings


@dataclass(frozen=True)
class Plan:
    """A stack, prepared and not started.

    ``maintenance_url`` is a database on the ledger's server from which others can be
    created; ``databases`` are those that have to be there.
    """

    state: State
    parts: Parts
    programs: list[Program]
    environment: dict[str, str]
    settings: Settings
    maintenance_url: str
    databases: list[str]
    flower_url: str

    @property
    def api_url(self) -> str:
        return local_url(self.settings.api_host, self.settings.api_port)

    def addresses(self, processes: Mapping[str, list[int]]) -> dict[str, object]:
        """What ``addresses.json`` says, with the processes' ids by name."""
        return {
            "api": self.api_url,
            "flower": self.flower_url,
            "odoo": self.settings.odoo_url,
            "database_url": self.settings.database_url,
            "broker_url": self.settings.broker_url,
            "processes": dict(processes),
            "odoo_database": self.settings.odoo_database,
            "odoo_login": self.settings.odoo_login,
            "odoo_api_key": self.settings.odoo_api_key,
            "flower_basic_auth": self.settings.flower_basic_auth,
        }


def make_plan(state: State, environ: Mapping[str, str]) -> Plan:
    """Prepare the servers of this state directory, held by the caller.

    Raises StackError when a server cannot be had, SettingsError for wrong settings.
    """
    parts = embedded_parts(environ)
    secrets = read_secrets(state)
    ports = choose_ports(PORT_NAMES, state.root / "ports.json")
    postgres = (
        prepare_postgres(state, secrets.postgres_password) if parts.database else None
    )
    redis = prepare_redis(state, secrets.redis_password) if parts.broker else None
    environment = process_environment(
        environ,
        state=state,
        secrets=secrets,
        ports=ports,
        database_url=postgres.url(ports["database"], DATABASE) if postgres else None,
        broker_url=redis.url(ports["broker"]) if redis else None,
    )
    settings = load_settings(environment)
    if settings.flower_basic_auth:
        environment["FLOWER_BASIC_AUTH"] = settings.flower_basic_auth
    databases = [DATABASE] if postgres else []
    if parts.odoo:
        databases.append(_database_name(environment["ODOO_STANDIN_DATABASE_URL"]))
    return Plan(
        state=state,
        parts=parts,
        programs=[
            *server_programs(postgres, redis, ports),
            *application_programs(state, settings, parts, ports),
        ],
        environment=environment,
        settings=settings,
        maintenance_url=(
            postgres.url(ports["database"], "postgres")
            if postgres
            else settings.database_url
        ),
        databases=databases,
        flower_url=f"http://127.0.0.1:{ports['flower']}",
    )


def _database_name(url: str) -> str:
    name = urlsplit(url).path.strip("/")
    if not name:
        raise StackError("ODOO_STANDIN_DATABASE_URL names no database")
    return name
