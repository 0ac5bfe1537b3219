"""Transfers: passing a patient on or bringing somebody in, and the directory of numbers for it."""

import re
from typing import Annotated

import phonenumbers
from fastapi import APIRouter
from pydantic import AfterValidator, StringConstraints, model_validator

from api import found
from api.auth import Caller
from api.call_answers import TransferAnswer, transfer_answer
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant, Line, PhoneNumber
from api.node_commands import ask_node
from api.permissions import CareTeam, CareTeamCommanding, OverseersCommanding
from api.problems import Kind, Problem, problems
from care.patients import NumberQuality
from db.unit_of_work import UnitOfWork
from followup.calls import Call, CallState, Leg, LegId, LegRole
from followup.closing import move_agent
from followup.queues import AgentTrigger, can_be_given_a_call
from followup.transfers import DirectoryEntry, DirectoryKind, Transfer, TransferTarget
from runtime.identifiers import new_id
from runtime.phone_numbers import NumberRefusedError, to_e164
from telephony.call_control import TransferEnding, TransferMode

router = APIRouter(tags=["transfers"], route_class=Route)

_EXTENSION = re.compile(r"[0-9]{2,8}")


def _number_or_extension(text: str) -> str:
    if _EXTENSION.fullmatch(text):
        if phonenumbers.is_emergency_number(text, "CN") or phonenumbers.is_emergency_number(text, "US"):
            raise NumberRefusedError("is an emergency number; a patient is told to dial it, never passed on to it")
        return text
    return to_e164(text)


class TransferAsk(Ask):
    """Whom to ring: exactly one of agent, entry of the directory, person on duty, number of the patient, or number."""

    mode: TransferMode
    agent_id: Id | None = None
    directory_id: Id | None = None
    duty_shift_id: Id | None = None
    contact_point_id: Id | None = None
    number: PhoneNumber | None = None

    @model_validator(mode="after")
    def _one_target(self) -> "TransferAsk":
        if (
            sum(
                each is not None
                for each in (self.agent_id, self.directory_id, self.duty_shift_id, self.contact_point_id, self.number)
            )
            != 1
        ):
            raise ValueError("name exactly one of agent_id, directory_id, duty_shift_id, contact_point_id and number")
        return self


class EndingAsk(Ask):
    """How the transfer ends."""

    ending: TransferEnding


class EntryAsk(Ask):
    """A number of the directory: E.164 in any usual writing, or an extension of the hospital's exchange."""

    name: Line
    kind: DirectoryKind
    number: Annotated[str, StringConstraints(max_length=40), AfterValidator(_number_or_extension)]
    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")] | None = None


class EntryAnswer(Answer):
    """A number agents may transfer to."""

    id: str
    name: str
    kind: DirectoryKind
    number: str
    language: str | None
    active: bool
    created_at: Instant


class DirectoryAnswer(Answer):
    """The directory in order of name."""

    entries: list[EntryAnswer]


@router.post(
    "/calls/{call_id}/transfers",
    status_code=202,
    responses=problems(
        Kind.UNKNOWN_CALL, Kind.UNKNOWN_AGENT, Kind.UNKNOWN_DIRECTORY_ENTRY, Kind.NOT_YOURS, Kind.NOT_POSSIBLE_NOW
    ),
)
def begin_transfer(call_id: Id, ask: TransferAsk, caller: CareTeamCommanding, uow: Work) -> TransferAnswer:
    """Ring somebody for the patient, who hears music meanwhile: an agent her own call's, a supervisor any."""
    call = _call(uow, call_id, caller)
    if call.state is not CallState.BRIDGED:
        hint = "; resume it first" if call.state is CallState.HELD else ""
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "call_id", f"the call is {call.state.value}: nothing to pass on{hint}")
    if uow.transfers.live_of_call(call.id) is not None:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "call_id", "a transfer of this call is under way; end it first")
    target, number = _target(uow, call, ask, caller)
    role = LegRole.INTERNAL if target is TransferTarget.AGENT else LegRole.THIRD_PARTY
    leg = Leg(id=LegId(new_id()), call_id=call.id, role=role)
    call.legs.append(leg)
    uow.flush()
    transfer = Transfer(
        id=new_id(),
        call_id=call.id,
        leg_id=leg.id,
        mode=ask.mode.value,
        target=target,
        agent_id=ask.agent_id,
        directory_id=ask.directory_id,
        contact_point_id=ask.contact_point_id,
        number=number,
        asked_by=caller.user_id,
        asked_at=uow.now,
    )
    uow.transfers.add(transfer)
    uow.flush()
    _ask(uow, call, caller, "transfer", {"transfer": transfer.id})
    _audit(uow, caller, "transfer_asked", call, transfer)
    return transfer_answer(transfer)


