"""Decisions as they are kept and taken back; numbers, messages and windows around them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from care.consent import ConsentScope
from care.patients import NumberOwner, NumberQuality, Patient
from db.engine import make_engine
from db.gate import Gate
from db.unit_of_work import UnitOfWork, UnitsOfWork
from followup.attempts import Attempt, AttemptId, AttemptState
from followup.calls import EndReason, Party
from followup.decisions import Decision, UndoRefusedError
from followup.dialing_rules import Mode
from followup.events import EventKind
from followup.messages import Channel, MessageState
from followup.outcomes import AttemptOutcome, TaskOutcome
from followup.plans import Task, TaskState
from followup.queues import Queue
from followup.what_next import NEXT_NUMBER, DecisionReason, NextAction
from runtime.content.library import Content
from runtime.identifiers import new_id
from scheduler.due import queue_due_tasks
from scheduler.notices import Notices
from scheduler.outcomes import AttemptPolicies, decide_next_for
from scheduler.undoing import undo_decision
from tests.support.builders import a_call, a_patient, a_queue, a_task, a_user, an_instant

TEN = an_instant("2026-03-02 02:00")  # Monday, ten o'clock in Shanghai
PHONES = (ConsentScope.PHONE, ConsentScope.SMS)


class Clock:
    """The database's clock, standing at an hour of our choosing."""

    def __init__(self) -> None:
        self.now = TEN

    def __call__(self, _instant: object) -> Any:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def moved(database_url: str, clock: Clock) -> Iterator[UnitsOfWork]:
    """Units of work at the clock's hour."""
    engine = make_engine(database_url)
    yield UnitsOfWork(engine, clock=clock)
    engine.dispose()


@pytest.fixture
def hours(content: Content) -> Gate:
    """The Chinese hours, synthetic patients, a trunk on loopback."""
    return Gate(mode=Mode.DEMO, profile=content.jurisdictions["cn"], trunk_is_loopback=True, allow_list=frozenset())


@dataclass
class Case:
    """One patient's task under the shipped default policy, with the queue's own values."""

    uow: UnitOfWork
    gate: Gate
    policies: AttemptPolicies
    queue: Queue
    patient: Patient
    task: Task

    def tried(self, outcome: AttemptOutcome, *, number: int | None = None, **call: Any) -> Attempt:
        """An attempt that ended so just now, and what was decided after it."""
        chosen = self.task.variables.get(NEXT_NUMBER)
        points = self.patient.contact_points
        point = points[number] if number is not None else next((p for p in points if p.id == chosen), points[0])
        self.task.state = TaskState.IN_PROGRESS
        self.task.attempts_made += 1
        attempt = Attempt(
            id=AttemptId(new_id()),
            task_id=self.task.id,
            patient_id=self.patient.id,
            queue_id=self.queue.id,
            agent_id=None,
            contact_point_id=point.id,
            number=point.number,
            ordinal=self.task.attempts_made,
            state=AttemptState.CLOSED,
            due_at=self.uow.now,
            reserved_at=self.uow.now,
            closed_at=self.uow.now,
            outcome=outcome,
        )
        self.uow.attempts.add(attempt)
        self.uow.flush()
        a_call(self.uow, attempt, answered_at=None, end_reason=EndReason.NO_ANSWER, party=Party.PATIENT, **call)
        assert decide_next_for(self.uow, attempt.id, gate=self.gate, policies=self.policies)
        return attempt

    def decision(self, attempt: Attempt) -> Decision:
        """The one decision after an attempt."""
        (decision,) = self.uow.decisions.of_attempt(attempt.id)
        return decision

    def texts(self) -> list[tuple[str, str]]:
        """The task's messages: which text, where it is."""
        return [(each.text_key, each.state.value) for each in self.uow.messages.of_task(self.task.id)]


def a_case(
    uow: UnitOfWork, gate: Gate, content: Content, *, changes: dict[str, Any] | None = None, **more: Any
) -> Case:
    queue = a_queue(uow, policy="default")
    patient = a_patient(uow, scopes=more.pop("scopes", PHONES), numbers=more.pop("numbers", 1))
    if changes:
        uow.decisions.change_queue(queue.id, changes, now=uow.now, by=a_user(uow).id)
    notices = Notices(
        texts=content.messages,
        hospital={"zh": "海澜市第一人民医院", "en": "Hailan First People's Hospital"},
        number="+8657112345678",
        mode=Mode.DEMO,
        allow_list=frozenset(),
        profile=gate.profile,
    )
    return Case(
        uow=uow,
        gate=gate,
        policies=AttemptPolicies(by_id=content.policies, documents=content.policy_documents, notices=notices),
        queue=queue,
        patient=patient,
        task=a_task(uow, patient, queue, **{"latest_at": uow.now + timedelta(days=5), **more}),
    )


