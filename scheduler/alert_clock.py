"""The clock of alerts: who is told at once, who when nobody acknowledges, and the call back that a level demands.

What it has done stands in the alert's row, so a restart forgets nothing and a late look takes each step once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import structlog

from care.consent import Purpose
from care.patients import PatientId
from db.unit_of_work import UnitOfWork
from followup.alerts import (
    Alert,
    AlertClock,
    AlertEventKind,
    AlertLevel,
    AlertState,
    ClockStep,
    due_steps,
    step_after,
)
from followup.answer_alerts import AnswerRule
from followup.attempts import AttemptState
from followup.duty import DutyRole, OnDuty, on_duty
from followup.events import DomainEvent, EventKind
from followup.messages import Channel, Message
from followup.plans import EMERGENCY, Task, TaskId, TaskMode
from followup.queues import Queue
from runtime.content.library import Content
from runtime.content.messages import MessageText
from runtime.identifiers import new_id
from runtime.settings import Settings

log = structlog.get_logger(__name__)

LOOKED_AT_ONCE = 50
TEXT = "alert_on_duty"
_PRIORITY = {AlertLevel.RED: 0, AlertLevel.AMBER: 5, AlertLevel.YELLOW: 20}


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertDesk:
    """What the clock goes by in an installation."""

    clocks: Mapping[AlertLevel, AlertClock]
    titles: Mapping[AlertLevel, str]
    text: MessageText
    hospital: str
    number: str  # the hospital's published one
    language: str
    zone: ZoneInfo
    region: str  # whose working days count
    queue: str  # whose agents call back when the alert's own task has no queue of agents
    rules: Mapping[str, AnswerRule] = field(default_factory=dict)  # by code: what a sign wants besides its level

    @classmethod
    def of(cls, settings: Settings, content: Content) -> "AlertDesk":
        """The desk of an installation."""
        levels = content.alert_levels.levels
        return cls(
            clocks=content.alert_clocks,
            titles={level: document.title.in_language("zh") for level, document in levels.items()},
            text=content.messages[TEXT],
            hospital=settings.hospital_name or "Suifang",
            number=settings.call_back_number or settings.trunk_caller_id or "-",
            language="zh",
            zone=settings.zone,
            region=settings.calendar_region,
            queue=settings.alert_queue,
            rules={rule.code: rule for rule in content.answer_alerts},
        )


def take_due_steps(uow: UnitOfWork, desk: AlertDesk, *, now: datetime, limit: int = LOOKED_AT_ONCE) -> int:
    """Take every step that is due, of alerts nobody took or that lack their outcome; how many alerts were seen."""
    alerts = uow.alerts.claim_due(now, limit)
    for alert in alerts:
        if alert.state is AlertState.RAISED:
            _take_steps(uow, desk, alert, now)
        else:
            _remind(uow, desk, alert, now)
    return len(alerts)


def begin_alert(uow: UnitOfWork, desk: AlertDesk, alert_id: str, *, now: datetime) -> bool:
    """Take an alert's first step as soon as it was raised; False if somebody did before."""
    alert = uow.alerts.for_update(alert_id)
    if alert is None or alert.state is not AlertState.RAISED or alert.steps_taken:
        return False
    _take_steps(uow, desk, alert, now)
    return True


def _remind(uow: UnitOfWork, desk: AlertDesk, alert: Alert, now: datetime) -> None:
    """Somebody took it and has not said what came of it: the last of the chain is told, again and again."""
    clock = desk.clocks[alert.level]
    uow.alerts.note(alert, AlertEventKind.OUTCOME_MISSING, at=now)
    _tell(uow, desk, alert, clock.steps[-1], set(), now)
    alert.next_step_at = now + clock.outcome_within
    _changed(uow, alert)
    log.error("alert_outcome_missing", alert=alert.id, alert_level=alert.level.value)


