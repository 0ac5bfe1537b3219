"""Who cares for a patient, and breaking the glass: opening a record from outside the care team, with a reason."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import StringConstraints, model_validator

from api import found
from api.auth import Caller
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant, Limit
from api.permissions import CareTeam, CareTeamCommanding, Everybody, Overseers, OverseersCommanding
from api.problems import Kind, Problem, problems
from api.wiring import wiring_of
from care.care_team import (
    GLASS_OPEN,
    BrokenGlass,
    CareTeamMember,
    GlassReason,
    GlassReview,
    Ground,
    Reader,
    ground_of,
    why_not_reviewed_by,
)
from db.unit_of_work import UnitOfWork
from followup.events import DomainEvent, EventKind
from runtime.identifiers import new_id

router = APIRouter(tags=["care team"], route_class=Route)

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=200)]


class MemberAsk(Ask):
    """A user, or a whole department, that cares for the patient from now on without a visit there."""

    user_id: Id | None = None
    department: Words | None = None
    role: Words
    reason: Reason

    @model_validator(mode="after")
    def _one_of_both(self) -> "MemberAsk":
        if (self.user_id is None) == (self.department is None):
            raise ValueError("name either a user (user_id) or a department")
        return self


class EndAsk(Ask):
    """Why somebody is no longer of the care team."""

    reason: Reason


class MemberAnswer(Answer):
    """A member of the care team; `until` is empty while it holds."""

    id: str
    user_id: str | None
    user_name: str | None = None
    department: str | None
    role: str
    reason: str
    since: Instant
    until: Instant | None


class TeamAnswer(Answer):
    """The named members, the departments of his visits, and on which ground the caller may open the record."""

    members: list[MemberAnswer]
    departments: list[str]
    your_ground: Ground | None


class GlassAsk(Ask):
    """Why the record has to be opened from outside; for `other`, and better always, in words too."""

    reason: GlassReason
    text: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)] = ""

    @model_validator(mode="after")
    def _other_in_words(self) -> "GlassAsk":
        if self.reason is GlassReason.OTHER and len(self.text) < 5:
            raise ValueError("say the reason in words: at least five characters of text")
        return self


class GlassAnswer(Answer):
    """One broken glass."""

    id: str
    patient_id: str
    user_id: str
    reason: GlassReason
    text: str
    broken_at: Instant
    until: Instant
    review: GlassReview | None
    reviewed_by: str | None
    reviewed_at: Instant | None
    review_text: str


class GlassesAnswer(Answer):
    """Broken glasses, newest first; ask on with before=`next`, which is empty on the last page."""

    glasses: list[GlassAnswer]
    next: Instant | None


class ReviewAsk(Ask):
    """What a second person thinks of it; a doubt is said in words."""

    review: GlassReview
    text: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)] = ""

    @model_validator(mode="after")
    def _doubt_in_words(self) -> "ReviewAsk":
        if self.review is GlassReview.NOT_JUSTIFIED and len(self.text) < 5:
            raise ValueError("say why it was not justified: at least five characters of text")
        return self


class ReasonWord(Answer):
    """A reason in both languages."""

    reason: GlassReason
    title: dict[str, str]


class ReasonsAnswer(Answer):
    """The reasons to pick from."""

    reasons: list[ReasonWord]


@router.get("/glass-reasons")
def list_glass_reasons(caller: Everybody, request: Request) -> ReasonsAnswer:  # noqa: ARG001
    """The reasons for which a glass may be broken."""
    titles = wiring_of(request).content.glass_reasons
    return ReasonsAnswer(reasons=[ReasonWord(reason=reason, title=dict(titles[reason])) for reason in GlassReason])


@router.get("/patients/{patient_id}/care-team", responses=problems(Kind.UNKNOWN_PATIENT))
def read_care_team(patient_id: Id, caller: CareTeam, uow: Work) -> TeamAnswer:
    """Who cares for a patient."""
    patient = found.patient(uow, patient_id)
    _audit(uow, caller, "care_team_viewed", patient.id, "patient", patient.id)
    reader = uow.care_team.reader or Reader(user_id=caller.user_id)
    members = uow.care_team.members_of(patient.id)
    names = uow.users.names({member.user_id for member in members if member.user_id is not None})
    return TeamAnswer(
        members=[
            MemberAnswer.model_validate(member).model_copy(update={"user_name": names.get(member.user_id or "")})
            for member in members
        ],
        departments=sorted({visit.department for visit in uow.patients.encounters_of(patient.id)}),
        your_ground=ground_of(reader, uow.care_team.ties(patient.id, reader, uow.now)),
    )


@router.post(
    "/patients/{patient_id}/care-team",
    status_code=201,
    responses=problems(Kind.UNKNOWN_PATIENT, Kind.UNKNOWN_USER, Kind.NOT_POSSIBLE_NOW),
)
def add_member(patient_id: Id, ask: MemberAsk, caller: CareTeamCommanding, uow: Work) -> MemberAnswer:
    """Name a user or a department in a patient's care team; only who is of it can, and a broken glass is no tie."""
    patient = found.patient(uow, patient_id)
    _only_by_a_tie(uow, patient.id)
    if ask.user_id is not None:
        found.user(uow, ask.user_id)
    for known in uow.care_team.members_of(patient.id):
        same = (known.user_id, known.department) == (ask.user_id, ask.department)
        if same and known.until is None:
            return MemberAnswer.model_validate(known)
    member = CareTeamMember(
        id=new_id(),
        patient_id=patient.id,
        user_id=ask.user_id,
        department=ask.department,
        role=ask.role,
        reason=ask.reason,
        since=uow.now,
        added_by=caller.user_id,
    )
    uow.care_team.add(member)
    uow.flush()
    _audit(uow, caller, "care_team_member_added", patient.id, "care_team_member", member.id)
    return MemberAnswer.model_validate(member)


