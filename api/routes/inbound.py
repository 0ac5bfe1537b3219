"""Inbound calls: who waits or was offered, taking a caller, learning who he is, and what came of it."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import Field, model_validator

from api import found, inbound_links
from api.auth import Caller
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant, Limit, Words
from api.masking import masked_birthday, masked_name, masked_number, masked_record_number
from api.node_commands import ask_node
from api.permissions import AgentCommanding, CareTeam, CareTeamCommanding
from api.problems import Kind, Problem, problems
from care.patients import Patient
from db.unit_of_work import UnitOfWork
from followup.closing import release_agent
from followup.events import DomainEvent, EventKind
from followup.inbound import (
    WRONG_ANSWERS_LIMIT,
    InboundCall,
    InboundOrigin,
    InboundReason,
    InboundState,
    InboundTrigger,
    next_inbound_state,
)

router = APIRouter(tags=["inbound calls"], route_class=Route)


class CallerIdentityAsk(Ask):
    """Which patient the caller says he is, and whether at least two facts that he gave by himself were right."""

    patient_id: Id
    confirmed: bool
    person: Literal["patient", "proxy"] = "patient"
    identifiers: Annotated[set[Literal["name", "born", "record_number", "id_number", "address"]], Field(min_length=1)]

    @model_validator(mode="after")
    def _two_facts(self) -> "CallerIdentityAsk":
        if self.confirmed and len(self.identifiers) < 2:
            raise ValueError("an identity is confirmed by two facts at least")
        return self


class LinkAsk(Ask):
    """The task that this conversation fulfils; without it one is made for what he rang about."""

    task_id: Id | None = None


class CallerWrapUpAsk(Ask):
    """What came of a caller whose conversation belongs to no task."""

    note: Words


class CandidateAnswer(Answer):
    """Somebody who has this number, masked: the number alone proves nothing."""

    patient_id: str
    name: str
    born: str | None
    record_number: str


class InboundAnswer(Answer):
    """A caller. Number and people are masked; `candidates` says how many patients have the number."""

    id: str
    origin: InboundOrigin
    state: InboundState
    reason: InboundReason | None
    number: str | None
    withheld: bool
    language: str
    queue_id: str | None
    agent_id: str | None
    candidates: int
    people: list[CandidateAnswer]  # only for who speaks with him, or is offered him, and for supervisors
    patient_id: str | None
    identity_confirmed_at: Instant | None
    call_id: str | None
    task_id: str | None
    note: str
    recording_refused: bool
    rang_at: Instant
    waiting_since: Instant | None
    offered_at: Instant | None
    connected_at: Instant | None
    ended_at: Instant | None
    wrapped_up_at: Instant | None


class InboundsAnswer(Answer):
    """Callers, newest first; ask on with before=`next`, which is empty on the last page."""

    inbound_calls: list[InboundAnswer]
    next: Instant | None


class InboundCommandAnswer(Answer):
    """The wish was handed to the telephony node; whether it came true is seen on the caller."""

    inbound_call_id: str
    deadline: Instant


class LinkedAnswer(Answer):
    """The conversation is this attempt now: GET /agents/me/call shows it."""

    inbound_call_id: str
    attempt_id: str
    call_id: str
    task_id: str


@router.get("/inbound-calls")
def list_inbound_calls(
    caller: CareTeam, uow: Work, live: bool = False, before: datetime | None = None, limit: Limit = 50
) -> InboundsAnswer:
    """Callers: an agent sees hers and those who wait in her queues, a supervisor all."""
    agent = None if caller.oversees else uow.queues.agent(caller.user_id)
    rows = uow.inbound.recent(
        live_only=live,
        agent_id=None if caller.oversees else caller.user_id,
        queue_ids=agent.queues if agent else (),
        before=before,
        limit=limit,
    )
    return InboundsAnswer(
        inbound_calls=[_answer(uow, row, caller) for row in rows],
        next=rows[-1].rang_at if len(rows) == limit else None,
    )


@router.get("/inbound-calls/{inbound_id}", responses=problems(Kind.UNKNOWN_INBOUND_CALL, Kind.NOT_YOURS))
def read_inbound_call(inbound_id: Id, caller: CareTeam, uow: Work) -> InboundAnswer:
    """One caller."""
    inbound = uow.inbound.get(inbound_id)
    if inbound is None:
        raise _unknown()
    if not _may_see(uow, inbound, caller):
        raise Problem.of(Kind.NOT_YOURS, "inbound_id", "this caller is another agent's; she or a supervisor sees him")
    return _answer(uow, inbound, caller)


@router.post(
    "/inbound-calls/{inbound_id}/accept",
    status_code=202,
    responses=problems(Kind.UNKNOWN_INBOUND_CALL, Kind.NOT_YOURS, Kind.NOT_POSSIBLE_NOW),
)
def accept_caller(inbound_id: Id, caller: AgentCommanding, uow: Work) -> InboundCommandAnswer:
    """Take the caller who is offered to you: he is joined with your headset."""
    inbound = _offered(uow, inbound_id, caller)
    deadline = ask_node(
        uow, node=inbound.node, verb="accept_inbound", subject=inbound.id, arguments={"agent_id": caller.user_id}
    )
    _audit(uow, caller, "inbound_accepted", inbound)
    return InboundCommandAnswer(inbound_call_id=inbound.id, deadline=deadline)


@router.post(
    "/inbound-calls/{inbound_id}/decline",
    responses=problems(Kind.UNKNOWN_INBOUND_CALL, Kind.NOT_YOURS, Kind.NOT_POSSIBLE_NOW),
)
def decline_caller(inbound_id: Id, caller: AgentCommanding, uow: Work) -> InboundAnswer:
    """Let somebody else take the caller; the node asks the next within a second."""
    inbound = _offered(uow, inbound_id, caller)
    agent = found.own_desk(uow, caller)
    for event in release_agent(agent, now=uow.now, reason="declined a caller"):
        uow.emit(event)
    inbound.declined_by = [*inbound.declined_by, agent.id]
    inbound.agent_id = inbound.offered_at = inbound.accepted_at = None
    inbound.state = next_inbound_state(inbound.state, InboundTrigger.TAKE_BACK)
    uow.emit(DomainEvent(kind=EventKind.INBOUND_CHANGED, subject=inbound.id, ids={"state": inbound.state.value}))
    _audit(uow, caller, "inbound_declined", inbound)
    return _answer(uow, inbound, caller)


@router.post(
    "/inbound-calls/{inbound_id}/hang-up",
    status_code=202,
    responses=problems(Kind.UNKNOWN_INBOUND_CALL, Kind.NOT_YOURS, Kind.NOT_POSSIBLE_NOW),
)
def hang_up_caller(inbound_id: Id, caller: CareTeamCommanding, uow: Work) -> InboundCommandAnswer:
    """End the line to a caller: an agent to hers, a supervisor to any."""
    inbound = _own(uow, inbound_id, caller)
    if inbound.state is InboundState.ENDED:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "state", "the caller is gone already")
    deadline = ask_node(uow, node=inbound.node, verb="hang_up_inbound", subject=inbound.id)
    _audit(uow, caller, "inbound_hung_up", inbound)
    return InboundCommandAnswer(inbound_call_id=inbound.id, deadline=deadline)


@router.post(
    "/inbound-calls/{inbound_id}/refuse-recording",
    status_code=202,
    responses=problems(Kind.UNKNOWN_INBOUND_CALL, Kind.NOT_YOURS, Kind.NOT_POSSIBLE_NOW),
)
def refuse_callers_recording(inbound_id: Id, caller: AgentCommanding, uow: Work) -> InboundCommandAnswer:
    """The caller told you that he does not want to be recorded: what there is is destroyed, the call goes on."""
    inbound = _own(uow, inbound_id, caller)
    if inbound.spool is None or inbound.recording_refused or inbound.state is InboundState.ENDED:
        raise Problem.of(
            Kind.NOT_POSSIBLE_NOW,
            "state",
            "nothing of this caller is being recorded; of a call that belongs to a task, ask the call",
        )
    deadline = ask_node(
        uow, node=inbound.node, verb="refuse_inbound_recording", subject=inbound.id, arguments={"by": caller.user_id}
    )
    return InboundCommandAnswer(inbound_call_id=inbound.id, deadline=deadline)


@router.post(
    "/inbound-calls/{inbound_id}/identity",
    responses=problems(Kind.UNKNOWN_INBOUND_CALL, Kind.UNKNOWN_PATIENT, Kind.NOT_YOURS, Kind.NOT_POSSIBLE_NOW),
)
def say_identity(inbound_id: Id, ask: CallerIdentityAsk, caller: AgentCommanding, uow: Work) -> InboundAnswer:
    """What the caller said of himself: right answers open the record, wrong ones are on record too."""
    inbound = _own(uow, inbound_id, caller)
    patient = found.patient(uow, ask.patient_id)
    if inbound.connected_at is None or inbound.wrapped_up_at is not None:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "state", "nobody speaks with this caller (any more)")
    if inbound.origin is InboundOrigin.KEY_ZERO:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "state", "this is a call of ours: POST /attempts/{attempt_id}/identity")
    if inbound.identity_confirmed_at is not None and inbound.patient_id != patient.id:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "patient_id", "the caller has been confirmed as somebody else")
    if ask.confirmed and inbound.wrong_answers >= WRONG_ANSWERS_LIMIT:
        raise Problem.of(
            Kind.NOT_POSSIBLE_NOW,
            "confirmed",
            f"he failed {inbound.wrong_answers} times to say who he is: close in neutral words, open no record",
        )
    if ask.confirmed:
        inbound.patient_id = patient.id
        inbound.identity_confirmed_at = inbound.identity_confirmed_at or uow.now
    else:
        inbound.wrong_answers += 1
    uow.audit.note(
        user_id=caller.user_id,
        action="identity_confirmed" if ask.confirmed else "identity_failed",
        subject_kind="inbound_call",
        subject=inbound.id,
        patient_id=patient.id,
        detail={
            "person": ask.person,
            "identifiers": sorted(ask.identifiers),
            "has_the_number": patient.id in inbound.candidates,
        },
    )
    return _answer(uow, inbound, caller)


@router.post(
    "/inbound-calls/{inbound_id}/link",
    responses=problems(
        Kind.UNKNOWN_INBOUND_CALL, Kind.UNKNOWN_TASK, Kind.UNKNOWN_QUEUE, Kind.NOT_YOURS, Kind.NOT_POSSIBLE_NOW
    ),
)
def link_to_task(inbound_id: Id, ask: LinkAsk, caller: AgentCommanding, uow: Work) -> LinkedAnswer:
    """Make the conversation an attempt of a task of the confirmed patient: form, note and wrap-up go on from there."""
    inbound = _own(uow, inbound_id, caller)
    if inbound.call_id is not None:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "task_id", "the conversation belongs to a task already")
    if inbound.patient_id is None or inbound.identity_confirmed_at is None:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "identity", "first let the caller say who he is")
    if inbound.connected_at is None or inbound.wrapped_up_at is not None:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "state", "the caller was not spoken with, or is wrapped up already")
    patient = found.patient(uow, inbound.patient_id)
    if ask.task_id is None:
        task = inbound_links.new_task(uow, patient, found.queue(uow, inbound.queue_id or ""))
    else:
        task = found.task_for_update(uow, ask.task_id)
    if task.patient_id != patient.id:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "task_id", "this task is another patient's")
    attempt = inbound_links.link(uow, inbound, task, patient)
    uow.audit.note(
        user_id=caller.user_id,
        action="inbound_linked",
        subject_kind="inbound_call",
        subject=inbound.id,
        patient_id=patient.id,
        detail={"task": task.id, "attempt": attempt.id},
    )
    return LinkedAnswer(
        inbound_call_id=inbound.id, attempt_id=attempt.id, call_id=inbound.call_id or "", task_id=task.id
    )


@router.post(
    "/inbound-calls/{inbound_id}/wrap-up",
    responses=problems(Kind.UNKNOWN_INBOUND_CALL, Kind.NOT_YOURS, Kind.NOT_POSSIBLE_NOW),
)
def wrap_up_caller(inbound_id: Id, ask: CallerWrapUpAsk, caller: CareTeamCommanding, uow: Work) -> InboundAnswer:
    """Note what a caller wanted whose conversation belongs to no task; his agent is free again."""
    inbound = _own(uow, inbound_id, caller)
    if inbound.call_id is not None:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "state", "it is an attempt: POST /attempts/{attempt_id}/wrap-up")
    if inbound.state is not InboundState.ENDED or inbound.connected_at is None or inbound.wrapped_up_at is not None:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "state", "only an ended conversation is wrapped up, and once")
    inbound.note, inbound.wrapped_up_at = ask.note, uow.now
    agent = uow.queues.agent_for_update(inbound.agent_id) if inbound.agent_id else None
    for event in release_agent(agent, now=uow.now) if agent else ():
        uow.emit(event)
    _audit(uow, caller, "inbound_wrapped_up", inbound)
    return _answer(uow, inbound, caller)


def _offered(uow: UnitOfWork, inbound_id: str, caller: Caller) -> InboundCall:
    inbound = _locked(uow, inbound_id)
    if inbound.state is not InboundState.OFFERED:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "state", f"the caller is {inbound.state.value}: nobody is offered him")
    if inbound.agent_id != caller.user_id:
        raise Problem.of(Kind.NOT_YOURS, "inbound_id", "the caller is offered to another agent")
    return inbound


def _own(uow: UnitOfWork, inbound_id: str, caller: Caller) -> InboundCall:
    inbound = _locked(uow, inbound_id)
    found.only_own(inbound.agent_id, caller, "inbound_id")
    return inbound


def _locked(uow: UnitOfWork, inbound_id: str) -> InboundCall:
    inbound = uow.inbound.for_update(inbound_id)
    if inbound is None:
        raise _unknown()
    return inbound


def _unknown() -> Problem:
    return Problem.of(
        Kind.UNKNOWN_INBOUND_CALL, "inbound_id", "there is no such caller; GET /api/v1/inbound-calls lists them"
    )


def _may_see(uow: UnitOfWork, inbound: InboundCall, caller: Caller) -> bool:
    if caller.oversees or caller.user_id in (inbound.agent_id, inbound.called_by):
        return True
    agent = uow.queues.agent(caller.user_id)
    return inbound.agent_id is None and agent is not None and inbound.queue_id in agent.queues


def _answer(uow: UnitOfWork, inbound: InboundCall, caller: Caller) -> InboundAnswer:
    hers = caller.oversees or inbound.agent_id == caller.user_id
    patients = [uow.patients.get(patient_id) for patient_id in inbound.candidates] if hers else []
    return InboundAnswer(
        id=inbound.id,
        origin=inbound.origin,
        state=inbound.state,
        reason=inbound.reason,
        number=masked_number(inbound.caller) if inbound.caller else None,
        withheld=inbound.caller is None,
        language=inbound.language,
        queue_id=inbound.queue_id,
        agent_id=inbound.agent_id,
        candidates=len(inbound.candidates),
        people=[_candidate(patient) for patient in patients if patient is not None],
        patient_id=inbound.patient_id,
        identity_confirmed_at=inbound.identity_confirmed_at,
        call_id=inbound.call_id,
        task_id=inbound.task_id,
        note=inbound.note,
        recording_refused=inbound.recording_refused,
        rang_at=inbound.rang_at,
        waiting_since=inbound.waiting_since,
        offered_at=inbound.offered_at,
        connected_at=inbound.connected_at,
        ended_at=inbound.ended_at,
        wrapped_up_at=inbound.wrapped_up_at,
    )


def _candidate(patient: Patient) -> CandidateAnswer:
    return CandidateAnswer(
        patient_id=patient.id,
        name=masked_name(patient.name),
        born=masked_birthday(patient.born),
        record_number=masked_record_number(patient.record_number),
    )


def _audit(uow: UnitOfWork, caller: Caller, action: str, inbound: InboundCall) -> None:
    uow.audit.note(
        user_id=caller.user_id,
        action=action,
        subject_kind="inbound_call",
        subject=inbound.id,
        patient_id=inbound.patient_id,
    )