def _take_steps(uow: UnitOfWork, desk: AlertDesk, alert: Alert, now: datetime) -> None:
    clock = desk.clocks[alert.level]
    if not alert.steps_taken:
        _complete(uow, desk, clock, alert)
        _plan_call_back(uow, desk, clock, alert, now)
    steps = due_steps(clock, raised_at=alert.raised_at, taken=alert.steps_taken, now=now)
    told: set[str] = set()
    for step in steps:
        _tell(uow, desk, alert, step, told, now)
    before = alert.steps_taken
    alert.steps_taken += len(steps)
    overdue = alert.due_at is not None and alert.due_at <= now
    alert.next_step_at = step_after(clock, raised_at=alert.raised_at, taken=alert.steps_taken)
    if alert.next_step_at is None and not overdue:
        # One more look when the time is up: nobody is left to be told, but the list says that it is late.
        alert.next_step_at = alert.due_at
    if overdue and not uow.alerts.has_happened(alert.id, AlertEventKind.OVERDUE):
        uow.alerts.note(alert, AlertEventKind.OVERDUE, at=now)
        log.error("alert_overdue", alert=alert.id, alert_level=alert.level.value)
    if before and steps:
        log.error("alert_escalated", alert=alert.id, alert_level=alert.level.value, steps=alert.steps_taken)
    _changed(uow, alert)


def _changed(uow: UnitOfWork, alert: Alert) -> None:
    uow.emit(
        DomainEvent(
            kind=EventKind.ALERT_CHANGED,
            subject=alert.id,
            ids={"patient": alert.patient_id, "level": alert.level.value, "step": str(alert.steps_taken)},
        )
    )


def _complete(uow: UnitOfWork, desk: AlertDesk, clock: AlertClock, alert: Alert) -> None:
    """What whoever raised it did not know: its task, its department, until when somebody must acknowledge it."""
    attempt = uow.attempts.get(alert.attempt_id) if alert.attempt_id else None
    if alert.task_id is None and attempt is not None:
        alert.task_id = attempt.task_id
    alert.department = alert.department or department_of(uow, alert.patient_id, alert.task_id)
    alert.due_at = due_at(uow, desk, clock, alert.raised_at)


def due_at(uow: UnitOfWork, desk: AlertDesk, clock: AlertClock, raised_at: datetime) -> datetime:
    """Until when somebody must acknowledge an alert; of working days the last one's end."""
    if clock.acknowledge_within is not None:
        return raised_at + clock.acknowledge_within
    calendar = uow.calendar.of(desk.region)
    day = calendar.add_working_days(raised_at.astimezone(desk.zone).date(), clock.working_days or 0)
    return datetime.combine(day + timedelta(days=1), time(0), tzinfo=desk.zone).astimezone(UTC)


def department_of(uow: UnitOfWork, patient_id: str, task_id: str | None) -> str:
    """The department whose patient this is: of the visit that the task follows up, else of the last visit."""
    task = uow.plans.task(task_id) if task_id else None
    plan = uow.plans.get(task.plan_id) if task is not None and task.plan_id else None
    encounter = uow.patients.encounter(plan.encounter_id) if plan is not None else None
    if encounter is None:
        encounter = next(iter(uow.patients.encounters_of(patient_id, limit=1)), None)
    return encounter.department if encounter is not None else ""


def _tell(uow: UnitOfWork, desk: AlertDesk, alert: Alert, step: ClockStep, told: set[str], now: datetime) -> None:
    """Tell whoever is on duty in the step's role; where nobody is, the next role up, so that a person knows it."""
    for role in list(DutyRole)[list(DutyRole).index(step.role) :]:
        people = on_duty(uow.duty.between(now, now + timedelta(seconds=1)), alert.department, role, now)
        if people:
            for person in people:
                if person.phone not in told:
                    told.add(person.phone)
                    _tell_one(uow, desk, alert, person, now)
            return
        uow.alerts.note(alert, AlertEventKind.NOBODY_ON_DUTY, at=now, detail={"role": role.value})
        log.error("nobody_on_duty", alert=alert.id, role=role.value)


