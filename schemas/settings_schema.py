"""The environment variables of all settings: defaults, and what makes each valid."""

from urllib.parse import urlsplit

from marshmallow import Schema, ValidationError, fields, validate

BROKER_SCHEMES = ("redis", "rediss", "amqp", "amqps")
ODOO_PROTOCOLS = ("json2", "json2s", "xmlrpc", "xmlrpcs")


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
    odoo_public_url = fields.String(
        load_default="",
        validate=lambda value: value == "" or bool(_url(("http", "https"))(value)),
        metadata={
            "description": "Odoo as customers reach it, where that is not ODOO_URL"
        },
    )
