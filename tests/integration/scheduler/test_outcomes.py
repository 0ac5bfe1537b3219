"""What follows an attempt is decided once, from its outcome and history, and written down whole."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from care.patients import NumberQuality, Patient
from db.gate import Gate
from db.unit_of_work import UnitOfWork, UnitsOfWork
from followup.attempts import Attempt
from followup.closing import close_attempt
from followup.outcomes import AttemptOutcome, TaskOutcome
from followup.plans import Task, TaskState
from followup.queues import Agent, AgentState, Queue
from runtime.content.library import Content
from runtime.worker_context import MissingPartError, forget_parts, provide
from scheduler.dialer import TaskNotWaitingError, reserve
from scheduler.outcomes import AttemptPolicies, decide_next_for
from scheduler.tasks import SchedulerParts, decide_next
from tests.support.builders import a_patient, a_queue, a_task, an_agent, end_call_of


@dataclass
class Case:
    """One task in hand."""

    uow: UnitOfWork
    gate: Gate
    policies: AttemptPolicies
    queue: Queue
    patient: Patient
    task: Task
    agent: Agent

    def attempt(self, outcome: AttemptOutcome, result: TaskOutcome | None = None) -> Attempt:
        """Reserve and close one attempt, as a call without more than its outcome would."""
        self.agent.state = AgentState.AVAILABLE
        self.uow.flush()
        attempt = reserve(
            self.uow, task=self.task, agent_id=self.agent.id, node="node-1", gate=self.gate, now=self.uow.now
        )
        close_attempt(attempt, self.agent, outcome=outcome, task_result=result, by=None, now=self.uow.now)
        end_call_of(self.uow, attempt)
        self.uow.flush()
        return attempt

    def decide(self, attempt: Attempt) -> bool:
        """What comes next."""
        return decide_next_for(self.uow, attempt.id, gate=self.gate, policies=self.policies)

    def events(self) -> list[str]:
        """The decision's events, in order."""
        return [row.kind for row in self.uow.outbox.unpublished() if row.kind in ("next_decided", "task_closed")]


def a_case(uow: UnitOfWork, gate: Gate, content: Content, **patient: Any) -> Case:
    """A patient's queued task with an agent."""
    queue = a_queue(uow)
    person = a_patient(uow, **patient)
    return Case(
        uow=uow,
        gate=gate,
        policies=AttemptPolicies(by_id=content.policies),
        queue=queue,
        patient=person,
        task=a_task(uow, person, queue),
        agent=an_agent(uow, queue),
    )


def test_nobody_answered_so_the_task_waits_for_its_next_hour(units: UnitsOfWork, gate: Gate, content: Content) -> None:
    with units() as uow:
        case = a_case(uow, gate, content)
        attempt = case.attempt(AttemptOutcome.NO_ANSWER)
        assert case.decide(attempt)
        assert (case.task.state, case.task.next_action) == (TaskState.QUEUED, "call_again")
        assert case.task.next_at == case.task.next_attempt_at == uow.now + timedelta(seconds=8)
        assert attempt.decided_at == uow.now
        assert case.events() == ["next_decided"]


def test_deciding_twice_changes_nothing(units: UnitsOfWork, gate: Gate, content: Content) -> None:
    with units() as uow:
        case = a_case(uow, gate, content)
        attempt = case.attempt(AttemptOutcome.BUSY)
        assert case.decide(attempt)
        at = case.task.next_attempt_at
        assert not case.decide(attempt)
        assert case.task.next_attempt_at == at
        assert case.events() == ["next_decided"]


def test_nothing_is_decided_while_the_agent_is_still_writing(units: UnitsOfWork, gate: Gate, content: Content) -> None:
    with units() as uow:
        case = a_case(uow, gate, content)
        attempt = reserve(uow, task=case.task, agent_id=case.agent.id, node="node-1", gate=gate, now=uow.now)
        assert not case.decide(attempt)
        assert not decide_next_for(uow, "00000000-0000-0000-0000-000000000000", gate=gate, policies=case.policies)
        assert case.task.state is TaskState.IN_PROGRESS


