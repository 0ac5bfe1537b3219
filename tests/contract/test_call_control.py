"""The contract of call control: every implementation does the same, and tells it by the same events.

Written with a provider far away in mind: a verb returns once it is accepted, and whatever comes of it is waited for.
"""

import wave
from collections.abc import Callable
from pathlib import Path

import pytest

from followup.calls import EndReason, LegId, LegRole
from telephony.call_control import (
    CallControl,
    DigitMethod,
    LegEventKind,
    LegState,
    MonitorMode,
    RejectedError,
    TransferEnding,
    Trunk,
)
from tests.support.call_control_bench import Bench, FarEnd
from tests.support.waiting import until

ABOUT_TO_INVITE, INVITED = LegEventKind.ABOUT_TO_INVITE, LegEventKind.INVITED
RINGING, ANSWERED, ENDED = LegEventKind.RINGING, LegEventKind.ANSWERED, LegEventKind.ENDED
HELD, RESUMED, BRIDGED = LegEventKind.HELD, LegEventKind.RESUMED, LegEventKind.BRIDGED

ON_A_LEG: dict[str, Callable[[CallControl, LegId], None]] = {
    "answer": lambda control, leg: control.answer(leg),
    "hold": lambda control, leg: control.hold(leg),
    "mute": lambda control, leg: control.mute(leg),
    "unmute": lambda control, leg: control.unmute(leg),
    "monitor": lambda control, leg: control.monitor(leg, LegId("another"), MonitorMode.LISTEN),
    "stop_monitoring": lambda control, leg: control.stop_monitoring(leg),
    "end_transfer": lambda control, leg: control.end_transfer(leg, TransferEnding.BACK),
    "say": lambda control, leg: control.say(leg, "您好", "zh"),
    "resume": lambda control, leg: control.resume(leg),
    "play": lambda control, leg: control.play(leg, Path("/nowhere/prompt.wav")),
    "stop_prompt": lambda control, leg: control.stop_prompt(leg),
    "collect_digits": lambda control, leg: control.collect_digits(leg, count=1, timeout_seconds=1),
    "send_digits": lambda control, leg: control.send_digits(leg, "1"),
    "send_digits by INFO": lambda control, leg: control.send_digits(leg, "1", method=DigitMethod.INFO),
    "pause_recording": lambda control, leg: control.pause_recording(leg),
    "resume_recording": lambda control, leg: control.resume_recording(leg),
    "stop_recording": lambda control, leg: control.stop_recording(leg),
    "bridge": lambda control, leg: control.bridge(leg, LegId("another")),
    "unbridge": lambda control, leg: control.unbridge(leg, LegId("another")),
}


def test_an_answered_call_is_told_step_by_step(bench: Bench) -> None:
    leg = bench.leg()
    bench.dial(leg)
    bench.wait_for(ANSWERED, leg.leg_id)
    assert bench.story(leg.leg_id) == [ABOUT_TO_INVITE, INVITED, RINGING, ANSWERED]
    assert bench.wait_for(ABOUT_TO_INVITE, leg.leg_id).values["attempt_id"] == leg.attempt_id
    assert bench.wait_for(INVITED, leg.leg_id).values["sip_call_id"]


def test_events_carry_ids_of_their_own_and_aware_times_in_order(bench: Bench) -> None:
    leg = bench.answered()
    events = [event for event in bench.events if event.leg_id == leg]
    assert len({event.event_id for event in bench.events}) == len(bench.events)
    assert all(event.occurred_at.tzinfo is not None for event in events)
    assert [event.occurred_at for event in events] == sorted(event.occurred_at for event in events)


