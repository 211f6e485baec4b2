"""Settings are read once, and all faults are told together."""

from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from schemas.settings import SettingsError, load_settings

GOOD = {
    "DATABASE_URL": "postgresql://ledger@127.0.0.1:5432/fusion",
    "BROKER_URL": "redis://127.0.0.1:6379/0",
    "ODOO_URL": "https://odoo.example:443",
    "ODOO_API_KEY": "key",
    "FUSION_SECRET_KEY": "A" * 43 + "=",
}


def test_defaults_fill_what_is_not_set() -> None:
    settings = load_settings(GOOD)

    assert settings.odoo_protocol == "json2"
    assert settings.api_port == 8080
    assert not settings.webhook_allow_loopback


def test_all_faults_are_told_together_and_no_value_is() -> None:
    environ = {
        **GOOD,
        "DATABASE_URL": "mysql://secret-host/x",
        "FUSION_API_PORT": "99999",
        "FUSION_SECRET_KEY": "hunter2",
    }
    del environ["ODOO_API_KEY"]

    with pytest.raises(SettingsError) as caught:
        load_settings(environ)

    text = str(caught.value)
    for name in (
        "DATABASE_URL",
        "FUSION_API_PORT",
        "FUSION_SECRET_KEY",
        "ODOO_API_KEY",
    ):
        assert name in text
    assert "hunter2" not in text
    assert "secret-host" not in text


@pytest.mark.parametrize(
    "key",
    [
        "",
        "x" * 44,
        "A" * 43,
        "A" * 44,
        "A" * 42 + "==",
        "A" * 40 + "===",
        "+" + "A" * 42 + "=",
        "/" + "A" * 42 + "=",
        "é" + "A" * 42 + "=",
        " " + "A" * 42 + "=",
        "A" * 43 + "=A",
    ],
)
def test_a_secret_key_that_cannot_encrypt_is_a_fault(key: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({**GOOD, "FUSION_SECRET_KEY": key})

    assert "FUSION_SECRET_KEY: must be 32 bytes" in str(caught.value)


def test_a_url_of_odoo_holds_no_password() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({**GOOD, "ODOO_URL": "https://me:hunter2@odoo.example"})

    assert "ODOO_URL: must hold no user and password" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_secret_key_as_fernet_makes_it_is_taken() -> None:
    for _ in range(20):
        key = Fernet.generate_key().decode()

        assert load_settings({**GOOD, "FUSION_SECRET_KEY": key}).secret_key == key


def test_a_secret_is_read_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("from-the-file\n")
    environ = {**GOOD, "ODOO_API_KEY_FILE": str(file)}
    del environ["ODOO_API_KEY"]

    assert load_settings(environ).odoo_api_key == "from-the-file"


def test_a_file_that_cannot_be_read_is_a_fault_of_its_variable(tmp_path: Path) -> None:
    environ = {**GOOD, "ODOO_API_KEY_FILE": str(tmp_path / "none")}
    del environ["ODOO_API_KEY"]

    with pytest.raises(SettingsError, match="ODOO_API_KEY_FILE: cannot read"):
        load_settings(environ)


def test_a_setting_and_its_file_together_are_a_fault(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="keep one of them"):
        load_settings({**GOOD, "ODOO_API_KEY_FILE": str(tmp_path / "any")})


def test_parked_counters_are_given_up_after_thirty_days_unless_told_otherwise() -> None:
    told = {**GOOD, "FUSION_PARKED_DEAD_DAYS": "3650"}

    assert load_settings(GOOD).parked_dead_days == 30
    assert load_settings(told).parked_dead_days == 3650


@pytest.mark.parametrize("days", ["0", "3651", "1.5", "-1", "never"])
def test_parked_counters_wait_for_whole_days_and_ten_years_at_most(days: str) -> None:
    with pytest.raises(SettingsError, match="FUSION_PARKED_DEAD_DAYS"):
        load_settings({**GOOD, "FUSION_PARKED_DEAD_DAYS": days})


@pytest.mark.parametrize("rows", ["0", "1001", "1.5", "many"])
def test_a_push_has_a_thousand_rows_at_most(rows: str) -> None:
    assert load_settings(GOOD).odoo_push_rows == 500
    with pytest.raises(SettingsError, match="ODOO_PUSH_ROWS"):
        load_settings({**GOOD, "ODOO_PUSH_ROWS": rows})
