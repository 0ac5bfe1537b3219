"""Results that nobody could place yet, and what the hospital says its sources' codes mean."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import StringConstraints

from api import found
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant, Limit, Line
from api.permissions import Registrars, RegistrarsCommanding
from api.problems import Kind, Problem, problems
from api.wiring import wiring_of
from care.concepts import IGNORED, MappedCode
from db.unmapped_results import ParkReason, Settlement, UnmappedResult
from followup.events import DomainEvent, EventKind
from runtime.content.library import Content

router = APIRouter(tags=["unmapped results"], route_class=Route)

SourceName = Annotated[str, StringConstraints(min_length=1, max_length=120)]
SentCode = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class UnmappedCodeAnswer(Answer):
    """What waits of one code of one source, with the newest as it was sent."""

    source: str
    code: str
    waiting: int
    since: Instant
    last: Instant
    reasons: list[ParkReason]
    sent_name: str
    sent_value: str
    sent_unit: str
    sent_reference: str


class UnmappedCodesAnswer(Answer):
    """Codes that wait for a word, the most frequent first; `waiting` counts the results of all."""

    codes: list[UnmappedCodeAnswer]
    waiting: int


class UnmappedResultAnswer(Answer):
    """One parked result as it was sent."""

    id: str
    patient_id: str
    source: str
    code: str
    sent: dict[str, Any]
    reason: ParkReason
    detail: str
    parked_at: Instant
    settled_at: Instant | None
    settlement: Settlement | None
    settled_by: str | None
    settled_reason: str


class UnmappedResultsAnswer(Answer):
    """What waits of a code, in the order in which it came."""

    results: list[UnmappedResultAnswer]


class MappingAsk(Ask):
    """What a source's code means from now on; an empty concept: nothing that is kept."""

    source: SourceName
    code: SentCode
    concept: Annotated[str, StringConstraints(max_length=100)]
    unit: Annotated[str, StringConstraints(max_length=60)] = ""
    reason: Line


class MappingAnswer(Answer):
    """A decision."""

    position: int
    source: str
    code: str
    concept: str
    unit: str
    reason: str
    decided_by: str | None
    decided_at: Instant


class MappedAnswer(MappingAnswer):
    """A decision just made, and how many parked results a worker now applies it to."""

    waiting: int


class MappingsAnswer(Answer):
    """Decisions, newest first; of one code the newest counts."""

    mappings: list[MappingAnswer]


class DismissAsk(Ask):
    """Why this is no result."""

    reason: Line


@router.get("/unmapped-results")
def list_unmapped_codes(
    caller: Registrars,  # noqa: ARG001
    uow: Work,
    source: Annotated[SourceName | None, Query()] = None,
    limit: Limit = 100,
    offset: Annotated[int, Query(ge=0, le=100_000)] = 0,
) -> UnmappedCodesAnswer:
    """Codes, units and values that nobody could place, by source; nothing of them is lost."""
    return UnmappedCodesAnswer(
        codes=[
            UnmappedCodeAnswer(
                source=each.source,
                code=each.code,
                waiting=each.waiting,
                since=each.since,
                last=each.last,
                reasons=list(each.reasons),
                sent_name=each.example["name"],
                sent_value=each.example["value"],
                sent_unit=each.example["unit"],
                sent_reference=each.example["reference"],
            )
            for each in uow.unmapped_results.codes(source=source, limit=limit, offset=offset)
        ],
        waiting=uow.unmapped_results.count_waiting(source),
    )


@router.get("/unmapped-results/of-code")
def list_unmapped_results(
    source: Annotated[SourceName, Query()],
    code: Annotated[str, Query(max_length=200)],
    caller: Registrars,
    uow: Work,
    after: Annotated[int, Query(ge=0, le=9_999_999_999)] = 0,  # so long as no telephone number is
    limit: Limit = 50,
) -> UnmappedResultsAnswer:
    """The single results that wait of a code, of patients whom the caller may open; audited for each patient."""
    waiting = uow.unmapped_results.look(source, code, after=after, limit=limit)
    rows = [row for row in waiting if uow.care_team.is_open(row.patient_id, uow.now)]
    for patient_id in {row.patient_id for row in rows}:
        uow.audit.note(
            user_id=caller.user_id,
            action="results_viewed",
            subject_kind="patient",
            subject=patient_id,
            patient_id=patient_id,
        )
    return UnmappedResultsAnswer(results=[_answer(row) for row in rows])