@pytest.mark.parametrize(
    ("far_end", "end_reason", "party", "sip_status"),
    [
        (FarEnd.BUSY, "busy", "patient", 486),
        (FarEnd.REJECTS, "rejected", "patient", 603),
        (FarEnd.HANGS_UP, "hang_up", "patient", 200),
    ],
)
def test_what_the_far_end_does_ends_the_leg_with_its_reason(
    bench: Bench, far_end: FarEnd, end_reason: str, party: str, sip_status: int
) -> None:
    ended = bench.wait_for(ENDED, bench.dial(bench.leg(far_end)))
    assert ended.values.items() >= {"end_reason": end_reason, "party": party, "sip_status": sip_status}.items()


def test_a_phone_out_of_service_is_unreachable(bench: Bench) -> None:
    ended = bench.wait_for(ENDED, bench.dial(bench.leg(FarEnd.UNREACHABLE)))
    assert (ended.values["end_reason"], ended.values["sip_status"]) == ("unreachable", 480)


def test_a_phone_that_nobody_picks_up_is_given_up_after_its_ring_seconds(bench: Bench) -> None:
    leg = bench.dial(bench.leg(FarEnd.ONLY_RINGS, ring_seconds=1.0))
    ended = bench.wait_for(ENDED, leg)
    assert (ended.values["end_reason"], ended.values["party"]) == ("no_answer", "patient")
    rang = bench.wait_for(RINGING, leg)
    assert 0.9 <= (ended.occurred_at - rang.occurred_at).total_seconds() < 3.0
    assert ANSWERED not in bench.story(leg)


def test_hanging_up_while_it_rings_cancels_the_call(bench: Bench) -> None:
    leg = bench.dial(bench.leg(FarEnd.ONLY_RINGS))
    bench.wait_for(RINGING, leg)
    bench.control.hang_up(leg, EndReason.HANG_UP)
    ended = bench.wait_for(ENDED, leg)
    assert (ended.values["end_reason"], ended.values["party"]) == ("cancelled", "us")


def test_hanging_up_an_answered_call_ends_it_for_the_reason_given(bench: Bench) -> None:
    leg = bench.answered()
    bench.control.hang_up(leg, EndReason.TIME_LIMIT)
    ended = bench.wait_for(ENDED, leg)
    assert (ended.values["end_reason"], ended.values["party"]) == ("time_limit", "us")


def test_hanging_up_twice_or_after_the_end_is_harmless(bench: Bench) -> None:
    leg = bench.answered()
    bench.control.hang_up(leg, EndReason.HANG_UP)
    bench.control.hang_up(leg, EndReason.HANG_UP)
    bench.wait_for(ENDED, leg)
    bench.control.hang_up(leg, EndReason.HANG_UP)
    bench.wait_for(ENDED, bench.dial(bench.leg(FarEnd.BUSY)))  # by now a second end would have come
    assert bench.story(leg).count(ENDED) == 1


def test_a_patient_dialed_for_a_headset_is_joined_to_it_at_the_answer(bench: Bench) -> None:
    headset = bench.headset()
    patient = bench.dial(bench.leg(join_leg=headset))
    bridged = bench.wait_for(LegEventKind.BRIDGED, patient)
    answered = bench.wait_for(ANSWERED, patient)
    assert bridged.values == {"with": headset}
    assert (bridged.occurred_at - answered.occurred_at).total_seconds() <= 0.5


def test_a_headset_outlives_its_call_and_takes_the_next(bench: Bench) -> None:
    headset = bench.headset()
    first = bench.dial(bench.leg(FarEnd.HANGS_UP, join_leg=headset))
    bench.wait_for(ENDED, first)
    assert bench.wait_for(LegEventKind.UNBRIDGED, headset).values == {"with": first}
    second = bench.dial(bench.leg(join_leg=headset))
    bench.wait_for(LegEventKind.BRIDGED, second)
    assert ENDED not in bench.story(headset)


def test_an_agents_hang_up_is_the_agents_doing(bench: Bench) -> None:
    patient = bench.dial(bench.leg(join_leg=bench.headset()))
    bench.wait_for(LegEventKind.BRIDGED, patient)
    bench.control.hang_up(patient, EndReason.HANG_UP)
    ended = bench.wait_for(ENDED, patient)
    assert (ended.values["end_reason"], ended.values["party"]) == ("hang_up", "agent")


