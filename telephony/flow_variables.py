"""What an automated call knows of its patient: the values its flow says or compares with, and how fast to speak."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from care.patients import Patient
from db.unit_of_work import UnitOfWork
from followup.flows import Flow, FlowVariable, VariableKind
from followup.plans import Task

APPOINTMENT_AT = "appointment_at"
EARLIER = timedelta(days=92)
"""So far back the last answer to an item is what today's is compared with."""

_ADDRESS = {("zh", "male"): "先生", ("zh", "female"): "女士", ("en", "male"): "Mr", ("en", "female"): "Ms"}


def variables_of(uow: UnitOfWork, flow: Flow, task: Task, patient: Patient, language: str) -> dict[str, str]:
    """The values of a flow's variables as far as they are known: by the task, the visit, the patient, his answers."""
    found: dict[str, str] = {}
    for name, variable in flow.variables.items():
        value = task.variables.get(name) or _known(uow, flow, name, variable, task, patient, language)
        if value:
            found[name] = value
    return found


def needs_it_slow(patient: Patient, flow: Flow, now: datetime) -> bool:
    """Whether to speak slower and wait longer: by the patient's own need, or by his age."""
    return patient.slow_speech or (
        patient.born is not None
        and _age(patient.born, now.astimezone(ZoneInfo(patient.zone)).date()) >= flow.slow_from_age
    )


def answered_before(uow: UnitOfWork, flow: Flow, task: Task) -> Mapping[str, str]:
    """The answers that this task's form has already, from whichever attempt."""
    response = uow.responses.of_task(task.id, flow.form) if flow.form else None
    return {item: str(value) for item, value in response.answers.items()} if response else {}


def _known(
    uow: UnitOfWork, flow: Flow, name: str, variable: FlowVariable, task: Task, patient: Patient, language: str
) -> str | None:
    match variable.kind:
        case VariableKind.MOMENT if name == APPOINTMENT_AT:
            visit = uow.appointments.of_task(task)
            local = visit.occurred_at.astimezone(ZoneInfo(patient.zone)) if visit else None
            return local.strftime("%Y-%m-%dT%H:%M") if local else None
        case VariableKind.UNSPOKEN:
            return patient.born.strftime("%m%d") if patient.born else None
        case VariableKind.NUMBER if variable.item and flow.form:
            return _last_answer(uow, flow.form, variable.item, task)
        case VariableKind.NAME:
            title = _ADDRESS.get((language, patient.sex or ""), "")
            return f"{patient.name}{title}" if language == "zh" else f"{title} {patient.name}".strip()
        case VariableKind.PLACE if flow.says_department:
            visit = uow.appointments.of_task(task)
            return visit.department if visit else None
        case _:
            return None


def _last_answer(uow: UnitOfWork, form: str, item: str, task: Task) -> str | None:
    responses = [
        response
        for response in uow.responses.of_patient(task.patient_id)
        if response.form_id == form and response.task_id != task.id and item in response.answers
    ]
    recent = [response for response in responses if uow.now - response.changed_at <= EARLIER]
    return str(max(recent, key=lambda response: response.changed_at).answers[item]) if recent else None


def _age(born: date, today: date) -> int:
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))
