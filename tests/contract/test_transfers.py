"""The contract of transfers: whoever is passed on, refused, lost or hung up, nobody is left where nobody put him."""

from dataclasses import dataclass

import pytest

from followup.calls import EndReason, LegId, LegRole
from telephony.call_control import LegEventKind, RejectedError, TransferEnding, TransferMode
from tests.support.call_control_bench import Bench, FarEnd
from tests.support.waiting import until

ANSWERED, ENDED = LegEventKind.ANSWERED, LegEventKind.ENDED
BRIDGED, UNBRIDGED = LegEventKind.BRIDGED, LegEventKind.UNBRIDGED
BEGUN, OVER = LegEventKind.TRANSFER_BEGUN, LegEventKind.TRANSFER_ENDED
BLIND, CONSULT = TransferMode.BLIND, TransferMode.CONSULT


@dataclass(frozen=True, kw_only=True)
class Passed:
    """A transfer under way."""

    patient: LegId
    headset: LegId
    third: LegId


def passed_on(
    bench: Bench, mode: TransferMode, far_end: FarEnd = FarEnd.ANSWERS, *, ring_seconds: float = 10
) -> Passed:
    """A patient in a transfer that has just begun."""
    patient, headset = bench.talk()
    to = bench.leg(far_end, role=LegRole.THIRD_PARTY, ring_seconds=ring_seconds, beside_leg=patient)
    bench.control.transfer(patient, headset=headset, to=to, trunk=bench.trunk, mode=mode, music=bench.prompt(0.2))
    assert bench.wait_for(BEGUN, patient).values == {"to": to.leg_id, "mode": mode.value}
    bench.wait_for_parting(patient, headset)
    return Passed(patient=patient, headset=headset, third=to.leg_id)


def consulting(bench: Bench) -> Passed:
    """An agent who talks with the third party while the patient waits."""
    legs = passed_on(bench, CONSULT)
    bench.wait_for_bridge(legs.third, legs.headset)
    return legs


def test_a_patient_is_passed_on_blindly_when_the_third_party_answers(bench: Bench) -> None:
    legs = passed_on(bench, BLIND)
    bench.wait_for_bridge(legs.patient, legs.third)
    assert bench.wait_for(OVER, legs.patient).values == {"to": legs.third, "ending": "hand_over"}
    assert bench.bridges(legs.patient, legs.headset) == [BRIDGED, UNBRIDGED]
    assert bench.bridges(legs.third, legs.headset) == []
    assert ENDED not in bench.story(legs.headset) + bench.story(legs.patient)


@pytest.mark.parametrize("mode", list(TransferMode))
@pytest.mark.parametrize(
    ("far_end", "reason"),
    [(FarEnd.BUSY, "busy"), (FarEnd.REJECTS, "rejected"), (FarEnd.ONLY_RINGS, "no_answer")],
)
def test_when_nobody_takes_the_patient_the_agent_gets_him_back(
    bench: Bench, mode: TransferMode, far_end: FarEnd, reason: str
) -> None:
    legs = passed_on(bench, mode, far_end, ring_seconds=1.0)
    assert bench.wait_for(OVER, legs.patient).values == {"to": legs.third, "ending": "back", "reason": reason}
    bench.wait_for_bridge(legs.patient, legs.headset, times=2)
    bench.wait_for(ENDED, legs.third)


def test_after_a_consult_the_patient_is_handed_over(bench: Bench) -> None:
    legs = consulting(bench)
    assert bench.bridges(legs.patient, legs.third) == []
    bench.control.end_transfer(legs.patient, TransferEnding.HAND_OVER)
    assert bench.wait_for(OVER, legs.patient).values == {"to": legs.third, "ending": "hand_over"}
    bench.wait_for_bridge(legs.patient, legs.third)
    assert bench.bridges(legs.third, legs.headset) == [BRIDGED, UNBRIDGED]
    assert bench.bridges(legs.patient, legs.headset) == [BRIDGED, UNBRIDGED]


def test_after_a_consult_all_three_can_talk_and_the_agent_can_leave_them(bench: Bench) -> None:
    legs = consulting(bench)
    bench.control.end_transfer(legs.patient, TransferEnding.TOGETHER)
    assert bench.wait_for(OVER, legs.patient).values == {"to": legs.third, "ending": "together"}
    bench.wait_for_bridge(legs.patient, legs.third)
    bench.wait_for_bridge(legs.patient, legs.headset, times=2)
    assert bench.bridges(legs.third, legs.headset) == [BRIDGED]
    bench.control.unbridge(legs.patient, legs.headset)
    bench.control.unbridge(legs.third, legs.headset)
    bench.wait_for_parting(legs.third, legs.headset)
    assert bench.bridges(legs.patient, legs.third) == [BRIDGED]