@router.post("/code-mappings", status_code=201)
def map_code(ask: MappingAsk, caller: RegistrarsCommanding, request: Request, uow: Work) -> MappedAnswer:
    """Say what a code means; what waited of it is applied by a worker, in the order in which it came."""
    _refuse_unknown(wiring_of(request).content, ask)
    meant = MappedCode(concept=ask.concept, unit=ask.unit)
    position = uow.unmapped_results.decide(
        ask.source, ask.code, meant, reason=ask.reason, by=caller.user_id, at=uow.now
    )
    uow.emit(DomainEvent(kind=EventKind.CODE_MAPPED, subject=str(position)))
    uow.audit.note(
        user_id=caller.user_id,
        action="code_mapped",
        subject_kind="code_mapping",
        subject=str(position),
        detail={"source": ask.source, "code": ask.code, "concept": ask.concept, "reason": ask.reason},
    )
    decision = uow.unmapped_results.decision(position)
    return MappedAnswer(
        **MappingAnswer.model_validate(decision).model_dump(),
        waiting=uow.unmapped_results.count_waiting(ask.source, ask.code),
    )


@router.get("/code-mappings")
def list_code_mappings(
    caller: Registrars,  # noqa: ARG001
    uow: Work,
    source: Annotated[SourceName | None, Query()] = None,
    limit: Limit = 100,
) -> MappingsAnswer:
    """What the hospital has said about codes."""
    rows = uow.unmapped_results.decisions(source=source, limit=limit)
    return MappingsAnswer(mappings=[MappingAnswer.model_validate(row) for row in rows])


@router.post(
    "/unmapped-results/{unmapped_id}/dismiss",
    responses=problems(Kind.UNKNOWN_RESULT, Kind.UNKNOWN_PATIENT, Kind.NOT_POSSIBLE_NOW),
)
def dismiss_unmapped_result(
    unmapped_id: Id, ask: DismissAsk, caller: RegistrarsCommanding, uow: Work
) -> UnmappedResultAnswer:
    """Say that one parked result is none; it stays, with who said so and why."""
    parked = uow.unmapped_results.for_update(unmapped_id)
    if parked is None:
        raise Problem.of(
            Kind.UNKNOWN_RESULT,
            "unmapped_id",
            "nothing is parked under this id; GET /api/v1/unmapped-results lists all",
        )
    found.patient(uow, parked.patient_id)
    if parked.settled_at is not None:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "unmapped_id", "this one is settled already")
    parked.settled_at, parked.settled_by = uow.now, caller.user_id
    parked.settlement, parked.settled_reason = Settlement.DISMISSED, ask.reason
    uow.audit.note(
        user_id=caller.user_id,
        action="unmapped_result_dismissed",
        subject_kind="unmapped_result",
        subject=parked.id,
        patient_id=parked.patient_id,
        detail={"reason": ask.reason},
    )
    return _answer(parked)


def _refuse_unknown(content: Content, ask: MappingAsk) -> None:
    unknown = sorted(set(ask.concept.split("/")) - {IGNORED} - set(content.concepts))
    if unknown:
        raise Problem.of(
            Kind.INVALID_REQUEST, "concept", f"nothing is called {', '.join(unknown)}; GET /api/v1/concepts lists all"
        )
    if not ask.unit:
        return
    unit = content.unit_rules.unit_named(ask.unit)
    for code in ask.concept.split("/"):
        concept = content.concepts.get(code)
        if concept is not None and (unit is None or content.unit_rules.converted(1.0, unit, concept) is None):
            raise Problem.of(
                Kind.INVALID_REQUEST,
                "unit",
                f"there is no way from {ask.unit!r} to {concept.unit}, in which {code} is kept",
            )


def _answer(parked: UnmappedResult) -> UnmappedResultAnswer:
    return UnmappedResultAnswer.model_validate(parked)
