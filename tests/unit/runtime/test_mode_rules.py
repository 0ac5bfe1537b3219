"""Each mode's refusals, one by one."""

from pathlib import Path
from typing import Any

import pytest

from runtime.mode_rules import refusals
from runtime.settings import Settings
from runtime.this_machine import is_loopback

SOUND: dict[str, Any] = {
    "mode": "production",
    "state_dir": "/var/lib/suifang",
    "api_host": "0.0.0.0",  # noqa: S104 the case under test
    "public_url": "https://followup.hospital.example",
    "tls_certificate": Path("/etc/suifang/server.pem"),
    "tls_key": Path("/etc/suifang/server.key"),
    "trunk_host": "10.20.0.5",
}


def made(**changes: object) -> Settings:
    return Settings.model_validate({**SOUND, **changes})


def test_a_sound_production_is_not_refused() -> None:
    assert refusals(made()) == []


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"tls_certificate": None, "tls_key": None}, "SUIFANG_API_HOST"),
        ({"public_url": "http://followup.hospital.example"}, "SUIFANG_PUBLIC_URL"),
        ({"jurisdiction": "demo"}, "SUIFANG_JURISDICTION"),
        ({"trunk_host": "127.0.0.1"}, "SUIFANG_TRUNK_HOST"),
        ({"trunk_host": None}, "SUIFANG_TRUNK_HOST"),
    ],
)
def test_production_refuses_each_unsafe_setting_by_name(changes: dict[str, object], named: str) -> None:
    (only,) = refusals(made(**changes))
    assert only.startswith(named)


def test_production_behind_the_hospitals_own_proxy_needs_no_certificate() -> None:
    assert refusals(made(api_host="127.0.0.1", tls_certificate=None, tls_key=None)) == []


def test_production_refuses_demo_users_and_draft_contents_with_their_count() -> None:
    users, drafts = refusals(made(), demo_users=3, draft_contents=7)
    assert users.startswith("3 demo users")
    assert drafts.startswith("7 clinical contents")


def test_a_trial_over_a_real_trunk_needs_its_allow_list_and_true_hours() -> None:
    assert [text.split("=")[0].split(" ")[0] for text in refusals(made(mode="trial", jurisdiction="demo"))] == [
        "SUIFANG_TRIAL_ALLOW_LIST",
        "SUIFANG_JURISDICTION",
    ]
    assert refusals(made(mode="trial", trial_allow_list="+8613800138000")) == []


def test_a_trial_without_a_way_out_needs_no_allow_list() -> None:
    assert refusals(made(mode="trial", trunk_host=None)) == []
    assert refusals(made(mode="trial", trunk_host="127.0.0.1", jurisdiction="demo")) == []


def test_the_demo_refuses_any_trunk_but_this_machine() -> None:
    assert refusals(made(mode="demo", trunk_host="127.0.0.1")) == []
    (only,) = refusals(made(mode="demo"))
    assert only.startswith("SUIFANG_TRUNK_HOST=10.20.0.5")


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("[::1]", True),
        ("localhost", True),
        ("0.0.0.0", False),  # noqa: S104
        ("10.0.0.1", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("", False),
    ],
)
def test_loopback_is_told_by_address_and_never_by_looking_a_name_up(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected
