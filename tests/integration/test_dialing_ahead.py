"""A survey desk that dials ahead of its agents, on scripted lines: who is joined, who found nobody, what follows."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from api import desks
from care.consent import Purpose
from db.users import Role
from followup.attempts import Attempt, AttemptState
from followup.calls import CallState
from followup.outcomes import AttemptOutcome
from followup.plans import Task
from followup.queues import AgentState, DialStyle, Queue
from followup.recordings import NOBODY_SPOKE
from followup.waiting import URGENT_BELOW
from scheduler.pacing import OneToOne, Pace, pace_of
from telephony.ahead import WHO_RANG
from telephony.line_script import LineScript, answer, hang_up, refuse, ring
from tests.support.builders import a_patient, a_queue, a_task, an_agent, an_attempt
from tests.support.scenario import CONTENT, Scenario, scenario
from tests.support.waiting import until

SOON: LineScript = (ring(0.0), answer(0.2))
LATE: LineScript = (ring(0.0), answer(1.0), hang_up(4.5))
BUSY: LineScript = (ring(0.0), refuse(486, after=0.1))
NUMBERS = {f"+86139000000{place:02}": script for place, script in enumerate((SOON, LATE, BUSY, LATE))}
FIRST, SECOND, THIRD, FOURTH = NUMBERS


@pytest.fixture
def played(database_url: str, broker_url: str, tmp_path: Path) -> Iterator[Scenario]:
    with scenario(
        database_url, broker_url, tmp_path, starts="2026-11-23 10:00", jurisdiction="demo", phones=NUMBERS
    ) as hospital:
        yield hospital


def a_survey_desk(played: Scenario, *, answered: int, writing: int, abandoned: int = 0) -> tuple[Queue, str]:
    """One agent at her desk, others who write, and so many calls that a person answered today."""
    with played.rows() as uow:
        queue = a_queue(uow, purpose=Purpose.SURVEY, style=DialStyle.PREDICTIVE)
        agent = an_agent(uow, queue)
        for _ in range(writing):
            an_agent(uow, queue, state=AgentState.WRAP_UP)
        if answered:
            one = a_task(uow, a_patient(uow, purposes=()), queue, next_attempt_at=uow.now + timedelta(hours=9))
            for ordinal in range(1, answered + 1):
                an_attempt(
                    uow,
                    one,
                    ordinal=ordinal,
                    ahead=True,
                    agent_id=agent.id if ordinal > abandoned else None,
                    abandoned_at=None if ordinal > abandoned else uow.now - timedelta(hours=1),
                    state=AttemptState.CLOSED,
                    person_at=uow.now - timedelta(hours=1),
                    closed_at=uow.now,
                    decided_at=uow.now,
                    outcome=AttemptOutcome.CONNECTED_PATIENT,
                )
    played.seat(agent.id, "desk")
    return queue, agent.id


def tasks_for(played: Scenario, queue: Queue, *numbers: str) -> list[Task]:
    with played.rows() as uow:
        tasks = []
        for place, number in enumerate(numbers):
            patient = a_patient(uow, purposes=(Purpose.SURVEY,))
            patient.contact_points[0].number = number
            due = uow.now - timedelta(minutes=len(numbers) - place)
            tasks.append(a_task(uow, patient, queue, due_at=due))
    return tasks


def attempt_once(played: Scenario, task: Task, what: str, name: str) -> Attempt:
    until(lambda: getattr(played.attempt_of(task), name) is not None, timeout=8, what=what)
    return played.attempt_of(task)


def pace(played: Scenario, queue: Queue) -> Pace:
    with played.units() as uow:
        stored = uow.queues.get(queue.id)
        assert stored is not None
        return pace_of(uow, stored, gate=played.gate, now=uow.now, nodes=["node-1"])


def test_of_two_who_answer_one_speaks_with_the_agent_and_the_other_is_told_who_rang_and_gets_a_person(
    played: Scenario,
) -> None:
    queue, agent_id = a_survey_desk(played, answered=70, writing=6, abandoned=1)
    joined, left, third = tasks_for(played, queue, FIRST, SECOND, THIRD)
    played.turn()
    with played.units() as uow:
        agent = uow.queues.agent(agent_id)
        assert agent is not None
        assert agent.kept_for == queue.id  # nobody else gets her while lines in flight need her
        assert (
            uow.inbound.reserve_agent(node="node-1", first=None, queue_ids=[queue.id], besides=[], now=uow.now) is None
        )

    assert played.bridged(joined).agent_id == agent_id
    lost = attempt_once(played, left, "the second patient found nobody", "abandoned_at")
    assert lost.person_at is not None
    assert lost.abandoned_at is not None
    assert lost.not_ahead_until is not None
    assert timedelta(seconds=2) <= lost.abandoned_at - lost.person_at < timedelta(seconds=4)  # two on a quiet machine
    leg = played.call_of(left).legs[0]
    heard = [prompt.stem for prompt in played.place.control.leg(leg.id).heard_prompts]
    assert heard == [WHO_RANG]
    assert played.closed(left).outcome is AttemptOutcome.CALLER_ABANDONED
    with played.units() as uow:
        recording = uow.recordings.of_call(played.call_of(left).id)
        assert recording is not None
        assert recording.reason == NOBODY_SPOKE
        assert recording.spool is None  # destroyed: he heard no notice
    played.turn()
    with played.units() as uow:
        assert not uow.attempts.of_task(third.id)  # one more could have broken the limit

    seen = played.ask(Role.SUPERVISOR).get(f"/queues/{queue.id}/pacing").json()
    assert (seen["answered"], seen["abandoned"], seen["limit"]) == (72, 2, 0.03)
    assert seen["rate"] < seen["limit"]
    assert seen["alarm"] is True
    # The end of the other call frees the agent: she is given the abandoned patient before he is dialed.
    played.place.ask("hang_up", played.call_of(joined).id)
    played.ended(joined)
    with played.rows() as uow:
        wrapped, agent = uow.attempts.of_task(joined.id)[-1], uow.queues.agent_for_update(agent_id)
        assert agent is not None
        kept = uow.plans.task_for_update(left.id)
        assert kept is not None
        assert kept.priority == URGENT_BELOW
        wrapped.state, wrapped.closed_at, wrapped.decided_at = AttemptState.CLOSED, uow.now, uow.now
        wrapped.outcome = AttemptOutcome.CONNECTED_PATIENT
        agent.state = AgentState.AVAILABLE
    played.turn()
    with played.rows() as uow:
        waiting = uow.plans.task_for_update(left.id)
        assert waiting is not None
        waiting.next_attempt_at = uow.now
        uow.queues.agent_for_update(agent_id).heartbeat_at = uow.now + timedelta(seconds=30)  # type: ignore[union-attr]
    until(
        lambda: played.turn() >= 0 and played.attempt_of(left).id != lost.id,
        timeout=10,
        what="the abandoned patient is called by a person",
    )
    again = played.attempt_of(left)
    assert (again.id != lost.id, again.ahead, again.agent_id) == (True, False, agent_id)


def test_an_agent_who_becomes_free_within_two_seconds_gets_the_patient_who_waits(played: Scenario) -> None:
    queue, agent_id = a_survey_desk(played, answered=0, writing=1)
    (task,) = tasks_for(played, queue, FOURTH)
    played.turn()
    with played.rows() as uow:
        agent = uow.queues.agent_for_update(agent_id)
        assert agent is not None
        agent.state = AgentState.WRAP_UP  # her line was lost, or somebody else took her
    attempt_once(played, task, "a person has answered", "person_at")
    with played.rows() as uow:
        agent = uow.queues.agent_for_update(agent_id)
        assert agent is not None
        agent.state = AgentState.AVAILABLE
    call = played.bridged(task)
    attempt = played.attempt_of(task)
    assert (call.agent_id, attempt.agent_id, attempt.abandoned_at) == (agent_id, agent_id, None)


def test_a_young_day_is_one_to_one_and_a_wish_for_a_break_waits_for_the_line(
    played: Scenario,
) -> None:
    queue, agent_id = a_survey_desk(played, answered=0, writing=1)
    first, _ = tasks_for(played, queue, FOURTH, FIRST)
    played.turn()
    with played.units() as uow:
        assert len(uow.pacing.lines(queue.id, uow.now).ringing) == 1
    assert pace(played, queue).one_to_one is OneToOne.LIMIT
    with played.rows() as uow:
        agent = uow.queues.agent_for_update(agent_id)
        assert agent is not None
        desks.ask_for_state(uow, agent, AgentState.BREAK, "tea")
        assert (agent.state, agent.wanted_state) == (AgentState.AVAILABLE, AgentState.BREAK)
    assert pace(played, queue).placing.lines == 0
    with played.rows() as uow:
        # The line comes to nothing: she may go.
        attempt, call = uow.attempts.of_task(first.id)[-1], uow.calls.of_attempt(played.attempt_of(first).id)
        assert call is not None
        call.state = CallState.ENDED
        attempt.state, attempt.outcome = AttemptState.CLOSED, AttemptOutcome.BUSY
        attempt.closed_at = attempt.decided_at = uow.now
    played.turn()
    assert played.place.agent(agent_id).state is AgentState.BREAK


def test_only_a_desk_that_is_large_enough_and_whose_law_lets_it_dials_ahead(played: Scenario) -> None:
    with played.rows() as uow:
        survey = a_queue(uow, purpose=Purpose.SURVEY)
        care = a_queue(uow, purpose=Purpose.CARE)
        an_agent(uow, survey, care)
    supervisor, ask = played.ask(Role.SUPERVISOR), {"style": "predictive", "reason": "a large survey"}
    few = supervisor.ask("PATCH", f"/queues/{survey.id}", json=ask)
    assert (few.status_code, few.json()["field"]) == (422, "style")
    assert "needs 2" in few.json()["reason"]
    with played.rows() as uow:
        an_agent(uow, survey, care)
    assert "care is never" in supervisor.ask("PATCH", f"/queues/{care.id}", json=ask).json()["reason"]
    changed = supervisor.ask("PATCH", f"/queues/{survey.id}", json=ask)
    assert (changed.status_code, changed.json()["style"]) == (200, "predictive")
    with played.units() as uow:
        (row,) = uow.audit.of_subject("queue", survey.id)
        assert row.detail == {"reason": "a large survey", "changed": {"style": ["progressive", "predictive"]}}
    allowed = {name: page.predictive and page.predictive.allowed for name, page in CONTENT.jurisdictions.items()}
    assert allowed == {"cn": True, "us": True, "uk": False, "eu": False, "demo": True}
    assert CONTENT.jurisdictions["uk"].predictive.not_again == timedelta(hours=72)  # type: ignore[union-attr]
