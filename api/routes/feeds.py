"""Messages of the hospital's systems: who sends, what was set aside and why, and letting it be tried again."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from api import found
from api.auth import Caller
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant
from api.permissions import Overseers, OverseersCommanding, SupervisorOnly
from api.problems import Kind, Problem, problems
from db.unit_of_work import UnitOfWork
from followup.feeds import (
    Consequence,
    ConsequenceKind,
    ConsequenceState,
    FeedMessage,
    FeedReason,
    FeedState,
    FeedTrigger,
    next_feed_state,
)
from followup.states import IllegalTransitionError
from interop.hl7.charsets import WrongBytesError, decoded
from interop.hl7.reading import UnreadableError, read_message

router = APIRouter(tags=["feeds"], route_class=Route)

_AT_ONCE = 1000


class SenderAnswer(Answer):
    """What one system has sent; `waiting` is not applied yet."""

    sender: str
    waiting: int
    applied: int
    parked: int
    ignored: int
    refused: int
    last_received_at: Instant


class FeedsAnswer(Answer):
    """Every sender, by name."""

    senders: list[SenderAnswer]
    oldest_waiting_since: Instant | None


class FeedMessageAnswer(Answer):
    """A message without its content. `told` says in words why it was not simply applied."""

    id: str
    position: int
    sender: str
    control_id: str
    kind: str
    order_at: Instant
    received_at: Instant
    last_received_at: Instant
    times: int
    peer: str
    charset: str
    size: int
    state: FeedState
    reason: FeedReason | None
    told: str
    remarks: list[str]
    patient_id: str | None
    tries: int
    settled_at: Instant | None
    settled_by: str | None
    settled_because: str


class FeedMessagesAnswer(Answer):
    """The newest first; `next` is `before` of the page behind it."""

    messages: list[FeedMessageAnswer]
    next: int | None


class ConsequenceAnswer(Answer):
    """What a message asked of the plans, and what became of it."""

    id: str
    message_id: str
    patient_id: str
    kind: ConsequenceKind
    encounter_id: str | None
    template_id: str | None
    state: ConsequenceState
    told: str
    plans: list[str]
    created_at: Instant
    done_at: Instant | None


class WholeMessageAnswer(FeedMessageAnswer):
    """A message with what it asked of the plans."""

    consequences: list[ConsequenceAnswer]


class RefusalsAnswer(Answer):
    """What could not be done for plans, the newest first."""

    refusals: list[ConsequenceAnswer]


class SegmentAnswer(Answer):
    """A segment as it was read: fields, their repetitions, their components."""

    name: str
    fields: list[list[list[str]]]


class ContentAnswer(Answer):
    """A message as it came; `segments` is empty where it cannot be read, and all is empty once its time is over."""

    text: str
    segments: list[SegmentAnswer]
    forgotten_at: Instant | None


class BecauseAsk(Ask):
    """What was mended, or why nothing need be done."""

    because: Annotated[str, Field(min_length=3, max_length=200)]


class RetryManyAsk(BecauseAsk):
    """Which parked messages: all that were parked for one reason, of one sender where one is named."""

    reason: FeedReason
    sender: Annotated[str, Field(max_length=200)] | None = None


class RetriedAnswer(Answer):
    """How many will be tried again."""

    messages: int


@router.get("/feeds")
def list_feeds(caller: Overseers, uow: Work) -> FeedsAnswer:  # noqa: ARG001
    """Who sends what, and whether anything waits."""

    def count(counts: dict[FeedState, int], state: FeedState) -> int:
        return counts.get(state, 0)

    return FeedsAnswer(
        senders=[
            SenderAnswer(
                sender=each.sender,
                waiting=count(each.counts, FeedState.STORED),
                applied=count(each.counts, FeedState.APPLIED),
                parked=count(each.counts, FeedState.PARKED),
                ignored=count(each.counts, FeedState.IGNORED),
                refused=count(each.counts, FeedState.REFUSED),
                last_received_at=each.last_received_at,
            )
            for each in uow.feeds.senders()
        ],
        oldest_waiting_since=uow.feeds.oldest_waiting(),
    )


@router.get("/feeds/messages")
def list_feed_messages(
    caller: Overseers,  # noqa: ARG001
    uow: Work,
    state: FeedState | None = None,
    reason: FeedReason | None = None,
    sender: Annotated[str | None, Query(max_length=200)] = None,
    before: Annotated[int | None, Query(ge=1)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> FeedMessagesAnswer:
    """Messages, the newest first."""
    page = uow.feeds.page(state=state, reason=reason, sender=sender, before=before, limit=limit)
    return FeedMessagesAnswer(
        messages=[FeedMessageAnswer.model_validate(each) for each in page],
        next=page[-1].position if len(page) == limit else None,
    )


@router.get("/feeds/refusals")
def list_feed_refusals(
    caller: Overseers,  # noqa: ARG001
    uow: Work,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> RefusalsAnswer:
    """What messages asked of plans and could not be done."""
    return RefusalsAnswer(refusals=[_consequence(each) for each in uow.feeds.refused(limit=limit)])


@router.get("/feeds/messages/{message_id}", responses=problems(Kind.UNKNOWN_FEED_MESSAGE))
def read_feed_message(message_id: Id, caller: Overseers, uow: Work) -> WholeMessageAnswer:  # noqa: ARG001
    """One message and what followed from it."""
    return _whole(uow, _message(uow.feeds.get(message_id)))


@router.get("/feeds/messages/{message_id}/content", responses=problems(Kind.UNKNOWN_FEED_MESSAGE, Kind.UNKNOWN_PATIENT))
def read_feed_content(message_id: Id, caller: SupervisorOnly, uow: Work) -> ContentAnswer:
    """A message as it came, Z-segments and all. It holds health data: who looks is in the audit log."""
    message = _message(uow.feeds.get(message_id))
    if message.patient_id is not None:
        found.patient(uow, message.patient_id)
    _audit(uow, caller, "feed_message_viewed", message)
    try:
        text = decoded(message.raw, message.charset or "utf-8")
    except (WrongBytesError, LookupError):
        text = message.raw.decode("latin-1")
    try:
        segments = read_message(text).segments if text else ()
    except UnreadableError:
        segments = ()
    return ContentAnswer(
        text=text.replace("\x00", "\N{SYMBOL FOR NULL}"),
        segments=[
            SegmentAnswer(name=each.name, fields=[[list(parts) for parts in field] for field in each.fields])
            for each in segments
        ],
        forgotten_at=message.raw_forgotten_at,
    )


@router.post("/feeds/messages/{message_id}/retry", responses=problems(Kind.UNKNOWN_FEED_MESSAGE, Kind.NOT_POSSIBLE_NOW))
def retry_feed_message(message_id: Id, ask: BecauseAsk, caller: OverseersCommanding, uow: Work) -> FeedMessageAnswer:
    """Let a message that was set aside be tried again, at the end of what waits."""
    message = _settled(uow, message_id, FeedTrigger.RETRY, ask.because, caller)
    uow.feeds.wake()
    return FeedMessageAnswer.model_validate(message)


@router.post(
    "/feeds/messages/{message_id}/dismiss", responses=problems(Kind.UNKNOWN_FEED_MESSAGE, Kind.NOT_POSSIBLE_NOW)
)
def dismiss_feed_message(message_id: Id, ask: BecauseAsk, caller: OverseersCommanding, uow: Work) -> FeedMessageAnswer:
    """Say that nothing need be done for a parked message; it is kept."""
    message = _settled(uow, message_id, FeedTrigger.DISMISS, ask.because, caller)
    message.reason = FeedReason.DISMISSED
    return FeedMessageAnswer.model_validate(message)


@router.post("/feeds/retries")
def retry_feed_messages(ask: RetryManyAsk, caller: OverseersCommanding, uow: Work) -> RetriedAnswer:
    """Let all messages be tried again that were parked for one reason, a thousand at a time."""
    parked = uow.feeds.parked(ask.reason, sender=ask.sender, limit=_AT_ONCE)
    for each in parked:
        _settle(uow, each, FeedTrigger.RETRY, ask.because, caller)
    uow.feeds.wake()
    return RetriedAnswer(messages=len(parked))


def _message(message: FeedMessage | None) -> FeedMessage:
    if message is None:
        raise Problem.of(
            Kind.UNKNOWN_FEED_MESSAGE, "message_id", "there is no such message; GET /api/v1/feeds/messages lists them"
        )
    return message


def _settled(uow: UnitOfWork, message_id: str, trigger: FeedTrigger, because: str, caller: Caller) -> FeedMessage:
    return _settle(uow, _message(uow.feeds.for_update(message_id)), trigger, because, caller)


def _settle(uow: UnitOfWork, message: FeedMessage, trigger: FeedTrigger, because: str, caller: Caller) -> FeedMessage:
    if trigger is FeedTrigger.RETRY and message.raw_forgotten_at is not None:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "message_id", "its content is no longer kept: have it sent again")
    try:
        message.state = next_feed_state(message.state, trigger)
    except IllegalTransitionError as refusal:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "message_id", str(refusal)) from refusal
    if trigger is FeedTrigger.RETRY:
        message.tries = 0
    message.settled_at, message.settled_by, message.settled_because = uow.now, caller.user_id, because
    _audit(uow, caller, f"feed_message_{trigger.value}", message)
    uow.flush()
    return message


def _whole(uow: UnitOfWork, message: FeedMessage) -> WholeMessageAnswer:
    return WholeMessageAnswer(
        **FeedMessageAnswer.model_validate(message).model_dump(),
        consequences=[_consequence(each) for each in uow.feeds.consequences_of(message.id)],
    )


def _consequence(each: Consequence) -> ConsequenceAnswer:
    return ConsequenceAnswer.model_validate(each)


def _audit(uow: UnitOfWork, caller: Caller, action: str, message: FeedMessage) -> None:
    uow.audit.note(
        user_id=caller.user_id,
        action=action,
        subject_kind="feed_message",
        subject=message.id,
        patient_id=message.patient_id,
    )
