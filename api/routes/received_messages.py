"""Texts of patients: handed over by their channel, seen by a person where no rule reads them, placed where unknown."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import StringConstraints

from api import found
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant, Limit
from api.masking import masked_number
from api.permissions import CareTeam, CareTeamCommanding, FrontDeskCommanding
from api.problems import Kind, Problem, problems
from api.wiring import wiring_of
from db.unit_of_work import UnitOfWork
from followup.messages import Channel
from followup.replies import ReceivedMessage, ReplyState
from interop.channels.receiving import SentText, place, take_text
from runtime.phone_numbers import NumberRefusedError, to_e164

router = APIRouter(tags=["messages"], route_class=Route)

_SHOWN = 3


class TextAsk(Ask):
    """A text as its channel hands it over; the same `provider_id` is the same text, sent again by its carrier."""

    channel: Channel
    provider_id: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
    address: Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=200)]
    text: Annotated[str, StringConstraints(max_length=4000)]


class OwnerAsk(Ask):
    """Whose text it is."""

    patient_id: Id


class TakenAnswer(Answer):
    """That it is kept, and how often it came. What stands in it is told to those who may open the record."""

    id: str
    state: ReplyState
    times: int


class ReceivedAnswer(Answer):
    """A text with what was read from it."""

    id: str
    channel: Channel
    address: str  # masked
    text: str
    state: ReplyState
    patient_id: str | None
    values: list[dict[str, float | str]]
    signs: list[str]
    alerts: list[str]
    times: int
    received_at: Instant
    seen_by: str | None
    seen_at: Instant | None


class WaitingAnswer(Answer):
    """A text that waits for a person, by its ids: whoever opens it is asked for his ground."""

    id: str
    channel: Channel
    state: ReplyState
    patient_id: str | None
    received_at: Instant


class WaitingTextsAnswer(Answer):
    """Texts that somebody has to look at and nobody has, oldest first."""

    messages: list[WaitingAnswer]


class ReceivedTextsAnswer(Answer):
    """A patient's texts, newest first."""

    messages: list[ReceivedAnswer]


@router.post("/received-messages", status_code=201)
def take_message(ask: TextAsk, caller: FrontDeskCommanding, request: Request, uow: Work) -> TakenAnswer:  # noqa: ARG001
    """Take a text that a patient wrote. Its values are read by rule, signs of danger raise their alerts at once."""
    wiring = wiring_of(request)
    sent = SentText(channel=ask.channel, provider_id=ask.provider_id, address=_address(ask), text=ask.text)
    message = take_text(uow, wiring.content, sent, number=wiring.call_back_number)
    return TakenAnswer(id=message.id, state=message.state, times=message.times)


@router.get("/received-messages")
def list_waiting_messages(caller: CareTeam, uow: Work, limit: Limit = 50) -> WaitingTextsAnswer:  # noqa: ARG001
    """Texts that wait for a person: of nobody known, asked back, or read by no rule."""
    return WaitingTextsAnswer(
        messages=[WaitingAnswer.model_validate(each) for each in uow.received.waiting(limit=limit)]
    )


@router.get("/received-messages/{message_id}", responses=problems(Kind.UNKNOWN_MESSAGE, Kind.UNKNOWN_PATIENT))
def read_received_message(message_id: Id, caller: CareTeam, uow: Work) -> ReceivedAnswer:
    """One text."""
    message = _found(uow, message_id)
    _audit(uow, caller.user_id, "received_message_viewed", message)
    return _answer(message)


@router.post(
    "/received-messages/{message_id}/patient",
    responses=problems(Kind.UNKNOWN_MESSAGE, Kind.UNKNOWN_PATIENT, Kind.NOT_POSSIBLE_NOW),
)
def place_message(
    message_id: Id, ask: OwnerAsk, caller: CareTeamCommanding, request: Request, uow: Work
) -> ReceivedAnswer:
    """Say whose text it is. It is then read like any other, but no machine answers it."""
    message = _found(uow, message_id)
    patient = found.patient(uow, ask.patient_id)
    if message.patient_id is not None:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "message_id", "it is a patient's already")
    wiring = wiring_of(request)
    place(uow, wiring.content, message, patient, number=wiring.call_back_number)
    _audit(uow, caller.user_id, "received_message_placed", message)
    return _answer(message)


@router.post("/received-messages/{message_id}/seen", responses=problems(Kind.UNKNOWN_MESSAGE, Kind.UNKNOWN_PATIENT))
def see_message(message_id: Id, caller: CareTeamCommanding, uow: Work) -> ReceivedAnswer:
    """Somebody has read it and done what it asks for; it waits no more."""
    message = _found(uow, message_id)
    if message.seen_at is None:
        message.seen_by, message.seen_at = caller.user_id, uow.now
        _audit(uow, caller.user_id, "received_message_seen", message)
    return _answer(message)


@router.get("/patients/{patient_id}/received-messages", responses=problems(Kind.UNKNOWN_PATIENT))
def received_messages_of_patient(patient_id: Id, caller: CareTeam, uow: Work) -> ReceivedTextsAnswer:
    """What a patient wrote, newest first."""
    patient = found.patient(uow, patient_id)
    uow.audit.note(
        user_id=caller.user_id,
        action="received_messages_viewed",
        subject_kind="patient",
        subject=patient.id,
        patient_id=patient.id,
    )
    return ReceivedTextsAnswer(messages=[_answer(each) for each in uow.received.of_patient(patient.id)])


def _address(ask: TextAsk) -> str:
    if ask.channel is not Channel.SMS:
        return ask.address
    try:
        return to_e164(ask.address)
    except NumberRefusedError:
        # Carriers' own notices come from short numbers; they are kept, and nobody's.
        return ask.address


def _found(uow: UnitOfWork, message_id: str) -> ReceivedMessage:
    message = uow.received.for_update(message_id)
    if message is None:
        raise Problem.of(
            Kind.UNKNOWN_MESSAGE, "message_id", "there is no such message; GET /api/v1/received-messages lists them"
        )
    if message.patient_id is not None:
        found.patient(uow, message.patient_id)
    return message


def _audit(uow: UnitOfWork, user_id: str, action: str, message: ReceivedMessage) -> None:
    uow.audit.note(
        user_id=user_id,
        action=action,
        subject_kind="received_message",
        subject=message.id,
        patient_id=message.patient_id,
    )


def _answer(message: ReceivedMessage) -> ReceivedAnswer:
    masked = masked_number(message.address) if message.channel is Channel.SMS else message.address[:_SHOWN] + "***"
    return ReceivedAnswer(
        id=message.id,
        channel=message.channel,
        address=masked,
        text=message.text,
        state=message.state,
        patient_id=message.patient_id,
        values=[{str(key): _plain(value) for key, value in each.items()} for each in message.values],
        signs=message.signs,
        alerts=message.alerts,
        times=message.times,
        received_at=message.received_at,
        seen_by=message.seen_by,
        seen_at=message.seen_at,
    )


def _plain(value: object) -> float | str:
    return value if isinstance(value, int | float) else str(value)
