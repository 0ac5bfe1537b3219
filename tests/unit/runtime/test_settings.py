"""Settings: defaults that fit together, and faults in words that name the variable and the mend."""

import os
from pathlib import Path

import pytest

from runtime.settings import Settings, SettingsError, load_settings


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("SUIFANG_")]:
        monkeypatch.delenv(name)


def test_defaults_keep_the_database_beside_the_state_folder_and_never_inside() -> None:
    settings = Settings(state_dir=Path("/srv/suifang"))
    assert settings.postgres_dir == Path("/srv/suifang-postgres")
    assert settings.public_url == "http://127.0.0.1:8080"


def test_every_faulty_variable_is_named_in_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUIFANG_MODE", "toy")
    monkeypatch.setenv("SUIFANG_API_PORT", "99999")
    monkeypatch.setenv("SUIFANG_HOSPITAL_ZONE", "Asia/Peking")
    monkeypatch.setenv("SUIFANG_DATABASE_URL", "sqlite:///x")
    monkeypatch.setenv("SUIFANG_BROKER_URL", "amqp://x")
    monkeypatch.setenv("SUIFANG_TRIAL_ALLOW_LIST", "+8613800138000, 13800138000")
    with pytest.raises(SettingsError) as told:
        load_settings()
    named = {line.split(" ")[0].rstrip(":") for line in str(told.value).splitlines()}
    assert named == {
        "SUIFANG_MODE",
        "SUIFANG_API_PORT",
        "SUIFANG_HOSPITAL_ZONE",
        "SUIFANG_DATABASE_URL",
        "SUIFANG_BROKER_URL",
        "SUIFANG_TRIAL_ALLOW_LIST",
    }
    assert "entry 2" in str(told.value)
    assert "13800138000" not in str(told.value)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"SUIFANG_TLS_KEY": "/etc/key.pem"}, "SUIFANG_TLS_CERTIFICATE"),
        ({"SUIFANG_WORKERS_WARM": "9"}, "SUIFANG_WORKERS_MAX"),
        ({"SUIFANG_SILENT_SECONDS": "30", "SUIFANG_SILENT_END_SECONDS": "31"}, "SUIFANG_SILENT_END_SECONDS"),
        ({"SUIFANG_SIP_PORT_BASE": "20010"}, "SUIFANG_RTP_PORT_BASE"),
        ({"SUIFANG_TAKE_CALLS": "true", "SUIFANG_SIP_PORT_BASE": "1025"}, "SUIFANG_FRONT_WORKERS"),
        (
            {"SUIFANG_TAKE_CALLS": "true", "SUIFANG_RTP_PORT_BASE": "15140", "SUIFANG_FRONT_WORKERS": "3"},
            "SUIFANG_RTP_PORT_BASE",
        ),
        ({"SUIFANG_RTP_PORT_BASE": "65000", "SUIFANG_WORKERS_MAX": "20"}, "SUIFANG_RTP_PORT_BASE"),
        ({"SUIFANG_STATE_DIR": "/srv/s", "SUIFANG_POSTGRES_DIR": "/srv/s/pg"}, "SUIFANG_POSTGRES_DIR"),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(
    monkeypatch: pytest.MonkeyPatch, values: dict[str, str], named: str
) -> None:
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=named):
        load_settings()


def test_an_empty_variable_means_the_default_and_the_list_is_split_at_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUIFANG_API_PORT", "")
    monkeypatch.setenv("SUIFANG_TRIAL_ALLOW_LIST", "+8613800138000,+8613800138001")
    settings = load_settings()
    assert settings.api_port == 8080
    assert settings.trial_allow_list == ("+8613800138000", "+8613800138001")


def test_the_public_address_follows_certificate_and_port() -> None:
    settings = Settings(tls_certificate=Path("/c.pem"), tls_key=Path("/k.pem"), api_host="10.1.1.1", api_port=8443)
    assert settings.public_url == "https://10.1.1.1:8443"


def test_the_trunks_password_is_not_printed() -> None:
    assert "hunter2" not in repr(Settings(trunk_password="hunter2"))
