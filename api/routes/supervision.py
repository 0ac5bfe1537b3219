"""A supervisor on the line: where she is rung, why she comes, how she is there, and what of it stays on record."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import StringConstraints

from api import found
from api.auth import Caller
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant
from api.permissions import AdminOnly, SupervisorCommanding, SupervisorOnly
from api.problems import Kind, Problem, problems
from api.visits import command_visit
from api.wiring import wiring_of
from db.unit_of_work import UnitOfWork
from followup.calls import Call, CallState, Leg, LegId, LegRole
from followup.events import DomainEvent, EventKind
from followup.queues import HeadsetState
from followup.supervision import (
    REASON_WORDS,
    Supervision,
    SupervisionMode,
    SupervisionReason,
    SupervisionShown,
    SupervisionState,
    oversees_queue,
)
from runtime.identifiers import new_id
from telephony.headsets.wire import LinkState, Seen

router = APIRouter(tags=["supervision"], route_class=Route)

_NOWHERE = (
    "nowhere to ring you; open /headset and connect your browser as headset, or PUT /api/v1/supervision/phone first"
)
_NOWHERE_BUT_DESK = (
    "nowhere to ring you: the headset of your desk is on its own line and cannot be on a second one; "
    "PUT /api/v1/supervision/phone names a telephone for going on calls"
)

# As a headset: an extension or SIP user, or the phone's own address.
_PHONE = r"^([A-Za-z0-9._-]{1,64}|sips?:[A-Za-z0-9._-]{1,64}@[A-Za-z0-9.-]{1,100}(:\d{1,5})?)$"


class ReasonAnswer(Answer):
    """A reason for going on a call, in both languages."""

    code: SupervisionReason
    zh: str
    en: str


class ReasonsAnswer(Answer):
    """The reasons to pick from."""

    reasons: list[ReasonAnswer]


class PhoneAsk(Ask):
    """Where the supervisor is rung: an extension, a SIP user or a sip: address."""

    phone: Annotated[str, StringConstraints(pattern=_PHONE)]


class PhoneAnswer(Answer):
    """Where the supervisor is rung."""

    phone: str


class SupervisionAsk(Ask):
    """How to go on the line, and why."""

    mode: SupervisionMode
    reason: SupervisionReason


class ModeAsk(Ask):
    """How to be on the line from now on; a reason only where it is another one than before."""

    mode: SupervisionMode
    reason: SupervisionReason | None = None


class SupervisionAnswer(Answer):
    """One visit of a supervisor on one call. `mode` is the one asked for; what was true is in the stretches."""

    id: str
    call_id: str
    supervisor_id: str
    agent_id: str | None
    mode: SupervisionMode
    reason: SupervisionReason
    state: SupervisionState
    asked_at: Instant
    ended_at: Instant | None
    ended_because: str


class SupervisionsAnswer(Answer):
    """Every visit that goes on now."""

    supervisions: list[SupervisionAnswer]


class StretchAnswer(Answer):
    """From when to when a supervisor was on the line in one mode."""

    supervision_id: str
    supervisor_id: str
    mode: SupervisionMode
    reason: SupervisionReason
    began_at: Instant
    ended_at: Instant | None


class StretchesAnswer(Answer):
    """Who was on a call, second by second."""

    call_id: str
    stretches: list[StretchAnswer]


class PolicyAsk(Ask):
    """What a queue's agents are shown of supervisors, and whether they may type numbers to transfer to."""

    shown: SupervisionShown
    free_numbers: bool


class PolicyAnswer(Answer):
    """A queue's policy."""

    queue_id: str
    shown: SupervisionShown
    free_numbers: bool


class OverseenAsk(Ask):
    """The queues a supervisor answers for; an empty list means all."""

    queues: tuple[Id, ...]


class OverseenAnswer(Answer):
    """The queues a supervisor answers for."""

    user_id: str
    queues: list[str]


@router.get("/supervision/reasons")
def supervision_reasons(caller: SupervisorOnly) -> ReasonsAnswer:  # noqa: ARG001
    """The reasons to pick from; nothing is typed."""
    return ReasonsAnswer(reasons=[ReasonAnswer(code=code, zh=zh, en=en) for code, (zh, en) in REASON_WORDS.items()])


@router.get("/supervision/phone")
def read_supervisor_phone(caller: SupervisorOnly, uow: Work) -> PhoneAnswer:
    """Where the caller is rung."""
    return PhoneAnswer(phone=found.user(uow, caller.user_id).phone)


@router.put("/supervision/phone")
def set_supervisor_phone(ask: PhoneAsk, caller: SupervisorOnly, uow: Work) -> PhoneAnswer:
    """Say where to ring the caller when she goes on a call."""
    found.user(uow, caller.user_id).phone = ask.phone
    return PhoneAnswer(phone=ask.phone)