@router.post("/care-team-members/{member_id}/ended", responses=problems(Kind.UNKNOWN_MEMBER, Kind.NOT_POSSIBLE_NOW))
def end_member(member_id: Id, ask: EndAsk, caller: CareTeamCommanding, uow: Work) -> MemberAnswer:
    """A named member cares for the patient no more; said twice, the first holds."""
    member = uow.care_team.member_for_update(member_id)
    if member is None:
        raise Problem.of(
            Kind.UNKNOWN_MEMBER, "member_id", "there is no such member; GET /patients/{patient_id}/care-team lists them"
        )
    found.patient(uow, member.patient_id)
    _only_by_a_tie(uow, member.patient_id)
    if member.until is None:
        member.until, member.ended_by = uow.now, caller.user_id
        _audit(
            uow,
            caller,
            "care_team_member_ended",
            member.patient_id,
            "care_team_member",
            member.id,
            {"reason": ask.reason},
        )
    return MemberAnswer.model_validate(member)


@router.post("/patients/{patient_id}/broken-glasses", status_code=201, responses=problems(Kind.UNKNOWN_PATIENT))
def break_glass(patient_id: Id, ask: GlassAsk, caller: CareTeamCommanding, uow: Work) -> GlassAnswer:
    """Open a record from outside the care team for an hour; overseers see it at once and review it."""
    patient = uow.patients.get(patient_id)
    if patient is None:
        raise Problem.of(
            Kind.UNKNOWN_PATIENT, "patient_id", "there is no such patient; POST /api/v1/patients/search finds one"
        )
    glass = BrokenGlass(
        id=new_id(),
        patient_id=patient.id,
        user_id=caller.user_id,
        reason=ask.reason,
        text=ask.text,
        broken_at=uow.now,
        until=uow.now + GLASS_OPEN,
    )
    uow.care_team.add(glass)
    uow.flush()
    _audit(uow, caller, "glass_broken", patient.id, "broken_glass", glass.id, {"reason": ask.reason.value})
    uow.emit(DomainEvent(kind=EventKind.GLASS_BROKEN, subject=glass.id, ids={"user": caller.user_id}))
    return GlassAnswer.model_validate(glass)


@router.get("/broken-glasses")
def list_broken_glasses(
    caller: Overseers,  # noqa: ARG001
    uow: Work,
    unreviewed: bool = True,
    before: Annotated[Instant | None, Query()] = None,
    limit: Limit = 50,
) -> GlassesAnswer:
    """Broken glasses, those first that nobody has reviewed."""
    glasses = uow.care_team.glasses(unreviewed=unreviewed, before=before, limit=limit)
    return GlassesAnswer(
        glasses=[GlassAnswer.model_validate(glass) for glass in glasses],
        next=glasses[-1].broken_at if len(glasses) == limit else None,
    )


@router.post("/broken-glasses/{glass_id}/review", responses=problems(Kind.UNKNOWN_BROKEN_GLASS, Kind.NOT_POSSIBLE_NOW))
def review_broken_glass(glass_id: Id, ask: ReviewAsk, caller: OverseersCommanding, uow: Work) -> GlassAnswer:
    """Say whether it was justified; nobody reviews his own."""
    glass = uow.care_team.glass_for_update(glass_id)
    if glass is None:
        raise Problem.of(
            Kind.UNKNOWN_BROKEN_GLASS, "glass_id", "there is no such broken glass; GET /broken-glasses lists them"
        )
    why_not = why_not_reviewed_by(glass, caller.user_id)
    if why_not is not None:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "review", why_not)
    glass.review, glass.review_text = ask.review, ask.text
    glass.reviewed_by, glass.reviewed_at = caller.user_id, uow.now
    _audit(uow, caller, "glass_reviewed", glass.patient_id, "broken_glass", glass.id, {"review": ask.review.value})
    return GlassAnswer.model_validate(glass)


def _only_by_a_tie(uow: UnitOfWork, patient_id: str) -> None:
    """A glass is broken to look for an hour: it must not become a way to stay."""
    reader = uow.care_team.reader
    if reader is None or ground_of(reader, uow.care_team.ties(patient_id, reader, uow.now)) is Ground.BROKEN_GLASS:
        raise Problem.of(
            Kind.NOT_POSSIBLE_NOW,
            "patient_id",
            "the record is open to you by a broken glass only: ask somebody of the patient's care team to name you",
        )


def _audit(
    uow: UnitOfWork,
    caller: Caller,
    action: str,
    patient_id: str,
    kind: str,
    subject: str,
    detail: dict[str, object] | None = None,
) -> None:
    uow.audit.note(
        user_id=caller.user_id,
        action=action,
        subject_kind=kind,
        subject=subject,
        patient_id=patient_id,
        detail=detail,
    )
