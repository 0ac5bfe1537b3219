"""Messages to patients: what was written, what became of it, and where a patient can be written to."""

from collections.abc import Sequence
from email.errors import HeaderParseError
from email.headerregistry import Address
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import StringConstraints

from api import found
from api.auth import Caller
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant, Limit
from api.masking import masked_number
from api.permissions import CareTeam, CareTeamCommanding, Overseers, SupervisorCommanding
from api.problems import Kind, Problem, problems
from db.unit_of_work import UnitOfWork
from followup.messages import Channel, Message, MessageState, MessageTrigger

router = APIRouter(tags=["messages"], route_class=Route)

_SHOWN = 3


class StepAnswer(Answer):
    """One step of a message's way."""

    at: Instant
    trigger: MessageTrigger
    state: MessageState
    reason: str
    user_id: str | None


class MessageAnswer(Answer):
    """One message: to whom, what, why, and where it is."""

    id: str
    patient_id: str | None
    task_id: str | None
    attempt_id: str | None
    channel: Channel
    address: str  # masked
    language: str
    text_key: str
    text: str
    state: MessageState
    tries: int
    planned_at: Instant
    send_at: Instant
    sent_at: Instant | None
    delivered_at: Instant | None
    reason: str
    history: list[StepAnswer]


class MessagesAnswer(Answer):
    """Messages; where `next` is given, ask on with after=`next`."""

    messages: list[MessageAnswer]
    next: str | None


class AddressAsk(Ask):
    """Where a patient can be written to besides his telephones."""

    channel: Literal[Channel.EMAIL, Channel.WECHAT]
    address: Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=200)]


class AddressAnswer(Answer):
    """The address that is kept, masked."""

    channel: Channel
    address: str


@router.get("/patients/{patient_id}/messages", responses=problems(Kind.UNKNOWN_PATIENT))
def messages_of_patient(patient_id: Id, caller: CareTeam, uow: Work) -> MessagesAnswer:
    """A patient's messages, newest first."""
    patient = found.patient(uow, patient_id)
    uow.audit.note(
        user_id=caller.user_id,
        action="messages_viewed",
        subject_kind="patient",
        subject=patient.id,
        patient_id=patient.id,
    )
    return _page(uow, uow.messages.of_patient(patient.id), after=None)


@router.post("/patients/{patient_id}/message-addresses", status_code=201, responses=problems(Kind.UNKNOWN_PATIENT))
def keep_message_address(patient_id: Id, ask: AddressAsk, caller: CareTeamCommanding, uow: Work) -> AddressAnswer:
    """Keep a patient's address on a channel; a new one takes the old one's place. Consent is given apart from it."""
    patient = found.patient(uow, patient_id)
    if ask.channel is Channel.EMAIL:
        _require_email(ask.address)
    uow.messages.keep_address(patient.id, ask.channel, ask.address, now=uow.now)
    uow.audit.note(
        user_id=caller.user_id,
        action="message_address_kept",
        subject_kind="patient",
        subject=patient.id,
        patient_id=patient.id,
        detail={"channel": ask.channel.value},
    )
    return AddressAnswer(channel=ask.channel, address=_masked(ask.channel, ask.address))


@router.get("/messages")
def list_messages(
    caller: Overseers,
    uow: Work,
    state: MessageState | None = None,
    after: Id | None = None,
    limit: Limit = 50,
) -> MessagesAnswer:
    """Messages in one state, as those that were parked, or all; those to patients whose record the caller may open."""
    page = uow.messages.page(state=state, after=after, limit=limit)
    own = [each for each in page if each.patient_id is None or uow.care_team.is_open(each.patient_id, uow.now)]
    for patient_id in sorted({each.patient_id for each in own if each.patient_id is not None}):
        uow.audit.note(
            user_id=caller.user_id,
            action="messages_viewed",
            subject_kind="patient",
            subject=patient_id,
            patient_id=patient_id,
        )
    return _page(uow, own, after=page[-1].id if len(page) == limit else None)


@router.post("/messages/{message_id}/send-again", responses=problems(Kind.UNKNOWN_MESSAGE, Kind.NOT_POSSIBLE_NOW))
def send_message_again(message_id: Id, caller: SupervisorCommanding, uow: Work) -> MessageAnswer:
    """Send a message that was parked or did not arrive once more, with all its tries."""
    message = _locked(uow, message_id)
    _move(uow, message, MessageTrigger.SEND_AGAIN, caller)
    message.tries, message.send_at = 0, uow.now
    message.provider_id = message.sent_at = None
    return _one(uow, message)


@router.post("/messages/{message_id}/cancel", responses=problems(Kind.UNKNOWN_MESSAGE, Kind.NOT_POSSIBLE_NOW))
def cancel_message(message_id: Id, caller: CareTeamCommanding, uow: Work) -> MessageAnswer:
    """Call a message off that has not left."""
    message = _locked(uow, message_id)
    _move(uow, message, MessageTrigger.CANCEL, caller)
    return _one(uow, message)


def _locked(uow: UnitOfWork, message_id: str) -> Message:
    message = uow.messages.for_update(message_id)
    if message is None:
        raise Problem.of(
            Kind.UNKNOWN_MESSAGE, "message_id", "there is no such message; GET /api/v1/messages lists them"
        )
    return message


def _move(uow: UnitOfWork, message: Message, trigger: MessageTrigger, caller: Caller) -> None:
    uow.messages.move(message, trigger, at=uow.now, by=caller.user_id)
    uow.audit.note(
        user_id=caller.user_id,
        action=f"message_{trigger.value}",
        subject_kind="message",
        subject=message.id,
        patient_id=message.patient_id,
    )


def _require_email(address: str) -> None:
    try:
        read = Address(addr_spec=address)
    except (HeaderParseError, ValueError, IndexError):
        read = None
    if read is None or not read.username or "." not in read.domain:
        raise Problem.of(Kind.INVALID_REQUEST, "address", "is no e-mail address; write one such as name@example.org")


def _masked(channel: Channel, address: str) -> str:
    if channel is Channel.SMS:
        return masked_number(address)
    return address[:_SHOWN] + "***"


def _page(uow: UnitOfWork, messages: Sequence[Message], *, after: str | None) -> MessagesAnswer:
    return MessagesAnswer(messages=[_one(uow, message) for message in messages], next=after)


def _one(uow: UnitOfWork, message: Message) -> MessageAnswer:
    return MessageAnswer(
        id=message.id,
        patient_id=message.patient_id,
        task_id=message.task_id,
        attempt_id=message.attempt_id,
        channel=message.channel,
        address=_masked(message.channel, message.address),
        language=message.language,
        text_key=message.text_key,
        text=message.text,
        state=message.state,
        tries=message.tries,
        planned_at=message.planned_at,
        send_at=message.send_at,
        sent_at=message.sent_at,
        delivered_at=message.delivered_at,
        reason=message.reason,
        history=[StepAnswer.model_validate(step) for step in uow.messages.history(message.id)],
    )
