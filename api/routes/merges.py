"""Records that became one, traced and taken back; records that may be one; and what was done with a record."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from api import found
from api.auth import Caller
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant, Limit
from api.permissions import FrontDesk, Overseers, OverseersCommanding
from api.problems import Kind, Problem, problems
from api.routes.cards import CandidateAnswer, CandidatesAnswer, candidate_answers
from api.routes.plan_changes import BecauseAsk, Reason
from db.duplicates import Pair, particulars_of
from db.merges import Keys, Merge
from db.unit_of_work import UnitOfWork
from record.card_opening import candidates_for
from scheduler.merging import MergeNotPossibleError, undo_merge

router = APIRouter(tags=["patients"], route_class=Route)


class MergeTraceAnswer(Answer):
    """One merger: what went over, in keys of rows by table, and what became of it."""

    id: str
    from_patient: str
    into_patient: str
    reason: str
    merged_by: str | None
    merged_at: Instant
    moved: dict[str, list[str]]
    left_behind: dict[str, list[str]]
    undone_at: Instant | None
    undone_by: str | None
    undone_because: str | None
    returned: dict[str, list[str]] | None
    stayed: dict[str, list[str]] | None


class MergesAnswer(Answer):
    """The mergers from and into a record, oldest first; where it is now, and the records that are in it."""

    merged_into: str | None
    whole: list[str]
    merges: list[MergeTraceAnswer]


class UndoneAnswer(Answer):
    """What went back, in rows of each table, and what had gone elsewhere meanwhile."""

    merge_id: str
    patient_id: str  # the record that is its own again
    returned: dict[str, int]
    stayed: dict[str, int]


class PairAnswer(Answer):
    """Two records that may be one person's; `one` is told as a candidate for `other`."""

    one: CandidateAnswer
    other: CandidateAnswer


class PairsAnswer(Answer):
    """A page of pairs; ask on with after_one and after_other of the last pair. Empty on the last page."""

    pairs: list[PairAnswer]
    next_one: str | None
    next_other: str | None


class TwoPersonsAsk(Ask):
    """Two records that somebody compared and found to be two persons'."""

    one: Id
    other: Id
    reason: Reason


class TwoPersonsAnswer(Answer):
    """What is kept of it."""

    one: str
    other: str


class AuditedAnswer(Answer):
    """One thing that somebody did; `patient_id` is the record in which it was done."""

    position: int
    at: Instant
    user_id: str | None
    user_name: str | None = None
    action: str
    subject_kind: str
    subject: str
    patient_id: str


class AuditTrailAnswer(Answer):
    """What was done with a record and all that went into it, newest first; ask on with before=`next`."""

    entries: list[AuditedAnswer]
    next: int | None


@router.get("/patients/{patient_id}/merges", responses=problems(Kind.UNKNOWN_PATIENT))
def trace_merges(patient_id: Id, caller: FrontDesk, uow: Work) -> MergesAnswer:
    """Where a record came from and went."""
    patient = found.patient(uow, patient_id)
    _audit(uow, caller, "merges_viewed", patient.id)
    return MergesAnswer(
        merged_into=uow.merges.merged_into(patient.id),
        whole=list(uow.merges.whole(patient.id)),
        merges=[MergeTraceAnswer.model_validate(each) for each in uow.merges.of_patient(patient.id)],
    )


@router.post("/merges/{merge_id}/undo", responses=problems(Kind.UNKNOWN_MERGE, Kind.NOT_POSSIBLE_NOW))
def take_back(merge_id: Id, ask: BecauseAsk, caller: OverseersCommanding, uow: Work) -> UndoneAnswer:
    """They were two persons after all: what went over goes back."""
    merge = _merge(uow, merge_id)
    try:
        undone = undo_merge(uow, merge, by=caller.user_id, reason=ask.reason)
    except MergeNotPossibleError as error:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "merge_id", str(error)) from error
    for patient_id in (merge.from_patient, merge.into_patient):
        _audit(uow, caller, "merge_undone", patient_id, merge=merge.id, reason=ask.reason)
    return UndoneAnswer(
        merge_id=merge.id,
        patient_id=merge.from_patient,
        returned=_counted(undone.returned),
        stayed=_counted(undone.stayed),
    )