def test_after_a_consult_the_agent_can_have_the_patient_back(bench: Bench) -> None:
    legs = consulting(bench)
    bench.control.end_transfer(legs.patient, TransferEnding.BACK)
    assert bench.wait_for(OVER, legs.patient).values == {"to": legs.third, "ending": "back"}
    bench.wait_for_bridge(legs.patient, legs.headset, times=2)
    bench.wait_for(ENDED, legs.third)
    assert bench.bridges(legs.patient, legs.third) == []


@pytest.mark.parametrize("mode", list(TransferMode))
def test_while_it_rings_a_transfer_can_only_be_taken_back(bench: Bench, mode: TransferMode) -> None:
    legs = passed_on(bench, mode, FarEnd.ONLY_RINGS)
    for ending in (TransferEnding.HAND_OVER, TransferEnding.TOGETHER):
        with pytest.raises(RejectedError):
            bench.control.end_transfer(legs.patient, ending)
    bench.control.end_transfer(legs.patient, TransferEnding.BACK)
    bench.wait_for_bridge(legs.patient, legs.headset, times=2)
    ended = bench.wait_for(ENDED, legs.third)
    assert ended.values["end_reason"] == "cancelled"
    with pytest.raises(RejectedError):
        bench.control.end_transfer(legs.patient, TransferEnding.BACK)
    assert bench.story(legs.patient).count(OVER) == 1


def test_a_third_party_lost_in_a_consult_means_back(bench: Bench) -> None:
    legs = consulting(bench)
    bench.control.hang_up(legs.third, EndReason.HANG_UP)
    assert bench.wait_for(OVER, legs.patient).values["ending"] == "back"
    bench.wait_for_bridge(legs.patient, legs.headset, times=2)
    bench.wait_for(ENDED, legs.third)


def test_a_third_party_who_hangs_up_in_a_consult_means_back(bench: Bench) -> None:
    legs = passed_on(bench, CONSULT, FarEnd.HANGS_UP)
    over = bench.wait_for(OVER, legs.patient)
    assert over.values == {"to": legs.third, "ending": "back", "reason": "hang_up"}
    bench.wait_for_bridge(legs.patient, legs.headset, times=2)
    assert bench.bridges(legs.third, legs.headset) == [BRIDGED, UNBRIDGED]


def test_a_patient_who_hangs_up_after_a_blind_transfer_takes_nobody_back(bench: Bench) -> None:
    headset = bench.headset()
    patient = bench.dial(bench.leg(FarEnd.HANGS_UP, join_leg=headset))
    bench.wait_for_bridge(patient, headset)
    to = bench.leg(FarEnd.ONLY_RINGS, role=LegRole.THIRD_PARTY)
    bench.control.transfer(patient, headset=headset, to=to, trunk=bench.trunk, mode=BLIND, music=None)
    assert bench.wait_for(OVER, patient).values["reason"] == "patient_gone"
    bench.wait_for(ENDED, to.leg_id)
    bench.wait_for(ENDED, patient)
    assert bench.bridges(patient, headset) == [BRIDGED, UNBRIDGED]


@pytest.mark.parametrize("talking", [True, False], ids=["talking", "ringing"])
def test_a_headset_lost_in_a_consult_leaves_the_patient_waiting_and_nobody_else(bench: Bench, talking: bool) -> None:
    legs = consulting(bench) if talking else passed_on(bench, CONSULT, FarEnd.ONLY_RINGS)
    bench.control.hang_up(legs.headset, EndReason.HANG_UP)
    over = bench.wait_for(OVER, legs.patient)
    assert over.values == {"to": legs.third, "ending": "back", "reason": "headset_gone"}
    bench.wait_for(ENDED, legs.third)
    assert ENDED not in bench.story(legs.patient)
    assert bench.bridges(legs.patient, legs.third) == []


def test_a_headset_that_goes_does_not_stop_a_blind_transfer(bench: Bench) -> None:
    legs = passed_on(bench, BLIND)
    bench.control.hang_up(legs.headset, EndReason.HANG_UP)
    bench.wait_for_bridge(legs.patient, legs.third)
    assert bench.wait_for(OVER, legs.patient).values["ending"] == "hand_over"


@pytest.mark.parametrize("mode", list(TransferMode))
def test_a_patient_who_hangs_up_while_it_rings_takes_the_third_party_with_him(bench: Bench, mode: TransferMode) -> None:
    legs = passed_on(bench, mode, FarEnd.ONLY_RINGS)
    bench.control.hang_up(legs.patient, EndReason.HANG_UP)
    assert bench.wait_for(OVER, legs.patient).values["reason"] == "patient_gone"
    assert bench.wait_for(ENDED, legs.third).values["end_reason"] == "cancelled"
    bench.wait_for(ENDED, legs.patient)
    assert ENDED not in bench.story(legs.headset)
    assert bench.bridges(legs.patient, legs.headset) == [BRIDGED, UNBRIDGED]


