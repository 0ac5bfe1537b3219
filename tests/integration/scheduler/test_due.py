"""Tasks fall due, are judged by the gate and queued; none is ever silently dropped."""

import dataclasses
from datetime import time, timedelta

from db.gate import Gate
from db.unit_of_work import UnitOfWork, UnitsOfWork
from followup.calling_hours import CallingHours
from followup.outcomes import TaskOutcome
from followup.plans import TaskState
from runtime.content.library import Content
from scheduler.due import close_past_windows, queue_due_tasks
from scheduler.outcomes import AttemptPolicies
from tests.support.builders import a_patient, a_queue, a_task


def kinds(uow: UnitOfWork) -> list[str]:
    """What is in the outbox, in order."""
    return [row.kind for row in uow.outbox.unpublished()]


def test_a_task_whose_window_opens_is_queued_and_one_of_tomorrow_waits(units: UnitsOfWork, gate: Gate) -> None:
    with units() as uow:
        queue = a_queue(uow)
        due = a_task(uow, a_patient(uow), queue, state=TaskState.PLANNED)
        tomorrow = a_task(uow, a_patient(uow), queue, state=TaskState.PLANNED, due_at=uow.now + timedelta(days=1))
        assert queue_due_tasks(uow, gate=gate, now=uow.now) == 1
        assert (due.state, tomorrow.state) == (TaskState.QUEUED, TaskState.PLANNED)
        assert kinds(uow) == ["task_queued"]
        assert queue_due_tasks(uow, gate=gate, now=uow.now) == 0


def test_outside_the_calling_hours_a_task_waits_for_the_next_opening(units: UnitsOfWork, gate: Gate) -> None:
    with units() as uow:
        hours = (CallingHours(start=time(14), end=time(20), weekdays=frozenset(range(1, 8))),)
        afternoons = dataclasses.replace(gate, profile=dataclasses.replace(gate.profile, hours=hours))
        noon = (uow.now + timedelta(days=1)).replace(hour=12, minute=0, second=0, microsecond=0)
        task = a_task(
            uow, a_patient(uow, zone="UTC"), a_queue(uow), state=TaskState.PLANNED, latest_at=noon + timedelta(days=1)
        )
        queue_due_tasks(uow, gate=afternoons, now=noon)
        assert (task.state, task.next_action) == (TaskState.DUE, None)
        assert task.next_attempt_at == noon.replace(hour=14)
        assert kinds(uow) == []


def test_tasks_of_a_paused_queue_are_queued_for_the_moment_it_goes_on(units: UnitsOfWork, gate: Gate) -> None:
    with units() as uow:
        task = a_task(uow, a_patient(uow), a_queue(uow, paused=True), state=TaskState.PLANNED)
        queue_due_tasks(uow, gate=gate, now=uow.now)
        assert task.state is TaskState.QUEUED


def test_a_task_that_only_a_person_can_help_is_told_of_once_and_queued_when_helped(
    units: UnitsOfWork, gate: Gate
) -> None:
    with units() as uow:
        queue = a_queue(uow)
        patient = a_patient(uow)
        patient.contact_points[0].do_not_call = True
        task = a_task(uow, patient, queue, state=TaskState.PLANNED)
        for _ in range(2):
            task.next_attempt_at = uow.now
            uow.flush()
            assert queue_due_tasks(uow, gate=gate, now=uow.now) == 1
        assert (task.state, task.next_action) == (TaskState.DUE, "escalate")
        assert kinds(uow) == ["task_escalated"]
        patient.contact_points[0].do_not_call = False
        task.next_attempt_at = uow.now
        uow.flush()
        queue_due_tasks(uow, gate=gate, now=uow.now)
        assert (task.state, task.next_action) == (TaskState.QUEUED, None)


def test_the_task_of_a_patient_who_has_died_is_cancelled(units: UnitsOfWork, gate: Gate) -> None:
    with units() as uow:
        task = a_task(uow, a_patient(uow, deceased_at=uow.now), a_queue(uow), state=TaskState.PLANNED)
        queue_due_tasks(uow, gate=gate, now=uow.now)
        assert (task.state, task.outcome) == (TaskState.CANCELLED, TaskOutcome.DECEASED)
        assert kinds(uow) == ["task_closed"]


def test_a_row_that_cannot_be_judged_does_not_hold_up_the_others(units: UnitsOfWork, gate: Gate) -> None:
    with units() as uow:
        queue = a_queue(uow)
        lost = a_task(
            uow,
            a_patient(uow, zone="Atlantis/Port"),
            queue,
            state=TaskState.PLANNED,
            due_at=uow.now - timedelta(hours=1),
        )
        good = a_task(uow, a_patient(uow), queue, state=TaskState.PLANNED)
        queue_due_tasks(uow, gate=gate, now=uow.now)
        assert good.state is TaskState.QUEUED
        assert (lost.state, lost.next_action) == (TaskState.DUE, "escalate")
        assert lost.next_attempt_at > uow.now


def test_two_schedulers_never_look_at_the_same_task(units: UnitsOfWork, gate: Gate) -> None:
    with units() as uow:
        queue = a_queue(uow)
        for _ in range(4):
            a_task(uow, a_patient(uow), queue, state=TaskState.PLANNED)
        uow.commit()
    with units() as first, units() as second:
        assert queue_due_tasks(first, gate=gate, now=first.now, limit=3) == 3
        assert queue_due_tasks(second, gate=gate, now=second.now, limit=3) == 1
        first.commit()
        second.commit()
    with units() as uow:
        assert kinds(uow) == ["task_queued"] * 4


def test_a_closed_window_is_lost_and_goes_to_a_person_when_nobody_ever_called(
    units: UnitsOfWork, content: Content
) -> None:
    policies = AttemptPolicies(by_id=content.policies)
    with units() as uow:
        queue = a_queue(uow)
        past = uow.now - timedelta(days=2)
        never = a_task(uow, a_patient(uow), queue, state=TaskState.PLANNED, due_at=past)
        tried = a_task(uow, a_patient(uow), queue, due_at=past, attempts_made=1)
        in_call = a_task(uow, a_patient(uow), queue, due_at=past, state=TaskState.IN_PROGRESS, attempts_made=1)
        open_still = a_task(uow, a_patient(uow), queue)
        assert close_past_windows(uow, policies=policies, now=uow.now) == 2
        assert {never.state, tried.state} == {TaskState.LOST_TO_FOLLOW_UP}
        assert {never.outcome, tried.outcome} == {TaskOutcome.LOST_TO_FOLLOW_UP}
        assert (never.next_action, tried.next_action) == ("escalate", "other_channel")
        assert (in_call.state, open_still.state) == (TaskState.IN_PROGRESS, TaskState.QUEUED)
        assert kinds(uow) == ["task_closed", "task_closed"]
