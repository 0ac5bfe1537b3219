"""Requests and complaints: what somebody asked for or complained of, whose it is now, and by when he gets a reply."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from followup.states import follow


class RequestKind(StrEnum):
    """What somebody wants of the hospital."""

    REQUEST = "request"
    COMPLAINT = "complaint"
    PRAISE = "praise"
    DISPUTE = "dispute"  # a conflict about treatment: nothing that could be evidence is deleted


class RequestState(StrEnum):
    """Where a request or complaint is."""

    RECEIVED = "received"
    ACCEPTED = "accepted"
    ASSIGNED = "assigned"
    INVESTIGATING = "investigating"
    DECIDED = "decided"
    REPLIED = "replied"
    VERIFIED = "verified"  # whoever raised it was asked whether it is settled
    CLOSED = "closed"


class RequestTrigger(StrEnum):
    """What moves it."""

    ACCEPT = "accept"
    ASSIGN = "assign"
    INVESTIGATE = "investigate"
    DECIDE = "decide"
    REPLY = "reply"
    VERIFY = "verify"
    REOPEN = "reopen"
    CLOSE = "close"


REQUEST_TRANSITIONS: dict[tuple[RequestState, RequestTrigger], RequestState] = {
    (RequestState.RECEIVED, RequestTrigger.ACCEPT): RequestState.ACCEPTED,
    (RequestState.ACCEPTED, RequestTrigger.ASSIGN): RequestState.ASSIGNED,
    # It goes from hand to hand until somebody looks into it.
    (RequestState.ASSIGNED, RequestTrigger.ASSIGN): RequestState.ASSIGNED,
    (RequestState.INVESTIGATING, RequestTrigger.ASSIGN): RequestState.ASSIGNED,
    (RequestState.ASSIGNED, RequestTrigger.INVESTIGATE): RequestState.INVESTIGATING,
    (RequestState.INVESTIGATING, RequestTrigger.DECIDE): RequestState.DECIDED,
    (RequestState.DECIDED, RequestTrigger.REPLY): RequestState.REPLIED,
    (RequestState.REPLIED, RequestTrigger.VERIFY): RequestState.VERIFIED,
    (RequestState.VERIFIED, RequestTrigger.CLOSE): RequestState.CLOSED,
    (RequestState.VERIFIED, RequestTrigger.REOPEN): RequestState.INVESTIGATING,
}


def next_request_state(state: RequestState, trigger: RequestTrigger) -> RequestState:
    """The state after `trigger`; IllegalTransitionError if it cannot do that now."""
    return follow("request", REQUEST_TRANSITIONS, state, trigger)


def steps_from(state: RequestState) -> tuple[RequestTrigger, ...]:
    """What can be done with a request that is there, in the order in which it is usually done."""
    return tuple(trigger for (there, trigger) in REQUEST_TRANSITIONS if there is state)


class RequestEventKind(StrEnum):
    """A line of its story: a step of the machine, or something beside it."""

    RECEIVED = "received"
    ACCEPTED = "accepted"
    ASSIGNED = "assigned"
    INVESTIGATING = "investigating"
    DECIDED = "decided"
    REPLIED = "replied"
    VERIFIED = "verified"
    REOPENED = "reopened"
    CLOSED = "closed"
    REMARK = "remark"
    CALL_LINKED = "call_linked"
    DUE_CHANGED = "due_changed"


EVENT_OF: dict[RequestTrigger, RequestEventKind] = {
    RequestTrigger.ACCEPT: RequestEventKind.ACCEPTED,
    RequestTrigger.ASSIGN: RequestEventKind.ASSIGNED,
    RequestTrigger.INVESTIGATE: RequestEventKind.INVESTIGATING,
    RequestTrigger.DECIDE: RequestEventKind.DECIDED,
    RequestTrigger.REPLY: RequestEventKind.REPLIED,
    RequestTrigger.VERIFY: RequestEventKind.VERIFIED,
    RequestTrigger.REOPEN: RequestEventKind.REOPENED,
    RequestTrigger.CLOSE: RequestEventKind.CLOSED,
}


@dataclass(kw_only=True, eq=False)
class PatientRequest:
    """One request or complaint. Whoever received it first is responsible until somebody else has taken it over."""

    id: str
    kind: RequestKind
    cause: str  # a code of content/request_causes.yaml
    restricted: bool = False  # its cause is not for the eyes of the department concerned
    departments: list[str] = field(default_factory=list)  # those it concerns
    text: str
    state: RequestState = RequestState.RECEIVED
    patient_id: str | None = None  # None: whoever it was gave no name
    attempt_id: str | None = None
    received_by: str
    received_at: datetime
    owner_id: str
    due_on: date
    decision: str = ""
    reply: str = ""
    replied_at: datetime | None = None
    replied_by: str | None = None
    satisfied: bool | None = None  # as he said when he was asked
    closed_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether something is still owed."""
        return self.state is not RequestState.CLOSED

    def move(self, trigger: RequestTrigger) -> None:
        """Take one step; IllegalTransitionError if the machine has no such step, ReplyMissingError without a reply."""
        state = next_request_state(self.state, trigger)
        if state in _AFTER_THE_REPLY and (not self.reply or self.replied_at is None):
            raise ReplyMissingError("nothing is closed without a reply: write what was answered, and when")
        self.state = state
        if trigger is RequestTrigger.REOPEN:
            # What was answered stands in its story; it has to be answered anew.
            self.reply, self.replied_at, self.replied_by, self.satisfied = "", None, None, None


_AFTER_THE_REPLY = frozenset({RequestState.REPLIED, RequestState.VERIFIED, RequestState.CLOSED})


class ReplyMissingError(ValueError):
    """Somebody wanted to go on without having answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """Who wants to see or move requests."""

    user_id: str
    departments: Collection[str]  # his own
    oversees: bool


def may_see(request: PatientRequest, viewer: Viewer) -> bool:
    """Whether it is for his eyes.

    Overseers see all, others what they received or own and what concerns their departments. What is restricted is
    never seen by anybody of a department concerned, and only by overseers and its owner besides.
    """
    concerned = bool(set(request.departments) & set(viewer.departments))
    if request.restricted:
        if concerned:
            return False
        return viewer.oversees or viewer.user_id in (request.owner_id, request.received_by)
    return viewer.oversees or concerned or viewer.user_id in (request.owner_id, request.received_by)