def test_joined_legs_can_be_parted_and_joined_again(bench: Bench) -> None:
    headset = bench.headset()
    patient = bench.dial(bench.leg(join_leg=headset))
    bench.wait_for(LegEventKind.BRIDGED, patient)
    bench.control.unbridge(patient, headset)
    assert bench.wait_for(LegEventKind.UNBRIDGED, patient).values == {"with": headset}
    bench.control.bridge(patient, headset)
    bench.wait_for(LegEventKind.BRIDGED, patient, times=2)
    assert ENDED not in bench.story(patient) + bench.story(headset)


def test_a_call_can_be_held_and_resumed(bench: Bench) -> None:
    leg = bench.answered()
    bench.control.hold(leg)
    assert bench.wait_for(HELD, leg).values == {"by": "us"}
    assert bench.state_of(leg) is LegState.HELD
    with pytest.raises(RejectedError):
        bench.control.hold(leg)
    bench.control.resume(leg)
    assert bench.wait_for(RESUMED, leg).values == {"by": "us"}
    assert bench.state_of(leg) is LegState.ANSWERED
    with pytest.raises(RejectedError):
        bench.control.resume(leg)


def test_a_call_can_be_held_with_music_again_and_again(bench: Bench) -> None:
    leg = bench.answered()
    for turn in (1, 2):
        bench.control.hold(leg, music=bench.prompt(0.2))
        bench.wait_for(HELD, leg, times=turn)
        bench.control.resume(leg)
        bench.wait_for(RESUMED, leg, times=turn)
    with pytest.raises(RejectedError):
        bench.control.hold(leg, music=bench.folder / "nowhere.wav")
    assert bench.story(leg).count(HELD) == 2


def test_a_held_call_can_be_hung_up(bench: Bench) -> None:
    leg = bench.answered(recorded=True)
    bench.control.hold(leg, music=bench.prompt(0.2))
    bench.wait_for(HELD, leg)
    bench.control.hang_up(leg, EndReason.HANG_UP)
    bench.wait_for(ENDED, leg)
    assert bench.story(leg)[-2:] == [LegEventKind.RECORDING_STOPPED, ENDED]


def test_being_put_on_hold_and_taken_from_it_is_told(bench: Bench) -> None:
    leg = bench.answered(FarEnd.HOLDS_US)
    assert bench.wait_for(HELD, leg).values == {"by": "far_end"}
    assert bench.wait_for(RESUMED, leg).values == {"by": "far_end"}
    assert bench.story(leg)[-3:] == [ANSWERED, HELD, RESUMED]


def test_a_far_end_that_refuses_to_be_held_stays_as_it_was(bench: Bench) -> None:
    leg = bench.answered(FarEnd.REFUSES_HOLDS)
    bench.control.hold(leg, music=bench.prompt(0.2))
    assert bench.wait_for(LegEventKind.HOLD_REFUSED, leg).values == {"sip_status": 488}
    assert bench.state_of(leg) is LegState.ANSWERED
    with pytest.raises(RejectedError):
        bench.control.resume(leg)
    prompt = bench.prompt(0.2)
    bench.control.play(leg, prompt)
    bench.wait_for(LegEventKind.PROMPT_FINISHED, leg)
    assert HELD not in bench.story(leg)


def test_a_leg_can_be_muted_and_unmuted(bench: Bench) -> None:
    patient, headset = bench.talk()
    bench.control.mute(headset)
    bench.wait_for(LegEventKind.MUTED, headset)
    status = bench.status_of(headset)
    assert status is not None
    assert status.muted
    with pytest.raises(RejectedError):
        bench.control.mute(headset)
    bench.control.unmute(headset)
    bench.wait_for(LegEventKind.UNMUTED, headset)
    with pytest.raises(RejectedError):
        bench.control.unmute(headset)
    assert bench.bridges(patient, headset) == [BRIDGED]