@router.post(
    "/calls/{call_id}/transfers/{transfer_id}/end",
    status_code=202,
    responses=problems(Kind.UNKNOWN_CALL, Kind.UNKNOWN_TRANSFER, Kind.NOT_YOURS, Kind.NOT_POSSIBLE_NOW),
)
def end_transfer(call_id: Id, transfer_id: Id, ask: EndingAsk, caller: CareTeamCommanding, uow: Work) -> TransferAnswer:
    """Leave the two alone, talk together, or take the patient back."""
    call = _call(uow, call_id, caller)
    transfer = uow.transfers.get(transfer_id)
    if transfer is None or transfer.call_id != call.id:
        raise Problem.of(Kind.UNKNOWN_TRANSFER, "transfer_id", "this call has no such transfer")
    if transfer.ended_at is not None:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "transfer_id", f"the transfer is over: {transfer.state.value}")
    if ask.ending is not TransferEnding.BACK and transfer.answered_at is None:
        raise Problem.of(
            Kind.NOT_POSSIBLE_NOW, "ending", "nobody has answered yet; wait for the answer, or take the patient back"
        )
    _ask(uow, call, caller, "end_transfer", {"ending": ask.ending.value})
    _audit(uow, caller, f"transfer_end_{ask.ending.value}", call, transfer)
    return transfer_answer(transfer)


@router.get("/directory")
def list_directory(caller: CareTeam, uow: Work) -> DirectoryAnswer:  # noqa: ARG001
    """Every number agents may transfer to."""
    return DirectoryAnswer(entries=[EntryAnswer.model_validate(entry) for entry in uow.transfers.directory()])


@router.post("/directory", status_code=201, responses=problems(Kind.TAKEN))
def add_directory_entry(ask: EntryAsk, caller: OverseersCommanding, uow: Work) -> EntryAnswer:
    """Add a number to the directory."""
    entry = DirectoryEntry(
        id=new_id(), name=ask.name, kind=ask.kind, number=ask.number, language=ask.language, created_at=uow.now
    )
    uow.transfers.add_entry(entry)
    uow.flush()
    _audit_entry(uow, caller, "directory_entry_added", entry)
    return EntryAnswer.model_validate(entry)


@router.post("/directory/{entry_id}/close", responses=problems(Kind.UNKNOWN_DIRECTORY_ENTRY))
def close_directory_entry(entry_id: Id, caller: OverseersCommanding, uow: Work) -> EntryAnswer:
    """Take a number out of use; what was transferred to it stays on record."""
    entry = _entry(uow, entry_id)
    entry.active = False
    _audit_entry(uow, caller, "directory_entry_closed", entry)
    return EntryAnswer.model_validate(entry)


def _call(uow: UnitOfWork, call_id: str, caller: Caller) -> Call:
    call = uow.calls.for_update(call_id)
    if call is None:
        raise Problem.of(Kind.UNKNOWN_CALL, "call_id", "there is no such call")
    found.only_own(call.agent_id, caller, "call_id")
    return call