def test_a_patient_who_hangs_up_during_a_consult_frees_the_headset(bench: Bench) -> None:
    legs = consulting(bench)
    bench.control.hang_up(legs.patient, EndReason.HANG_UP)
    bench.wait_for(ENDED, legs.third)
    bench.wait_for(ENDED, legs.patient)
    assert bench.bridges(legs.third, legs.headset) == [BRIDGED, UNBRIDGED]
    assert bench.bridges(legs.patient, legs.headset) == [BRIDGED, UNBRIDGED]
    assert bench.story(legs.patient).count(OVER) == 1


def test_a_third_party_does_not_outlive_the_patient_it_was_brought_to(bench: Bench) -> None:
    legs = passed_on(bench, BLIND)
    bench.wait_for_bridge(legs.patient, legs.third)
    bench.control.hang_up(legs.patient, EndReason.HANG_UP)
    bench.wait_for(ENDED, legs.third)


def test_during_a_transfer_its_legs_are_neither_bridged_nor_passed_on_otherwise(bench: Bench) -> None:
    legs = consulting(bench)
    with pytest.raises(RejectedError):
        bench.control.bridge(legs.patient, legs.headset)
    with pytest.raises(RejectedError):
        bench.control.unbridge(legs.third, legs.headset)
    another = bench.leg(role=LegRole.THIRD_PARTY)
    with pytest.raises(RejectedError) as refused:
        bench.control.transfer(
            legs.patient, headset=legs.headset, to=another, trunk=bench.trunk, mode=BLIND, music=None
        )
    assert not refused.value.anything_sent
    assert bench.story(another.leg_id) == []


@pytest.mark.parametrize("why", ["not bridged", "held", "role", "no music"])
def test_what_cannot_be_passed_on_is_refused_before_anything_is_sent(bench: Bench, why: str) -> None:
    patient, headset = bench.talk()
    to = bench.leg(role=LegRole.AGENT if why == "role" else LegRole.THIRD_PARTY)
    if why == "not bridged":
        bench.control.unbridge(patient, headset)
        bench.wait_for_parting(patient, headset)
    if why == "held":
        bench.control.hold(patient)
        bench.wait_for(LegEventKind.HELD, patient)
    music = bench.folder / "nowhere.wav" if why == "no music" else None
    with pytest.raises(RejectedError) as refused:
        bench.control.transfer(patient, headset=headset, to=to, trunk=bench.trunk, mode=BLIND, music=music)
    assert not refused.value.anything_sent
    assert bench.story(to.leg_id) == []
    assert BEGUN not in bench.story(patient)


def test_a_patient_can_be_passed_on_again_after_he_came_back(bench: Bench) -> None:
    legs = passed_on(bench, BLIND, FarEnd.BUSY)
    bench.wait_for_bridge(legs.patient, legs.headset, times=2)
    to = bench.leg(role=LegRole.THIRD_PARTY)
    bench.control.transfer(
        legs.patient, headset=legs.headset, to=to, trunk=bench.trunk, mode=CONSULT, music=bench.prompt(0.2)
    )
    bench.wait_for_bridge(to.leg_id, legs.headset)
    bench.control.end_transfer(legs.patient, TransferEnding.HAND_OVER)
    bench.wait_for_bridge(legs.patient, to.leg_id)
    until(lambda: bench.story(legs.patient).count(OVER) == 2, timeout=10, what="the second transfer is over too")
    assert bench.story(legs.patient).count(BEGUN) == 2


def test_a_patient_whose_agent_sits_elsewhere_is_passed_on_all_the_same(bench: Bench) -> None:
    patient, headset = bench.talk(apart=True)
    third = bench.leg(role=LegRole.THIRD_PARTY)
    bench.control.transfer(patient, headset=headset, to=third, trunk=bench.trunk, mode=CONSULT, music=bench.prompt(0.2))
    bench.wait_for_parting(patient, headset)
    bench.wait_for_bridge(third.leg_id, headset)
    bench.control.end_transfer(patient, TransferEnding.HAND_OVER)
    bench.wait_for_parting(third.leg_id, headset)
    bench.wait_for_bridge(patient, third.leg_id)
    assert ENDED not in bench.story(headset) + bench.story(patient)

    def free() -> bool:
        status = bench.status_of(headset)
        return status is not None and status.bridged_with == ()

    until(free, timeout=5, what="the headset is up and with nobody")


def test_a_patient_comes_back_to_an_agent_elsewhere(bench: Bench) -> None:
    patient, headset = bench.talk(apart=True)
    busy = bench.leg(FarEnd.BUSY, role=LegRole.THIRD_PARTY)
    bench.control.transfer(patient, headset=headset, to=busy, trunk=bench.trunk, mode=BLIND, music=None)
    assert bench.wait_for(OVER, patient).values["ending"] == "back"
    bench.wait_for_bridge(patient, headset, times=2)
