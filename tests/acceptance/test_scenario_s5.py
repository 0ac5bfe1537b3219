"""Scenario S5, the calling part: no more surveys means none, at once; care goes on; no recording means no file."""

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from care.consent import Purpose
from care.patients import Patient
from db.trunks import TrunkCondition
from db.unit_of_work import UnitOfWork
from db.users import Role
from followup.calls import Call, CallState, LegRole
from followup.dialing_rules import GateReason
from followup.outcomes import TaskOutcome
from followup.plans import Task, TaskMode, TaskState
from followup.queues import AgentState, DialStyle, HeadsetState, Queue
from tests.integration.api.house import Asking
from tests.support.builders import a_patient, a_queue, a_task, an_agent
from tests.support.scenario import Scenario, scenario

MONDAY = "2026-11-23 09:00"
AT_ONCE = 1.0


@pytest.fixture
def played(database_url: str, broker_url: str, tmp_path: Path) -> Iterator[Scenario]:
    with scenario(database_url, broker_url, tmp_path, starts=MONDAY) as hospital:
        yield hospital


def zhou_min(uow: UnitOfWork) -> Patient:
    """P5 of the scenarios."""
    return a_patient(uow, name="周敏", sex="female")


def at_her_desk(played: Scenario, *queues: Queue) -> str:
    with played.rows() as uow:
        agent = an_agent(uow, *queues, headset_wanted=False, headset_state=HeadsetState.DOWN, headset_leg_id=None)
    played.seat(agent.id, "desk-1")
    return agent.id


def of(played: Scenario, task: Task) -> Task:
    with played.units() as uow:
        found = uow.plans.task(task.id)
        assert found is not None
        return found


def why_not(nurse: Asking, task: Task) -> set[str]:
    answer = nurse.get(f"/tasks/{task.id}/may-call").json()
    assert all(reason["zh"] and reason["en"] for reason in answer["reasons"])
    return {reason["code"] for reason in answer["reasons"]}


def test_no_more_surveys_is_heard_in_every_queue_within_a_second_and_care_goes_on(played: Scenario) -> None:
    nurse = played.ask(Role.AGENT)
    with played.rows() as uow:
        patient = zhou_min(uow)
        surveys = a_queue(uow, purpose=Purpose.SURVEY)
        others = [
            a_queue(uow, purpose=Purpose.SURVEY),
            a_queue(uow, purpose=Purpose.SURVEY, mode=TaskMode.AUTOMATED),
            a_queue(uow, purpose=Purpose.MARKETING),
        ]
        survey = a_task(uow, patient, surveys)
        tomorrow = uow.now + timedelta(days=1)
        waiting = [a_task(uow, patient, queue, due_at=tomorrow) for queue in others]
        later = a_task(uow, patient, surveys, state=TaskState.PLANNED, due_at=tomorrow)
        care = a_task(uow, patient, a_queue(uow), due_at=tomorrow)
    at_her_desk(played, surveys)
    played.turn()
    call = played.bridged(survey)

    began = time.monotonic()
    said = nurse.post(
        f"/patients/{patient.id}/objections",
        {
            "purposes": ["survey", "marketing"],
            "source": "call",
            "reason": "以后别再打电话调查了",
            "call_id": call.id,
            "at_second": 41.5,
        },
    )
    assert said.status_code == 201, said.text
    assert said.json()["tasks_closed"] == 4
    assert [(of(played, task).state, of(played, task).outcome) for task in (*waiting, later)] == [
        (TaskState.CANCELLED, TaskOutcome.REFUSED)
    ] * 4
    for purpose in (Purpose.SURVEY, Purpose.MARKETING):
        with played.rows() as uow:
            task = a_task(uow, patient, a_queue(uow, purpose=purpose), state=TaskState.DUE)
        assert why_not(nurse, task) == {"do_not_call", "live_attempt"}
    assert time.monotonic() - began < AT_ONCE

    # The conversation itself goes on, and so does her care, at its own hour.
    assert played.call_of(survey).state is CallState.BRIDGED
    assert of(played, care).state is TaskState.QUEUED
    assert why_not(nurse, care) <= {"before_window", "live_attempt"}
    entries = nurse.get(f"/patients/{patient.id}/do-not-call").json()["entries"]
    assert {(each["purpose"], each["source"], each["at_second"]) for each in entries} == {
        ("survey", "call", 41.5),
        ("marketing", "call", 41.5),
    }
    with played.units() as uow:
        closed = [row for row in uow.audit.of_subject("patient", patient.id) if row.action == "closed_to_calls"]
    assert {row.user_id for row in closed} == {nurse.user_id}
    assert len(closed) == 2
    # What somebody plans for her later is closed as soon as it is looked at, and nobody is bothered with it.
    played.turn()
    assert of(played, task).outcome is TaskOutcome.REFUSED


