"""The settings of every process, read once from the environment.

Each setting is an environment variable named as below; ``NAME_FILE`` names a file
that holds the value instead (for secrets). ``load_settings`` reports all faults
together, so that a deployment is mended in one round.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from marshmallow import ValidationError

from schemas.settings_schema import SettingsSchema


class SettingsError(ValueError):
    """One or more settings are wrong; the text names each, a line apiece."""


@dataclass(frozen=True)
class Settings:
    """Every setting, typed. Seconds and bytes are in the names."""

    database_url: str
    broker_url: str
    odoo_url: str
    odoo_database: str
    odoo_login: str
    odoo_api_key: str
    odoo_protocol: str
    odoo_timeout_seconds: float
    odoo_push_rows: int
    odoo_ca_file: str
    odoo_full_pull_seconds: int
    secret_key: str
    flower_basic_auth: str
    api_host: str
    api_port: int
    api_workers: int
    api_threads: int
    rate_limit_per_second: int
    max_queue_batches: int
    worker_concurrency: int
    max_deliveries: int
    parked_dead_days: int
    drift_hour: int
    visibility_timeout_seconds: int
    webhook_allow_loopback: bool
    log_level: str
    public_url: str
    odoo_public_url: str

    @property
    def issuer(self) -> str:
        """Who signs webhooks: the API's URL as apps know it."""
        return self.public_url or f"http://{self.api_host}:{self.api_port}"

    @property
    def portal_url(self) -> str:
        """Odoo as customers reach it, without a slash at its end."""
        return (self.odoo_public_url or self.odoo_url).rstrip("/")


def variable_name(field_name: str) -> str:
    """The environment variable of a setting: the well-known URLs bare, else FUSION_*.

    ``database_url`` → ``DATABASE_URL``, ``odoo_api_key`` → ``ODOO_API_KEY``,
    ``api_port`` → ``FUSION_API_PORT``.
    """
    bare = ("database_", "broker_", "odoo_")
    name = field_name.upper()
    return name if field_name.startswith(bare) else f"FUSION_{name}"


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Settings from environment variables.

    Raises SettingsError with one line for each variable that is missing, unreadable
    or wrong; the value itself is never repeated, since it may be a secret.
    """
    raw: dict[str, str] = {}
    faults: list[str] = []
    schema = SettingsSchema()
    for field_name in schema.fields:
        name = variable_name(field_name)
        path = environ.get(f"{name}_FILE")
        if path and name in environ:
            faults.append(f"{name}: set together with {name}_FILE; keep one of them")
        elif path:
            try:
                raw[field_name] = Path(path).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                faults.append(f"{name}_FILE: cannot read {path}: {error}")
        elif name in environ:
            raw[field_name] = environ[name]
    unread = {fault.split(":")[0].removesuffix("_FILE") for fault in faults}
    try:
        values = schema.load(raw)
    except ValidationError as error:
        assert isinstance(error.messages, dict)  # noqa: S101 - of a schema, always
        for field_name, texts in sorted(error.messages.items()):
            name = variable_name(field_name)
            if name not in unread:
                faults.append(f"{name}: {' '.join(texts)}")
    if faults:
        raise SettingsError(
            "Settings are wrong; set these environment variables:\n"
            + "\n".join(f"  {fault}" for fault in faults)
        )
    return Settings(**values)
