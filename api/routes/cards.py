"""Cards: opened at the counter for one person once, lost, found, replaced, closed; and whom somebody may be."""

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Request
from pydantic import Field, StringConstraints

from api import found
from api.auth import Caller
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant, Line, PhoneNumber, Zone
from api.masking import masked_name, masked_number, masked_record_number
from api.permissions import Everybody, FrontDesk, FrontDeskCommanding, FrontDeskLooking
from api.problems import Kind, Problem, problems
from api.routes.guardians import GuardianAsk, told_guardian
from api.routes.patients import Language, RecordNumber
from api.routes.plan_changes import BecauseAsk
from api.wiring import wiring_of
from care.cards import Card, CardKind, CardMoveRefusedError, CardState, CardTrigger
from care.consent import ConsentScope, Purpose
from care.duplicates import Evidence, Likeness
from care.identifiers import IdentifierKind
from care.patients import NumberOwner, Patient
from db.unit_of_work import UnitOfWork
from followup.dialing_rules import Mode
from record.card_opening import Candidate, Opening, candidates_for, open_card, particulars_told
from record.counter import OpeningRefusedError, RefusalKind, ToldConsent, ToldNumber
from runtime.content.documents import Wording
from runtime.identifiers import new_id
from scheduler.withdrawals import act_on_refusal

router = APIRouter(tags=["cards"], route_class=Route)

CardNumber = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=128)]
REFUSALS = {
    RefusalKind.INVALID: Kind.INVALID_REQUEST,
    RefusalKind.DUPLICATES: Kind.MAYBE_KNOWN,
    RefusalKind.NOT_POSSIBLE: Kind.NOT_POSSIBLE_NOW,
}


class IdentifierAsk(Ask):
    """A number that stands for the person; an ID card number's last place is checked."""

    kind: IdentifierKind
    value: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]


class ToldNumberAsk(Ask):
    """A telephone number."""

    number: PhoneNumber
    owner: NumberOwner = NumberOwner.SELF
    label: Annotated[str, StringConstraints(max_length=100)] = ""


class PersonAsk(Ask):
    """Who stands at the counter."""

    name: Line
    born: date | None = None  # told by an ID number too
    sex: Literal["female", "male", "other", "unknown"] | None = None
    record_number: RecordNumber | None = None
    identifiers: Annotated[tuple[IdentifierAsk, ...], Field(max_length=10)] = ()
    contact_points: Annotated[tuple[ToldNumberAsk, ...], Field(max_length=10)] = ()


class CardAsk(Ask):
    """The card. One of the program's own gets a number if none is given."""

    kind: CardKind = CardKind.PROGRAM
    number: CardNumber | None = None
    replaces: Id | None = None


class StatementAsk(Ask):
    """What the person says to one purpose and channel; a no is recorded too."""

    purpose: Purpose
    scope: ConsentScope
    granted: bool


class OpeningAsk(PersonAsk):
    """A card to open. Who may be known already is refused until `person` names the record, or `new_person` is true."""

    language: Language = "zh"
    dialect: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40)] | None = None
    zone: Zone | None = None
    synthetic: bool = False
    card: CardAsk = CardAsk()
    consents: Annotated[tuple[StatementAsk, ...], Field(max_length=50)] = ()
    guardian: GuardianAsk | None = None
    person: Id | None = None
    new_person: bool = False


class CardAnswer(Answer):
    """A card."""

    id: str
    patient_id: str
    kind: CardKind
    number: str
    state: CardState
    state_since: Instant
    replaces_id: str | None
    opened_at: Instant
    opened_by: str | None


class CardsAnswer(Answer):
    """Cards, oldest first."""

    cards: list[CardAnswer]


class OpenedAnswer(Answer):
    """The new card, whose it is, whether his record was there before, and all his cards."""

    card: CardAnswer
    patient_id: str
    record_number: str
    was_known: bool
    cards: list[CardAnswer]


