"""The settings of every process, read once from the environment.

Each setting is an environment variable named as below; ``NAME_FILE`` names a file
that holds the value instead (for secrets). ``load_settings`` reports all faults
together, so that a deployment is mended in one round.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from marshmallow import Schema, ValidationError, fields, validate

BROKER_SCHEMES = ("redis", "rediss", "amqp", "amqps")
ODOO_PROTOCOLS = ("json2", "json2s", "xmlrpc", "xmlrpcs")


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

    @property
    def issuer(self) -> str:
        """Who signs webhooks: the API's URL as apps know it."""
        return self.public_url or f"http://{self.api_host}:{self.api_port}"


def _url(schemes: tuple[str, ...]) -> validate.Validator:
    class _Url(validate.Validator):
        def __call__(self, value: str) -> str:
            try:
                parts = urlsplit(value)
                _ = parts.port
            except ValueError as error:
                raise ValidationError(f"is not a URL: {error}") from error
            if parts.scheme not in schemes:
                raise ValidationError(f"must begin with one of {', '.join(schemes)}://")
            if not parts.hostname and parts.scheme not in ("postgresql", "postgres"):
                raise ValidationError("names no host")
            if parts.scheme in ("http", "https") and "@" in parts.netloc:
                # It would take the place of the key, and be shown with the URL.
                raise ValidationError("must hold no user and password")
            return value

    return _Url()


class SettingsSchema(Schema):
    """The environment variables, their defaults and what makes each one valid."""

    database_url = fields.String(
        required=True,
        validate=_url(("postgresql", "postgres")),
        metadata={"description": "PostgreSQL of the ledger"},
    )
    broker_url = fields.String(
        required=True,
        validate=_url(BROKER_SCHEMES),
        metadata={"description": "Redis or RabbitMQ"},
    )
    odoo_url = fields.String(
        required=True,
        validate=_url(("http", "https")),
        metadata={"description": "Odoo 19, scheme://host:port/prefix"},
    )
    odoo_database = fields.String(load_default="odoo")
    odoo_login = fields.String(load_default="fusion-bridge")
    odoo_api_key = fields.String(
        required=True, validate=validate.Length(min=1), metadata={"secret": True}
    )
    odoo_protocol = fields.String(
        load_default="json2", validate=validate.OneOf(ODOO_PROTOCOLS)
    )
    odoo_timeout_seconds = fields.Float(
        load_default=60.0,
        validate=validate.Range(min=1, max=600),
        metadata={"description": "of one whole call"},
    )
    odoo_ca_file = fields.String(
        load_default="",
        metadata={
            "description": "PEM certificates to trust instead of the system's; a path"
        },
    )
    odoo_push_rows = fields.Integer(
        load_default=500,
        validate=validate.Range(1, 1_000),
        metadata={"description": "rollups of one call, while Odoo is well"},
    )
    odoo_full_pull_seconds = fields.Integer(
        load_default=3600,
        validate=validate.Range(60, 86_400),
        metadata={
            "description": "so often all of the catalog is pulled, not only changes"
        },
    )
    secret_key = fields.String(
        required=True,
        validate=validate.Regexp(
            r"[A-Za-z0-9_-]{43}=\Z",
            error="must be 32 bytes as URL-safe base64 (44 characters)",
        ),
        metadata={
            "secret": True,
            "description": "Fernet key: 32 bytes as URL-safe base64; encrypts "
            "webhook secrets",
        },
    )
    flower_basic_auth = fields.String(
        load_default="",
        validate=validate.Regexp(r"^$|^[^:]+:.+$", error="must be user:password"),
        metadata={"secret": True},
    )
    api_host = fields.String(load_default="127.0.0.1")
    api_port = fields.Integer(
        load_default=8080, validate=validate.Range(min=1, max=65535)
    )
    api_workers = fields.Integer(load_default=2, validate=validate.Range(1, 64))
    api_threads = fields.Integer(load_default=8, validate=validate.Range(1, 64))
    rate_limit_per_second = fields.Integer(
        load_default=1000,
        validate=validate.Range(min=1),
        metadata={"description": "requests a second of one key"},
    )
    max_queue_batches = fields.Integer(
        load_default=10_000,
        validate=validate.Range(min=1),
        metadata={"description": "deeper than this, new batches get 429"},
    )
    worker_concurrency = fields.Integer(load_default=2, validate=validate.Range(1, 128))
    max_deliveries = fields.Integer(
        load_default=5,
        validate=validate.Range(min=1),
        metadata={
            "description": "a message that ended its worker this often is dead-lettered"
        },
    )
    parked_dead_days = fields.Integer(
        load_default=30,
        validate=validate.Range(1, 3650),
        metadata={
            "description": "a counter that was parked this long is dead-lettered"
        },
    )
    drift_hour = fields.Integer(
        load_default=3,
        validate=validate.Range(0, 23),
        metadata={"description": "UTC; when ledger and Odoo are compared each night"},
    )
    visibility_timeout_seconds = fields.Integer(
        load_default=90,
        validate=validate.Range(min=5),
        metadata={"description": "Redis: an unacknowledged message comes back"},
    )
    webhook_allow_loopback = fields.Boolean(
        load_default=False,
        metadata={"description": "development: http:// to loopback is let through"},
    )
    log_level = fields.String(
        load_default="INFO",
        validate=validate.OneOf(["DEBUG", "INFO", "WARNING", "ERROR"]),
    )
    public_url = fields.String(
        load_default="",
        validate=lambda value: value == "" or bool(_url(("http", "https"))(value)),
        metadata={
            "description": "the API as apps know it, scheme://host:port; webhooks "
            "signed as JWT name it as their issuer"
        },
    )


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