@router.get("/supervisions")
def live_supervisions(caller: SupervisorOnly, uow: Work) -> SupervisionsAnswer:  # noqa: ARG001
    """Every supervisor who is on a line now."""
    return SupervisionsAnswer(supervisions=[SupervisionAnswer.model_validate(each) for each in uow.supervisions.live()])


@router.get("/calls/{call_id}/supervisions", responses=problems(Kind.UNKNOWN_CALL, Kind.NOT_YOURS))
def supervisions_of_call(call_id: Id, caller: SupervisorOnly, uow: Work) -> StretchesAnswer:
    """Who was on this call, in which mode, why, from when to when."""
    call = found.call(uow, call_id)
    _only_own_team(uow, caller, call)
    return StretchesAnswer(
        call_id=call.id, stretches=[StretchAnswer.model_validate(each) for each in uow.supervisions.stretches(call.id)]
    )


@router.post(
    "/calls/{call_id}/supervisions",
    status_code=202,
    responses=problems(Kind.UNKNOWN_CALL, Kind.NOT_YOURS, Kind.NOT_POSSIBLE_NOW),
)
def begin_supervision(
    call_id: Id, ask: SupervisionAsk, request: Request, caller: SupervisorCommanding, uow: Work
) -> SupervisionAnswer:
    """Go on a call: the supervisor's browser or telephone is rung; at its answer she is in, in the mode asked for.

    A browser that is linked as her headset answers by itself and goes before her telephone.
    """
    door = wiring_of(request).headsets
    seen = door.look(caller.user_id)  # before anything is locked
    call = found.locked_call(uow, call_id)
    _only_own_team(uow, caller, call)
    _refuse_impossible(uow, call, caller)
    browser = _free_browser(uow, caller, call, seen, node=door.node)
    phone = browser or _free_phone(uow, caller)
    leg = Leg(id=LegId(new_id()), call_id=call.id, role=LegRole.SUPERVISOR)
    call.legs.append(leg)
    uow.flush()
    supervision = Supervision(
        id=new_id(),
        call_id=call.id,
        leg_id=leg.id,
        supervisor_id=caller.user_id,
        agent_id=call.agent_id,
        phone=phone,
        in_browser=bool(browser),
        mode=ask.mode,
        reason=ask.reason,
        asked_at=uow.now,
    )
    uow.supervisions.add(supervision)
    uow.flush()
    command_visit(uow, call, supervision, "supervise")
    _audit(uow, caller, "supervision_asked", call, supervision, ask.mode, ask.reason)
    uow.emit(
        DomainEvent(
            kind=EventKind.SUPERVISION_CHANGED,
            subject=supervision.id,
            ids={"call": call.id, "supervisor": caller.user_id, "state": supervision.state.value},
        )
    )
    return SupervisionAnswer.model_validate(supervision)


@router.post(
    "/supervisions/{supervision_id}/mode",
    status_code=202,
    responses=problems(Kind.UNKNOWN_SUPERVISION, Kind.NOT_YOURS, Kind.NOT_POSSIBLE_NOW),
)
def change_supervision(supervision_id: Id, ask: ModeAsk, caller: SupervisorCommanding, uow: Work) -> SupervisionAnswer:
    """Listen, whisper, barge in or take over: one step, without a gap in anybody's sound."""
    call, supervision = _own(uow, supervision_id, caller)
    command_visit(uow, call, supervision, "change_supervision", {"mode": ask.mode.value, "reason": ask.reason})
    _audit(uow, caller, "supervision_mode_asked", call, supervision, ask.mode, ask.reason or supervision.reason)
    return SupervisionAnswer.model_validate(supervision)


@router.post(
    "/supervisions/{supervision_id}/end",
    status_code=202,
    responses=problems(Kind.UNKNOWN_SUPERVISION, Kind.NOT_YOURS, Kind.NOT_POSSIBLE_NOW),
)
def end_supervision(supervision_id: Id, caller: SupervisorCommanding, uow: Work) -> SupervisionAnswer:
    """Leave the call; hanging up the telephone, or disconnecting the browser, does the same."""
    call, supervision = _own(uow, supervision_id, caller)
    command_visit(uow, call, supervision, "end_supervision")
    return SupervisionAnswer.model_validate(supervision)


@router.put("/queues/{queue_id}/supervision", responses=problems(Kind.UNKNOWN_QUEUE, Kind.NOT_YOURS))
def set_supervision_policy(queue_id: Id, ask: PolicyAsk, caller: AdminOnly, uow: Work) -> PolicyAnswer:
    """Say what the queue's agents are shown of supervisors, and whether they may type numbers to transfer to."""
    queue = found.queue(uow, queue_id)
    queue.supervision_shown, queue.free_numbers = ask.shown, ask.free_numbers
    uow.audit.note(
        user_id=caller.user_id,
        action="supervision_policy_set",
        subject_kind="queue",
        subject=queue.id,
        detail={"shown": ask.shown.value, "free_numbers": ask.free_numbers},
    )
    return PolicyAnswer(queue_id=queue.id, shown=queue.supervision_shown, free_numbers=queue.free_numbers)