class CardEventAnswer(Answer):
    """One thing that happened to a card."""

    trigger: CardTrigger
    state: CardState
    at: Instant
    by: str | None
    reason: str


class CardHistoryAnswer(Answer):
    """A card and what happened to it, oldest first."""

    card: CardAnswer
    events: list[CardEventAnswer]


class CardSearchAsk(Ask):
    """The number of a card as it is read. In the body, because addresses end up in logs."""

    number: CardNumber
    kind: CardKind | None = None


class ReplacementAsk(BecauseAsk):
    """The number of the new card; one of the program's own gets one."""

    number: CardNumber | None = None


class CandidateAnswer(Answer):
    """A record that may be this person's: enough to compare with who stands at the counter."""

    patient_id: str
    likeness: Likeness
    evidence: list[Evidence]
    name: str
    born: date | None
    sex: str | None
    record_number: str  # masked
    numbers: list[str]  # masked


class CandidatesAnswer(Answer):
    """Whom somebody may be, the likeliest first; empty if nobody known is like him."""

    candidates: list[CandidateAnswer]


class EnrollmentWordsAnswer(Answer):
    """The words for kinds and states."""

    card_kinds: dict[CardKind, Wording]
    card_states: dict[CardState, Wording]
    proofs: dict[str, Wording]
    household_roles: dict[str, Wording]
    likeness: dict[Likeness, Wording]
    evidence: dict[Evidence, Wording]


@router.post(
    "/cards",
    status_code=201,
    responses=problems(Kind.INVALID_REQUEST, Kind.MAYBE_KNOWN, Kind.NOT_POSSIBLE_NOW, Kind.TAKEN),
)
def open_a_card(ask: OpeningAsk, caller: FrontDeskCommanding, request: Request, uow: Work) -> OpenedAnswer:
    """Open a card: the person's record is made once, found by his numbers, or by name, birth and telephone."""
    wiring = wiring_of(request)
    if ask.synthetic and wiring.gate.mode is not Mode.DEMO:
        raise Problem.of(Kind.INVALID_REQUEST, "synthetic", "synthetic people exist only in the demo")
    try:
        opened = open_card(uow, _opening(ask, wiring.zone.key), by=caller.user_id)
    except OpeningRefusedError as error:
        raise refused(error) from error
    except CardMoveRefusedError as error:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "card.replaces", str(error)) from error
    if any(not each.granted for each in ask.consents):
        act_on_refusal(uow, opened.patient.id, gate=wiring.gate)
    uow.outbox.wake()
    return OpenedAnswer(
        card=CardAnswer.model_validate(opened.card),
        patient_id=opened.patient.id,
        record_number=opened.patient.record_number,
        was_known=opened.was_known,
        cards=_cards_of(uow, opened.patient.id),
    )


@router.post("/cards/duplicates", responses=problems(Kind.INVALID_REQUEST))
def find_duplicates_of_told(ask: PersonAsk, caller: FrontDeskLooking, request: Request, uow: Work) -> CandidatesAnswer:
    """Whom somebody at the counter may be."""
    opening = _opening(OpeningAsk(**ask.model_dump()), wiring_of(request).zone.key)
    try:
        told = particulars_told(opening)
    except OpeningRefusedError as error:
        raise refused(error) from error
    return CandidatesAnswer(candidates=candidate_answers(uow, caller, candidates_for(uow, told, ask.name)))


@router.post("/cards/find")
def find_card(ask: CardSearchAsk, caller: FrontDeskLooking, uow: Work) -> CardsAnswer:
    """The cards with a number, those that are lost or no longer valid too: whoever shows one may not be its owner."""
    cards = uow.cards.by_number(ask.number, ask.kind)
    for card in cards:
        opened = uow.care_team.is_open(card.patient_id, uow.now)
        uow.audit.note(
            user_id=caller.user_id,
            action="card_viewed",
            subject_kind="card",
            subject=card.id,
            patient_id=card.patient_id if opened else None,
        )
    return CardsAnswer(cards=[CardAnswer.model_validate(card) for card in cards])


