"""Starting a plan: a visit and a template become a plan with its tasks, once."""

from collections.abc import Mapping
from datetime import datetime

import structlog

from care.patients import Encounter, Patient
from db.refusals import RowRefusedError
from db.unit_of_work import UnitOfWork
from followup.outcomes import TaskOutcome
from followup.plans import (
    Plan,
    PlanId,
    PlanTemplate,
    Task,
    TaskId,
    TaskState,
    TaskTrigger,
    TaskWindow,
    next_task_state,
    windows,
)
from followup.queues import Queue
from runtime.identifiers import new_id

log = structlog.get_logger(__name__)


class PlanNotPossibleError(ValueError):
    """A template does not fit the visit or the queues; the sentence says where."""


def start_plan(
    uow: UnitOfWork,
    *,
    patient: Patient,
    encounter: Encounter,
    template: PlanTemplate,
    queues_by_name: Mapping[str, Queue],
    now: datetime,
    variables: Mapping[str, str],
) -> Plan:
    """Give a visit the template's plan and tasks; the plan it already has if a feed tells of it twice."""
    if encounter.patient_id != patient.id:
        raise PlanNotPossibleError(f"encounter {encounter.id} is another patient's: give the patient's own encounter")
    step_queues = {step.key: _queue_of(template, step.key, queues_by_name) for step in template.steps}
    uow.flush()
    if living := uow.plans.living_plan(encounter.id, template.id):
        return living
    plan = Plan(
        id=PlanId(new_id()),
        patient_id=patient.id,
        encounter_id=encounter.id,
        template_id=template.id,
        template_version=template.version,
        purpose=template.purpose,
        anchor_at=encounter.occurred_at,
        created_at=now,
    )
    try:
        with uow.savepoint():
            uow.plans.add(plan)
            uow.flush()
    except RowRefusedError:
        # Another feed was faster by a moment; the unique index let only one of us in.
        if living := uow.plans.living_plan(encounter.id, template.id):
            return living
        raise
    for window in windows(template, plan.anchor_at):
        uow.plans.add_task(_task(plan, window, step_queues[window.step.key], now=now, variables=variables))
    uow.flush()
    uow.outbox.wake()
    log.info("plan_started", plan=plan.id, patient=patient.id, template=template.id, tasks=len(template.steps))
    return plan


def _queue_of(template: PlanTemplate, step_key: str, queues_by_name: Mapping[str, Queue]) -> Queue:
    step = next(step for step in template.steps if step.key == step_key)
    queue = queues_by_name.get(step.queue)
    if queue is None:
        raise PlanNotPossibleError(
            f"template {template.id}, step {step.key}: there is no queue {step.queue}; create it or change the template"
        )
    if queue.mode is not step.mode:
        raise PlanNotPossibleError(
            f"template {template.id}, step {step.key} is {step.mode.value}, but queue {step.queue} is "
            f"{queue.mode.value}: name a queue of the same mode"
        )
    return queue


def _task(plan: Plan, window: TaskWindow, queue: Queue, *, now: datetime, variables: Mapping[str, str]) -> Task:
    step = window.step
    task = Task(
        id=TaskId(new_id()),
        plan_id=plan.id,
        patient_id=plan.patient_id,
        queue_id=queue.id,
        purpose=plan.purpose,
        mode=step.mode,
        priority=step.priority,
        earliest_at=window.earliest_at,
        target_at=window.target_at,
        latest_at=window.latest_at,
        next_attempt_at=window.earliest_at,
        form=step.form,
        flow=step.flow,
        created_at=now,
        variables=dict(variables),
    )
    if window.latest_at < now:
        # The visit was told of too late for this step: nobody could have called, so nobody was lost.
        task.state = next_task_state(TaskState.PLANNED, TaskTrigger.CANCEL)
        task.outcome = TaskOutcome.NOT_DUE
    return task