def test_each_decision_is_kept_with_its_reason_its_policy_and_what_was_before(
    moved: UnitsOfWork, hours: Gate, content: Content
) -> None:
    with moved() as uow:
        case = a_case(uow, hours, content)
        decision = case.decision(case.tried(AttemptOutcome.NO_ANSWER))
        assert (decision.action, decision.reason) == (NextAction.CALL_AGAIN, DecisionReason.NOBODY_REACHED)
        assert (decision.policy, decision.tries_counted) == ("default/2", 1)
        assert decision.next_at == case.task.next_at == an_instant("2026-03-02 06:00")
        assert decision.before["state"] == "in_progress"


def test_a_queues_own_values_count_for_its_decisions_and_stay_on_record(
    moved: UnitsOfWork, hours: Gate, content: Content
) -> None:
    with moved() as uow:
        case = a_case(uow, hours, content, changes={"max_attempts": 1})
        decision = case.decision(case.tried(AttemptOutcome.NO_ANSWER))
        assert (decision.reason, decision.policy) == (DecisionReason.TRIES_USED_UP, "default/2+")
        assert [row.changes for row in uow.decisions.queue_history(case.queue.id)] == [{"max_attempts": 1}]


def test_a_telephone_that_was_refused_after_two_seconds_rests_for_four_hours(
    moved: UnitsOfWork, hours: Gate, content: Content
) -> None:
    with moved() as uow:
        case = a_case(uow, hours, content)
        rang = uow.now - timedelta(seconds=2)
        decision = case.decision(case.tried(AttemptOutcome.BUSY, ringing_at=rang, ended_at=uow.now))
        assert decision.reason is DecisionReason.FAST_REJECTION
        assert decision.next_at == TEN + timedelta(hours=4)


def test_before_the_tries_run_out_the_number_that_was_never_tried_is(
    moved: UnitsOfWork, hours: Gate, content: Content, clock: Clock
) -> None:
    with moved() as uow:
        case = a_case(uow, hours, content, numbers=2)
        dialed = [case.tried(AttemptOutcome.NO_ANSWER).number for _ in range(2)]
        assert set(dialed) == {case.patient.contact_points[0].number}
        case.tried(AttemptOutcome.NO_ANSWER)
        assert case.task.outcome is TaskOutcome.LOST_TO_FOLLOW_UP
        attempts = uow.attempts.of_task(case.task.id)
        assert attempts[-1].number == case.patient.contact_points[1].number


def test_a_relatives_telephone_without_consent_is_not_chosen(moved: UnitsOfWork, hours: Gate, content: Content) -> None:
    with moved() as uow:
        case = a_case(uow, hours, content, numbers=2)
        case.patient.contact_points[1].owner = NumberOwner.RELATIVE
        uow.flush()
        case.tried(AttemptOutcome.UNREACHABLE)
        assert NEXT_NUMBER not in case.task.variables
        assert case.task.next_action == "call_again"


def test_a_wrong_number_is_closed_for_everybody_and_the_registry_is_asked_once(
    moved: UnitsOfWork, hours: Gate, content: Content
) -> None:
    with moved() as uow:
        case = a_case(uow, hours, content, numbers=2)
        other = a_queue(uow, policy="default")
        attempt = case.tried(AttemptOutcome.WRONG_NUMBER)
        assert case.patient.contact_points[0].quality is NumberQuality.WRONG
        assert case.task.variables[NEXT_NUMBER] == case.patient.contact_points[1].id
        case.task = a_task(uow, case.patient, other)
        case.queue = other
        case.tried(AttemptOutcome.INVALID_NUMBER, number=0)
        (search,) = uow.number_searches.page(still_open=True, after=None, limit=10)
        assert (search.attempt_id, search.none_left) == (attempt.id, False)
        assert EventKind.NUMBER_WANTED.value in [row.kind for row in uow.outbox.unpublished()]