@router.get("/cards/{card_id}", responses=problems(Kind.UNKNOWN_CARD))
def read_card(card_id: Id, caller: FrontDesk, uow: Work) -> CardHistoryAnswer:
    """A card and its history."""
    card = found.card(uow, card_id)
    _audit(uow, caller, "card_viewed", card)
    return _history(uow, card)


@router.get("/patients/{patient_id}/cards", responses=problems(Kind.UNKNOWN_PATIENT))
def list_cards(patient_id: Id, caller: FrontDesk, uow: Work) -> CardsAnswer:
    """A patient's cards, those not in use too."""
    patient = found.patient(uow, patient_id)
    uow.audit.note(
        user_id=caller.user_id,
        action="cards_viewed",
        subject_kind="patient",
        subject=patient.id,
        patient_id=patient.id,
    )
    return CardsAnswer(cards=_cards_of(uow, patient.id))


@router.post("/cards/{card_id}/lost", responses=problems(Kind.UNKNOWN_CARD, Kind.NOT_POSSIBLE_NOW))
def report_lost(card_id: Id, ask: BecauseAsk, caller: FrontDeskCommanding, uow: Work) -> CardHistoryAnswer:
    """The card is lost: whoever shows it is not believed to be its owner."""
    return _moved(uow, caller, card_id, CardTrigger.REPORT_LOST, ask.reason)


@router.post("/cards/{card_id}/found", responses=problems(Kind.UNKNOWN_CARD, Kind.NOT_POSSIBLE_NOW))
def report_found(card_id: Id, ask: BecauseAsk, caller: FrontDeskCommanding, uow: Work) -> CardHistoryAnswer:
    """The lost card is there again."""
    return _moved(uow, caller, card_id, CardTrigger.FIND, ask.reason)


@router.post("/cards/{card_id}/close", responses=problems(Kind.UNKNOWN_CARD, Kind.NOT_POSSIBLE_NOW))
def close_card(card_id: Id, ask: BecauseAsk, caller: FrontDeskCommanding, uow: Work) -> CardHistoryAnswer:
    """The card ends for good; the record stays."""
    return _moved(uow, caller, card_id, CardTrigger.CLOSE, ask.reason)


@router.post(
    "/cards/{card_id}/replace",
    status_code=201,
    responses=problems(Kind.UNKNOWN_CARD, Kind.NOT_POSSIBLE_NOW, Kind.TAKEN, Kind.INVALID_REQUEST),
)
def replace_card(card_id: Id, ask: ReplacementAsk, caller: FrontDeskCommanding, uow: Work) -> OpenedAnswer:
    """Another card of the same kind stands in this one's place from now on."""
    old = found.card_for_update(uow, card_id)
    if ask.number is None and old.kind is not CardKind.PROGRAM:
        raise Problem.of(Kind.INVALID_REQUEST, "number", "is missing: read it from the new card")
    _move(uow, old, CardTrigger.REPLACE, caller, ask.reason)
    card = Card(
        id=new_id(),
        patient_id=old.patient_id,
        kind=old.kind,
        number=ask.number or uow.cards.next_number(),
        state_since=uow.now,
        replaces_id=old.id,
        opened_at=uow.now,
        opened_by=caller.user_id,
    )
    uow.cards.add(card)
    _audit(uow, caller, "card_opened", card)
    patient = found.patient(uow, card.patient_id)
    return OpenedAnswer(
        card=CardAnswer.model_validate(card),
        patient_id=patient.id,
        record_number=patient.record_number,
        was_known=True,
        cards=_cards_of(uow, patient.id),
    )


@router.get("/enrollment-words")
def read_words(caller: Everybody, request: Request) -> EnrollmentWordsAnswer:  # noqa: ARG001
    """The words for cards, proofs, households and duplicates, in both languages."""
    return EnrollmentWordsAnswer.model_validate(wiring_of(request).content.enrollment)


