"""Who is shown a supervisor, whose calls she may go on, and which numbers an installation dials for third parties."""

import pytest

from followup.dialing_rules import Mode
from followup.supervision import (
    REASON_WORDS,
    SupervisionMode,
    SupervisionReason,
    SupervisionShown,
    is_shown,
    oversees_queue,
)
from followup.transfers import number_refusal
from telephony.call_control import MonitorMode


def test_the_modes_are_call_control_s() -> None:
    assert [mode.value for mode in SupervisionMode] == [mode.value for mode in MonitorMode]


def test_every_reason_has_words_in_both_languages() -> None:
    assert set(REASON_WORDS) == set(SupervisionReason)
    assert all(zh.strip() and en.strip() for zh, en in REASON_WORDS.values())


@pytest.mark.parametrize("mode", SupervisionMode)
def test_what_is_shown_goes_by_policy(mode: SupervisionMode) -> None:
    assert is_shown(SupervisionShown.ALWAYS, mode)
    assert is_shown(SupervisionShown.SPEAKING, mode) is (mode is not SupervisionMode.LISTEN)
    assert not is_shown(SupervisionShown.HIDDEN, mode)


def test_an_empty_list_of_queues_means_all() -> None:
    assert oversees_queue([], "a")
    assert oversees_queue(["a", "b"], "b")
    assert not oversees_queue(["a"], "b")


@pytest.mark.parametrize(
    ("mode", "on_allow_list", "trunk_is_loopback", "refused"),
    [
        (Mode.DEMO, False, True, False),
        (Mode.DEMO, True, False, True),
        (Mode.TRIAL, False, True, True),
        (Mode.TRIAL, False, False, True),
        (Mode.TRIAL, True, False, False),
        (Mode.PRODUCTION, False, False, False),
    ],
)
def test_a_third_party_s_number_goes_through_the_installation_s_gate(
    mode: Mode, on_allow_list: bool, trunk_is_loopback: bool, refused: bool
) -> None:
    reason = number_refusal(
        "+8613912345678", mode=mode, on_allow_list=on_allow_list, trunk_is_loopback=trunk_is_loopback
    )
    assert (reason is not None) is refused
    assert reason is None or "1391234" not in reason