def _target(uow: UnitOfWork, call: Call, ask: TransferAsk, caller: Caller) -> tuple[TransferTarget, str]:
    if ask.agent_id is not None:
        return TransferTarget.AGENT, _reserved_agent(uow, call, ask.agent_id)
    if ask.directory_id is not None:
        entry = _entry(uow, ask.directory_id)
        if not entry.active:
            raise Problem.of(Kind.NOT_POSSIBLE_NOW, "directory_id", "this number is out of use; choose another")
        return TransferTarget.DIRECTORY, entry.number
    if ask.duty_shift_id is not None:
        return TransferTarget.NUMBER, _number_on_duty(uow, ask.duty_shift_id)
    if ask.contact_point_id is not None:
        return TransferTarget.CONTACT, _number_of_patient(uow, call, ask.contact_point_id)
    queue = uow.queues.get(call.queue_id)
    if not caller.oversees and not (queue is not None and queue.free_numbers):
        raise Problem.of(
            Kind.NOT_POSSIBLE_NOW,
            "number",
            "in this queue agents choose from the directory; a supervisor can allow typed numbers or add this one",
        )
    return TransferTarget.NUMBER, ask.number or ""


def _reserved_agent(uow: UnitOfWork, call: Call, agent_id: str) -> str:
    agent = uow.queues.agent_for_update(agent_id)
    if agent is None:
        raise Problem.of(Kind.UNKNOWN_AGENT, "agent_id", "there is no such agent; GET /api/v1/agents lists them")
    if agent.id == call.agent_id:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "agent_id", "this agent has the call already")
    if not can_be_given_a_call(agent, uow.now):
        raise Problem.of(
            Kind.NOT_POSSIBLE_NOW, "agent_id", f"this agent cannot take a call now ({agent.state.value}); ask another"
        )
    uow.emit(move_agent(agent, AgentTrigger.RESERVE, now=uow.now))
    return agent.headset


def _number_on_duty(uow: UnitOfWork, shift_id: str) -> str:
    shift = uow.duty.get(shift_id)
    if shift is None or not shift.covers(uow.now):
        raise Problem.of(
            Kind.NOT_POSSIBLE_NOW, "duty_shift_id", "nobody is on duty by this shift now; look at the roster again"
        )
    return shift.person_at(uow.now).phone


def _number_of_patient(uow: UnitOfWork, call: Call, contact_point_id: str) -> str:
    patient = found.patient(uow, call.patient_id)
    point = next((each for each in patient.contact_points if each.id == contact_point_id), None)
    if point is None:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "contact_point_id", "this is no number of the patient on the line")
    if point.number == call.number:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "contact_point_id", "this is the number the patient is on")
    closed = point.do_not_call or uow.objections.closes_everything(patient.id, point.number)
    if closed or point.quality is NumberQuality.WRONG:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "contact_point_id", "this number is wrong or closed to calls")
    return point.number


def _entry(uow: UnitOfWork, entry_id: str) -> DirectoryEntry:
    entry = uow.transfers.entry(entry_id)
    if entry is None:
        raise Problem.of(
            Kind.UNKNOWN_DIRECTORY_ENTRY, "directory_id", "there is no such entry; GET /api/v1/directory lists them"
        )
    return entry


def _ask(uow: UnitOfWork, call: Call, caller: Caller, verb: str, arguments: dict[str, object]) -> None:
    ask_node(uow, node=call.node, verb=verb, subject=call.id, arguments={"by": caller.user_id, **arguments})


def _audit(uow: UnitOfWork, caller: Caller, action: str, call: Call, transfer: Transfer) -> None:
    uow.audit.note(
        user_id=caller.user_id,
        action=action,
        subject_kind="call",
        subject=call.id,
        patient_id=call.patient_id,
        detail={
            "transfer": transfer.id,
            "mode": transfer.mode,
            "target": transfer.target.value,
            "to_agent": transfer.agent_id,
            "directory": transfer.directory_id,
            "contact_point": transfer.contact_point_id,
        },
    )


def _audit_entry(uow: UnitOfWork, caller: Caller, action: str, entry: DirectoryEntry) -> None:
    uow.audit.note(user_id=caller.user_id, action=action, subject_kind="directory_entry", subject=entry.id)
