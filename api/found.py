"""Fetching what a request names, or answering that it is not there."""

from api.auth import Caller
from api.problems import Kind, Problem
from care.cards import Card
from care.patients import Encounter, Patient
from db.unit_of_work import UnitOfWork
from db.users import User
from followup.attempts import Attempt
from followup.calls import Call
from followup.imports import ListImport
from followup.notes import Note
from followup.plans import Plan, Task
from followup.queues import Agent, Queue
from followup.recordings import Recording


def patient(uow: UnitOfWork, patient_id: str, field: str = "patient_id") -> Patient:
    """The patient with this id."""
    found = uow.patients.get(patient_id)
    if found is None:
        raise Problem.of(
            Kind.UNKNOWN_PATIENT, field, "there is no such patient; POST /api/v1/patients/search finds one"
        )
    uow.care_team.admit(found.id, uow.now)
    return found


def kept_patient(uow: UnitOfWork, patient_id: str) -> Patient:
    """The patient with this id, or the one into whom that record went: his calls are there now."""
    found = patient(uow, patient_id)
    while (further := uow.merges.merged_into(found.id)) is not None:
        found = patient(uow, further)
    return found


def card(uow: UnitOfWork, card_id: str) -> Card:
    """The card with this id."""
    return _card(uow, uow.cards.get(card_id))


def card_for_update(uow: UnitOfWork, card_id: str) -> Card:
    """The card with this id, locked."""
    return _card(uow, uow.cards.for_update(card_id))


def _card(uow: UnitOfWork, found: Card | None) -> Card:
    if found is None:
        raise Problem.of(
            Kind.UNKNOWN_CARD, "card_id", "there is no such card; GET /api/v1/patients/{patient_id}/cards lists them"
        )
    uow.care_team.admit(found.patient_id, uow.now)
    return found


def encounter(uow: UnitOfWork, encounter_id: str, field: str = "encounter_id") -> Encounter:
    """The visit with this id."""
    found = uow.patients.encounter(encounter_id)
    if found is None:
        raise Problem.of(
            Kind.UNKNOWN_ENCOUNTER,
            field,
            "there is no such encounter; GET /api/v1/patients/{patient_id}/encounters lists a patient's",
        )
    uow.care_team.admit(found.patient_id, uow.now)
    return found


def list_import(uow: UnitOfWork, import_id: str, field: str = "import_id") -> ListImport:
    """The import with this id."""
    return _import(uow.imports.get(import_id), field)


def list_import_for_update(uow: UnitOfWork, import_id: str) -> ListImport:
    """The import with this id, locked."""
    return _import(uow.imports.locked(import_id), "import_id")


def _import(made: ListImport | None, field: str) -> ListImport:
    if made is None:
        raise Problem.of(Kind.UNKNOWN_IMPORT, field, "there is no such import; GET /api/v1/imports lists them")
    return made


def plan(uow: UnitOfWork, plan_id: str) -> Plan:
    """The plan with this id."""
    found = uow.plans.get(plan_id)
    if found is None:
        raise _no_plan()
    uow.care_team.admit(found.patient_id, uow.now)
    return found


def plan_for_update(uow: UnitOfWork, plan_id: str) -> Plan:
    """The plan with this id, locked."""
    found = uow.plans.plan_for_update(plan_id)
    if found is None:
        raise _no_plan()
    uow.care_team.admit(found.patient_id, uow.now)
    return found


def task(uow: UnitOfWork, task_id: str) -> Task:
    """The task with this id."""
    found = uow.plans.task(task_id)
    if found is None:
        raise _no_task()
    uow.care_team.admit(found.patient_id, uow.now)
    return found


def task_for_update(uow: UnitOfWork, task_id: str) -> Task:
    """The task with this id, locked."""
    found = uow.plans.task_for_update(task_id)
    if found is None:
        raise _no_task()
    uow.care_team.admit(found.patient_id, uow.now)
    return found


def task_of_attempt(uow: UnitOfWork, attempt: Attempt, task_id: str) -> Task:
    """One of the tasks for which an attempt is made."""
    if task_id not in uow.attempts.tasks_of(attempt.id):
        raise Problem.of(
            Kind.UNKNOWN_TASK, "task_id", "the attempt was not made for this task; GET /agents/me/call lists its tasks"
        )
    return task(uow, task_id)


