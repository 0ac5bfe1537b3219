"""Passing a patient on, bringing somebody in, hold, mute, keys: what the line does, what the screen is told."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from db.users import Role
from followup.attempts import AttemptState
from followup.calls import Call, CallState, LegRole
from followup.dialing_rules import Mode
from followup.queues import Agent, AgentState, Queue
from runtime.embedded import Engines
from runtime.identifiers import new_id
from telephony.call_control import DigitMethod
from telephony.line_script import answer, far_hold, far_resume, hang_up, refuse_holds, ring
from tests.integration.api.house import Asking, House, open_house
from tests.support.builders import an_agent
from tests.support.loopback_bench import (
    IS_BUSY,
    LoopbackPlace,
    a_conversation,
    a_desk,
    a_stored_queue,
    audit_rows,
    loopback_node,
    put_on_headset,
)
from tests.support.telephony_bench import GATE
from tests.support.waiting import until

SCRIPTS = {
    "2001": IS_BUSY,
    "2002": (ring(0.0), answer(0.05), hang_up(0.5)),
    "+8613911110001": (ring(0.0), answer(0.05), far_hold(0.3), far_resume(1.2)),
    "+8613911110002": (ring(0.0), refuse_holds(488), answer(0.05)),
}


@pytest.fixture(scope="module")
def house(module_database_url: str, engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with open_house(module_database_url, engines.broker_url, tmp_path_factory.mktemp("house")) as opened:
        yield opened


@pytest.fixture(scope="module")
def place(house: House, module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackPlace]:
    """One node for all tests of this module; each test has people, queues and calls of its own."""
    folder = tmp_path_factory.mktemp("node")
    with loopback_node(house.units, module_database_url, folder, SCRIPTS) as running:
        yield running


@pytest.fixture
def queue(house: House) -> Queue:
    return a_stored_queue(house.units)


@pytest.fixture
def desk(place: LoopbackPlace, agent: Asking) -> Agent:
    return put_on_headset(place, agent.user_id, "desk-1")


@pytest.fixture
def talk(place: LoopbackPlace, desk: Agent, queue: Queue) -> Call:
    return a_conversation(place, desk, queue)


def an_entry(asking: Asking, number: str) -> str:
    made = asking.post("/directory", {"name": f"Dept {new_id()}", "kind": "department", "number": number})
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


def transfer(asking: Asking, call: Call, mode: str = "consult", **target: str) -> str:
    asked = asking.post(f"/calls/{call.id}/transfers", {"mode": mode, **target})
    assert asked.status_code == 202, asked.text
    return str(asked.json()["id"])


def end(asking: Asking, call: Call, transfer_id: str, ending: str) -> None:
    asked = asking.post(f"/calls/{call.id}/transfers/{transfer_id}/end", {"ending": ending})
    assert asked.status_code == 202, asked.text


def is_in(place: LoopbackPlace, transfer_id: str, state: str) -> None:
    def reached() -> bool:
        with place.units() as uow:
            found = uow.transfers.get(transfer_id)
            return found is not None and found.state == state

    until(reached, timeout=10, what=f"the transfer is {state}")


def up(place: LoopbackPlace, call: Call) -> list[LegRole]:
    own = {leg.id for leg in place.call(call.id).legs}
    return [leg.role for leg in place.control.status() if leg.leg_id in own]


def shown(asking: Asking, call: Call) -> dict[str, Any]:
    answer: dict[str, Any] = asking.get(f"/calls/{call.id}").json()
    return answer


def test_a_consulted_colleague_takes_the_patient_and_his_wrap_up(
    house: House, place: LoopbackPlace, agent: Asking, desk: Agent, queue: Queue, talk: Call
) -> None:
    colleague = a_desk(place, queue, "desk-2")
    asked = transfer(agent, talk, agent_id=colleague.id)
    is_in(place, asked, "consulting")
    assert place.call(talk.id).state is CallState.ANSWERED, "the patient hears music, nobody is joined with him"
    assert shown(agent, talk)["transfer"]["state"] == "consulting"
    assert place.agent(colleague.id).state is AgentState.ON_CALL
    end(agent, talk, asked, "hand_over")
    is_in(place, asked, "handed_over")
    call = place.wait_for(talk.id, CallState.BRIDGED)
    assert call.agent_id == colleague.id
    assert (place.agent(desk.id).state, place.agent(colleague.id).state) == (AgentState.AVAILABLE, AgentState.ON_CALL)
    assert agent.get("/agents/me/call").json()["attempt"] is None
    refused = agent.post(f"/calls/{talk.id}/commands", {"verb": "hang_up"})
    assert refused.json()["code"] == "not_yours"
    place.ask("hang_up", talk.id)
    place.wait_for(talk.id, CallState.ENDED)
    with place.units() as uow:
        attempt = uow.attempts.get(talk.attempt_id)
        assert attempt is not None
        assert (attempt.state, attempt.agent_id) == (AttemptState.WRAP_UP, colleague.id)
        actions = [action for action, _, _ in audit_rows(uow, talk.id)]
    assert {"transfer_asked", "transfer_end_hand_over", "transfer_handed_over"} <= set(actions)
    assert (place.agent(desk.id).state, place.agent(colleague.id).state) == (AgentState.AVAILABLE, AgentState.WRAP_UP)


def test_a_patient_passed_on_to_a_department_leaves_the_agent_her_wrap_up(
    place: LoopbackPlace, agent: Asking, desk: Agent, supervisor: Asking, talk: Call
) -> None:
    asked = transfer(agent, talk, "blind", directory_id=an_entry(supervisor, "2010"))
    is_in(place, asked, "handed_over")
    assert place.call(talk.id).state is CallState.BRIDGED
    with place.units() as uow:
        attempt = uow.attempts.get(talk.attempt_id)
        assert attempt is not None
        assert (attempt.state, attempt.agent_id) == (AttemptState.WRAP_UP, desk.id)
    assert place.agent(desk.id).state is AgentState.WRAP_UP
    agent.delete("/agents/me/headset")
    until(lambda: place.agent(desk.id).headset_leg_id is None, timeout=10, what="the headset is down")
    assert place.call(talk.id).state is CallState.BRIDGED, "the department goes on without her"
    place.ask("hang_up", talk.id)
    place.wait_for(talk.id, CallState.ENDED)
    until(lambda: up(place, talk) == [], timeout=10, what="no leg of the call is up")


def test_a_department_that_hangs_up_last_ends_the_patient_s_line(
    place: LoopbackPlace, agent: Asking, supervisor: Asking, talk: Call
) -> None:
    asked = transfer(agent, talk, "blind", directory_id=an_entry(supervisor, "2002"))
    is_in(place, asked, "handed_over")
    place.wait_for(talk.id, CallState.ENDED)


def test_an_interpreter_talks_with_both_and_leaves_without_ending_the_call(
    place: LoopbackPlace, agent: Asking, desk: Agent, supervisor: Asking, talk: Call
) -> None:
    asked = transfer(agent, talk, directory_id=an_entry(supervisor, "2011"))
    is_in(place, asked, "consulting")
    end(agent, talk, asked, "together")
    is_in(place, asked, "together")
    assert len(place.wait_for(talk.id, CallState.BRIDGED).joined) == 2
    legs = shown(agent, talk)["legs"]
    assert [leg["joined"] for leg in legs if leg["role"] == "third_party"] == [True]
    end(agent, talk, asked, "back")
    is_in(place, asked, "back")
    call = place.call(talk.id)
    assert (call.state, call.agent_id) == (CallState.BRIDGED, desk.id)
    assert shown(agent, talk)["transfer"] is None


def test_of_three_the_agent_may_go(
    place: LoopbackPlace, agent: Asking, desk: Agent, supervisor: Asking, talk: Call
) -> None:
    asked = transfer(agent, talk, directory_id=an_entry(supervisor, "2011"))
    is_in(place, asked, "consulting")
    end(agent, talk, asked, "together")
    is_in(place, asked, "together")
    end(agent, talk, asked, "hand_over")
    is_in(place, asked, "handed_over")
    assert place.call(talk.id).state is CallState.BRIDGED
    assert place.agent(desk.id).state is AgentState.WRAP_UP


def test_a_busy_department_gives_the_patient_back_with_the_reason(
    place: LoopbackPlace, agent: Asking, supervisor: Asking, talk: Call
) -> None:
    asked = transfer(agent, talk, "blind", directory_id=an_entry(supervisor, "2001"))
    is_in(place, asked, "back")
    assert place.wait_for(talk.id, CallState.BRIDGED).ended_at is None
    with place.units() as uow:
        found = uow.transfers.get(asked)
        assert found is not None
        assert found.reason == "busy"


def test_a_colleague_who_is_given_back_is_free(place: LoopbackPlace, agent: Asking, queue: Queue, talk: Call) -> None:
    colleague = a_desk(place, queue, "desk-2")
    asked = transfer(agent, talk, agent_id=colleague.id)
    is_in(place, asked, "consulting")
    end(agent, talk, asked, "back")
    is_in(place, asked, "back")
    place.wait_for(talk.id, CallState.BRIDGED)
    assert place.agent(colleague.id).state is AgentState.AVAILABLE


@pytest.mark.parametrize("during", ["dialing", "consulting", "together", "held", "monitored"])
def test_hanging_up_works_from_everywhere(
    place: LoopbackPlace,
    agent: Asking,
    desk: Agent,
    supervisor: Asking,
    queue: Queue,
    talk: Call,
    during: str,
) -> None:
    place.control.teach("2020", (ring(0.0), answer(30.0 if during == "dialing" else 0.05)))
    if during == "held":
        agent.post(f"/calls/{talk.id}/commands", {"verb": "hold"})
        place.wait_for(talk.id, CallState.HELD)
    elif during == "monitored":
        supervisor.put("/supervision/phone", {"phone": "8001"})
        supervisor.post(f"/calls/{talk.id}/supervisions", {"mode": "barge", "reason": "safety"})
        until(lambda: LegRole.SUPERVISOR in up(place, talk), timeout=10, what="she is on the line")
    else:
        asked = transfer(agent, talk, directory_id=an_entry(supervisor, "2020"))
        is_in(place, asked, "dialing" if during == "dialing" else "consulting")
        if during == "dialing":
            until(lambda: place.call(talk.id).joined == [], timeout=10, what="the patient hears music")
        if during == "together":
            end(agent, talk, asked, "together")
            is_in(place, asked, "together")
    assert agent.post(f"/calls/{talk.id}/commands", {"verb": "hang_up"}).status_code == 202
    place.wait_for(talk.id, CallState.ENDED)
    until(lambda: up(place, talk) == [], timeout=10, what="no leg of the call is up")
    with place.units() as uow:
        assert uow.transfers.live_of_call(talk.id) is None
        assert uow.supervisions.live_of_call(talk.id) is None
    assert place.agent(desk.id).state is AgentState.WRAP_UP


def test_what_cannot_be_transferred_is_refused_in_words(
    house: House, place: LoopbackPlace, agent: Asking, supervisor: Asking, desk: Agent, queue: Queue, talk: Call
) -> None:
    address = f"/calls/{talk.id}/transfers"
    with house.rows() as uow:
        resting = an_agent(uow, queue, state=AgentState.BREAK)
        patient = uow.patients.get(talk.patient_id)
        assert patient is not None
        closed = patient.contact_points[1]
        closed.do_not_call = True
        same = patient.contact_points[0].id
    entry = an_entry(supervisor, "2010")
    cases = [
        ({"agent_id": resting.id}, "agent_id", "break"),
        ({"agent_id": desk.id}, "agent_id", "has the call"),
        ({"number": "+8613900008888"}, "number", "directory"),
        ({"contact_point_id": closed.id}, "contact_point_id", "closed"),
        ({"contact_point_id": same}, "contact_point_id", "the patient is on"),
    ]
    for target, field, words in cases:
        refused = agent.post(address, {"mode": "blind", **target})
        assert (refused.status_code, refused.json()["field"]) == (409, field), refused.text
        assert words in refused.json()["reason"]
    assert agent.post(address, {"mode": "blind"}).status_code == 422
    assert agent.post(address, {"mode": "blind", "agent_id": desk.id, "directory_id": entry}).status_code == 422
    supervisor.post(f"/directory/{entry}/close")
    assert "out of use" in agent.post(address, {"mode": "blind", "directory_id": entry}).json()["reason"]
    other = house.caller(Role.AGENT)
    assert other.post(address, {"mode": "blind", "directory_id": entry}).json()["code"] == "not_yours"
    assert place.call(talk.id).state is CallState.BRIDGED


@pytest.mark.parametrize("number", ["110", "120", "119", "1", "123456789", "+8612", "phone"])
def test_the_directory_takes_numbers_and_extensions_and_no_emergency_line(supervisor: Asking, number: str) -> None:
    refused = supervisor.post("/directory", {"name": "x", "kind": "other", "number": number})
    assert (refused.status_code, refused.json()["field"]) == (422, "number")


def test_a_typed_number_is_dialed_where_the_queue_allows_it(
    place: LoopbackPlace, agent: Asking, admin: Asking, queue: Queue, talk: Call
) -> None:
    admin.put(f"/queues/{queue.id}/supervision", {"shown": "always", "free_numbers": True})
    asked = transfer(agent, talk, "blind", number="+86 139 0000 8888")
    is_in(place, asked, "handed_over")
    (third,) = [leg.id for leg in place.call(talk.id).legs if leg.role is LegRole.THIRD_PARTY]
    assert place.control.leg(third).leg.number == "+8613900008888"
    assert "+8613900008888" not in str(shown(agent, talk))


def test_a_trial_passes_nobody_on_to_a_number_that_is_not_on_its_list(
    database_url: str, engines: Engines, tmp_path: Path
) -> None:
    trial = replace(GATE, mode=Mode.TRIAL, allow_list=frozenset({"+8613911110003", "2010"}))
    with (
        open_house(database_url, engines.broker_url, tmp_path) as house,
        loopback_node(house.units, database_url, tmp_path, gate=trial) as place,
    ):
        agent, supervisor = house.caller(Role.AGENT), house.caller(Role.SUPERVISOR)
        desk = put_on_headset(place, agent.user_id, "desk-1")
        call = a_conversation(place, desk, a_stored_queue(house.units), "+8613911110003")
        refused = transfer(agent, call, "blind", directory_id=an_entry(supervisor, "2011"))
        is_in(place, refused, "back")
        with place.units() as uow:
            found = uow.transfers.get(refused)
            assert found is not None
            assert "SUIFANG_TRIAL_ALLOW_LIST" in found.reason
        assert place.call(call.id).state is CallState.BRIDGED
        assert up(place, call) == [LegRole.PATIENT], "nothing was dialed"
        is_in(place, transfer(agent, call, "blind", directory_id=an_entry(supervisor, "2010")), "handed_over")


def test_a_mute_belongs_to_one_call(place: LoopbackPlace, agent: Asking, desk: Agent, queue: Queue, talk: Call) -> None:
    agent.post(f"/calls/{talk.id}/commands", {"verb": "mute"})
    until(lambda: shown(agent, talk)["muted"], timeout=10, what="the headset is muted")
    assert "unmute" in shown(agent, talk)["commands"]
    assert agent.post(f"/calls/{talk.id}/commands", {"verb": "mute"}).status_code == 409
    agent.post(f"/calls/{talk.id}/commands", {"verb": "hang_up"})
    place.wait_for(talk.id, CallState.ENDED)
    until(lambda: not place.agent(desk.id).headset_muted, timeout=10, what="the mute is taken off")


def test_hold_plays_music_and_a_far_end_that_refuses_it_is_told(
    place: LoopbackPlace, agent: Asking, desk: Agent, queue: Queue
) -> None:
    call = a_conversation(place, desk, queue, "+8613911110002")
    agent.post(f"/calls/{call.id}/commands", {"verb": "hold"})

    def refused() -> str:
        listed = agent.get(f"/calls/{call.id}/commands").json()["commands"]
        return str(listed[-1]["reason"] if listed[-1]["state"] == "refused" else "")

    assert "did not agree" in until(refused, timeout=10, what="the hold is refused")
    assert place.call(call.id).state is CallState.BRIDGED


def test_a_hold_of_the_far_end_is_shown_and_is_not_ours_to_end(
    place: LoopbackPlace, agent: Asking, desk: Agent, queue: Queue
) -> None:
    call = a_conversation(place, desk, queue, "+8613911110001")
    place.wait_for(call.id, CallState.HELD)
    answer = shown(agent, call)
    assert (answer["held_by"], "resume" in answer["commands"]) == (["far_end"], False)
    assert "far end" in place.refusal("resume", call.id)
    place.wait_for(call.id, CallState.BRIDGED)
    assert shown(agent, call)["held_by"] == []


def test_our_hold_has_music_and_ends(place: LoopbackPlace, agent: Asking, talk: Call) -> None:
    agent.post(f"/calls/{talk.id}/commands", {"verb": "hold"})
    held = place.wait_for(talk.id, CallState.HELD)
    (music,) = place.control.leg(held.legs[0].id).heard_music
    assert music.name == "hold_music.wav"
    assert "on hold already" in place.refusal("hold", talk.id)
    agent.post(f"/calls/{talk.id}/commands", {"verb": "resume"})
    place.wait_for(talk.id, CallState.BRIDGED)


def test_keys_are_sent_as_asked(place: LoopbackPlace, agent: Asking, talk: Call) -> None:
    for body in ({"digits": "12"}, {"digits": "#", "method": "info"}):
        assert agent.post(f"/calls/{talk.id}/commands", {"verb": "send_digits", **body}).status_code == 202
    leg = place.control.leg(talk.legs[0].id)
    until(lambda: leg.heard_digits == "12#", timeout=10, what="the keys are heard")
    assert leg.heard_digit_methods == [DigitMethod.RFC2833, DigitMethod.RFC2833, DigitMethod.INFO]


def test_a_pause_of_the_recording_is_on_record_with_its_second_and_who(
    place: LoopbackPlace, agent: Asking, talk: Call
) -> None:
    agent.post(f"/calls/{talk.id}/commands", {"verb": "pause_recording"})
    until(lambda: shown(agent, talk)["recording_paused"], timeout=10, what="the recording is paused")
    agent.post(f"/calls/{talk.id}/commands", {"verb": "resume_recording"})
    until(lambda: not shown(agent, talk)["recording_paused"], timeout=10, what="the recording goes on")
    with place.units() as uow:
        rows = [(a, who, d) for a, who, d in audit_rows(uow, talk.id) if a in ("recording_paused", "recording_resumed")]
        recording = uow.recordings.of_call(talk.id)
    assert [(action, who) for action, who, _ in rows] == [
        ("recording_paused", agent.user_id),
        ("recording_resumed", agent.user_id),
    ]
    assert recording is not None
    assert recording.pauses == [{"from": rows[0][2]["second"], "to": rows[1][2]["second"]}]


def test_a_refused_recording_is_destroyed_and_on_record(place: LoopbackPlace, agent: Asking, talk: Call) -> None:
    assert agent.post(f"/calls/{talk.id}/commands", {"verb": "refuse_recording"}).status_code == 202
    until(lambda: (shown(agent, talk)["recording_consent"] or {}).get("granted") is False, timeout=10, what="refused")
    until(lambda: not (place.folder / "spool" / talk.id).exists(), timeout=10, what="the files are gone")
    with place.units() as uow:
        (row,) = [(who, action) for action, who, _ in audit_rows(uow, talk.id) if action == "recording_refused"]
    assert row == (agent.user_id, "recording_refused")
    assert place.call(talk.id).state is CallState.BRIDGED, "the talk goes on unrecorded"


def test_how_soon_the_agent_was_joined_is_a_figure_of_the_call(agent: Asking, talk: Call) -> None:
    assert 0 <= shown(agent, talk)["joined_after_ms"] <= 500
