"""Lanes: who is called next and by whom, what stands aside, and what a claim never has to look at."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from care.consent import Purpose
from db.gate import Gate
from db.unit_of_work import UnitOfWork, UnitsOfWork
from followup.attempts import AttemptState
from followup.closing import close_attempt
from followup.outcomes import AttemptOutcome
from followup.plans import WISHED_OF, Task, TaskMode, TaskState
from followup.queues import AgentState, MergeRule, Queue
from followup.waiting import LEAST_CHANCE, OwnerReason
from scheduler.dialer import match_and_reserve
from scheduler.ownership import promise, reassign
from scheduler.waiting_line import keep_lanes
from tests.support.builders import a_node, a_patient, a_queue, a_task, an_agent, an_attempt, end_call_of


def waiting_task(uow: UnitOfWork, queue: Queue, **values: object) -> Task:
    return a_task(uow, a_patient(uow), queue, **values)


def stands(uow: UnitOfWork, task: Task) -> tuple[int | None, str | None]:
    """(place, the agent whose own lane it is) of a task."""
    row = uow._session.execute(
        text("SELECT t.place, l.agent_id::text FROM tasks t LEFT JOIN lanes l ON l.id = t.lane_id WHERE t.id = :id"),
        {"id": task.id},
    ).one()
    return row[0], row[1]


def test_tasks_go_urgent_first_then_closing_then_by_priority_then_by_due(units: UnitsOfWork, gate: Gate) -> None:
    with units() as uow:
        a_node(uow)
        queue = a_queue(uow)
        last = waiting_task(uow, queue, priority=50, latest_at=uow.now + timedelta(days=9))
        older = waiting_task(
            uow, queue, due_at=uow.now - timedelta(hours=2), priority=50, latest_at=uow.now + timedelta(days=9)
        )
        pressing = waiting_task(uow, queue, priority=20, latest_at=uow.now + timedelta(days=9))
        closes = waiting_task(uow, queue, priority=90, latest_at=uow.now + LEAST_CHANCE)
        urgent = waiting_task(uow, queue, priority=5, latest_at=uow.now + timedelta(days=9))
        order = []
        for _ in range(5):
            an_agent(uow, queue)
            assert match_and_reserve(uow, gate=gate, now=uow.now) == 1
            order += [
                task.id
                for task in (last, older, pressing, closes, urgent)
                if task.state is TaskState.IN_PROGRESS and task.id not in order
            ]
        assert order == [urgent.id, closes.id, pressing.id, older.id, last.id]


@pytest.mark.parametrize("hour", [3, 15, 16, 17, 18])  # the hospital's midnight is at 16 o'clock UTC
def test_a_queue_of_lesser_priority_is_never_starved(units: UnitsOfWork, gate: Gate, hour: int) -> None:
    with units() as uow:
        first, second = a_queue(uow), a_queue(uow)
        far = uow.now.replace(hour=hour) + timedelta(days=9)  # its last calling day may be the day before
        lesser = waiting_task(uow, second, priority=99, latest_at=far)
        crowd = [waiting_task(uow, first, priority=20, latest_at=far) for _ in range(3)]
        keep_lanes(uow, profile=gate.profile, now=uow.now)
        assert {stands(uow, task)[0] for task in (lesser, *crowd)} == {2}
        later = far - LEAST_CHANCE  # the last calling day of all of them; those that came later have time
        fresh = waiting_task(uow, first, priority=20, due_at=later, latest_at=far + timedelta(days=9))
        for task in crowd:
            task.latest_at = far + timedelta(days=9)
        keep_lanes(uow, profile=gate.profile, now=later)
        assert (stands(uow, lesser)[0], stands(uow, fresh)[0], stands(uow, crowd[0])[0]) == (1, 2, 2)


def test_a_task_whose_hour_is_not_yet_come_stands_nowhere(units: UnitsOfWork, gate: Gate) -> None:
    with units() as uow:
        queue = a_queue(uow)
        an_agent(uow, queue)
        a_node(uow)
        task = waiting_task(uow, queue)
        keep_lanes(uow, profile=gate.profile, now=uow.now)
        assert stands(uow, task)[0] is not None
        task.next_attempt_at = uow.now + timedelta(minutes=1)
        uow.flush()
        assert stands(uow, task) == (None, None)
        assert match_and_reserve(uow, gate=gate, now=uow.now) == 0
        assert uow.plans.next_moment(uow.now, uow.now + timedelta(hours=1)) == task.next_attempt_at
        assert match_and_reserve(uow, gate=gate, now=task.next_attempt_at) == 0  # no agent was heard
        assert stands(uow, task)[0] is not None


def test_the_other_tasks_of_a_patient_on_the_line_stand_aside_until_it_is_free(units: UnitsOfWork, gate: Gate) -> None:
    with units() as uow:
        queue, survey = a_queue(uow), a_queue(uow, purpose=Purpose.SURVEY)
        patient = a_patient(uow)
        first, other = a_task(uow, patient, queue, priority=20), a_task(uow, patient, survey)
        agent = an_agent(uow, queue, survey)
        a_node(uow)
        assert match_and_reserve(uow, gate=gate, now=uow.now) == 1
        attempt = uow.attempts.live_of_agent(agent.id)
        assert attempt is not None
        assert (attempt.task_id, stands(uow, other)[0]) == (first.id, None)
        assert not keep_lanes(uow, profile=gate.profile, now=uow.now)
        assert stands(uow, other)[0] is None
        close_attempt(attempt, agent, outcome=AttemptOutcome.BUSY, task_result=None, by=None, now=uow.now)
        end_call_of(uow, attempt)
        uow.flush()
        keep_lanes(uow, profile=gate.profile, now=uow.now)
        assert stands(uow, other)[0] is not None


def test_due_tasks_of_a_patient_are_settled_in_one_call_that_counts_once(units: UnitsOfWork, gate: Gate) -> None:
    with units() as uow:
        cardiology, orthopedics = (a_queue(uow, merges=MergeRule.ANY) for _ in range(2))
        patient = a_patient(uow)
        one, two = a_task(uow, patient, cardiology, priority=20), a_task(uow, patient, orthopedics, priority=30)
        no_consent = a_queue(uow, purpose=Purpose.REMINDER, merges=MergeRule.ANY)
        third = a_task(uow, patient, no_consent, purpose=Purpose.SURVEY)
        agent = an_agent(uow, cardiology)
        a_node(uow)
        assert match_and_reserve(uow, gate=gate, now=uow.now) == 1
        attempt = uow.attempts.live_of_agent(agent.id)
        assert attempt is not None
        assert uow.attempts.tasks_of(attempt.id) == [one.id, two.id]
        assert [task.state for task in (one, two, third)] == [
            TaskState.IN_PROGRESS,
            TaskState.IN_PROGRESS,
            TaskState.QUEUED,
        ]
        assert [each.id for each in uow.attempts.of_task(two.id)] == [attempt.id]
        facts = gate.ask(uow, one, patient.contact_points[0], now=uow.now).facts
        assert (facts.attempts_today, facts.completed_today) == (1, 0)
        assert uow.attempts.results_of(attempt.id) == {one.id: None, two.id: None}


@pytest.mark.parametrize("demand", [{"skills": ["stoma"]}, {"dialect": "cantonese"}, {"language": "en"}])
def test_only_an_agent_who_can_do_what_is_demanded_gets_the_task(
    units: UnitsOfWork, gate: Gate, demand: dict[str, object]
) -> None:
    with units() as uow:
        queue = a_queue(uow, language=None)
        a_node(uow)
        waiting_task(uow, queue, **demand)
        an_agent(uow, queue, languages=["zh"])
        assert match_and_reserve(uow, gate=gate, now=uow.now) == 0
        assert [row[2] for row in uow.waiting.unserved(uow.now)] == [1]
        able = an_agent(uow, queue, languages=["zh", "en"], dialects=["cantonese"], skills=["heart", "stoma"])
        assert uow.waiting.unserved(uow.now) == []
        assert match_and_reserve(uow, gate=gate, now=uow.now) == 1
        assert able.state is AgentState.RESERVED


def test_the_nurse_who_spoke_with_the_patient_last_or_whom_he_asked_for_gets_him_first(
    units: UnitsOfWork, gate: Gate
) -> None:
    with units() as uow:
        queue = a_queue(uow, same_nurse_seconds=300)
        a_node(uow)
        stranger, known, wished = (an_agent(uow, queue) for _ in range(3))
        stranger.state_since = uow.now - timedelta(hours=1)
        talked = waiting_task(uow, queue, state=TaskState.COMPLETED)
        an_attempt(
            uow,
            talked,
            agent_id=known.id,
            state=AttemptState.CLOSED,
            outcome=AttemptOutcome.CONNECTED_PATIENT,
            closed_at=uow.now,
            reserved_at=uow.now - timedelta(days=3),
        )
        patient = uow.patients.get(talked.patient_id)
        assert patient is not None
        again = a_task(uow, patient, queue, due_at=uow.now)
        asked = waiting_task(uow, queue, due_at=uow.now, variables={WISHED_OF: wished.id})
        nobodys = waiting_task(uow, queue, due_at=uow.now)
        keep_lanes(uow, profile=gate.profile, now=uow.now)
        assert (stands(uow, again)[1], stands(uow, asked)[1], stands(uow, nobodys)[1]) == (known.id, wished.id, None)
        keep_lanes(uow, profile=gate.profile, now=uow.now + timedelta(seconds=301))
        assert stands(uow, again)[1] is None


def test_a_promise_is_kept_by_its_owner_at_the_hour_and_by_the_queue_when_she_is_away(
    units: UnitsOfWork, gate: Gate
) -> None:
    with units() as uow:
        queue = a_queue(uow)
        lin, zhou = an_agent(uow, queue), an_agent(uow, queue)
        task = waiting_task(uow, queue)
        hour = uow.now + timedelta(hours=1)
        promise(task, hour, owner_id=lin.id, now=uow.now)
        uow.flush()
        keep_lanes(uow, profile=gate.profile, now=uow.now)
        assert stands(uow, task) == (None, None)
        keep_lanes(uow, profile=gate.profile, now=hour)
        assert stands(uow, task)[1] == lin.id
        lin.state = AgentState.OFFLINE
        uow.flush()
        keep_lanes(uow, profile=gate.profile, now=hour + timedelta(minutes=16))
        assert stands(uow, task)[0] is not None
        assert (stands(uow, task)[1], task.owner_id, task.owner_reason) == (None, None, OwnerReason.OWNER_ABSENT)
        assert "task_given_back" in [row.kind for row in uow.outbox.unpublished()]
        zhou.heartbeat_at = hour + timedelta(minutes=16)
        uow.flush()
        (claim,) = uow.claims.for_agents(hour + timedelta(minutes=16), nodes=["node-1"])
        assert claim.agent_id == zhou.id


def test_many_tasks_are_given_to_another_but_not_those_that_are_being_called(units: UnitsOfWork, gate: Gate) -> None:
    with units() as uow:
        queue, other = a_queue(uow), a_queue(uow, purpose=Purpose.SURVEY)
        ill, well = an_agent(uow, queue), an_agent(uow, queue)
        owned = [waiting_task(uow, queue) for _ in range(3)]
        for task in owned:
            promise(task, uow.now, owner_id=ill.id, now=uow.now)
        owned[0].state = TaskState.IN_PROGRESS
        uow.flush()
        assert [task.id for task in uow.waiting.owned_by(ill.id)] == sorted(task.id for task in owned[1:])
        done = reassign(uow, owned, to_agent=well.id, to_queue=None, until=None)
        assert [task.owner_id for task in owned] == [ill.id, well.id, well.id]
        assert [left.task_id for left in done.left] == [owned[0].id]
        refused = reassign(uow, owned[1:], to_agent=None, to_queue=other, until=None)
        assert all("consent" in left.reason for left in refused.left)
        keep_lanes(uow, profile=gate.profile, now=uow.now)
        assert stands(uow, owned[1])[1] == well.id


def test_what_cannot_wait_is_never_given_to_a_machine(units: UnitsOfWork, gate: Gate) -> None:
    with units() as uow:
        queue = a_queue(uow, mode=TaskMode.AUTOMATED, purpose=Purpose.REMINDER, lines=5)
        a_node(uow)
        urgent, usual = waiting_task(uow, queue, priority=9), waiting_task(uow, queue, priority=10)
        assert match_and_reserve(uow, gate=gate, now=uow.now) == 1
        assert (urgent.state, urgent.next_action) == (TaskState.QUEUED, "escalate")
        assert usual.state is TaskState.IN_PROGRESS


def test_the_longest_waiting_agent_is_next_and_a_refusal_does_not_cost_her_the_turn(
    units: UnitsOfWork, gate: Gate
) -> None:
    with units() as uow:
        queue = a_queue(uow)
        a_node(uow)
        first = an_agent(uow, queue, state_since=uow.now - timedelta(minutes=9))
        an_agent(uow, queue, state_since=uow.now - timedelta(minutes=1))
        refused = a_task(uow, a_patient(uow, deceased_at=uow.now), queue, priority=20)
        allowed = waiting_task(uow, queue, priority=30)
        assert match_and_reserve(uow, gate=gate, now=uow.now) == 2
        assert refused.state is TaskState.CANCELLED
        attempt = uow.attempts.live_of_agent(first.id)
        assert attempt is not None
        assert attempt.task_id == allowed.id


def test_a_claim_walks_neither_busy_patients_nor_rows_to_come(units: UnitsOfWork, gate: Gate) -> None:
    with units() as uow:
        queue = a_queue(uow)
        agent = an_agent(uow, queue)
        task = waiting_task(uow, queue, priority=60)
        uow._session.execute(
            text(
                "INSERT INTO tasks (id, patient_id, queue_id, purpose, mode, state, priority, earliest_at, target_at,"
                " latest_at, next_attempt_at, attempts_made, created_at, variables, skills, owner_reason, occurrence)"
                " SELECT gen_random_uuid(), :patient, :queue, 'care', 'agent', 'queued', 20, now(), now(),"
                " now() + interval '9 days', now() + interval '1 day', 0, now(), '{}', '[]', '', 0"
                " FROM generate_series(1, 5000)"
            ),
            {"patient": task.patient_id, "queue": queue.id},
        )
        keep_lanes(uow, profile=gate.profile, now=uow.now)
        uow._session.execute(text("ANALYZE tasks"))
        read = text("SELECT pg_stat_get_xact_tuples_fetched('tasks'::regclass)")
        before = uow._session.execute(read).scalar_one()
        (claim,) = uow.claims.for_agents(uow.now, nodes=["node-1"])
        assert (claim.task_id, claim.agent_id) == (task.id, agent.id)
        assert uow._session.execute(read).scalar_one() - before < 20


def test_an_agent_whose_only_task_is_held_by_others_keeps_nobody_behind_her_from_a_call(
    units: UnitsOfWork, gate: Gate
) -> None:
    with units() as uow:
        queue, others = a_queue(uow), a_queue(uow)
        first = an_agent(uow, queue, state_since=uow.now - timedelta(minutes=9))
        second = an_agent(uow, others)
        held, free = waiting_task(uow, queue), waiting_task(uow, others)
        keep_lanes(uow, profile=gate.profile, now=uow.now)
        uow.commit()
    with units() as beside, units() as uow:
        assert beside.plans.task_for_update(held.id) is not None
        (claim,) = uow.claims.for_agents(uow.now, nodes=["node-1"])
        assert (claim.task_id, claim.agent_id) == (free.id, second.id)
        assert uow.claims.for_agents(uow.now, nodes=["node-1"]) == []
        beside.commit()
        (claim,) = uow.claims.for_agents(uow.now, nodes=["node-1"])
        assert (claim.task_id, claim.agent_id) == (held.id, first.id)
