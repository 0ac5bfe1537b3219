"""Searches for a new number: what the registry has to find because a patient's number was of no use."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import StringConstraints

from api import found
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant, Limit, PhoneNumber
from api.masking import masked_number
from api.permissions import Registrars, RegistrarsCommanding
from api.problems import Kind, Problem, problems
from care.patients import ContactPoint, NumberOwner, NumberQuality, Patient
from db.number_searches import NumberSearch
from db.unit_of_work import UnitOfWork
from followup.outcomes import AttemptOutcome
from runtime.identifiers import new_id
from scheduler.found_numbers import take_up_again

router = APIRouter(tags=["numbers"], route_class=Route)


class NumberSearchAnswer(Answer):
    """Whose number is wanted, which one was of no use and why. Nothing about what he is called for."""

    id: str
    patient_id: str
    record_number: str
    name: str
    number: str  # the useless one, masked
    because: AttemptOutcome
    none_left: bool
    opened_at: Instant
    closed_at: Instant | None
    closed_by: str | None
    found_id: str | None
    closing_words: str


class NumberSearchesAnswer(Answer):
    """A page of searches in order of id; ask on with after=`next`, which is empty on the last page."""

    searches: list[NumberSearchAnswer]
    next: str | None


class ClosingAsk(Ask):
    """What was found: a number and whose it is, or words on why there is none."""

    number: PhoneNumber | None = None
    owner: NumberOwner = NumberOwner.SELF
    label: Annotated[str, StringConstraints(strip_whitespace=True, max_length=100)] = ""
    words: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)] = ""


@router.get("/number-searches")
def list_searches(
    caller: Registrars,
    uow: Work,
    closed: bool = False,
    after: Id | None = None,
    limit: Limit = 50,
) -> NumberSearchesAnswer:
    """Open searches, or those that were closed; a user with departments sees those of patients he may open."""
    page = uow.number_searches.page(still_open=not closed, after=after, limit=limit)
    own = [search for search in page if uow.care_team.is_open(search.patient_id, uow.now)]
    for search in own:
        uow.audit.note(
            user_id=caller.user_id,
            action="number_search_viewed",
            subject_kind="number_search",
            subject=search.id,
            patient_id=search.patient_id,
        )
    return NumberSearchesAnswer(
        searches=[_answer(uow, search) for search in own], next=page[-1].id if len(page) == limit else None
    )


@router.post(
    "/number-searches/{search_id}/close",
    responses=problems(Kind.UNKNOWN_NUMBER_SEARCH, Kind.NOT_POSSIBLE_NOW, Kind.TAKEN),
)
def close_search(search_id: Id, ask: ClosingAsk, caller: RegistrarsCommanding, uow: Work) -> NumberSearchAnswer:
    """End a search: with the number that was found, dialed from then on, or with the reason why there is none."""
    search = uow.number_searches.for_update(search_id)
    if search is None:
        raise Problem.of(
            Kind.UNKNOWN_NUMBER_SEARCH, "search_id", "there is no such search; GET /api/v1/number-searches lists them"
        )
    if search.closed_at is not None:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "search_id", "the search was closed already")
    if ask.number is None and not ask.words:
        raise Problem.of(Kind.INVALID_REQUEST, "words", "say why no number was found, or give the number")
    patient = found.patient(uow, search.patient_id)
    if ask.number is not None:
        point = _add_number(patient, ask)
        uow.flush()
        search.found_id = point.id
    search.closed_at, search.closed_by, search.closing_words = uow.now, caller.user_id, ask.words
    if search.found_id is not None:
        take_up_again(uow, patient)
    uow.audit.note(
        user_id=caller.user_id,
        action="number_search_closed",
        subject_kind="number_search",
        subject=search.id,
        patient_id=patient.id,
        detail={"found": search.found_id is not None},
    )
    return _answer(uow, search)


def _add_number(patient: Patient, ask: ClosingAsk) -> ContactPoint:
    if ask.number is None:
        raise ValueError("no number was given")
    for point in patient.contact_points:
        if point.number == ask.number:
            if point.quality is NumberQuality.WRONG:
                raise Problem.of(Kind.TAKEN, "number", "this very number was found to be of no use; give another one")
            return point
    point = ContactPoint(
        id=new_id(),
        patient_id=patient.id,
        number=ask.number,
        owner=ask.owner,
        label=ask.label,
        rank=min((each.rank for each in patient.contact_points), default=1),
    )
    patient.contact_points.append(point)
    return point


def _answer(uow: UnitOfWork, search: NumberSearch) -> NumberSearchAnswer:
    patient = found.patient(uow, search.patient_id)
    useless = next((each.number for each in patient.contact_points if each.id == search.contact_point_id), "")
    return NumberSearchAnswer(
        id=search.id,
        patient_id=patient.id,
        record_number=patient.record_number,
        name=patient.name,
        number=masked_number(useless),
        because=search.because,
        none_left=search.none_left,
        opened_at=search.opened_at,
        closed_at=search.closed_at,
        closed_by=search.closed_by,
        found_id=search.found_id,
        closing_words=search.closing_words,
    )