def test_the_status_tells_who_is_up_and_with_whom(bench: Bench) -> None:
    patient, headset = bench.talk(recorded=True)
    status = bench.status_of(patient)
    assert status is not None
    assert (status.role, status.state, status.bridged_with) == (LegRole.PATIENT, LegState.ANSWERED, (headset,))
    assert (status.recording, status.muted) == (True, False)
    bench.control.hang_up(patient, EndReason.HANG_UP)
    bench.wait_for(ENDED, patient)
    until(lambda: bench.status_of(patient) is None, timeout=5, what="the ended leg is gone from the status")
    assert bench.state_of(headset) is LegState.ANSWERED


def test_a_text_is_said_where_a_voice_speaks_its_language_and_else_refused_in_words(bench: Bench) -> None:
    leg = bench.answered()
    bench.control.say(leg, "您好，这里是医院。", "zh")
    assert str(bench.wait_for(LegEventKind.PROMPT_FINISHED, leg).values["prompt"]).endswith(".wav")
    with pytest.raises(RejectedError, match="no voice speaks fr"):
        bench.control.say(leg, "Bonjour", "fr")
    with pytest.raises(RejectedError, match="no text"):
        bench.control.say(leg, " ", "zh")


def test_a_guest_is_dialed_beside_a_leg_without_hearing_anything(bench: Bench) -> None:
    patient, _ = bench.talk()
    supervisor = bench.supervisor(patient)
    assert bench.story(supervisor)[-1] is ANSWERED
    bench.control.hang_up(patient, EndReason.HANG_UP)
    bench.wait_for(ENDED, patient)
    assert ENDED not in bench.story(supervisor)
    with pytest.raises(RejectedError):
        bench.dial(bench.leg(role=LegRole.SUPERVISOR, beside_leg=LegId("never-was")))


def test_only_a_patients_leg_is_recorded(bench: Bench) -> None:
    for role in (LegRole.AGENT, LegRole.SUPERVISOR, LegRole.THIRD_PARTY):
        with pytest.raises(RejectedError, match="never recorded"):
            bench.dial(bench.leg(role=role, recorded=True))


def test_a_prompt_is_played_to_its_end(bench: Bench) -> None:
    leg = bench.answered()
    prompt = bench.prompt(0.4)
    bench.control.play(leg, prompt)
    assert bench.wait_for(LegEventKind.PROMPT_FINISHED, leg).values == {"prompt": str(prompt)}


def test_a_digit_cuts_the_prompt_short(bench: Bench) -> None:
    leg = bench.answered(FarEnd.PRESSES_12)
    bench.control.play(leg, bench.prompt(1.5))
    assert bench.wait_for(LegEventKind.DIGIT, leg).values == {"digit": "1"}
    probe = bench.answered()
    bench.control.play(probe, bench.prompt(1.6))
    bench.wait_for(LegEventKind.PROMPT_FINISHED, probe)  # the longer one, begun later, is over
    assert LegEventKind.PROMPT_FINISHED not in bench.story(leg)


def test_a_prompt_can_be_stopped_and_nothing_is_told_of_its_end(bench: Bench) -> None:
    leg = bench.answered()
    bench.control.stop_prompt(leg)  # nothing plays: nothing happens
    bench.control.play(leg, bench.prompt(1.5))
    bench.control.collect_digits(leg, count=1, timeout_seconds=0.3)
    bench.control.stop_prompt(leg)
    waited_out = bench.wait_for(LegEventKind.DIGITS_COLLECTED, leg)  # waiting for keys begins where the prompt ends
    assert waited_out.values == {"digits": "", "reason": "timeout"}
    probe = bench.answered()
    bench.control.play(probe, bench.prompt(1.6))
    bench.wait_for(LegEventKind.PROMPT_FINISHED, probe)  # the longer one, begun later, is over
    assert LegEventKind.PROMPT_FINISHED not in bench.story(leg)
    bench.control.play(leg, bench.prompt(0.3))
    bench.wait_for(LegEventKind.PROMPT_FINISHED, leg)


