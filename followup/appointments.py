"""How an appointment moves, and what is kept of each move."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from care.appointments import AppointmentState
from followup.states import follow

APPOINTMENT = "appointment"
"""The kind of a visit that is an appointment."""


class AppointmentTrigger(StrEnum):
    """What moves an appointment."""

    CONFIRM = "confirm"
    CANCEL = "cancel"
    WISH_REBOOK = "wish_rebook"
    REBOOK = "rebook"  # a new day was agreed: it is booked again
    ATTEND = "attend"
    MISS = "miss"


_OPEN = (AppointmentState.BOOKED, AppointmentState.CONFIRMED, AppointmentState.REBOOK_WANTED)

APPOINTMENT_TRANSITIONS: dict[tuple[AppointmentState, AppointmentTrigger], AppointmentState] = {
    **{(state, AppointmentTrigger.CONFIRM): AppointmentState.CONFIRMED for state in _OPEN},
    **{(state, AppointmentTrigger.CANCEL): AppointmentState.CANCELLED for state in _OPEN},
    **{(state, AppointmentTrigger.WISH_REBOOK): AppointmentState.REBOOK_WANTED for state in _OPEN},
    (AppointmentState.CANCELLED, AppointmentTrigger.WISH_REBOOK): AppointmentState.REBOOK_WANTED,
    (AppointmentState.REBOOK_WANTED, AppointmentTrigger.REBOOK): AppointmentState.BOOKED,
    (AppointmentState.CANCELLED, AppointmentTrigger.REBOOK): AppointmentState.BOOKED,
    (AppointmentState.MISSED, AppointmentTrigger.REBOOK): AppointmentState.BOOKED,
    **{(state, AppointmentTrigger.ATTEND): AppointmentState.ATTENDED for state in (*_OPEN, AppointmentState.MISSED)},
    **{(state, AppointmentTrigger.MISS): AppointmentState.MISSED for state in _OPEN},
}

NO_MORE_REMINDERS = frozenset(
    {AppointmentState.CONFIRMED, AppointmentState.CANCELLED, AppointmentState.REBOOK_WANTED, AppointmentState.ATTENDED}
)
"""Who has said what becomes of it is not reminded of it again."""


def next_appointment_state(state: AppointmentState, trigger: AppointmentTrigger) -> AppointmentState:
    """The state after `trigger`; IllegalTransitionError if the appointment cannot do that now."""
    return follow("appointment", APPOINTMENT_TRANSITIONS, state, trigger)


class AppointmentSource(StrEnum):
    """Where a move was said."""

    KEYS = "keys"  # by the patient, in an automated call
    AGENT = "agent"
    FEED = "feed"  # the hospital's own system or list


@dataclass(kw_only=True, eq=False)
class AppointmentChange:
    """One move of an appointment, kept for ever."""

    id: str
    encounter_id: str
    before: AppointmentState
    after: AppointmentState
    source: AppointmentSource
    by: str | None = None  # user id
    call_id: str | None = None
    changed_at: datetime


ENCOUNTER = "encounter_id"
"""What a task's variables say of the visit it is about, where it has no plan."""

CANCELLED_BECAUSE = "cancelled_because"
"""What a task's variables say of why it was cancelled."""
