"""Settings for tests that need a broker and nothing else."""

from schemas.settings import Settings, load_settings

NEVER_USED = {
    "DATABASE_URL": "postgresql://127.0.0.1:1/unused",
    "ODOO_URL": "http://127.0.0.1:1",
    "ODOO_API_KEY": "unused",
    "FUSION_SECRET_KEY": "A" * 43 + "=",
}


def broker_environment(broker_url: str, **more: str) -> dict[str, str]:
    """Environment variables of a process that only talks to this broker."""
    return {**NEVER_USED, "BROKER_URL": broker_url, **more}


def broker_settings(broker_url: str, **more: str) -> Settings:
    """The same, loaded."""
    return load_settings(broker_environment(broker_url, **more))
