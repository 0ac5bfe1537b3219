"""Claiming several at once: what each agent gets is what she would have got had she been asked by herself."""

import random
from datetime import timedelta

import pytest
from sqlalchemy import event, text

from care.patients import Patient
from db.claims import Claim
from db.gate import Gate
from db.unit_of_work import UnitOfWork, UnitsOfWork
from followup.plans import Task, TaskState
from followup.queues import Agent, AgentState, MergeRule, Queue
from scheduler.dialer import match_and_reserve
from scheduler.ownership import promise
from scheduler.waiting_line import keep_lanes
from tests.support.builders import a_node, a_patient, a_queue, a_task, an_agent

AT_ONCE = 6


def a_town(uow: UnitOfWork, dice: random.Random, gate: Gate) -> None:
    """Queues, agents who serve some of them, and patients of whom some have several tasks, all in their lanes."""
    queues = [a_queue(uow, merges=MergeRule.NEVER, language=language) for language in ("zh", "zh", "en")]
    agents = [
        an_agent(
            uow,
            *dice.sample(queues, dice.randint(1, 3)),
            languages=dice.choice([["zh"], ["en"], ["zh", "en"]]),
            skills=dice.choice([[], ["stoma"]]),
            state_since=uow.now - timedelta(minutes=number),
        )
        for number in range(9)
    ]
    for _ in range(8):
        patient = a_patient(uow)
        for _ in range(dice.choice([1, 1, 2, 9])):
            task = a_task(
                uow,
                patient,
                dice.choice(queues),
                priority=dice.randint(0, 30),
                skills=dice.choice([[], [], ["stoma"]]),
                latest_at=uow.now + timedelta(days=dice.choice([1, 9])),
            )
            if dice.random() < 0.1:
                promise(task, uow.now, owner_id=dice.choice(agents).id, now=uow.now)
    uow.flush()
    keep_lanes(uow, profile=gate.profile, now=uow.now)


def claimed(uow: UnitOfWork, at_once: int) -> list[tuple[str | None, str]]:
    """Who got which task when no more than so many are claimed by one statement; the called stand in no lane."""
    pairs: list[tuple[str | None, str]] = []
    while claims := uow.claims.for_agents(uow.now, nodes=["node-1"], limit=at_once):
        assert len(claims) <= at_once
        assert len({patient_of(uow, claim).id for claim in claims}) == len(claims)
        uow.waiting.leave_lanes_of_patients([patient_of(uow, claim).id for claim in claims])
        pairs += [(claim.agent_id, claim.task_id) for claim in claims]
    return pairs


def patient_of(uow: UnitOfWork, claim: Claim) -> Patient:
    """Whose task was claimed."""
    task = uow.plans.task(claim.task_id)
    patient = uow.patients.get(task.patient_id) if task else None
    assert patient is not None
    return patient


@pytest.mark.parametrize("town", range(3))
def test_several_at_once_are_the_same_pairs_as_one_after_the_other(
    units: UnitsOfWork, gate: Gate, dice: random.Random, town: int
) -> None:
    with units() as uow:
        a_town(uow, random.Random(f"{dice.random()}:{town}"), gate)  # noqa: S311 not for secrets
        uow.commit()
    with units() as uow:
        one_by_one = claimed(uow, 1)
    with units() as uow:
        together = claimed(uow, AT_ONCE)
    assert one_by_one
    assert dict(together) == dict(one_by_one)


def test_tasks_of_one_patient_at_the_head_of_a_lane_do_not_hide_who_stands_behind_them(
    units: UnitsOfWork, gate: Gate
) -> None:
    with units() as uow:
        one, other = a_queue(uow, merges=MergeRule.NEVER), a_queue(uow, merges=MergeRule.NEVER)
        for number in range(3):
            an_agent(uow, one, other, state_since=uow.now - timedelta(minutes=9 - number))
        patient = a_patient(uow)
        first, _, _ = (a_task(uow, patient, one, priority=20 + number) for number in range(3))
        behind, elsewhere = (
            a_task(uow, a_patient(uow), one, priority=40),
            a_task(uow, a_patient(uow), other, priority=50),
        )
        keep_lanes(uow, profile=gate.profile, now=uow.now)
        order = [task_id for _, task_id in claimed(uow, 3)]
        assert order == [first.id, behind.id, elsewhere.id]


