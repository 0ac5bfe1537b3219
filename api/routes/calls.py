"""Calls: what they are doing, and what may be asked of them."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter
from pydantic import StringConstraints, model_validator

from api import found
from api.desks import COMMAND_DEADLINE
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant
from api.masking import masked_number
from api.permissions import CareTeam, CareTeamCommanding
from api.problems import Kind, Problem, problems
from db.calls import CallCommand, CommandState
from followup.calls import Answered, Call, CallState, EndReason, Party
from runtime.identifiers import new_id

router = APIRouter(tags=["calls"], route_class=Route)


class Verb(StrEnum):
    """What may be asked of a call."""

    HANG_UP = "hang_up"
    HOLD = "hold"
    RESUME = "resume"
    PAUSE_RECORDING = "pause_recording"
    RESUME_RECORDING = "resume_recording"
    STOP_RECORDING = "stop_recording"
    SEND_DIGITS = "send_digits"


_TALKING = frozenset({CallState.ANSWERED, CallState.BRIDGED, CallState.HELD})
POSSIBLE_IN: Mapping[Verb, frozenset[CallState]] = {
    Verb.HANG_UP: frozenset(CallState) - {CallState.ENDED},
    Verb.HOLD: frozenset({CallState.BRIDGED}),
    Verb.RESUME: frozenset({CallState.HELD}),
    Verb.PAUSE_RECORDING: _TALKING,
    Verb.RESUME_RECORDING: _TALKING,
    Verb.STOP_RECORDING: _TALKING,
    Verb.SEND_DIGITS: _TALKING,
}


class CommandAsk(Ask):
    """What the call is to do; `digits` belong to send_digits."""

    verb: Verb
    digits: Annotated[str, StringConstraints(pattern=r"^[0-9*#A-D]{1,32}$")] | None = None

    @model_validator(mode="after")
    def _digits_where_they_belong(self) -> "CommandAsk":
        if (self.digits is not None) is not (self.verb is Verb.SEND_DIGITS):
            raise ValueError("digits are given with send_digits and with nothing else")
        return self


class CallAnswer(Answer):
    """A call; the number shows its last four digits."""

    id: str
    attempt_id: str
    patient_id: str
    queue_id: str
    agent_id: str | None
    number: str
    state: CallState
    trunk: str | None
    sip_call_id: str | None
    planned_at: Instant
    invite_at: Instant | None
    ringing_at: Instant | None
    answered_at: Instant | None
    bridged_at: Instant | None
    ended_at: Instant | None
    end_reason: EndReason | None
    party: Party | None
    answered_by: Answered | None
    commands: list[Verb]  # what is possible now


class CommandAnswer(Answer):
    """The wish was handed to the telephony node; whether it came true is seen on the call."""

    call_id: str
    verb: Verb
    deadline: Instant


class CommandRow(Answer):
    """One command and what became of it."""

    verb: str
    state: CommandState
    reason: str
    created_at: Instant
    taken_at: Instant | None


class CommandsAnswer(Answer):
    """What was asked of a call, oldest first."""

    commands: list[CommandRow]


@router.get("/calls/{call_id}", responses=problems(Kind.UNKNOWN_CALL))
def read_call(call_id: Id, caller: CareTeam, uow: Work) -> CallAnswer:  # noqa: ARG001
    """One call."""
    return call_answer(found.call(uow, call_id))


@router.get("/calls/{call_id}/commands", responses=problems(Kind.UNKNOWN_CALL))
def list_commands(call_id: Id, caller: CareTeam, uow: Work) -> CommandsAnswer:  # noqa: ARG001
    """What was asked of a call and what became of it: a node may refuse at the last moment."""
    call = found.call(uow, call_id)
    return CommandsAnswer(commands=[CommandRow.model_validate(row) for row in uow.calls.commands_for(call.id)])


@router.post(
    "/calls/{call_id}/commands",
    status_code=202,
    responses=problems(Kind.UNKNOWN_CALL, Kind.NOT_YOURS, Kind.NOT_POSSIBLE_NOW),
)
def command(call_id: Id, ask: CommandAsk, caller: CareTeamCommanding, uow: Work) -> CommandAnswer:
    """Ask something of a call: an agent of his own, a supervisor of any."""
    call = found.call(uow, call_id)
    found.only_own(call.agent_id, caller, "call_id")
    if call.state not in POSSIBLE_IN[ask.verb]:
        raise Problem.of(
            Kind.NOT_POSSIBLE_NOW, "verb", f"the call is {call.state.value}: {ask.verb.value} is not possible there"
        )
    deadline = uow.now + COMMAND_DEADLINE
    uow.calls.command(
        CallCommand(
            node=call.node,
            verb=ask.verb.value,
            subject=call.id,
            arguments={"digits": ask.digits} if ask.digits else {},
            idempotency_key=f"api:{new_id()}",  # a repeated request never comes this far
            deadline=deadline,
            created_at=uow.now,
        )
    )
    uow.audit.note(
        at=uow.now,
        user_id=caller.user_id,
        action=f"call_{ask.verb.value}",
        subject_kind="call",
        subject=call.id,
        patient_id=call.patient_id,
    )
    return CommandAnswer(call_id=call.id, verb=ask.verb, deadline=deadline)


def call_answer(call: Call) -> CallAnswer:
    """A call as callers see it."""
    return CallAnswer(
        id=call.id,
        attempt_id=call.attempt_id,
        patient_id=call.patient_id,
        queue_id=call.queue_id,
        agent_id=call.agent_id,
        number=masked_number(call.number),
        state=call.state,
        trunk=call.trunk,
        sip_call_id=call.sip_call_id,
        planned_at=call.planned_at,
        invite_at=call.invite_at,
        ringing_at=call.ringing_at,
        answered_at=call.answered_at,
        bridged_at=call.bridged_at,
        ended_at=call.ended_at,
        end_reason=call.end_reason,
        party=call.party,
        answered_by=call.answered_by,
        commands=[verb for verb in Verb if call.state in POSSIBLE_IN[verb]],
    )