@router.put("/users/{user_id}/overseen-queues", responses=problems(Kind.UNKNOWN_USER, Kind.UNKNOWN_QUEUE))
def set_overseen_queues(user_id: Id, ask: OverseenAsk, caller: AdminOnly, uow: Work) -> OverseenAnswer:
    """Say which queues a supervisor answers for: she goes on no other queue's calls."""
    user = found.user(uow, user_id)
    for place, queue_id in enumerate(ask.queues):
        found.queue(uow, queue_id, f"queues[{place}]")
    user.overseen_queues = list(ask.queues)
    uow.audit.note(
        user_id=caller.user_id,
        action="overseen_queues_set",
        subject_kind="user",
        subject=user.id,
        detail={"queues": user.overseen_queues},
    )
    return OverseenAnswer(user_id=user.id, queues=user.overseen_queues)


def _only_own_team(uow: UnitOfWork, caller: Caller, call: Call) -> None:
    if not oversees_queue(found.user(uow, caller.user_id).overseen_queues, call.queue_id):
        raise Problem.of(Kind.NOT_YOURS, "call_id", "this call is of a queue you do not oversee; its supervisor can")


def _refuse_impossible(uow: UnitOfWork, call: Call, caller: Caller) -> None:
    if call.state not in (CallState.BRIDGED, CallState.HELD) or call.agent_id is None:
        raise Problem.of(
            Kind.NOT_POSSIBLE_NOW,
            "call_id",
            f"the call is {call.state.value}: only a conversation of an agent with a patient can be supervised",
        )
    if call.agent_id == caller.user_id:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "call_id", "this is your own call")
    if uow.supervisions.live_of_call(call.id) is not None:
        raise Problem.of(
            Kind.NOT_POSSIBLE_NOW, "call_id", "another supervisor is on this call; it has a line for one at a time"
        )
    if uow.supervisions.live_of_supervisor(caller.user_id) is not None:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "call_id", "you are on another call; leave that one first")


def _free_browser(uow: UnitOfWork, caller: Caller, call: Call, seen: Seen, *, node: str) -> str:
    """The address of her linked browser; empty where she has none, or where her telephone has to be rung."""
    if seen.link is LinkState.NONE or uow.queues.agent(caller.user_id) is not None:
        return ""  # a desk's headset has a line of its own, with the agent's calls on it
    if seen.link is not LinkState.UP:
        raise Problem.of(
            Kind.NOT_POSSIBLE_NOW,
            "headset",
            "your browser is being linked as your headset just now; ask again in a moment, or take it off to be rung "
            "on your telephone",
        )
    if call.node == node:
        return seen.address
    if found.user(uow, caller.user_id).phone:
        return ""
    raise Problem.of(
        Kind.NOT_POSSIBLE_NOW,
        "headset",
        "your browser is linked with another machine than this call's; name a telephone to be rung on, "
        "PUT /api/v1/supervision/phone",
    )


def _free_phone(uow: UnitOfWork, caller: Caller) -> str:
    phone = found.user(uow, caller.user_id).phone
    desk = uow.queues.agent(caller.user_id)
    if not phone:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "phone", _NOWHERE if desk is None else _NOWHERE_BUT_DESK)
    if desk is not None and desk.headset == phone and desk.headset_state is not HeadsetState.DOWN:
        raise Problem.of(
            Kind.NOT_POSSIBLE_NOW, "phone", "this telephone is up as your own headset; put it down or name another"
        )
    return phone


def _own(uow: UnitOfWork, supervision_id: str, caller: Caller) -> tuple[Call, Supervision]:
    found_one = uow.supervisions.get(supervision_id)
    if found_one is None:
        raise Problem.of(Kind.UNKNOWN_SUPERVISION, "supervision_id", "there is no such supervision")
    if found_one.supervisor_id != caller.user_id:
        raise Problem.of(Kind.NOT_YOURS, "supervision_id", "another supervisor is on that call, not you")
    call = found.locked_call(uow, found_one.call_id)
    supervision = uow.supervisions.get(supervision_id) or found_one
    if supervision.state is SupervisionState.ENDED:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "supervision_id", f"it is over: {supervision.ended_because}")
    return call, supervision


def _audit(
    uow: UnitOfWork,
    caller: Caller,
    action: str,
    call: Call,
    supervision: Supervision,
    mode: SupervisionMode,
    reason: SupervisionReason,
) -> None:
    uow.audit.note(
        user_id=caller.user_id,
        action=action,
        subject_kind="call",
        subject=call.id,
        patient_id=call.patient_id,
        detail={
            "supervision": supervision.id,
            "agent": call.agent_id,
            "mode": mode.value,
            "reason": reason.value,
        },
    )