def lined_up(uow: UnitOfWork, gate: Gate) -> tuple[Queue, list[Agent], list[Task]]:
    """Three agents, the first waiting longest, and three tasks, the first most pressing."""
    queue = a_queue(uow, merges=MergeRule.NEVER)
    agents = [an_agent(uow, queue, state_since=uow.now - timedelta(minutes=9 - number)) for number in range(3)]
    tasks = [a_task(uow, a_patient(uow), queue, priority=20 + number) for number in range(3)]
    a_node(uow)
    keep_lanes(uow, profile=gate.profile, now=uow.now)
    return queue, agents, tasks


def test_the_longest_waiting_agents_get_the_first_tasks_in_one_statement(units: UnitsOfWork, gate: Gate) -> None:
    with units() as uow:
        _, agents, tasks = lined_up(uow, gate)
        claims = uow.claims.for_agents(uow.now, nodes=["node-1"], limit=2)
        assert [(claim.agent_id, claim.task_id) for claim in claims] == [
            (agents[0].id, tasks[0].id),
            (agents[1].id, tasks[1].id),
        ]
        rows = uow.claims.rows(claims)
        assert {task.state for task in rows.tasks.values()} == {TaskState.IN_PROGRESS}
        assert {agent.state for agent in rows.agents.values()} == {AgentState.RESERVED}
        assert {*rows.patients} == {task.patient_id for task in tasks[:2]}


def test_what_is_given_back_stands_and_waits_as_before(units: UnitsOfWork, gate: Gate) -> None:
    read = text(
        "SELECT t.state, t.lane_id, t.place, t.closing_at, t.held_until, a.state, a.state_since, a.state_reason"
        " FROM tasks t CROSS JOIN agents a ORDER BY t.id, a.id"
    )
    with units() as uow:
        lined_up(uow, gate)
        uow._session.execute(text("UPDATE tasks SET held_until = now() + interval '5 minutes'"))
        uow._session.execute(text("UPDATE agents SET state_reason = 'back from lunch'"))
        before = uow._session.execute(read).all()
        claims = uow.claims.for_agents(uow.now, nodes=["node-1"], limit=3)
        rows = uow.claims.rows(claims)
        assert uow._session.execute(read).all() != before
        back = uow.claims.give_back(claims)
        assert uow._session.execute(read).all() == before
        assert {task.state for task in back.values()} == {TaskState.QUEUED}
        assert {agent.state for agent in rows.agents.values()} == {AgentState.AVAILABLE}
        assert [claim.task_id for claim in uow.claims.for_agents(uow.now, nodes=["node-1"], limit=3)] == [
            claim.task_id for claim in claims
        ]


def test_a_refusal_in_the_middle_moves_those_behind_up_and_keeps_who_was_made_before(
    units: UnitsOfWork, gate: Gate
) -> None:
    with units() as uow:
        queue, agents, tasks = lined_up(uow, gate)
        dead = uow.patients.get(tasks[1].patient_id)
        assert dead is not None
        dead.deceased_at = uow.now
        uow.flush()
        assert match_and_reserve(uow, gate=gate, now=uow.now) == 3
        made = {agent.id: uow.attempts.live_of_agent(agent.id) for agent in agents}
        assert [attempt.task_id if attempt else None for attempt in made.values()] == [tasks[0].id, tasks[2].id, None]
        assert tasks[1].state is TaskState.CANCELLED
        assert (agents[2].state, agents[2].state_since) == (AgentState.AVAILABLE, uow.now - timedelta(minutes=7))
        assert queue.id == tasks[0].queue_id


def test_a_patient_held_by_somebody_else_is_passed_over_and_his_agent_gets_the_next(
    units: UnitsOfWork, gate: Gate
) -> None:
    with units() as uow:
        _, agents, tasks = lined_up(uow, gate)
        uow.commit()
    with units() as beside, units() as uow:
        assert beside.patients.lock(tasks[0].patient_id)
        match_and_reserve(uow, gate=gate, now=uow.now)
        given = [uow.attempts.live_of_agent(agent.id) for agent in agents]
        assert [attempt.task_id if attempt else None for attempt in given] == [tasks[1].id, tasks[2].id, None]
        left = uow.plans.task(tasks[0].id)
        assert left is not None
        assert left.state is TaskState.QUEUED


def test_listeners_are_woken_once_for_what_a_whole_turn_reserved(units: UnitsOfWork, gate: Gate) -> None:
    with units() as uow:
        lined_up(uow, gate)
        uow.commit()
    sent: list[str] = []
    with units() as uow:
        connection = uow._session.connection()
        event.listen(connection, "before_cursor_execute", lambda *of: sent.append(of[2]))
        assert match_and_reserve(uow, gate=gate, now=uow.now) == 3
        assert not [statement for statement in sent if "pg_notify" in statement]
        uow.commit()
    assert len([statement for statement in sent if "pg_notify" in statement]) == 1