@router.get("/patients/{patient_id}/duplicates", responses=problems(Kind.UNKNOWN_PATIENT))
def find_duplicates(patient_id: Id, caller: FrontDesk, uow: Work) -> CandidatesAnswer:
    """Records that may be this patient's too, the likeliest first."""
    patient = found.patient(uow, patient_id)
    particulars = particulars_of(uow.duplicates.known([patient.id])[patient.id])
    candidates = candidates_for(uow, particulars, patient.name, besides=patient.id)
    return CandidatesAnswer(candidates=candidate_answers(uow, caller, candidates))


@router.get("/duplicates", responses=problems(Kind.INVALID_REQUEST))
def list_pairs(
    caller: FrontDesk,
    uow: Work,
    after_one: Id | None = None,
    after_other: Id | None = None,
    limit: Limit = 50,
) -> PairsAnswer:
    """Pairs of records born on one day and read alike, of which nobody has said yet that they are two persons."""
    if (after_one is None) is not (after_other is None):
        raise Problem.of(Kind.INVALID_REQUEST, "after_other", "belongs to after_one: give both, or neither")
    after = Pair(one=after_one, other=after_other) if after_one and after_other else None
    pairs = uow.duplicates.pairs(after=after, limit=limit)
    full = len(pairs) == limit
    return PairsAnswer(
        pairs=[pair for each in pairs if (pair := _pair(uow, caller, each)) is not None],
        next_one=pairs[-1].one if full else None,
        next_other=pairs[-1].other if full else None,
    )


@router.post("/duplicates/apart", status_code=201, responses=problems(Kind.UNKNOWN_PATIENT, Kind.INVALID_REQUEST))
def rule_two_persons(ask: TwoPersonsAsk, caller: OverseersCommanding, uow: Work) -> TwoPersonsAnswer:
    """Two records are two persons': they are not offered as duplicates again."""
    one, other = found.patient(uow, ask.one, "one"), found.patient(uow, ask.other, "other")
    if one.id == other.id:
        raise Problem.of(Kind.INVALID_REQUEST, "other", "is the same record: name two")
    uow.duplicates.rule(Pair(one=one.id, other=other.id), reason=ask.reason, by=caller.user_id, at=uow.now)
    for patient in (one, other):
        _audit(uow, caller, "ruled_two_persons", patient.id, reason=ask.reason)
    return TwoPersonsAnswer(one=one.id, other=other.id)


@router.get("/patients/{patient_id}/audit", responses=problems(Kind.UNKNOWN_PATIENT))
def read_trail(
    patient_id: Id,
    caller: Overseers,
    uow: Work,
    before: Annotated[int, Field(ge=0)] | None = None,
    limit: Limit = 50,
) -> AuditTrailAnswer:
    """Who looked at a record and did what with it: the log of the records that went into it is part of it."""
    patient = found.patient(uow, patient_id)
    rows = uow.audit.of_patients(uow.merges.whole(patient.id), before=before, limit=limit)
    names = uow.users.names({row.user_id for row in rows if row.user_id is not None})
    entries = [
        AuditedAnswer.model_validate(row).model_copy(update={"user_name": names.get(row.user_id or "")}) for row in rows
    ]
    _audit(uow, caller, "audit_viewed", patient.id)
    return AuditTrailAnswer(entries=entries, next=entries[-1].position if len(entries) == limit else None)


def _pair(uow: UnitOfWork, caller: Caller, pair: Pair) -> PairAnswer | None:
    people = uow.duplicates.known([pair.one, pair.other])
    found_for = {
        mine: [
            each
            for each in candidates_for(uow, particulars_of(people[mine]), people[mine].name, besides=mine)
            if each.patient_id == theirs
        ]
        for mine, theirs in ((pair.other, pair.one), (pair.one, pair.other))
    }
    if not all(found_for.values()):
        return None  # their numbers speak against it
    (one,), (other,) = (candidate_answers(uow, caller, found_for[each]) for each in (pair.other, pair.one))
    return PairAnswer(one=one, other=other)


def _merge(uow: UnitOfWork, merge_id: str) -> Merge:
    merge = uow.merges.get(merge_id)
    if merge is None:
        raise Problem.of(
            Kind.UNKNOWN_MERGE,
            "merge_id",
            "there is no such merger; GET /patients/{patient_id}/merges lists them",
        )
    return merge


def _counted(keys: Keys) -> dict[str, int]:
    return {table: len(rows) for table, rows in keys.items()}


def _audit(uow: UnitOfWork, caller: Caller, action: str, patient_id: str, **detail: str) -> None:
    uow.audit.note(
        user_id=caller.user_id,
        action=action,
        subject_kind="patient",
        subject=patient_id,
        patient_id=patient_id,
        detail=detail,
    )
