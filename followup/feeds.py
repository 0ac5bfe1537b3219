"""Messages of the hospital's systems: where each stands, why it was set aside, and what it asks of the plans."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from followup.states import follow


class FeedState(StrEnum):
    """Where a message is. Every one that came in is kept as it came."""

    STORED = "stored"  # acknowledged, and not yet read
    APPLIED = "applied"
    PARKED = "parked"  # it cannot be applied as things are: a person looks, mends and lets it be tried again
    IGNORED = "ignored"  # nothing is to be done for it; the reason says why
    REFUSED = "refused"  # it was no message for us, and the sender was told so


class FeedTrigger(StrEnum):
    """What moves a message."""

    APPLY = "apply"
    PARK = "park"
    IGNORE = "ignore"
    RETRY = "retry"
    DISMISS = "dismiss"


FEED_TRANSITIONS: dict[tuple[FeedState, FeedTrigger], FeedState] = {
    (FeedState.STORED, FeedTrigger.APPLY): FeedState.APPLIED,
    (FeedState.STORED, FeedTrigger.PARK): FeedState.PARKED,
    (FeedState.STORED, FeedTrigger.IGNORE): FeedState.IGNORED,
    (FeedState.PARKED, FeedTrigger.RETRY): FeedState.STORED,
    (FeedState.PARKED, FeedTrigger.DISMISS): FeedState.IGNORED,
    (FeedState.IGNORED, FeedTrigger.RETRY): FeedState.STORED,
}


def next_feed_state(state: FeedState, trigger: FeedTrigger) -> FeedState:
    """The state after `trigger`; IllegalTransitionError if the message cannot do that now."""
    return follow("feed message", FEED_TRANSITIONS, state, trigger)


class FeedReason(StrEnum):
    """Why a message was not simply applied."""

    NOT_A_MESSAGE = "not_a_message"  # no MSH segment at its beginning
    TOO_LONG = "too_long"
    NO_CONTROL_ID = "no_control_id"  # without MSH-10 nobody can tell a repetition from a new message
    NO_SENDER = "no_sender"  # MSH-3 and MSH-4 are empty
    TRAINING = "training"  # MSH-11 says training or debugging, and this installation is in production
    UNREADABLE = "unreadable"  # its structure
    UNKNOWN_CHARSET = "unknown_charset"
    CHARSET_DIFFERS = "charset_differs"  # its bytes are not in the character set that MSH-18 names
    NOT_TAKEN = "not_taken"  # a type of message that nothing is done for
    NO_PATIENT = "no_patient"  # nothing in it says who it is about
    NO_NAME = "no_name"
    UNKNOWN_PATIENT = "unknown_patient"  # it waits for the message that brings him in
    TWO_PERSONS = "two_persons"  # its identifiers belong to two patients
    PERSON_DIFFERS = "person_differs"  # name and birth are another person's
    NO_VISIT = "no_visit"
    BAD_TIME = "bad_time"
    IN_THE_FUTURE = "in_the_future"
    UNCLEAR_DISPOSITION = "unclear_disposition"  # it may say that the patient died
    OLDER = "older"  # what it tells is older than what is known
    RESULT_REFUSED = "result_refused"
    FAILED = "failed"  # a fault of ours
    DISMISSED = "dismissed"


@dataclass(kw_only=True, eq=False)
class FeedMessage:
    """One message as it came, and what became of it."""

    id: str
    position: int = field(init=False)  # in the order of arrival
    sender: str  # MSH-3, and MSH-4 behind a slash
    control_id: str  # MSH-10
    digest: str  # of everything behind MSH: the same control id with another content is another message
    kind: str  # MSH-9: ADT^A03
    order_at: datetime  # EVN-2, else MSH-7: when it became so in the hospital
    received_at: datetime
    last_received_at: datetime
    raw_kept_until: datetime
    times: int = 1  # how often it came
    peer: str  # the address it came from
    charset: str
    size: int
    raw: bytes  # emptied when its time is over
    state: FeedState = FeedState.STORED
    reason: FeedReason | None = None
    told: str = ""  # the reason in words
    remarks: list[str] = field(default_factory=list)  # what was left out though the message was applied
    keys: list[str] = field(default_factory=list)  # what it calls the patient, `kind:value`
    patient_id: str | None = None
    tries: int = 0
    settled_at: datetime | None = None
    settled_by: str | None = None
    settled_because: str = ""
    raw_forgotten_at: datetime | None = None


class VisitState(StrEnum):
    """Where the hospital's systems say a visit is."""

    ADMITTED = "admitted"
    ADMISSION_CANCELLED = "admission_cancelled"
    DISCHARGED = "discharged"
    OUTPATIENT = "outpatient"
    APPOINTMENT = "appointment"


@dataclass(kw_only=True, eq=False)
class FeedVisit:
    """A visit as the feeds tell of it; what is older than `order_at` is not believed any more."""

    id: str
    patient_id: str
    visit_number: str
    state: VisitState
    order_at: datetime
    admission_id: str | None = None  # the encounters that it became: where it began
    encounter_id: str | None = None  # and where it ended; of an appointment or outpatient visit its only one
    died: bool = False


class ConsequenceKind(StrEnum):
    """What a message asks of the plans."""

    START_PLAN = "start_plan"
    PAUSE_PLANS = "pause_plans"
    RESUME_PLANS = "resume_plans"
    END_PLANS = "end_plans"  # of one visit
    RESTART_PLAN = "restart_plan"  # the appointment was moved
    DIED = "died"
    MERGE = "merge"


class ConsequenceState(StrEnum):
    """Whether it was done."""

    OWED = "owed"
    DONE = "done"
    REFUSED = "refused"


@dataclass(kw_only=True, eq=False)
class Consequence:
    """One thing that a message asks of a patient's plans; those of one patient are done in their order."""

    id: str
    position: int = field(init=False)
    message_id: str
    patient_id: str
    kind: ConsequenceKind
    order_at: datetime
    encounter_id: str | None = None
    other_patient_id: str | None = None  # whose record goes over, at a merge
    template_id: str | None = None
    state: ConsequenceState = ConsequenceState.OWED
    told: str = ""  # why it was refused
    plans: list[str] = field(default_factory=list)  # what it touched
    created_at: datetime
    done_at: datetime | None = None
