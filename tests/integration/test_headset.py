"""A scripted headset over real SIP: it picks up, speaks on command, can be muted, and outlives its call worker."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from suifang.demo.sip_phone import PhonePorts
from suifang.demo.speech_manifest import SPEECH
from tests.support.sip_caller import CallPlan, dial
from tests.support.sound import stretches_of_sound
from tests.support.town import RunningHeadsets, put_on_headsets


@pytest.fixture(scope="module")
def headsets() -> Iterator[RunningHeadsets]:
    with put_on_headsets(["agent-1", "agent-2"]) as running:
        yield running


def test_a_headset_picks_up_and_speaks_when_told_to(headsets: RunningHeadsets, tmp_path: Path) -> None:
    heard = tmp_path / "caller.wav"
    call = dial(CallPlan(target=headsets.target("agent-1"), heard=str(heard), hang_up_after=7))
    headsets.wait_for("up", "agent-1")
    assert headsets.command("say agent-1 en_agent_later.wav")["ok"]
    headsets.wait_for("said", "agent-1")
    assert call.result().seconds_to_answer is not None
    headsets.wait_for("down", "agent-1")
    assert stretches_of_sound(heard), "the caller heard the agent"


def test_an_agent_hears_the_patient_out_between_two_sentences(headsets: RunningHeadsets, tmp_path: Path) -> None:
    heard = tmp_path / "caller.wav"
    patient = str(SPEECH / "zh_patient_thanks.wav")
    plan = CallPlan(target=headsets.target("agent-2"), say=((7.0, patient),), heard=str(heard), hang_up_after=13)
    call = dial(plan)
    headsets.wait_for("up", "agent-2")
    files = "zh_agent_sorry.wav zh_agent_goodbye.wav"
    headsets.command(f"say agent-2 {files}")
    call.result()
    agent = stretches_of_sound(heard)
    assert agent[0][1] < 7
    assert agent[-1][0] > 7 + 1.5, "the second sentence came after the patient's"


def test_a_muted_headset_is_silent(headsets: RunningHeadsets, tmp_path: Path) -> None:
    heard = tmp_path / "caller.wav"
    already = len(headsets.seen())
    call = dial(CallPlan(target=headsets.target("agent-1"), heard=str(heard), hang_up_after=5))
    headsets.wait_for("up", "agent-1", after=already)
    assert headsets.command("mute agent-1")["ok"]
    assert headsets.command("say agent-1 en_agent_later.wav")["ok"]
    call.result()
    headsets.wait_for("down", "agent-1", after=already)
    assert stretches_of_sound(heard) == []
    assert headsets.command("unmute agent-1")["ok"] is False, "nobody is on the line any more"


def test_a_headset_whose_worker_was_killed_takes_the_next_call(headsets: RunningHeadsets) -> None:
    already = len(headsets.seen())
    lost = dial(CallPlan(target=headsets.target("agent-2"), hang_up_after=60))
    headsets.wait_for("up", "agent-2", after=already)
    lost.child.kill()
    lost.child.communicate()
    already = len(headsets.seen())
    result = dial(CallPlan(target=headsets.target("agent-2"), hang_up_after=1)).result()
    assert result.seconds_to_answer is not None
    headsets.wait_for("up", "agent-2", after=already)
    headsets.wait_for("down", "agent-2", after=already)


@pytest.mark.parametrize(
    "line", ["say agent-9 beep.wav", "say agent-1 nothing.wav", "dance agent-1", "script agent-1 fr"]
)
def test_a_command_that_cannot_be_done_is_answered_with_its_reason(headsets: RunningHeadsets, line: str) -> None:
    answer = headsets.command(line)
    assert answer["ok"] is False
    assert answer["reason"]
    assert headsets.command("status")["ok"] is True


def test_headsets_leave_when_nobody_is_left_to_command_them() -> None:
    with put_on_headsets(["agent-3"]) as headsets:
        assert headsets.child.stdin is not None
        headsets.child.stdin.close()
        assert headsets.child.wait(timeout=8) == 0


def test_a_headset_outside_loopback_is_refused() -> None:
    with pytest.raises(ValueError, match="loopback only"):
        PhonePorts(host="192.0.2.1", sip=5060, rtp_base=20000, rtp_count=4)