def refused(error: OpeningRefusedError) -> Problem:
    """What the counter is told when no card was opened; `reasons` names the records to compare with."""
    return Problem.of(REFUSALS[error.kind], error.field, str(error), reasons=list(error.candidates) or None)


def candidate_answers(uow: UnitOfWork, caller: Caller, candidates: list[Candidate]) -> list[CandidateAnswer]:
    """Candidates as they may be seen, whoever cares for them: enough to compare, and each look is audited."""
    people = ((uow.patients.get(each.patient_id), each) for each in candidates)
    return [_candidate(uow, caller, patient, each) for patient, each in people if patient is not None]


def _candidate(uow: UnitOfWork, caller: Caller, patient: Patient, candidate: Candidate) -> CandidateAnswer:
    opened = uow.care_team.is_open(patient.id, uow.now)
    uow.audit.note(
        user_id=caller.user_id,
        action="duplicate_viewed",
        subject_kind="patient",
        subject=patient.id,
        # The log refuses whoever is outside the care team; he sees no more than what he said himself.
        patient_id=patient.id if opened else None,
        detail={"masked": not opened},
    )
    return CandidateAnswer(
        patient_id=patient.id,
        likeness=candidate.comparison.likeness,
        evidence=list(candidate.comparison.evidence),
        name=patient.name if opened else masked_name(patient.name),
        born=patient.born if opened else None,
        sex=patient.sex,
        record_number=masked_record_number(patient.record_number),
        numbers=[masked_number(point.number) for point in patient.contact_points],
    )


def _opening(ask: OpeningAsk, zone: str) -> Opening:
    return Opening(
        name=ask.name,
        born=ask.born,
        sex=ask.sex,
        language=ask.language,
        dialect=ask.dialect,
        zone=ask.zone or zone,
        synthetic=ask.synthetic,
        record_number=ask.record_number,
        identifiers=tuple((each.kind, each.value) for each in ask.identifiers),
        numbers=tuple(ToldNumber(number=n.number, owner=n.owner, label=n.label) for n in ask.contact_points),
        consents=tuple(ToldConsent(purpose=c.purpose, scope=c.scope, granted=c.granted) for c in ask.consents),
        guardian=told_guardian(ask.guardian) if ask.guardian else None,
        kind=ask.card.kind,
        number=ask.card.number,
        replaces=ask.card.replaces,
        person=ask.person,
        new_person=ask.new_person,
    )


def _cards_of(uow: UnitOfWork, patient_id: str) -> list[CardAnswer]:
    return [CardAnswer.model_validate(card) for card in uow.cards.of_patient(patient_id)]


def _moved(uow: UnitOfWork, caller: Caller, card_id: str, trigger: CardTrigger, reason: str) -> CardHistoryAnswer:
    card = found.card_for_update(uow, card_id)
    _move(uow, card, trigger, caller, reason)
    return _history(uow, card)


def _move(uow: UnitOfWork, card: Card, trigger: CardTrigger, caller: Caller, reason: str) -> None:
    try:
        uow.cards.move(card, trigger, at=uow.now, by=caller.user_id, reason=reason)
    except CardMoveRefusedError as error:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "card", str(error)) from error
    _audit(uow, caller, f"card_{card.state.value}", card)


def _history(uow: UnitOfWork, card: Card) -> CardHistoryAnswer:
    return CardHistoryAnswer(
        card=CardAnswer.model_validate(card),
        events=[CardEventAnswer.model_validate(event) for event in uow.cards.events_of(card.id)],
    )


def _audit(uow: UnitOfWork, caller: Caller, action: str, card: Card) -> None:
    uow.audit.note(
        user_id=caller.user_id,
        action=action,
        subject_kind="card",
        subject=card.id,
        patient_id=card.patient_id,
    )