def test_an_undone_decision_leaves_the_task_to_a_person_and_dials_nobody(
    moved: UnitsOfWork, hours: Gate, content: Content
) -> None:
    with moved() as uow:
        case = a_case(uow, hours, content, changes={"messages_after_misses": True})
        user = a_user(uow)
        attempt = case.tried(AttemptOutcome.NO_ANSWER)
        assert case.texts() == [("missed_call", "planned")]
        undo_decision(uow, attempt.id, by=user.id, reason="he told us to ring tomorrow")
        assert (case.task.state, case.task.next_action, case.task.next_at) == (TaskState.QUEUED, "escalate", None)
        assert case.task.next_attempt_at > case.task.latest_at
        assert case.texts() == [("missed_call", "cancelled")]
        decision = case.decision(attempt)
        assert (decision.undone_by, decision.undo_reason) == (user.id, "he told us to ring tomorrow")
        assert [row.action for row in uow.audit.of_subject("attempt", attempt.id)] == ["decision_undone"]
        with pytest.raises(UndoRefusedError, match="undone already"):
            undo_decision(uow, attempt.id, by=user.id, reason="again")


def test_undoing_opens_a_given_up_task_and_a_number_closed_by_a_slip_again(
    moved: UnitsOfWork, hours: Gate, content: Content
) -> None:
    with moved() as uow:
        user = a_user(uow)
        lost = a_case(uow, hours, content, changes={"max_attempts": 1})
        attempt = lost.tried(AttemptOutcome.NO_ANSWER)
        assert lost.task.state is TaskState.LOST_TO_FOLLOW_UP
        undo_decision(uow, attempt.id, by=user.id, reason="one more")
        assert (lost.task.state, lost.task.outcome) == (TaskState.QUEUED, None)
        slip = a_case(uow, hours, content)
        attempt = slip.tried(AttemptOutcome.WRONG_NUMBER)
        undo_decision(uow, attempt.id, by=user.id, reason="the wrong key")
        assert slip.patient.contact_points[0].quality is NumberQuality.UNVERIFIED
        assert uow.number_searches.page(still_open=True, after=None, limit=10) == []


def test_a_decision_stands_when_something_has_happened_since_or_time_is_over(
    moved: UnitsOfWork, hours: Gate, content: Content, clock: Clock
) -> None:
    with moved() as uow:
        user = a_user(uow)
        case = a_case(uow, hours, content)
        first = case.tried(AttemptOutcome.BUSY)
        second = case.tried(AttemptOutcome.BUSY)
        with pytest.raises(UndoRefusedError, match="called again"):
            undo_decision(uow, first.id, by=user.id, reason="late")
        case.task.next_attempt_at += timedelta(hours=1)
        with pytest.raises(UndoRefusedError, match="changed meanwhile"):
            undo_decision(uow, second.id, by=user.id, reason="late")
        case.task.next_attempt_at -= timedelta(hours=1)
        uow.commit()
    clock.now = TEN + timedelta(minutes=31)
    with moved() as uow, pytest.raises(UndoRefusedError, match="can be undone until 02:30"):
        undo_decision(uow, second.id, by=user.id, reason="late")


def test_a_result_from_the_call_is_no_decision_of_the_system(moved: UnitsOfWork, hours: Gate, content: Content) -> None:
    with moved() as uow:
        case = a_case(uow, hours, content)
        user = a_user(uow)
        case.task.state = TaskState.IN_PROGRESS
        attempt = Attempt(
            id=AttemptId(new_id()),
            task_id=case.task.id,
            patient_id=case.patient.id,
            queue_id=case.queue.id,
            agent_id=None,
            contact_point_id=case.patient.contact_points[0].id,
            number=case.patient.contact_points[0].number,
            ordinal=1,
            state=AttemptState.CLOSED,
            due_at=uow.now,
            reserved_at=uow.now,
            closed_at=uow.now,
            outcome=AttemptOutcome.CONNECTED_PATIENT,
            task_result=TaskOutcome.COMPLETED.value,
        )
        uow.attempts.add(attempt)
        uow.flush()
        decide_next_for(uow, attempt.id, gate=hours, policies=case.policies)
        with pytest.raises(UndoRefusedError, match="given by the person"):
            undo_decision(uow, attempt.id, by=user.id, reason="slip")


def test_messages_go_by_consent_only_and_never_more_than_the_policy_allows(
    moved: UnitsOfWork, hours: Gate, content: Content
) -> None:
    wanted = {"messages_after_misses": True}
    with moved() as uow:
        silent = a_case(uow, hours, content, changes=wanted, scopes=(ConsentScope.PHONE,))
        silent.tried(AttemptOutcome.NO_ANSWER)
        assert silent.texts() == []
        case = a_case(uow, hours, content, changes=wanted)
        for _ in range(3):
            case.tried(AttemptOutcome.NO_ANSWER)
        assert sorted(case.texts()) == [("cannot_reach", "planned"), ("missed_call", "planned")]
        unwanted = a_case(uow, hours, content, changes={"message_when_exhausted": None})
        unwanted.tried(AttemptOutcome.ANSWERED_MACHINE)
        assert unwanted.texts() == []


