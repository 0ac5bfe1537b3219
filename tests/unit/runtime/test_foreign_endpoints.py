"""Patients' voices do not leave the country by themselves: what is refused at the start, and never fallen over to."""

from pathlib import Path
from typing import Any

import pytest

from runtime.content.library import Content
from runtime.foreign_endpoints import usable
from runtime.mode_rules import refusals
from runtime.settings import REPOSITORY, Settings
from runtime.trunks_file import Purpose, declared_trunks
from suifang.telephony_process import trunks_of

PROFILES = Content(REPOSITORY / "content").jurisdictions
TWO_TRUNKS = """
trunks:
  - {name: hospital, host: 10.20.0.5, cost: 1}
  - {name: abroad, host: sip.carrier.example, cost: 0}
"""


def made(tmp_path: Path, trunks: str = TWO_TRUNKS, **changes: Any) -> Settings:
    file = tmp_path / "trunks.yaml"
    file.write_text(trunks)
    return Settings.model_validate(
        {"mode": "trial", "trial_allow_list": "+8613800138000", "trunks_file": file, "jurisdiction": "cn", **changes}
    )


def reasons(settings: Settings, law: str = "cn") -> list[str]:
    return refusals(settings, profile=PROFILES[law])


def test_a_trunk_that_nobody_declared_domestic_keeps_everything_from_starting(tmp_path: Path) -> None:
    (only,) = reasons(made(tmp_path))
    assert "trunk abroad, host sip.carrier.example" in only
    assert "SUIFANG_TRANSFER_ASSESSMENT_ID" in only


@pytest.mark.parametrize(
    "changes",
    [
        {"domestic_hosts": "SIP.carrier.example,turn.example"},
        {"transfer_assessment_id": "PIA-2026-07"},
        {"trunks": TWO_TRUNKS.replace("cost: 0", "cost: 0, domestic: true")},
    ],
    ids=["listed", "assessed", "declared in the trunks file"],
)
def test_declared_or_assessed_it_may_be_used(tmp_path: Path, changes: dict[str, Any]) -> None:
    assert reasons(made(tmp_path, **changes)) == []


def test_where_the_law_asks_for_no_assessment_any_host_will_do(tmp_path: Path) -> None:
    assert reasons(made(tmp_path, jurisdiction="us"), "us") == []


@pytest.mark.parametrize(
    ("line", "changes", "named"),
    [
        ("host: 8.8.8.8", {}, "trunk abroad"),
        ("host: 192.168.7.7, outbound_proxy: edge.carrier.example", {}, "outbound proxy of trunk abroad"),
        ("host: 192.168.7.7", {"turn_url": "turn:relay.example:3478", "turn_secret": "x"}, "SUIFANG_TURN_URL"),
        (
            "host: 192.168.7.7",
            {"note_model_url": "https://models.example/v1", "note_model": "m"},
            "SUIFANG_NOTE_MODEL_URL",
        ),
    ],
)
def test_each_way_out_is_named(tmp_path: Path, line: str, changes: dict[str, Any], named: str) -> None:
    trunks = TWO_TRUNKS.replace("host: sip.carrier.example", line)
    found = reasons(made(tmp_path, trunks, **changes))
    assert any(named in reason for reason in found), found


def test_a_language_model_in_the_hospitals_own_network_may_be_used(tmp_path: Path) -> None:
    trunks = TWO_TRUNKS.replace("host: sip.carrier.example", "host: 192.168.7.7")
    assert reasons(made(tmp_path, trunks, note_model_url="http://10.20.0.9:8000/v1", note_model="m")) == []


def test_no_call_falls_over_to_a_trunk_abroad_by_itself(tmp_path: Path) -> None:
    settings = made(tmp_path)
    assert [each.name for each in usable(settings, declared_trunks(settings), PROFILES["cn"])] == ["hospital"]
    # What the node chooses from, also for its second try, does not hold it, though it is the cheaper one.
    assert [terms.name for terms in trunks_of(settings).serving(Purpose.PATIENTS)] == ["hospital"]
    allowed = trunks_of(made(tmp_path, transfer_assessment_id="PIA-2026-07"))
    assert {terms.name for terms in allowed.serving(Purpose.PATIENTS)} == {"hospital", "abroad"}
