"""A message to a person on a channel other than the telephone: its states, and when one may be written at all."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from care.consent import Purpose
from followup.states import follow

MOST_TRIES = 5
"""So often a message is handed to its channel before a person has to look at it."""


class Channel(StrEnum):
    """How a message travels."""

    SMS = "sms"
    EMAIL = "email"
    WECHAT = "wechat"


class MessageState(StrEnum):
    """Where a message is."""

    PLANNED = "planned"  # written down; waits for its time or its next try
    SENDING = "sending"  # a worker is just handing it to the channel
    SENT = "sent"  # the channel took it
    DELIVERED = "delivered"  # the channel says that it arrived
    UNDELIVERED = "undelivered"  # the channel took it and says that it did not arrive
    PARKED = "parked"  # given up after its tries, or for a reason that stays: a person looks at it
    CANCELLED = "cancelled"  # not wanted any more before it left


class MessageTrigger(StrEnum):
    """What moves a message."""

    TAKE = "take"
    ACCEPT = "accept"
    PUT_OFF = "put_off"
    DELIVER = "deliver"
    FAIL_DELIVERY = "fail_delivery"
    PARK = "park"
    CANCEL = "cancel"
    SEND_AGAIN = "send_again"


MESSAGE_TRANSITIONS: dict[tuple[MessageState, MessageTrigger], MessageState] = {
    (MessageState.PLANNED, MessageTrigger.TAKE): MessageState.SENDING,
    (MessageState.PLANNED, MessageTrigger.PARK): MessageState.PARKED,
    (MessageState.PLANNED, MessageTrigger.CANCEL): MessageState.CANCELLED,
    (MessageState.SENDING, MessageTrigger.ACCEPT): MessageState.SENT,
    (MessageState.SENDING, MessageTrigger.PUT_OFF): MessageState.PLANNED,
    (MessageState.SENDING, MessageTrigger.PARK): MessageState.PARKED,
    (MessageState.SENT, MessageTrigger.DELIVER): MessageState.DELIVERED,
    (MessageState.SENT, MessageTrigger.FAIL_DELIVERY): MessageState.UNDELIVERED,
    (MessageState.UNDELIVERED, MessageTrigger.SEND_AGAIN): MessageState.PLANNED,
    (MessageState.PARKED, MessageTrigger.SEND_AGAIN): MessageState.PLANNED,
    (MessageState.PARKED, MessageTrigger.CANCEL): MessageState.CANCELLED,
}


def next_message_state(state: MessageState, trigger: MessageTrigger) -> MessageState:
    """The state after `trigger`; IllegalTransitionError if the message cannot do that now."""
    return follow("message", MESSAGE_TRANSITIONS, state, trigger)


@dataclass(kw_only=True, eq=False)
class Message:
    """One text to one address. Without a patient it goes to somebody of the hospital (a duty phone)."""

    id: str
    channel: Channel
    address: str  # E.164, an e-mail address, or the channel's own name for a person
    language: str
    text_key: str  # which text of content/messages
    text: str
    patient_id: str | None = None
    task_id: str | None = None
    attempt_id: str | None = None  # the attempt it follows
    purpose: Purpose | None = None  # None for messages to staff: consent is a patient's
    state: MessageState = MessageState.PLANNED
    tries: int = 0
    planned_at: datetime
    send_at: datetime  # not before
    good_until: datetime | None = None  # later it would say something untrue
    taken_at: datetime | None = None
    sent_at: datetime | None = None
    delivered_at: datetime | None = None
    provider_id: str | None = None  # the channel's name for it
    reason: str = ""  # of the last refusal, in words
    answers_id: str | None = None  # the text of the patient that it answers, at once and once


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFacts:
    """What is looked at before a message to a patient is written, and again before it leaves."""

    real_in_demo: bool
    synthetic_in_production: bool
    not_on_allow_list: bool
    deceased: bool
    consent: bool
    do_not_call: bool
    address_wrong: bool
    too_late: bool


class MessageRefusal(StrEnum):
    """Why no message may go to a patient."""

    DEMO_PATIENT = "demo_patient"
    REAL_PATIENT_IN_DEMO = "real_patient_in_demo"
    NOT_ON_ALLOW_LIST = "not_on_allow_list"
    DECEASED = "deceased"
    NO_CONSENT = "no_consent"
    DO_NOT_CALL = "do_not_call"
    WRONG_ADDRESS = "wrong_address"
    TOO_LATE = "too_late"


def refusals(facts: MessageFacts) -> tuple[MessageRefusal, ...]:
    """Everything that speaks against a message; nothing means that it may go."""
    checks = (
        (MessageRefusal.DEMO_PATIENT, facts.synthetic_in_production),
        (MessageRefusal.REAL_PATIENT_IN_DEMO, facts.real_in_demo),
        (MessageRefusal.NOT_ON_ALLOW_LIST, facts.not_on_allow_list),
        (MessageRefusal.DECEASED, facts.deceased),
        (MessageRefusal.NO_CONSENT, not facts.consent),
        (MessageRefusal.DO_NOT_CALL, facts.do_not_call),
        (MessageRefusal.WRONG_ADDRESS, facts.address_wrong),
        (MessageRefusal.TOO_LATE, facts.too_late),
    )
    return tuple(reason for reason, speaks_against in checks if speaks_against)
