"""Results that change a plan: a value is classed by the rules of its day, and the contacts they ask for follow."""

from collections.abc import Mapping
from datetime import datetime

import structlog

from db.answering import as_measured, form_named
from db.calendar import HospitalTime
from db.unit_of_work import UnitOfWork
from followup.events import DomainEvent, EventKind
from followup.follow_up_rules import (
    Classification,
    ContactWay,
    Control,
    FollowUpAction,
    FollowUpResult,
    FollowUpRules,
    age_on,
    classify,
    rules_on,
)
from followup.outcomes import TaskOutcome
from followup.plans import Plan, PlanChange, PlanState, Task, TaskId, TaskState
from followup.queues import Queue
from runtime.content.library import Content
from runtime.identifiers import new_id
from scheduler.planning import PlanNotPossibleError
from scheduler.stops import stop_tasks

log = structlog.get_logger(__name__)

_SPOKEN = (TaskState.COMPLETED, TaskState.PARTIALLY_COMPLETED)


def record_result(
    uow: UnitOfWork,
    plan: Plan,
    *,
    answers: Mapping[str, object],
    taken_at: datetime,
    way: ContactWay,
    by: str | None,
    task: Task | None,
    content: Content,
    time: HospitalTime,
    now: datetime,
) -> FollowUpResult:
    """Save a result with its class and plan what it asks for; PlanNotPossibleError if no rules hold for it."""
    patient = uow.patients.get(plan.patient_id)
    if plan.rules is None or patient is None:
        raise PlanNotPossibleError("this plan goes by no rules: its template names no topic, so results change nothing")
    zone = time.days(uow.calendar, zone=plan.zone).zone
    day = taken_at.astimezone(zone).date()
    rules = rules_on(day, plan.rules, content.follow_up_rules.values(), uow.plan_records.rule_choices())
    if rules is None:
        raise PlanNotPossibleError(f"no rules for {plan.rules} hold on {day.isoformat()}; see content/follow_up_rules")
    before = uow.plan_records.result_before(plan.patient_id, plan.rules, taken_at)
    made_of = classify(
        rules, answers, age=age_on(patient.born, day), before=before.control if before is not None else None
    )
    result = FollowUpResult(
        id=new_id(),
        patient_id=plan.patient_id,
        plan_id=plan.id,
        task_id=task.id if task is not None else None,
        topic=plan.rules,
        taken_at=taken_at,
        way=way,
        answers=dict(answers),
        rule_set=rules.rule_set,
        rules=f"{rules.id}/{rules.version}",
        control=made_of.control if made_of is not None else None,
        because=list(made_of.because) if made_of is not None else [],
        tag=made_of.tag if made_of is not None else None,
        recorded_by=by,
        recorded_at=now,
    )
    uow.plan_records.add_result(result)
    uow.flush()
    # Tags go by what plans have classed. Classing readings follows this event too; it finds nothing the second time.
    uow.emit(DomainEvent(kind=EventKind.RECORD_CHANGED, subject=plan.patient_id))
    log.info("result_recorded", result=result.id, plan=plan.id, control=result.control, rules=result.rules)
    if made_of is not None and plan.state is PlanState.RUNNING:
        _replan(uow, plan, result, rules, made_of, task=task, by=by, time=time, now=now)
    return result


def take_up_answers(
    uow: UnitOfWork, plan: Plan, task: Task, *, content: Content, time: HospitalTime, now: datetime
) -> FollowUpResult | None:
    """The result that a task's answers are, if its plan goes by rules and they say anything to them; taken up once."""
    if plan.rules is None or task.state not in _SPOKEN or uow.plan_records.has_result_of(task.id, plan.rules):
        return None
    answers, taken_at = _answers_of(uow, task, content)
    asked = {item for rules in content.follow_up_rules.values() if rules.topic == plan.rules for item in rules.items}
    if taken_at is None or not asked & set(answers):
        return None
    try:
        return record_result(
            uow,
            plan,
            answers={item: answer for item, answer in answers.items() if item in asked},
            taken_at=taken_at,
            way=ContactWay.TELEPHONE,
            by=None,
            task=task,
            content=content,
            time=time,
            now=now,
        )
    except PlanNotPossibleError as error:
        log.error("answers_not_taken_up", task=task.id, plan=plan.id, reason=str(error))  # noqa: TRY400 said in words
        return None