@pytest.mark.parametrize(
    ("far_end", "count", "collected"),
    [
        (FarEnd.PRESSES_12, 2, {"digits": "12", "reason": "complete"}),
        (FarEnd.PRESSES_1_AND_HASH, 5, {"digits": "1", "reason": "complete"}),
        (FarEnd.PRESSES_12, 5, {"digits": "12", "reason": "timeout"}),
        (FarEnd.ANSWERS, 1, {"digits": "", "reason": "timeout"}),
    ],
)
def test_digits_are_collected_until_enough_or_hash_or_too_late(
    bench: Bench, far_end: FarEnd, count: int, collected: dict[str, str]
) -> None:
    leg = bench.answered(far_end)
    bench.control.collect_digits(leg, count=count, timeout_seconds=2.0)
    told = bench.wait_for(LegEventKind.DIGITS_COLLECTED, leg)
    assert told.values == collected
    if collected["reason"] == "timeout" and collected["digits"]:
        last = max(event.occurred_at for event in bench.events if event.kind is LegEventKind.DIGIT)
        assert (told.occurred_at - last).total_seconds() >= 1.9, "the wait begins anew with every digit"


def test_a_digit_told_by_info_is_a_digit(bench: Bench) -> None:
    leg = bench.answered(FarEnd.PRESSES_1_BY_INFO)
    assert bench.wait_for(LegEventKind.DIGIT, leg).values == {"digit": "1"}


@pytest.mark.parametrize("method", list(DigitMethod))
def test_digits_reach_the_far_end(bench: Bench, method: DigitMethod) -> None:
    leg = bench.answered()
    with pytest.raises(RejectedError):
        bench.control.send_digits(leg, "1x", method=method)
    bench.control.send_digits(leg, "1#", method=method)
    until(lambda: bench.digits_heard(leg) == "1#", timeout=5, what="the far end hears 1 and #")


def test_a_recording_can_be_paused_and_stopped_and_leaves_two_equally_long_files(bench: Bench) -> None:
    leg = bench.answered(recorded=True)
    started = bench.wait_for(LegEventKind.RECORDING_STARTED, leg)
    bench.control.pause_recording(leg)
    bench.wait_for(LegEventKind.RECORDING_PAUSED, leg)
    bench.control.resume_recording(leg)
    bench.wait_for(LegEventKind.RECORDING_RESUMED, leg)
    bench.control.play(leg, bench.prompt(0.3))
    bench.wait_for(LegEventKind.PROMPT_FINISHED, leg)
    bench.control.stop_recording(leg)
    stopped = bench.wait_for(LegEventKind.RECORDING_STOPPED, leg)
    assert started.values == stopped.values
    lengths = []
    for side in ("patient", "agent"):
        with wave.open(str(Path(str(stopped.values["folder"])) / f"{side}.wav"), "rb") as sound:
            assert (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) == (1, 2, 8000)
            lengths.append(sound.getnframes())
    assert min(lengths) > 2400
    assert max(lengths) - min(lengths) <= 800
    with pytest.raises(RejectedError):
        bench.control.stop_recording(leg)


def test_a_recording_is_complete_before_the_end_is_told(bench: Bench) -> None:
    leg = bench.dial(bench.leg(FarEnd.HANGS_UP, recorded=True))
    bench.wait_for(ENDED, leg)
    assert bench.story(leg)[-2:] == [LegEventKind.RECORDING_STOPPED, ENDED]