def queue(uow: UnitOfWork, queue_id: str, field: str = "queue_id") -> Queue:
    """The queue with this id."""
    found = uow.queues.get(queue_id)
    if found is None:
        raise Problem.of(Kind.UNKNOWN_QUEUE, field, "there is no such queue; GET /api/v1/queues lists them")
    return found


def own_desk(uow: UnitOfWork, caller: Caller) -> Agent:
    """The caller's desk, locked."""
    found = uow.queues.agent_for_update(caller.user_id)
    if found is None:
        raise Problem.of(Kind.UNKNOWN_AGENT, "agent", "this user has no desk; an administrator adds users as agents")
    return found


def call(uow: UnitOfWork, call_id: str) -> Call:
    """The call with this id."""
    found = uow.calls.get(call_id)
    if found is None:
        raise _no_call()
    uow.care_team.admit(found.patient_id, uow.now)
    return found


def locked_call(uow: UnitOfWork, call_id: str) -> Call:
    """The call with this id, locked."""
    found = uow.calls.for_update(call_id)
    if found is None:
        raise _no_call()
    uow.care_team.admit(found.patient_id, uow.now)
    return found


def user(uow: UnitOfWork, user_id: str) -> User:
    """The user with this id."""
    found = uow.users.get(user_id)
    if found is None:
        raise Problem.of(Kind.UNKNOWN_USER, "user_id", "there is no such user; GET /api/v1/users lists them")
    return found


def attempt(uow: UnitOfWork, attempt_id: str) -> Attempt:
    """The attempt with this id."""
    found = uow.attempts.get(attempt_id)
    if found is None:
        raise _no_attempt()
    uow.care_team.admit(found.patient_id, uow.now)
    return found


def own_attempt(uow: UnitOfWork, attempt_id: str, caller: Caller) -> Attempt:
    """The caller's attempt with this id, locked; a supervisor's are all."""
    found = uow.attempts.for_update(attempt_id)
    if found is None:
        raise _no_attempt()
    only_own(found.agent_id, caller, "attempt_id")
    uow.care_team.admit(found.patient_id, uow.now)
    return found


def only_own(agent_id: str | None, caller: Caller, field: str) -> None:
    """A problem if this is another agent's and the caller oversees nobody."""
    if agent_id != caller.user_id and not caller.oversees:
        raise Problem.of(Kind.NOT_YOURS, field, "this is another agent's; he or a supervisor can do that")


def recording(uow: UnitOfWork, recording_id: str) -> Recording:
    """The recording with this id."""
    found = uow.recordings.get(recording_id)
    if found is None:
        raise Problem.of(Kind.UNKNOWN_RECORDING, "recording_id", "there is no such recording")
    uow.care_team.admit(found.patient_id, uow.now)
    return found


def note(uow: UnitOfWork, note_id: str) -> Note:
    """The note with this id."""
    found = uow.notes.get(note_id)
    if found is None:
        raise _no_note()
    uow.care_team.admit(found.patient_id, uow.now)
    return found


def note_for_update(uow: UnitOfWork, note_id: str) -> Note:
    """The note with this id, locked."""
    found = uow.notes.for_update(note_id)
    if found is None:
        raise _no_note()
    uow.care_team.admit(found.patient_id, uow.now)
    return found


def _no_plan() -> Problem:
    return Problem.of(
        Kind.UNKNOWN_PLAN, "plan_id", "there is no such plan; GET /api/v1/patients/{patient_id}/plans lists a patient's"
    )


def _no_task() -> Problem:
    return Problem.of(Kind.UNKNOWN_TASK, "task_id", "there is no such task; GET /api/v1/tasks lists them")


def _no_attempt() -> Problem:
    return Problem.of(Kind.UNKNOWN_ATTEMPT, "attempt_id", "there is no such attempt")


def _no_note() -> Problem:
    return Problem.of(Kind.UNKNOWN_NOTE, "note_id", "there is no such note")


def _no_call() -> Problem:
    return Problem.of(Kind.UNKNOWN_CALL, "call_id", "there is no such call")
