"""The contract of monitoring: a supervisor follows conversations with patients, never a headset between them."""

import pytest

from followup.calls import EndReason, LegId, LegRole
from telephony.call_control import LegEventKind, MonitorMode, RejectedError, TransferEnding, TransferMode
from tests.support.call_control_bench import Bench, FarEnd

MONITORED, UNMONITORED = LegEventKind.MONITORED, LegEventKind.UNMONITORED
ENDED = LegEventKind.ENDED


def monitored(bench: Bench, mode: MonitorMode) -> tuple[LegId, LegId, LegId]:
    """Patient, headset and a supervisor who follows them."""
    patient, headset = bench.talk()
    supervisor = bench.supervisor(patient)
    bench.control.monitor(supervisor, patient, mode)
    assert bench.wait_for(MONITORED, supervisor).values == {"of": patient, "mode": mode.value}
    return patient, headset, supervisor


def test_a_supervisor_changes_how_she_follows_and_each_change_is_told(bench: Bench) -> None:
    patient, headset, supervisor = monitored(bench, MonitorMode.LISTEN)
    for times, mode in enumerate((MonitorMode.WHISPER, MonitorMode.BARGE, MonitorMode.TAKE_OVER), start=2):
        bench.control.monitor(supervisor, patient, mode)
        assert bench.wait_for(MONITORED, supervisor, times=times).values["mode"] == mode.value
    with pytest.raises(RejectedError):
        bench.control.monitor(supervisor, patient, MonitorMode.TAKE_OVER)
    bench.control.stop_monitoring(supervisor)
    assert bench.wait_for(UNMONITORED, supervisor).values == {"of": patient}
    with pytest.raises(RejectedError):
        bench.control.stop_monitoring(supervisor)
    bench.control.monitor(supervisor, patient, MonitorMode.LISTEN)
    bench.wait_for(MONITORED, supervisor, times=5)
    assert bench.bridges(patient, headset) == [LegEventKind.BRIDGED]


def test_monitoring_ends_with_the_conversation_and_the_supervisors_leg_stays_up(bench: Bench) -> None:
    patient, _, supervisor = monitored(bench, MonitorMode.WHISPER)
    bench.control.hang_up(patient, EndReason.HANG_UP)
    assert bench.wait_for(UNMONITORED, supervisor).values == {"of": patient}
    bench.wait_for(ENDED, patient)
    assert ENDED not in bench.story(supervisor)


@pytest.mark.parametrize("mode", [MonitorMode.LISTEN, MonitorMode.WHISPER, MonitorMode.BARGE])
def test_monitoring_ends_when_patient_and_agent_are_parted(bench: Bench, mode: MonitorMode) -> None:
    patient, headset, supervisor = monitored(bench, mode)
    bench.control.unbridge(patient, headset)
    bench.wait_for(UNMONITORED, supervisor)
    with pytest.raises(RejectedError):
        bench.control.monitor(supervisor, patient, mode)


def test_who_has_taken_over_stays_with_the_patient_when_the_agent_leaves(bench: Bench) -> None:
    patient, headset, supervisor = monitored(bench, MonitorMode.TAKE_OVER)
    bench.control.hang_up(headset, EndReason.HANG_UP)
    bench.wait_for(ENDED, headset)
    bench.control.hang_up(patient, EndReason.HANG_UP)
    bench.wait_for(UNMONITORED, supervisor)
    bench.wait_for(ENDED, patient)
    assert bench.story(supervisor).count(UNMONITORED) == 1


def test_a_supervisor_who_hangs_up_leaves_the_conversation_as_it_was(bench: Bench) -> None:
    patient, headset, supervisor = monitored(bench, MonitorMode.BARGE)
    bench.control.hang_up(supervisor, EndReason.HANG_UP)
    bench.wait_for(ENDED, supervisor)
    assert bench.bridges(patient, headset) == [LegEventKind.BRIDGED]
    assert UNMONITORED not in bench.story(supervisor)


def test_monitoring_goes_on_through_a_consult_and_ends_when_the_agent_is_out(bench: Bench) -> None:
    patient, headset, supervisor = monitored(bench, MonitorMode.LISTEN)
    busy = bench.leg(FarEnd.BUSY, role=LegRole.THIRD_PARTY)
    bench.control.transfer(
        patient, headset=headset, to=busy, trunk=bench.trunk, mode=TransferMode.CONSULT, music=bench.prompt(0.2)
    )
    bench.wait_for_bridge(patient, headset, times=2)
    assert UNMONITORED not in bench.story(supervisor)
    third = bench.leg(role=LegRole.THIRD_PARTY)
    bench.control.transfer(
        patient, headset=headset, to=third, trunk=bench.trunk, mode=TransferMode.CONSULT, music=bench.prompt(0.2)
    )
    bench.wait_for_bridge(third.leg_id, headset)
    assert UNMONITORED not in bench.story(supervisor)
    bench.control.end_transfer(patient, TransferEnding.HAND_OVER)
    bench.wait_for(UNMONITORED, supervisor)


def test_a_conversation_taken_over_is_not_passed_on_by_the_agent(bench: Bench) -> None:
    patient, headset, _ = monitored(bench, MonitorMode.TAKE_OVER)
    to = bench.leg(role=LegRole.THIRD_PARTY)
    with pytest.raises(RejectedError):
        bench.control.transfer(patient, headset=headset, to=to, trunk=bench.trunk, mode=TransferMode.BLIND, music=None)


def test_neither_a_headset_nor_a_patient_without_an_agent_can_be_monitored(bench: Bench) -> None:
    headset = bench.headset()
    supervisor = bench.supervisor(headset)
    with pytest.raises(RejectedError, match="headset between calls"):
        bench.control.monitor(supervisor, headset, MonitorMode.LISTEN)
    patient = bench.dial(bench.leg(beside_leg=headset))
    bench.wait_for(LegEventKind.ANSWERED, patient)
    with pytest.raises(RejectedError, match="no conversation"):
        bench.control.monitor(supervisor, patient, MonitorMode.LISTEN)
    assert MONITORED not in bench.story(supervisor)


def test_only_a_supervisors_leg_monitors_and_it_is_never_bridged(bench: Bench) -> None:
    patient, headset = bench.talk()
    with pytest.raises(RejectedError):
        bench.control.monitor(headset, patient, MonitorMode.LISTEN)
    supervisor = bench.supervisor(patient)
    for one, two in ((supervisor, patient), (headset, supervisor)):
        with pytest.raises(RejectedError, match="supervisor"):
            bench.control.bridge(one, two)
    with pytest.raises(RejectedError, match="supervisor"):
        bench.dial(bench.leg(role=LegRole.SUPERVISOR, join_leg=patient))


def test_a_conversation_with_an_agent_elsewhere_is_monitored_all_the_same(bench: Bench) -> None:
    patient, headset = bench.talk(apart=True)
    supervisor = bench.supervisor(patient)
    bench.control.monitor(supervisor, patient, MonitorMode.WHISPER)
    bench.wait_for(MONITORED, supervisor)
    bench.control.unbridge(patient, headset)
    bench.wait_for(UNMONITORED, supervisor)