def _tell_one(uow: UnitOfWork, desk: AlertDesk, alert: Alert, person: OnDuty, now: datetime) -> None:
    message = Message(
        id=new_id(),
        channel=Channel.SMS,
        address=person.phone,
        language=desk.language,
        text_key=TEXT,
        text=desk.text.written(
            desk.language,
            {
                "hospital": desk.hospital,
                "number": desk.number,
                "alert": alert.id[:8],
                "level": desk.titles[alert.level],
            },
        ),
        planned_at=now,
        send_at=now,
    )
    uow.messages.plan(message)
    uow.alerts.note(
        alert,
        AlertEventKind.TOLD,
        at=now,
        user_id=person.user_id,
        detail={
            "role": person.role.value,
            "name": person.name,
            "phone": person.phone,
            "shift": person.shift_id,
            "message": message.id,
        },
    )


def _plan_call_back(uow: UnitOfWork, desk: AlertDesk, clock: AlertClock, alert: Alert, now: datetime) -> None:
    """A person rings the patient, in an emergency at any hour, unless an agent has him on the line just now."""
    if clock.call_back_within is None or (clock.emergency and _with_an_agent(uow, alert)):
        return
    origin = uow.plans.task(alert.task_id) if alert.task_id else None
    rule = desk.rules.get(alert.code)
    queue = _queue(uow, desk, origin, rule.call_queue if rule is not None else "")
    if queue is None:
        uow.alerts.note(alert, AlertEventKind.CALL_BACK_IMPOSSIBLE, at=now, detail={"queue": desk.queue})
        log.error("call_back_impossible", alert=alert.id, reason="no queue of agents for care")
        return
    priority = rule.call_priority if rule is not None else None
    any_hour = clock.emergency or (rule is not None and rule.at_any_hour)
    marks = {"alert": alert.id, **({EMERGENCY: alert.id} if any_hour else {})}
    wanted = _CallWanted(
        queue=queue,
        origin=origin,
        priority=_PRIORITY[alert.level] if priority is None else priority,
        marks=marks,
    )
    task = _plan_call(uow, alert, wanted, at=now, within=clock.call_back_within, now=now)
    alert.call_back_task_id = task.id
    uow.alerts.note(alert, AlertEventKind.CALL_BACK_PLANNED, at=now, detail={"task": task.id})
    if rule is not None and rule.recheck is not None:
        look = rule.recheck
        again = _plan_call(uow, alert, wanted, at=now + look.after, within=look.within, now=now, form=look.form)
        uow.alerts.note(alert, AlertEventKind.CALL_BACK_PLANNED, at=now, detail={"task": again.id, "again": True})
    uow.outbox.wake()


@dataclass(frozen=True, slots=True, kw_only=True)
class _CallWanted:
    """What the calls about one alert have in common."""

    queue: Queue
    origin: Task | None
    priority: int
    marks: dict[str, str]


def _plan_call(
    uow: UnitOfWork,
    alert: Alert,
    wanted: _CallWanted,
    *,
    at: datetime,
    within: timedelta,
    now: datetime,
    form: str | None = None,
) -> Task:
    task = Task(
        id=TaskId(new_id()),
        plan_id=wanted.origin.plan_id if wanted.origin is not None else None,
        patient_id=PatientId(alert.patient_id),
        queue_id=wanted.queue.id,
        purpose=Purpose.CARE,
        mode=TaskMode.AGENT,
        priority=wanted.priority,
        earliest_at=at,
        target_at=at,
        latest_at=at + within,
        next_attempt_at=at,
        form=form,
        created_at=now,
        variables=dict(wanted.marks),
    )
    uow.plans.add_task(task)
    uow.flush()
    return task


def _with_an_agent(uow: UnitOfWork, alert: Alert) -> bool:
    attempt = uow.attempts.get(alert.attempt_id) if alert.attempt_id else None
    return attempt is not None and attempt.agent_id is not None and attempt.state is AttemptState.IN_CALL


def _queue(uow: UnitOfWork, desk: AlertDesk, origin: Task | None, named: str) -> Queue | None:
    """Whose agents ring back: the rule's own queue, the one that is set, the task's, else any of agents for care."""
    agents = [queue for queue in uow.queues.all() if queue.mode is TaskMode.AGENT]
    wanted = [queue for name in (named, desk.queue) for queue in agents if queue.name == name]
    own = [queue for queue in agents if origin is not None and queue.id == origin.queue_id]
    return next(iter([*wanted, *own, *(queue for queue in agents if queue.purpose is Purpose.CARE)]), None)
