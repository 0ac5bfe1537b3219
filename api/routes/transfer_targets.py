"""Whom a call's agent can pass the patient on to: colleagues, the directory, and who is on duty for his department."""

from datetime import timedelta

from fastapi import APIRouter

from api import found
from api.edge import Route, Work
from api.fields import Answer, Id
from api.masking import masked_number
from api.permissions import CareTeam
from api.problems import Kind, problems
from api.routes.transfers import EntryAnswer
from db.unit_of_work import UnitOfWork
from followup.duty import DutyRole, OnDuty, on_duty
from followup.queues import AgentState, can_be_given_a_call
from scheduler.alert_clock import department_of

router = APIRouter(tags=["transfers"], route_class=Route)


class ColleagueAnswer(Answer):
    """Another agent; `ready`: she can take a call now."""

    agent_id: str
    name: str
    state: AgentState
    ready: bool
    languages: list[str]


class DutyTargetAnswer(Answer):
    """Somebody on duty now; of the telephone the last four digits are shown."""

    shift_id: str
    role: DutyRole
    name: str
    number: str


class TransferTargetsAnswer(Answer):
    """Everybody a call can be passed on to; colleagues that are ready first."""

    call_id: str
    department: str
    colleagues: list[ColleagueAnswer]
    directory: list[EntryAnswer]
    on_duty: list[DutyTargetAnswer]
    free_numbers: bool  # this queue's agents may type a number


@router.get("/calls/{call_id}/transfer-targets", responses=problems(Kind.UNKNOWN_CALL, Kind.NOT_YOURS))
def list_transfer_targets(call_id: Id, caller: CareTeam, uow: Work) -> TransferTargetsAnswer:
    """Whom this call can be passed on to now."""
    call = found.call(uow, call_id)
    found.only_own(call.agent_id, caller, "call_id")
    names = {user.id: user.display_name for user in uow.users.all() if not user.disabled}
    colleagues = [
        ColleagueAnswer(
            agent_id=agent.id,
            name=names[agent.id],
            state=agent.state,
            ready=can_be_given_a_call(agent, uow.now),
            languages=agent.languages,
        )
        for agent in uow.queues.agents()
        if agent.id != call.agent_id and agent.id in names and agent.state is not AgentState.OFFLINE
    ]
    queue = uow.queues.get(call.queue_id)
    attempt = uow.attempts.get(call.attempt_id)
    department = department_of(uow, call.patient_id, attempt.task_id if attempt is not None else None)
    return TransferTargetsAnswer(
        call_id=call.id,
        department=department,
        colleagues=sorted(colleagues, key=lambda one: (not one.ready, one.name, one.agent_id)),
        directory=[EntryAnswer.model_validate(entry) for entry in uow.transfers.directory() if entry.active],
        on_duty=[
            DutyTargetAnswer(
                shift_id=person.shift_id, role=person.role, name=person.name, number=masked_number(person.phone)
            )
            for person in _on_duty(uow, department)
        ],
        free_numbers=caller.oversees or (queue is not None and queue.free_numbers),
    )


def _on_duty(uow: UnitOfWork, department: str) -> list[OnDuty]:
    standing = uow.duty.between(uow.now, uow.now + timedelta(seconds=1), department=department)
    return [person for role in DutyRole for person in on_duty(standing, department, role, uow.now)]
