"""Unmet needs: the largest by reason, department, illness or agent, and the rows behind each figure."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from api.auth import Caller
from api.edge import Route, Work
from api.fields import Answer, Id, Instant, Limit
from api.permissions import Allowed
from api.problems import Kind, Problem
from api.routes.requests import viewer_of
from api.wiring import wiring_of
from db.unit_of_work import UnitOfWork
from db.users import Role
from followup.unmet_needs import NOT_SAID, Need, NeedKind, Side, largest, matching
from runtime.content.documents import Wording
from runtime.content.library import Content

router = APIRouter(tags=["unmet needs"], route_class=Route)

LOOKED_BACK = timedelta(days=90)
LONGEST = timedelta(days=800)

ProgrammeLeads = Annotated[Caller, Depends(Allowed(Role.SUPERVISOR, Role.ADMIN, Role.DOCTOR))]
Key = Annotated[str | None, Query(max_length=130)]


class NeedGroupAnswer(Answer):
    """Needs with one key; an empty key is "not said". Asked for with this key, the rows are these."""

    key: str
    title: Wording
    needs: int
    patients: int


class UnmetNeedsAnswer(Answer):
    """The largest groups along a side. A need of two departments or illnesses counts in both and once in `total`."""

    by: Side
    since: Instant
    until: Instant
    total: int
    groups: list[NeedGroupAnswer]


class NeedAnswer(Answer):
    """One need: its kind and id name the row in which it stands."""

    id: str
    kind: NeedKind
    reason: str
    title: Wording
    patient_id: str | None
    departments: list[str]
    illnesses: list[str]
    agent_id: str | None
    at: Instant


class NeedsAnswer(Answer):
    """A page of needs by id; ask on with after=`next`, which is empty on the last page."""

    needs: list[NeedAnswer]
    next: str | None


class Asked:
    """Which needs are asked for; every route of this module takes the same."""

    def __init__(
        self,
        since: Annotated[Instant | None, Query()] = None,
        until: Annotated[Instant | None, Query()] = None,
        kind: Annotated[list[NeedKind] | None, Query(max_length=3)] = None,
        reason: Key = None,
        department: Key = None,
        illness: Key = None,
        agent: Key = None,
    ) -> None:
        self.since, self.until, self.kinds = since, until, tuple(kind or ())
        keys = {Side.REASON: reason, Side.DEPARTMENT: department, Side.ILLNESS: illness, Side.AGENT: agent}
        self.keys = {side: key for side, key in keys.items() if key is not None}

    def span(self, now: datetime) -> tuple[datetime, datetime]:
        """From when to when; the last ninety days if nothing is said."""
        until = self.until or now
        since = self.since or until - LOOKED_BACK
        if not since < until <= since + LONGEST:
            raise Problem.of(Kind.INVALID_REQUEST, "since", f"ask for a span of at most {LONGEST.days} days")
        return since, until


Wanted = Annotated[Asked, Depends(Asked)]


@router.get("/unmet-needs")
def list_unmet_needs(
    caller: ProgrammeLeads,
    request: Request,
    uow: Work,
    wanted: Wanted,
    by: Side = Side.REASON,
    top: Annotated[int, Query(ge=1, le=50)] = 5,
) -> UnmetNeedsAnswer:
    """The largest groups of needs that are open or were never answered, along one side; the others may narrow them."""
    content = wiring_of(request).content
    since, until = wanted.span(uow.now)
    needs = _needs(uow, caller, content, wanted, since, until)
    _audit(uow, caller, by.value)
    return UnmetNeedsAnswer(
        by=by,
        since=since,
        until=until,
        total=len(needs),
        groups=[
            NeedGroupAnswer(
                key=group.key,
                title=_title(uow, content, by, group.key),
                needs=group.needs,
                patients=group.patients,
            )
            for group in largest(needs, by, top)
        ],
    )


@router.get("/unmet-needs/rows")
def list_needs(
    caller: ProgrammeLeads,
    request: Request,
    uow: Work,
    wanted: Wanted,
    after: Id | None = None,
    limit: Limit = 100,
) -> NeedsAnswer:
    """The needs behind a figure, by ids; opening one asks for a ground as everywhere."""
    content = wiring_of(request).content
    since, until = wanted.span(uow.now)
    needs = [need for need in _needs(uow, caller, content, wanted, since, until) if after is None or need.id > after]
    _audit(uow, caller, "rows")
    return NeedsAnswer(
        needs=[
            NeedAnswer(
                id=need.id,
                kind=need.kind,
                reason=need.reason,
                title=_reason(content, need.kind, need.reason),
                patient_id=need.patient_id,
                departments=list(need.departments),
                illnesses=list(need.illnesses),
                agent_id=need.agent_id,
                at=need.at,
            )
            for need in needs[:limit]
        ],
        next=needs[limit - 1].id if len(needs) > limit else None,
    )


def _needs(
    uow: UnitOfWork, caller: Caller, content: Content, wanted: Asked, since: datetime, until: datetime
) -> list[Need]:
    every = uow.unmet_needs.needs(
        viewer_of(uow, caller), content.diagnosis_groups, since=since, until=until, now=uow.now
    )
    return matching(every, wanted.keys, wanted.kinds)


def _title(uow: UnitOfWork, content: Content, by: Side, key: str) -> Wording:
    if key == NOT_SAID:
        return content.unmet_needs.unknown
    match by:
        case Side.REASON:
            kind, _, reason = key.partition(":")
            return _reason(content, NeedKind(kind), reason)
        case Side.ILLNESS:
            return content.diagnosis_group_document.groups[key].title
        case Side.AGENT:
            user = uow.users.get(key)
            return _both(user.display_name if user is not None else key)
        case Side.DEPARTMENT:
            return _both(key)


def _reason(content: Content, kind: NeedKind, reason: str) -> Wording:
    if kind is NeedKind.REQUEST:
        cause = content.request_causes.by_code().get(reason)
        return cause.title if cause is not None else _both(reason)
    if kind is NeedKind.ALERT:
        rule = next((rule for rule in content.answer_alerts if rule.code == reason), None)
        return Wording(zh=rule.title["zh"], en=rule.title["en"]) if rule is not None else _both(reason)
    return content.unmet_needs.contacts.get(reason, _both(reason))


def _both(words: str) -> Wording:
    return Wording(zh=words, en=words)


def _audit(uow: UnitOfWork, caller: Caller, what: str) -> None:
    uow.audit.note(user_id=caller.user_id, action="unmet_needs_viewed", subject_kind="unmet_needs", subject=what)
