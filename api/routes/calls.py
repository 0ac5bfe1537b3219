"""Calls: what they are doing, and what may be asked of them."""

from typing import Annotated, Literal

from fastapi import APIRouter, Request
from pydantic import StringConstraints, model_validator

from api import found
from api.call_answers import CallAnswer, Verb, call_answer, is_possible
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant
from api.node_commands import ask_node
from api.permissions import CareTeam, CareTeamCommanding
from api.problems import Kind, Problem, problems
from api.wiring import wiring_of
from db.calls import CommandState

router = APIRouter(tags=["calls"], route_class=Route)


class CommandAsk(Ask):
    """What the call is to do; `digits` and how they are sent belong to send_digits."""

    verb: Verb
    digits: Annotated[str, StringConstraints(pattern=r"^[0-9*#A-D]{1,32}$")] | None = None
    method: Literal["rfc2833", "info"] | None = None

    @model_validator(mode="after")
    def _digits_where_they_belong(self) -> "CommandAsk":
        if (self.digits is not None) is not (self.verb is Verb.SEND_DIGITS):
            raise ValueError("digits are given with send_digits and with nothing else")
        if self.method is not None and self.verb is not Verb.SEND_DIGITS:
            raise ValueError("a method is given with send_digits and with nothing else")
        return self


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
def read_call(call_id: Id, caller: CareTeam, request: Request, uow: Work) -> CallAnswer:
    """One call."""
    return call_answer(uow, found.call(uow, call_id), caller, wiring_of(request).content.end_reasons)


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
    if not is_possible(uow, ask.verb, call):
        raise Problem.of(
            Kind.NOT_POSSIBLE_NOW, "verb", f"the call is {call.state.value}: {ask.verb.value} is not possible there"
        )
    arguments = {"by": caller.user_id, **_arguments(ask)}
    deadline = ask_node(uow, node=call.node, verb=ask.verb.value, subject=call.id, arguments=arguments)
    uow.audit.note(
        user_id=caller.user_id,
        action=f"call_{ask.verb.value}",
        subject_kind="call",
        subject=call.id,
        patient_id=call.patient_id,
    )
    return CommandAnswer(call_id=call.id, verb=ask.verb, deadline=deadline)


def _arguments(ask: CommandAsk) -> dict[str, object]:
    if ask.digits is None:
        return {}
    return {"digits": ask.digits, "method": ask.method or "rfc2833"}
