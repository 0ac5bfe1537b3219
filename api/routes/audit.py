"""The audit log for administrators: searched by who, what, whose and when; and whether it is whole."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import Field, StringConstraints

from api.auth import Caller
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant
from api.permissions import AdminOnly, Allowed
from api.problems import Kind, Problem, problems
from api.wiring import wiring_of
from db.audit import AuditSearch
from db.users import Role
from recordings.audit_proof import check_slice, unsealed_faults

router = APIRouter(tags=["audit log"], route_class=Route)

_AT_ONCE = 5000

Looking = Annotated[Caller, Depends(Allowed(Role.ADMIN, repeatable="it only reads"))]


class AuditAsk(Ask):
    """What is looked for; what is left out may be anything. `record_number` names a patient as the hospital does."""

    user_id: Id | None = None
    action: Annotated[str, StringConstraints(max_length=64)] | None = None
    subject_kind: Annotated[str, StringConstraints(max_length=40)] | None = None
    subject: Annotated[str, StringConstraints(max_length=64)] | None = None
    patient_id: Id | None = None
    record_number: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)] | None = None
    since: Instant | None = None
    until: Instant | None = None
    before: Annotated[int, Field(ge=1)] | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class AuditRowAnswer(Answer):
    """One row; no user: the system acted."""

    position: int
    at: Instant
    user_id: str | None
    user_name: str | None
    action: str
    subject_kind: str
    subject: str
    patient_id: str | None
    detail: dict[str, object]


class AuditPage(Answer):
    """The newest first; `before` is where the older ones begin, none: these are all."""

    rows: list[AuditRowAnswer]
    before: int | None


class AuditKinds(Answer):
    """Every action that the log tells of."""

    actions: list[str]


class ChainAnswer(Answer):
    """Where the chain stands: how many rows are sealed and wait to be, and when its head was signed last."""

    sealed: int
    sealed_at: Instant | None
    head: str | None
    unsealed: int
    signed_place: int | None
    signed_at: Instant | None
    signed_with: str | None


class CheckAsk(Ask):
    """Behind which link to go on; 0 is the beginning."""

    after: Annotated[int, Field(ge=0)] = 0


class CheckAnswer(Answer):
    """What was checked of the chain, and each fault in words; not `done`: ask again behind `checked_to`."""

    checked_to: int
    links: int
    faults: list[str]
    done: bool


@router.post("/audit/search", responses=problems(Kind.UNKNOWN_PATIENT))
def search_audit_log(ask: AuditAsk, caller: Looking, uow: Work) -> AuditPage:
    """Rows of the log. That it was searched, and for whom, is a row too."""
    patient_id = ask.patient_id
    if ask.record_number is not None:
        patient_id = uow.patients.id_of(ask.record_number)
        if patient_id is None:
            raise Problem.of(Kind.UNKNOWN_PATIENT, "record_number", "no patient has this record number")
    wanted = AuditSearch(
        user_id=ask.user_id,
        action=ask.action,
        subject_kind=ask.subject_kind,
        subject=ask.subject,
        patient_id=patient_id,
        since=ask.since,
        until=ask.until,
    )
    rows = uow.audit.search(wanted, before=ask.before, limit=ask.limit + 1)
    page = rows[: ask.limit]
    names = uow.users.many({row.user_id for row in page if row.user_id})
    uow.audit.note(
        user_id=caller.user_id,
        action="audit_log_searched",
        subject_kind="audit_log" if patient_id is None else "patient",
        subject=patient_id or "audit_log",
        detail=ask.model_dump(mode="json", exclude_none=True, exclude={"record_number", "limit", "patient_id"}),
    )
    return AuditPage(
        rows=[
            AuditRowAnswer(
                position=row.position,
                at=row.at,
                user_id=row.user_id,
                user_name=names[row.user_id].display_name if row.user_id in names else None,
                action=row.action,
                subject_kind=row.subject_kind,
                subject=row.subject,
                patient_id=row.patient_id,
                detail=row.detail,
            )
            for row in page
        ],
        before=page[-1].position if len(rows) > ask.limit else None,
    )


@router.get("/audit/actions")
def list_audit_actions(caller: AdminOnly, uow: Work) -> AuditKinds:  # noqa: ARG001
    """What can be looked for."""
    return AuditKinds(actions=list(uow.audit.actions()))


@router.get("/audit/chain")
def read_audit_chain(caller: AdminOnly, uow: Work) -> ChainAnswer:  # noqa: ARG001
    """Where the chain stands; nothing is checked by asking."""
    state = uow.audit_chain.state()
    return ChainAnswer(
        sealed=state.head.place if state.head else 0,
        sealed_at=state.head.sealed_at if state.head else None,
        head=state.head.hash if state.head else None,
        unsealed=state.unsealed,
        signed_place=state.anchor.position if state.anchor else None,
        signed_at=state.anchor.at if state.anchor else None,
        signed_with=state.anchor.key if state.anchor else None,
    )


@router.post("/audit/checks")
def check_audit_chain(ask: CheckAsk, caller: Looking, request: Request, uow: Work) -> CheckAnswer:
    """Check a part of the chain; ask on until it is done. `suifang verify --audit` checks all of it."""
    checked = check_slice(uow, after=ask.after, limit=_AT_ONCE, keys=wiring_of(request).signatures())
    done = checked.links < _AT_ONCE
    faults = [*checked.faults, *(unsealed_faults(uow) if done else ())]
    if done:
        uow.audit.note(
            user_id=caller.user_id,
            action="audit_log_checked",
            subject_kind="audit_log",
            subject="audit_log",
            detail={"links": checked.checked_to, "faults": len(faults)},
        )
    return CheckAnswer(checked_to=checked.checked_to, links=checked.links, faults=faults, done=done)
