"""An agent's desk, and commands to calls: what cannot be is refused, what can be reaches the node as one row."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from api.call_answers import Verb
from db.users import Role
from followup.attempts import AttemptState
from followup.calls import Call, CallState
from followup.queues import AgentState, HeadsetState
from followup.recordings import DISK_FULL, RecordingState
from tests.integration.api.house import Asking, House
from tests.support.builders import a_call, a_patient, a_queue, a_recording, a_task, an_attempt


def a_call_of(house: House, agent_id: str | None, state: CallState, **attempt: Any) -> Call:
    with house.rows() as uow:
        task = a_task(uow, a_patient(uow, name="李小伟", record_number="A10293"), a_queue(uow))
        made = an_attempt(uow, task, **{"agent_id": agent_id, "state": AttemptState.IN_CALL, **attempt})
        ended = {} if state is CallState.ENDED else {"ended_at": None, "end_reason": None, "party": None}
        return a_call(uow, made, state=state, **ended)


def set_state(house: House, agent_id: str, state: AgentState, **values: Any) -> None:
    with house.rows() as uow:
        desk = uow.queues.agent(agent_id)
        assert desk is not None
        desk.state = state
        for name, value in values.items():
            setattr(desk, name, value)


def test_an_agent_comes_takes_a_break_and_goes(agent: Asking) -> None:
    assert agent.get("/agents/me/state").json()["state"] == "offline"
    assert agent.post("/agents/me/state", {"state": "available"}).json()["state"] == "available"
    away = agent.post("/agents/me/state", {"state": "break", "reason": "lunch"}).json()
    assert (away["state"], away["state_reason"], away["ready"]) == ("break", "lunch", False)
    assert agent.post("/agents/me/state", {"state": "offline"}).json()["state"] == "offline"


def test_from_offline_there_is_no_break(agent: Asking) -> None:
    refused = agent.post("/agents/me/state", {"state": "break"})
    assert (refused.status_code, refused.json()["code"], refused.json()["field"]) == (409, "not_possible_now", "agent")
    assert agent.post("/agents/me/state", {"state": "on_call"}).json()["field"] == "state"


@pytest.mark.parametrize("state", [AgentState.RESERVED, AgentState.ON_CALL, AgentState.WRAP_UP])
def test_during_a_call_the_wish_is_kept(house: House, agent: Asking, state: AgentState) -> None:
    set_state(house, agent.user_id, state)
    asked = agent.post("/agents/me/state", {"state": "break"}).json()
    assert (asked["state"], asked["wanted_state"]) == (state.value, "break")
    assert agent.post("/agents/me/state", {"state": "available"}).json()["wanted_state"] is None


def test_a_heartbeat_and_a_headset_make_an_available_agent_ready(house: House, agent: Asking) -> None:
    agent.post("/agents/me/state", {"state": "available"})
    attached = agent.post("/agents/me/headset", {"headset": "desk-1"})
    assert attached.status_code == 202
    assert (attached.json()["headset_wanted"], attached.json()["headset_state"]) == (True, "down")
    with house.rows() as uow:
        (ringing,) = uow.queues.headsets_to_ring("node-1")
        assert ringing.id == agent.user_id
        ringing.headset_state = HeadsetState.UP
        ringing.headset_node = "node-1"
    assert agent.get("/agents/me/state").json()["ready"] is False
    assert agent.post("/agents/me/heartbeat", key=None).json()["ready"] is True


@pytest.mark.parametrize("headset", ["", "desk 1", "sip:1@host;transport=tcp", "sip:1@a\r\nVia: x", "../x"])
def test_a_headset_is_a_sip_user_or_address_and_nothing_else(agent: Asking, headset: str) -> None:
    assert agent.post("/agents/me/headset", {"headset": headset}).json()["field"] == "headset"


def test_putting_the_headset_down_tells_the_node_that_holds_it(house: House, agent: Asking) -> None:
    agent.post("/agents/me/headset", {"headset": "sip:desk-1@127.0.0.1:5080"})
    set_state(house, agent.user_id, AgentState.AVAILABLE, headset_state=HeadsetState.UP, headset_node="node-7")
    assert agent.post("/agents/me/headset", {"headset": "desk-2"}).json()["code"] == "not_possible_now"
    assert agent.delete("/agents/me/headset").json()["headset_wanted"] is False
    with house.units() as uow:
        (command,) = uow.calls.commands_for(agent.user_id)
        assert (command.verb, command.node) == ("detach_headset", "node-7")


def test_in_a_call_the_headset_stays(house: House, agent: Asking) -> None:
    set_state(house, agent.user_id, AgentState.ON_CALL, headset_wanted=True, headset_state=HeadsetState.UP)
    assert agent.delete("/agents/me/headset").status_code == 409


def test_the_board_shows_every_agent_with_what_he_works_on(house: House, agent: Asking, supervisor: Asking) -> None:
    call = a_call_of(house, agent.user_id, CallState.BRIDGED)
    idle = house.caller(Role.AGENT)
    board = {row["desk"]["agent_id"]: row for row in supervisor.get("/agents").json()["agents"]}
    assert set(board) == {agent.user_id, idle.user_id}
    assert board[agent.user_id]["call_id"] == call.id
    assert board[agent.user_id]["display_name"] == "王敏"
    assert (board[idle.user_id]["attempt_id"], board[idle.user_id]["call_id"]) == (None, None)


@pytest.mark.parametrize(
    ("state", "possible"),
    [
        (CallState.PLANNED, ["hang_up"]),
        (CallState.RINGING, ["hang_up"]),
        (
            CallState.BRIDGED,
            ["hang_up", "hold", "mute", "pause_recording", "stop_recording", "refuse_recording", "send_digits"],
        ),
        (
            CallState.HELD,
            ["hang_up", "resume", "mute", "pause_recording", "stop_recording", "refuse_recording", "send_digits"],
        ),
        (CallState.ENDED, []),
    ],
)
def test_a_command_is_one_row_for_the_node_or_a_refusal(
    house: House, agent: Asking, state: CallState, possible: list[str]
) -> None:
    call = a_call_of(house, agent.user_id, state)
    assert agent.get(f"/calls/{call.id}").json()["commands"] == possible
    for verb in Verb:
        body = {"verb": verb.value, **({"digits": "1#"} if verb is Verb.SEND_DIGITS else {})}
        answer = agent.post(f"/calls/{call.id}/commands", body)
        if verb.value in possible:
            assert answer.status_code == 202
        else:
            assert (answer.status_code, answer.json()["code"]) == (409, "not_possible_now")
            assert state.value in answer.json()["reason"]
    with house.units() as uow:
        rows = uow.calls.commands_for(call.id)
        assert [row.verb for row in rows] == sorted(possible, key=[row.verb for row in rows].index)
        assert all(row.deadline - row.created_at == timedelta(seconds=10) for row in rows)
        assert all(row.node == call.node for row in rows)
    listed = agent.get(f"/calls/{call.id}/commands").json()["commands"]
    assert len(listed) == len(possible)


def test_one_command_sent_twice_under_one_key_is_one_row(house: House, agent: Asking) -> None:
    call = a_call_of(house, agent.user_id, CallState.BRIDGED)
    for _ in range(2):
        assert agent.post(f"/calls/{call.id}/commands", {"verb": "hang_up"}, key="the same").status_code == 202
    with house.units() as uow:
        assert len(uow.calls.commands_for(call.id)) == 1


def test_a_command_wakes_the_node_at_once(house: House, agent: Asking) -> None:
    call = a_call_of(house, agent.user_id, CallState.BRIDGED)
    with house.units.engine.connect() as connection:
        connection.exec_driver_sql("LISTEN call_commands")
        connection.commit()
        agent.post(f"/calls/{call.id}/commands", {"verb": "hang_up"})
        driver = connection.connection.driver_connection
        assert driver is not None
        (notice,) = list(driver.notifies(timeout=5, stop_after=1))
    assert notice.payload == call.node


def test_agents_command_their_own_calls_and_supervisors_any(house: House, agent: Asking, supervisor: Asking) -> None:
    call = a_call_of(house, agent.user_id, CallState.BRIDGED)
    other = house.caller(Role.AGENT)
    refused = other.post(f"/calls/{call.id}/commands", {"verb": "hang_up"})
    assert (refused.status_code, refused.json()["code"]) == (403, "not_yours")
    assert supervisor.post(f"/calls/{call.id}/commands", {"verb": "hang_up"}).status_code == 202


def test_digits_belong_to_send_digits(house: House, agent: Asking) -> None:
    call = a_call_of(house, agent.user_id, CallState.BRIDGED)
    assert agent.post(f"/calls/{call.id}/commands", {"verb": "send_digits"}).status_code == 422
    assert agent.post(f"/calls/{call.id}/commands", {"verb": "hold", "digits": "1"}).status_code == 422
    bad = agent.post(f"/calls/{call.id}/commands", {"verb": "send_digits", "digits": "1;drop"})
    assert (bad.status_code, bad.json()["field"]) == (422, "digits")


def test_a_silent_line_and_a_failed_recording_are_on_the_call_and_nothing_can_be_paused(
    house: House, agent: Asking
) -> None:
    call = a_call_of(house, agent.user_id, CallState.BRIDGED)
    whole = agent.get(f"/calls/{call.id}").json()
    assert (whole["silent_since"], whole["recording_reason"]) == (None, "")
    with house.rows() as uow:
        found = uow.calls.for_update(call.id)
        assert found is not None
        found.silent_since = uow.now
        a_recording(uow, found, Path("/spool/one"), state=RecordingState.FAILED, reason=DISK_FULL)
    shown = agent.get(f"/calls/{call.id}").json()
    assert shown["silent_since"] is not None
    assert (shown["recording"], shown["recording_reason"]) == ("failed", DISK_FULL)
    assert {"hold", "hang_up"} <= set(shown["commands"])
    assert not [verb for verb in shown["commands"] if "recording" in verb]
    refused = agent.post(f"/calls/{call.id}/commands", {"verb": "pause_recording"})
    assert refused.status_code == 409


def test_a_calls_number_shows_its_end_only(house: House, agent: Asking) -> None:
    call = a_call_of(house, agent.user_id, CallState.BRIDGED)
    shown = agent.get(f"/calls/{call.id}")
    assert call.number not in shown.text
    assert shown.json()["number"].endswith(call.number[-4:])
