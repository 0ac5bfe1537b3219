"""Cards that are given to a patient: opened once each, lost and found, replaced, closed; a card is never taken away."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from care.patients import PatientId


class CardKind(StrEnum):
    """What the number stands on."""

    VISIT_CARD = "visit_card"  # 就诊卡
    HEALTH_CODE = "health_code"  # 电子健康卡: the text of its QR code
    PROGRAM = "program"  # the follow-up program's own card


class CardState(StrEnum):
    """Whether the card is in use."""

    ACTIVE = "active"
    LOST = "lost"
    REPLACED = "replaced"  # another card stands in its place
    CLOSED = "closed"


class CardTrigger(StrEnum):
    """What happens to a card."""

    REPORT_LOST = "report_lost"
    FIND = "find"
    REPLACE = "replace"
    CLOSE = "close"


CARD_MOVES: Mapping[tuple[CardState, CardTrigger], CardState] = {
    (CardState.ACTIVE, CardTrigger.REPORT_LOST): CardState.LOST,
    (CardState.LOST, CardTrigger.FIND): CardState.ACTIVE,
    (CardState.ACTIVE, CardTrigger.REPLACE): CardState.REPLACED,
    (CardState.LOST, CardTrigger.REPLACE): CardState.REPLACED,
    (CardState.ACTIVE, CardTrigger.CLOSE): CardState.CLOSED,
    (CardState.LOST, CardTrigger.CLOSE): CardState.CLOSED,
}
"""Replaced and closed are final: who comes back gets a new card."""


class CardMoveRefusedError(ValueError):
    """A card in this state cannot do that; the sentence says what helps."""


@dataclass(kw_only=True, eq=False)
class Card:
    """One card of a patient (FHIR Patient.identifier of a card)."""

    id: str
    patient_id: PatientId
    kind: CardKind
    number: str
    state: CardState = CardState.ACTIVE
    state_since: datetime
    replaces_id: str | None = None  # the card in whose place it stands
    opened_at: datetime
    opened_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CardEvent:
    """One thing that happened to a card, with who says so and why."""

    id: str
    card_id: str
    trigger: CardTrigger
    state: CardState  # afterwards
    at: datetime
    by: str | None
    reason: str


def next_card_state(state: CardState, trigger: CardTrigger) -> CardState:
    """The state after the trigger; CardMoveRefusedError if a card in this state cannot do that."""
    after = CARD_MOVES.get((state, trigger))
    if after is None:
        allowed = ", ".join(sorted(move.value for before, move in CARD_MOVES if before is state))
        helps = f"it can {allowed.replace('_', ' ')}" if allowed else "open a new card"
        raise CardMoveRefusedError(f"the card is {state.value} and cannot {trigger.value.replace('_', ' ')}: {helps}")
    return after