def test_after_the_last_try_the_patient_is_lost_for_this_step(units: UnitsOfWork, gate: Gate, content: Content) -> None:
    with units() as uow:
        case = a_case(uow, gate, content)
        case.decide(case.attempt(AttemptOutcome.NO_ANSWER))
        case.decide(case.attempt(AttemptOutcome.NO_ANSWER))
        assert (case.task.state, case.task.outcome) == (TaskState.LOST_TO_FOLLOW_UP, TaskOutcome.LOST_TO_FOLLOW_UP)
        assert (case.task.next_action, case.task.next_at) == ("other_channel", None)
        assert case.events() == ["next_decided", "next_decided", "task_closed"]


@pytest.mark.parametrize(
    ("result", "state"),
    [
        (TaskOutcome.COMPLETED, TaskState.COMPLETED),
        (TaskOutcome.PARTIALLY_COMPLETED, TaskState.PARTIALLY_COMPLETED),
        (TaskOutcome.REFUSED, TaskState.REFUSED),
        (TaskOutcome.LOST_TO_FOLLOW_UP, TaskState.LOST_TO_FOLLOW_UP),
        (TaskOutcome.READMITTED, TaskState.CANCELLED),
    ],
)
def test_a_result_from_the_call_ends_the_task(
    units: UnitsOfWork, gate: Gate, content: Content, result: TaskOutcome, state: TaskState
) -> None:
    with units() as uow:
        case = a_case(uow, gate, content)
        case.decide(case.attempt(AttemptOutcome.CONNECTED_PATIENT, result))
        assert (case.task.state, case.task.outcome, case.task.next_action) == (state, result, "done")


def test_nobody_calls_a_patient_again_of_whom_it_was_said_that_he_has_died(
    units: UnitsOfWork, gate: Gate, content: Content
) -> None:
    with units() as uow:
        case = a_case(uow, gate, content)
        other = a_task(uow, case.patient, case.queue)
        case.decide(case.attempt(AttemptOutcome.CONNECTED_PROXY, TaskOutcome.DECEASED))
        assert case.task.state is TaskState.CANCELLED
        assert (other.state, other.outcome) == (TaskState.CANCELLED, TaskOutcome.DECEASED)
        with pytest.raises(TaskNotWaitingError):
            reserve(uow, task=other, agent_id=case.agent.id, node="node-1", gate=gate, now=uow.now)


def test_a_wrong_number_is_closed_to_every_queue_and_the_other_one_is_tried(
    units: UnitsOfWork, gate: Gate, content: Content
) -> None:
    with units() as uow:
        case = a_case(uow, gate, content, numbers=2)
        first = case.attempt(AttemptOutcome.WRONG_NUMBER)
        case.decide(first)
        assert [point.quality for point in case.patient.contact_points] == [
            NumberQuality.WRONG,
            NumberQuality.UNVERIFIED,
        ]
        assert case.task.next_action == "call_again"
        assert case.attempt(AttemptOutcome.NO_ANSWER).number != first.number


def test_without_another_number_the_task_stays_open_for_a_person_and_nobody_dials_it(
    units: UnitsOfWork, gate: Gate, content: Content
) -> None:
    with units() as uow:
        case = a_case(uow, gate, content)
        case.decide(case.attempt(AttemptOutcome.INVALID_NUMBER))
        assert (case.task.state, case.task.outcome) == (TaskState.QUEUED, None)
        assert (case.task.next_action, case.task.next_at) == ("escalate", None)
        assert case.task.next_attempt_at > case.task.latest_at
        assert [row.kind for row in uow.outbox.unpublished()][-2:] == ["task_escalated", "number_wanted"]


def test_a_call_that_the_gate_stopped_for_a_passing_reason_is_made_later(
    units: UnitsOfWork, gate: Gate, content: Content
) -> None:
    with units() as uow:
        case = a_case(uow, gate, content)
        attempt = case.attempt(AttemptOutcome.BLOCKED_BY_POLICY)
        case.queue.paused = True
        uow.flush()
        case.decide(attempt)
        assert (case.task.state, case.task.next_action) == (TaskState.QUEUED, "call_again")