@pytest.mark.parametrize("style", [DialStyle.PREVIEW, DialStyle.PROGRESSIVE])
def test_a_reserved_survey_is_taken_back_within_a_second(played: Scenario, style: DialStyle) -> None:
    nurse = played.ask(Role.AGENT)
    with played.rows() as uow:
        patient, queue = zhou_min(uow), a_queue(uow, purpose=Purpose.SURVEY, style=style)
        survey = a_task(uow, patient, queue)
    agent_id = at_her_desk(played, queue)
    with played.rows() as uow:
        # Nothing can be dialed: the call stays reserved, and the node tries again and again.
        assert uow.trunks.checked("node-1", "loopback", TrunkCondition.DOWN, "cut", now=uow.now)
    played.turn()
    assert of(played, survey).state is TaskState.IN_PROGRESS

    began = time.monotonic()
    nurse.post(f"/patients/{patient.id}/objections", {"purposes": ["survey"], "source": "portal", "reason": "不要调查"})
    attempt = played.closed(survey)
    assert time.monotonic() - began < AT_ONCE
    played.turn()
    assert of(played, survey).outcome is TaskOutcome.REFUSED
    assert attempt.gate["reasons"] == [GateReason.DO_NOT_CALL]
    with played.units() as uow:
        agent = uow.queues.agent(agent_id)
        assert agent is not None
        assert agent.state is AgentState.AVAILABLE


def test_after_a_withdrawal_the_next_call_says_that_nothing_is_recorded_and_nothing_is(played: Scenario) -> None:
    with played.rows() as uow:
        patient = zhou_min(uow)
        queue = a_queue(uow, played_notice=True)
        care = a_task(uow, patient, queue)
    nurse = an_agent_who_logs_in(played, queue)
    withdrawn = {"purpose": "care", "scope": "recording", "granted": False, "source": "portal"}
    assert nurse.post(f"/patients/{patient.id}/consents", withdrawn).status_code == 201
    played.turn()
    call = played.bridged(care)
    assert spoken(played, call) == ["recording_refused"]  # the prompt that says: this call is not recorded
    shown = nurse.get("/agents/me/call").json()
    assert shown["call"]["recorded"] is False
    assert shown["call"]["recording"] is None
    assert "不录音" in shown["script"]["lines"][0]["text"]["zh"]
    hung_up_and_wrapped_up(played, nurse, care)
    with played.units() as uow:
        assert uow.recordings.of_call(call.id) is None
        notices = [row.action for row in uow.audit.of_subject("call", call.id)]
    assert "no_recording_notice_played" in notices
    assert not (played.place.folder / "spool" / call.id).exists()


def an_agent_who_logs_in(played: Scenario, queue: Queue) -> Asking:
    nurse = played.ask(Role.AGENT)
    with played.rows() as uow:
        agent = uow.queues.agent_for_update(nurse.user_id)
        assert agent is not None
        agent.queues = [queue.id]
    played.seat(nurse.user_id, "desk-1")
    return nurse


def hung_up_and_wrapped_up(played: Scenario, nurse: Asking, task: Task) -> None:
    played.place.ask("hang_up", played.call_of(task).id)
    played.ended(task)
    attempt = played.attempt_of(task)
    done = {"outcome": "connected-patient", "task_result": "completed", "partial": True}
    answer = nurse.post(f"/attempts/{attempt.id}/wrap-up", done)
    assert answer.status_code == 200, answer.text
    played.turn()


def spoken(played: Scenario, call: Call) -> list[str]:
    """The prompts that the patient was played, by key."""
    leg = next(leg.id for leg in call.legs if leg.role is LegRole.PATIENT)
    return [path.stem for path in played.place.control.leg(leg).heard_prompts]