def test_a_recording_that_cannot_begin_is_told_and_the_call_goes_on(bench: Bench) -> None:
    outbound = bench.leg(recorded=True)
    folder = outbound.recording_folder
    assert folder is not None
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_text("a file where a folder is needed")
    leg = bench.dial(outbound)
    assert bench.wait_for(LegEventKind.RECORDING_STOPPED, leg).values == {"folder": str(folder), "failed": True}
    status = bench.status_of(leg)
    assert status is not None
    assert (status.state, status.recording) == (LegState.ANSWERED, False)
    bench.control.hang_up(leg, EndReason.HANG_UP)
    bench.wait_for(ENDED, leg)
    assert bench.story(leg).count(LegEventKind.RECORDING_STOPPED) == 1
    assert LegEventKind.RECORDING_STARTED not in bench.story(leg)


def test_a_line_that_falls_silent_is_told_of_and_so_is_its_sound_when_it_is_back(bench: Bench) -> None:
    leg = bench.answered()
    with bench.silenced(leg):
        silent = bench.wait_for(LegEventKind.MEDIA_SILENT, leg)
        assert float(str(silent.values["seconds"])) >= 2.0
        assert LegEventKind.MEDIA_BACK not in bench.story(leg)
    bench.wait_for(LegEventKind.MEDIA_BACK, leg)
    assert bench.story(leg).count(LegEventKind.MEDIA_SILENT) == 1


@pytest.mark.parametrize("verb", sorted(ON_A_LEG))
def test_a_verb_on_a_leg_that_never_was_is_rejected(bench: Bench, verb: str) -> None:
    with pytest.raises(RejectedError) as refused:
        ON_A_LEG[verb](bench.control, LegId("never-was"))
    assert not refused.value.anything_sent


def test_every_verb_on_an_ended_leg_is_rejected(bench: Bench) -> None:
    leg = bench.dial(bench.leg(FarEnd.BUSY))
    bench.wait_for(ENDED, leg)
    for verb in ON_A_LEG.values():
        with pytest.raises(RejectedError):
            verb(bench.control, leg)


def test_hanging_up_a_leg_that_never_was_is_rejected(bench: Bench) -> None:
    with pytest.raises(RejectedError):
        bench.control.hang_up(LegId("never-was"), EndReason.HANG_UP)


def test_an_unanswered_leg_can_not_be_held(bench: Bench) -> None:
    leg = bench.dial(bench.leg(FarEnd.ONLY_RINGS))
    bench.wait_for(RINGING, leg)
    with pytest.raises(RejectedError):
        bench.control.hold(leg)


def test_a_leg_is_dialed_once(bench: Bench) -> None:
    leg = bench.leg()
    bench.dial(leg)
    with pytest.raises(RejectedError):
        bench.dial(leg)
    bench.wait_for(ANSWERED, leg.leg_id)
    assert bench.story(leg.leg_id).count(INVITED) == 1


@pytest.mark.parametrize("headset", ["never-was", "ended"])
def test_a_patient_is_not_dialed_for_a_headset_that_is_not_up(bench: Bench, headset: str) -> None:
    joined = LegId(headset)
    if headset == "ended":
        joined = bench.headset()
        bench.control.hang_up(joined, EndReason.HANG_UP)
        bench.wait_for(ENDED, joined)
    leg = bench.leg(join_leg=joined)
    with pytest.raises(RejectedError) as refused:
        bench.dial(leg)
    assert not refused.value.anything_sent
    assert bench.story(leg.leg_id) == []


def test_a_trunk_for_loopback_only_dials_nowhere_else(bench: Bench) -> None:
    leg = bench.leg()
    with pytest.raises(RejectedError) as refused:
        bench.control.originate(leg, Trunk(name="demo", host="192.0.2.1", loopback_only=True))
    assert not refused.value.anything_sent
    assert bench.story(leg.leg_id) == []


@pytest.mark.parametrize("role", [LegRole.PATIENT, LegRole.AGENT])
def test_whose_doing_an_end_is_follows_from_who_is_at_the_far_end(bench: Bench, role: LegRole) -> None:
    ended = bench.wait_for(ENDED, bench.dial(bench.leg(FarEnd.BUSY, role=role)))
    assert ended.values["party"] == role.value
