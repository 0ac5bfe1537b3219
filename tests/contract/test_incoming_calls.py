"""The contract of calls that come in: told, answered, refused, or given up by whoever rang."""

import pytest

from followup.calls import EndReason
from telephony.call_control import LegEventKind, LegState, RejectedError
from tests.support.call_control_bench import Bench

INCOMING, ANSWERED, ENDED = LegEventKind.INCOMING, LegEventKind.ANSWERED, LegEventKind.ENDED


def test_who_rings_us_is_told_answered_recorded_and_joined_with_an_agent(bench: Bench) -> None:
    headset = bench.headset()
    caller = bench.ring_in()
    told = bench.wait_for(INCOMING, caller)
    assert {"caller", "called", "sip_call_id", "peer"} <= told.values.keys()
    assert "862155550000" in str(told.values["called"])
    assert bench.state_of(caller) is LegState.INCOMING
    bench.control.answer(caller, recording_folder=bench.folder / "spool" / "caller")
    bench.wait_for(ANSWERED, caller)
    bench.wait_for(LegEventKind.RECORDING_STARTED, caller)
    bench.control.bridge(caller, headset)
    bench.wait_for_bridge(caller, headset)
    bench.control.hang_up(caller, EndReason.HANG_UP)
    assert bench.wait_for(ENDED, caller).values["party"] == "agent"
    assert bench.story(caller)[-2:] == [LegEventKind.RECORDING_STOPPED, ENDED]
    assert ENDED not in bench.story(headset)


@pytest.mark.parametrize("reason", [EndReason.BUSY, EndReason.REJECTED])
def test_a_caller_can_be_refused(bench: Bench, reason: EndReason) -> None:
    caller = bench.ring_in()
    bench.control.hang_up(caller, reason)
    ended = bench.wait_for(ENDED, caller)
    assert (ended.values["end_reason"], ended.values["party"]) == (reason.value, "us")
    assert ANSWERED not in bench.story(caller)


def test_a_caller_who_gives_up_is_gone(bench: Bench) -> None:
    caller = bench.ring_in(gives_up_after=0.6)
    ended = bench.wait_for(ENDED, caller)
    assert (ended.values["end_reason"], ended.values["party"]) == ("cancelled", "patient")
    with pytest.raises(RejectedError):
        bench.control.answer(caller)


def test_a_ringing_caller_can_only_be_answered_or_refused_and_answered_once(bench: Bench) -> None:
    caller = bench.ring_in()
    with pytest.raises(RejectedError):
        bench.control.hold(caller)
    with pytest.raises(RejectedError):
        bench.control.play(caller, bench.prompt(0.2))
    bench.control.answer(caller)
    bench.wait_for(ANSWERED, caller)
    with pytest.raises(RejectedError):
        bench.control.answer(caller)
    prompt = bench.prompt(0.2)
    bench.control.play(caller, prompt)
    bench.wait_for(LegEventKind.PROMPT_FINISHED, caller)


def test_a_call_of_ours_is_not_answered_by_us(bench: Bench) -> None:
    with pytest.raises(RejectedError):
        bench.control.answer(bench.answered())