def test_another_channel_is_taken_where_the_patient_agreed_to_that_one_alone(
    moved: UnitsOfWork, hours: Gate, content: Content
) -> None:
    with moved() as uow:
        case = a_case(
            uow, hours, content, changes={"max_attempts": 1}, scopes=(ConsentScope.PHONE, ConsentScope.WECHAT)
        )
        uow.messages.keep_address(case.patient.id, Channel.WECHAT, "wx-open-id", now=uow.now)
        case.tried(AttemptOutcome.NO_ANSWER)
        (message,) = uow.messages.of_task(case.task.id)
        assert (message.channel, message.address, message.text_key) == (Channel.WECHAT, "wx-open-id", "cannot_reach")


def test_a_first_call_is_announced_and_waits_so_long(moved: UnitsOfWork, hours: Gate, content: Content) -> None:
    with moved() as uow:
        case = a_case(uow, hours, content, changes={"message_before_first": "before_call"}, state=TaskState.PLANNED)
        queue_due_tasks(uow, gate=hours, now=uow.now, policies=case.policies)
        uow.flush()
        assert case.texts() == [("before_call", MessageState.PLANNED.value)]
        assert (case.task.state, case.task.next_attempt_at) == (TaskState.QUEUED, TEN + timedelta(minutes=15))


def test_the_hour_at_which_he_answered_before_is_waited_for(
    moved: UnitsOfWork, hours: Gate, content: Content, clock: Clock
) -> None:
    evening = an_instant("2026-03-02 10:00")
    with moved() as uow:
        case = a_case(uow, hours, content)
        own = case.task
        for days in range(1, 5):
            case.task = a_task(uow, case.patient, case.queue)
            clock_before = clock.now
            attempt = case.tried(AttemptOutcome.CONNECTED_PATIENT)
            attempt.reserved_at = evening - timedelta(days=days)
            clock.now = clock_before
        uow.flush()
        case.task = own
        assert case.decision(case.tried(AttemptOutcome.NO_ANSWER)).next_at == evening


def test_in_the_demo_every_queue_follows_the_demos_policy_without_values_of_its_own(
    moved: UnitsOfWork, hours: Gate, content: Content
) -> None:
    with moved() as uow:
        case = a_case(uow, hours, content, changes={"max_attempts": 1})
        case.policies = replace(case.policies, only="demo")
        decision = case.decision(case.tried(AttemptOutcome.NO_ANSWER))
        assert decision.policy == "demo/2"


@pytest.mark.parametrize(
    ("outcome", "result", "states", "actions"),
    [
        # nobody was reached: both wait for their next hour
        (AttemptOutcome.NO_ANSWER, None, ["queued", "queued"], ["call_again", "call_again"]),
        # she spoke about the one and not about the other
        (AttemptOutcome.CONNECTED_PATIENT, "completed", ["queued", "completed"], ["call_again", "done"]),
    ],
)
def test_every_task_of_a_call_is_decided_by_its_own_result_and_policy(
    moved: UnitsOfWork,
    hours: Gate,
    content: Content,
    outcome: AttemptOutcome,
    result: str | None,
    states: list[str],
    actions: list[str],
) -> None:
    with moved() as uow:
        case = a_case(uow, hours, content)
        first, along = case.task, a_task(uow, case.patient, case.queue, latest_at=uow.now + timedelta(days=5))
        first.state = along.state = TaskState.IN_PROGRESS
        attempt = Attempt(
            id=AttemptId(new_id()),
            task_id=first.id,
            patient_id=case.patient.id,
            queue_id=case.queue.id,
            agent_id=None,
            contact_point_id=case.patient.contact_points[0].id,
            number=case.patient.contact_points[0].number,
            ordinal=1,
            state=AttemptState.CLOSED,
            due_at=uow.now,
            reserved_at=uow.now,
            closed_at=uow.now,
            outcome=outcome,
        )
        uow.attempts.add(attempt)
        uow.flush()
        uow.attempts.join_tasks(attempt.id, [first.id, along.id])
        if result is not None:
            uow.attempts.note_result(attempt.id, along.id, result)
        decide_next_for(uow, attempt.id, gate=hours, policies=case.policies)
        assert [task.state.value for task in (first, along)] == states
        assert [task.next_action for task in (first, along)] == actions
        decided = {decision.task_id: decision.action.value for decision in uow.decisions.of_attempt(attempt.id)}
        assert decided == dict(zip((first.id, along.id), actions, strict=True))
        if result is None:
            undo_decision(uow, attempt.id, by=a_user(uow).id, reason="both")
            assert {task.next_action for task in (first, along)} == {"escalate"}