def _answers_of(uow: UnitOfWork, task: Task, content: Content) -> tuple[dict[str, object], datetime | None]:
    """What was answered for a task over all its calls, and when it was last asked."""
    attempts = uow.attempts.of_task(task.id)
    found: dict[str, object] = {}
    for attempt in attempts:
        found.update(attempt.answers)
    for response in uow.responses.all_of_task(task.id):
        found.update(as_measured(form_named(content, response.form_id), response.answers))
    spoken = [attempt.closed_at for attempt in attempts if attempt.closed_at is not None]
    return found, max(spoken, default=None)


def _replan(
    uow: UnitOfWork,
    plan: Plan,
    result: FollowUpResult,
    rules: FollowUpRules,
    made_of: Classification,
    *,
    task: Task | None,
    by: str | None,
    time: HospitalTime,
    now: datetime,
) -> None:
    _call_off_what_waited(uow, plan, rules, now)
    actions = rules.actions[made_of.control]
    queues = {queue.name: queue for queue in uow.queues.all()}
    zone = time.days(uow.calendar, zone=plan.zone).zone
    planned = []
    for action in actions:
        queue = queues.get(action.queue) or _queue_instead(uow, plan, task, action)
        wanted = Task(
            id=TaskId(new_id()),
            plan_id=plan.id,
            step_key=f"{action.key}:{result.id}",
            patient_id=plan.patient_id,
            queue_id=queue.id,
            purpose=plan.purpose,
            mode=queue.mode,
            priority=action.priority,
            earliest_at=action.earliest.after(result.taken_at, zone),
            target_at=action.target.after(result.taken_at, zone),
            latest_at=action.latest.after(result.taken_at, zone),
            next_attempt_at=action.earliest.after(result.taken_at, zone),
            form=action.form,
            created_at=now,
            variables={**plan.variables, "control": made_of.control.value},
        )
        if wanted.latest_at > now:  # an old result that is entered late asks for nothing that could still be done
            uow.plans.add_task(wanted)
            planned.append(action.key)
    uow.plan_records.note(
        plan.id,
        PlanChange.REPLANNED,
        at=now,
        by=by,
        reason=", ".join(made_of.because)[:500],
        detail={
            "result": result.id,
            "control": made_of.control.value,
            "rule_set": rules.rule_set,
            "rules": result.rules,
            "tasks": planned,
        },
    )
    uow.flush()
    if planned:
        uow.outbox.wake()
    log.info("plan_replanned", plan=plan.id, result=result.id, control=made_of.control.value, tasks=planned)


def _call_off_what_waited(uow: UnitOfWork, plan: Plan, rules: FollowUpRules, now: datetime) -> None:
    """Checks that an earlier result asked for are done with by a newer one."""
    checks = {action.key for control in Control for action in rules.actions[control] if action.until_next_result}
    waiting = [
        task
        for task in uow.plans.open_tasks_of_plan(plan.id)
        if (task.step_key or "").partition(":")[0] in checks and task.state is not TaskState.IN_PROGRESS
    ]
    stop_tasks(uow, waiting, TaskOutcome.CANCELLED, now=now)


def _queue_instead(uow: UnitOfWork, plan: Plan, task: Task | None, action: FollowUpAction) -> Queue:
    """A contact whose queue is missing goes where the plan's others go: with the wrong person, but not lost."""
    known = task or next((t for t in uow.plans.tasks_of_plan(plan.id)), None)
    queue = uow.queues.get(known.queue_id) if known is not None else None
    if queue is None:
        raise PlanNotPossibleError(f"there is no queue {action.queue}; create it (suifang plans queues)")
    log.error("queue_of_action_missing", plan=plan.id, action=action.key, wanted=action.queue, taken=queue.id)
    return queue