def test_a_call_that_the_gate_stopped_for_a_staying_reason_goes_to_a_person(
    units: UnitsOfWork, gate: Gate, content: Content
) -> None:
    with units() as uow:
        case = a_case(uow, gate, content)
        attempt = case.attempt(AttemptOutcome.BLOCKED_BY_POLICY)
        case.patient.contact_points[0].do_not_call = True
        uow.flush()
        case.decide(attempt)
        assert (case.task.state, case.task.next_action) == (TaskState.QUEUED, "escalate")


@pytest.mark.parametrize(
    ("outcome", "moments", "counts"),
    [
        (AttemptOutcome.NO_ANSWER, ("invite_at", "ringing_at"), (1, 0)),
        (AttemptOutcome.BUSY, ("invite_at",), (1, 0)),
        (AttemptOutcome.CONNECTED_PATIENT, ("invite_at", "ringing_at", "answered_at"), (1, 1)),
        (AttemptOutcome.CONNECTED_WRONG_PERSON, ("invite_at", "answered_at"), (1, 0)),
        (AttemptOutcome.NETWORK_FAILURE, ("invite_at",), (0, 0)),
        (AttemptOutcome.NETWORK_FAILURE, ("invite_at", "ringing_at"), (1, 0)),
        (AttemptOutcome.CALLER_ABANDONED, (), (0, 0)),
        (AttemptOutcome.CALLER_ABANDONED, ("invite_at",), (1, 0)),
        (AttemptOutcome.BLOCKED_BY_POLICY, (), (0, 0)),
    ],
)
def test_only_calls_that_may_have_rung_count_towards_what_a_patient_bears_in_a_day(
    units: UnitsOfWork,
    gate: Gate,
    content: Content,
    outcome: AttemptOutcome,
    moments: tuple[str, ...],
    counts: tuple[int, int],
) -> None:
    with units() as uow:
        case = a_case(uow, gate, content)
        attempt = case.attempt(outcome)
        call = uow.calls.of_attempt(attempt.id)
        assert call is not None
        for moment in moments:
            setattr(call, moment, uow.now)
        uow.flush()
        number = case.patient.contact_points[0]
        facts = gate.ask(uow, case.task, number, now=uow.now).facts
        assert (facts.attempts_today, facts.completed_today) == counts
        others = gate.ask(uow, case.task, number, now=uow.now, besides_attempt=attempt.id).facts
        assert (others.attempts_today, others.completed_today) == (0, 0)


def test_a_task_cancelled_during_the_call_stays_cancelled(units: UnitsOfWork, gate: Gate, content: Content) -> None:
    with units() as uow:
        case = a_case(uow, gate, content)
        attempt = case.attempt(AttemptOutcome.NO_ANSWER)
        case.task.state = TaskState.CANCELLED
        uow.flush()
        assert case.decide(attempt)
        assert (case.task.state, attempt.decided_at) == (TaskState.CANCELLED, uow.now)


def test_a_policy_nobody_wrote_is_named(units: UnitsOfWork, gate: Gate, content: Content) -> None:
    with units() as uow:
        case = a_case(uow, gate, content)
        case.queue.policy = "generous"
        uow.flush()
        with pytest.raises(LookupError, match=r"'generous'.*set one of default, demo"):
            case.decide(case.attempt(AttemptOutcome.NO_ANSWER))
        only_demo = AttemptPolicies(by_id=content.policies, only="demo")
        assert only_demo.of_queue(uow, case.queue.id).id == "demo"


def test_the_celery_task_decides_with_what_its_process_was_given(
    units: UnitsOfWork, gate: Gate, content: Content
) -> None:
    with units() as uow:
        case = a_case(uow, gate, content)
        attempt = case.attempt(AttemptOutcome.NO_ANSWER)
        uow.commit()
    forget_parts()
    with pytest.raises(MissingPartError, match="SchedulerParts"):
        decide_next(attempt.id)
    provide(SchedulerParts(units_of_work=units, gate=gate, policies=case.policies))
    try:
        decide_next(attempt.id)
    finally:
        forget_parts()
    with units() as uow:
        saved = uow.plans.task(case.task.id)
        assert saved is not None
        assert saved.next_action == "call_again"
