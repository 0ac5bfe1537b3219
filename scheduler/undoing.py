"""Undoing a decision of the system: the task is as it was, and a person says what comes next."""

import structlog

from care.patients import NumberQuality
from db.unit_of_work import UnitOfWork
from followup.decisions import Decision, UndoRefusedError, refuse_undo
from followup.messages import MessageTrigger
from followup.outcomes import TaskOutcome
from followup.plans import PlanState, Task, TaskState, TaskTrigger, next_task_state
from followup.what_next import NEXT_NUMBER
from scheduler.outcomes import AFTER_THE_WINDOW
from scheduler.task_steps import ask_for_a_person

log = structlog.get_logger(__name__)


def undo_decision(uow: UnitOfWork, attempt_id: str, *, by: str, reason: str) -> list[Decision]:
    """Take back what was decided after an attempt, for each of its tasks; UndoRefusedError says why it stands.

    The task is open again and waits for a person, who dials, plans or cancels: it is never dialed by the undoing
    itself. Messages that have not left are called off, a number that was closed is open again.
    """
    attempt = uow.attempts.for_update(attempt_id)
    decisions = uow.decisions.of_attempt(attempt_id)
    if attempt is None or not decisions:
        raise UndoRefusedError("nothing was decided after this attempt yet")
    tasks: list[tuple[Decision, Task]] = []
    for decision in decisions:
        task = uow.plans.task_for_update(decision.task_id)
        if task is None:
            raise UndoRefusedError("the task is gone")
        last = uow.attempts.of_task(task.id)[-1]
        refuse_undo(decision, task, last_attempt_id=last.id, now=uow.now)
        _refuse_where_the_plan_went_on(uow, task)
        tasks.append((decision, task))
    for decision, task in tasks:
        _restore(uow, decision, task)
        decision.undone_at, decision.undone_by, decision.undo_reason = uow.now, by, reason
        uow.audit.note(
            user_id=by,
            action="decision_undone",
            subject_kind="attempt",
            subject=attempt_id,
            patient_id=decision.patient_id,
            detail={"task": task.id, "decision": decision.id, "was": decision.action.value, "reason": reason},
        )
        log.info("decision_undone", attempt=attempt_id, task=task.id, was=decision.action.value)
    _reopen_number(uow, decisions[0], by=by)
    for message in uow.messages.waiting_after(attempt_id):
        uow.messages.move(message, MessageTrigger.CANCEL, at=uow.now, reason="the decision was undone", by=by)
    return [decision for decision, _ in tasks]


def _refuse_where_the_plan_went_on(uow: UnitOfWork, task: Task) -> None:
    if task.followed_at is None or task.plan_id is None:
        return
    plan = uow.plans.get(task.plan_id)
    if plan is None or plan.state is not PlanState.RUNNING:
        raise UndoRefusedError("the plan has ended with this task; plan a task of its own")
    if any(other.step_key == task.step_key for other in uow.plans.open_tasks_of_plan(plan.id)):
        raise UndoRefusedError("the plan has gone on to the next time meanwhile; dial that one, or plan another task")


def _restore(uow: UnitOfWork, decision: Decision, task: Task) -> None:
    before = decision.before
    outcome, number, priority = before["outcome"], before["next_number"], before["priority"]
    if task.state is not TaskState.QUEUED:
        task.state = next_task_state(task.state, TaskTrigger.RESTORE)
    task.outcome = TaskOutcome(str(outcome)) if outcome else None
    if isinstance(priority, int):
        task.priority = priority
    others = {name: value for name, value in task.variables.items() if name != NEXT_NUMBER}
    task.variables = {**others, NEXT_NUMBER: str(number)} if number else others
    task.next_action = task.followed_at = None
    ask_for_a_person(uow, task, look_again_at=task.latest_at + AFTER_THE_WINDOW)


def _reopen_number(uow: UnitOfWork, decision: Decision, *, by: str) -> None:
    if decision.closed_number is not None and decision.closed_number_was is not None:
        patient = uow.patients.get(decision.patient_id)
        for point in patient.contact_points if patient else ():
            if point.id == decision.closed_number and point.quality is NumberQuality.WRONG:
                point.quality = NumberQuality(decision.closed_number_was)
    for search in uow.number_searches.opened_by(decision.attempt_id):
        search.closed_at, search.closed_by, search.closing_words = uow.now, by, "the decision was undone"
