"""The gate as this installation asks it: its rules, and what follows for a task when the answer is no."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from care.patients import ContactPoint
from db import gate_facts
from db.unit_of_work import UnitOfWork
from followup.dialing_rules import GateFacts, GateReason, Mode, NextAction, Profile, Verdict, waited_out
from followup.events import DomainEvent, EventKind
from followup.outcomes import TaskOutcome
from followup.plans import Task, TaskState, TaskTrigger, next_task_state
from runtime.content import Content
from runtime.mode_rules import is_loopback
from runtime.settings import Settings

log = structlog.get_logger(__name__)

LOOK_AGAIN = timedelta(minutes=15)
"""How soon a task that waits for a person is looked at again: the consent or number may have come meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateAnswer:
    """The verdict, the facts it came from, and the form in which both are kept with an attempt."""

    verdict: Verdict
    facts: GateFacts
    kept: dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """May a patient be dialed? Asked with the calling law, mode and trunk of this installation."""

    mode: Mode
    profile: Profile
    trunk_is_loopback: bool
    allow_list: frozenset[str]

    @classmethod
    def of(cls, settings: Settings, content: Content) -> "Gate":
        """The gate of an installation."""
        return cls(
            mode=Mode(settings.mode.value),
            profile=content.jurisdictions[settings.jurisdiction.value],
            # Without a trunk the telephony node dials this machine itself.
            trunk_is_loopback=settings.trunk_host is None or is_loopback(settings.trunk_host),
            allow_list=frozenset(settings.trial_allow_list),
        )

    def ask(
        self,
        uow: UnitOfWork,
        task: Task,
        number: ContactPoint | None,
        *,
        now: datetime,
        besides_attempt: str | None = None,
    ) -> GateAnswer:
        """May this task be dialed on this number now?"""
        facts = gate_facts.gather(
            uow,
            task,
            number,
            mode=self.mode,
            trunk_is_loopback=self.trunk_is_loopback,
            allow_list=self.allow_list,
            besides_attempt=besides_attempt,
        )
        verdict, kept = gate_facts.stored(facts, self.profile, now)
        return GateAnswer(verdict=verdict, facts=facts, kept=kept)


def take_refusal(uow: UnitOfWork, task: Task, gate: Gate, answer: GateAnswer, now: datetime) -> None:
    """Act on a no for a due or queued task: wait, close, or ask for a person; it is never just left."""
    reasons = answer.verdict.reasons
    log.info("task_refused_by_gate", task=task.id, queue=task.queue_id, reasons=[reason.value for reason in reasons])
    if GateReason.DECEASED in reasons:
        close_task(uow, task, TaskTrigger.CANCEL, TaskOutcome.DECEASED, NextAction.DONE)
    elif GateReason.AFTER_WINDOW in reasons:
        close_window(uow, task, NextAction.ESCALATE)
    elif answer.verdict.waiting_helps:
        task.next_attempt_at = waited_out(answer.verdict, answer.facts, gate.profile, now)
    else:
        ask_for_a_person(uow, task, look_again_at=now + LOOK_AGAIN)


def ask_for_a_person(uow: UnitOfWork, task: Task, *, look_again_at: datetime) -> None:
    """Mark an open task as waiting for a person; told once, however often it is looked at again."""
    task.next_attempt_at = look_again_at
    task.next_at = None
    if task.next_action != NextAction.ESCALATE.value:
        task.next_action = NextAction.ESCALATE.value
        uow.emit(DomainEvent(kind=EventKind.TASK_ESCALATED, subject=task.id, ids=task_ids(task)))


def close_window(uow: UnitOfWork, task: Task, action: NextAction) -> None:
    """The window of a task without a live attempt has closed: the patient is lost for this step, the plan goes on."""
    if task.state is TaskState.PLANNED:
        task.state = next_task_state(task.state, TaskTrigger.FALL_DUE)
    close_task(uow, task, TaskTrigger.LOSE, TaskOutcome.LOST_TO_FOLLOW_UP, action)


def close_task(
    uow: UnitOfWork, task: Task, trigger: TaskTrigger, outcome: TaskOutcome, action: NextAction | None
) -> None:
    """End a task with what it came to."""
    task.state = next_task_state(task.state, trigger)
    task.outcome = outcome
    task.next_action = action.value if action else None
    task.next_at = None
    uow.emit(DomainEvent(kind=EventKind.TASK_CLOSED, subject=task.id, ids=task_ids(task)))
    log.info("task_closed", task=task.id, queue=task.queue_id, outcome=outcome.value, next_action=task.next_action)


def task_ids(task: Task) -> dict[str, str]:
    """The ids that every event about a task carries."""
    return {"patient": task.patient_id, "queue": task.queue_id}
