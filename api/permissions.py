"""Who may call a route: nobody, unless the route says so. Tests read these declarations back from the routes."""

import hashlib
from datetime import timedelta
from typing import Annotated

from fastapi import Depends, Header, Request

from api.auth import Caller, PresentedToken, identify
from api.edge import Declaration, Edge, ReplayedAnswer, Work, edge_of
from api.problems import Kind, Problem
from db.unit_of_work import UnitOfWork
from db.users import Role, StoredAnswer
from runtime.identifiers import new_id

KEPT_FOR = timedelta(hours=24)
LONGEST_KEY = 80


class Anyone(Declaration):
    """Open to all, logged in or not."""

    repeatable = "it is not bound to a user"

    def __call__(self) -> None:
        """Nothing is asked."""


class Allowed(Declaration):
    """Open to users who have one of the roles."""

    problems: tuple[Kind, ...] = (Kind.NOT_LOGGED_IN, Kind.FORBIDDEN, Kind.OUTSIDE_CARE_TEAM)

    def __init__(self, *roles: Role, repeatable: str = "") -> None:
        if not roles:
            raise ValueError("name at least one role")
        self.roles = frozenset(roles)
        self.who = tuple(sorted(role.value for role in roles))
        self.repeatable = repeatable

    def __call__(self, uow: Work, token: PresentedToken) -> Caller:
        """The caller, or a problem."""
        return self.permit(identify(uow, token))

    def permit(self, caller: Caller) -> Caller:
        """The caller if one of his roles is among ours."""
        if not caller.roles & self.roles:
            needed = " or ".join(self.who)
            raise Problem.of(Kind.FORBIDDEN, "role", f"this needs the role {needed}; an administrator gives roles")
        return caller


async def _body(request: Request) -> bytes:
    return await request.body()


class Commanding(Allowed):
    """As Allowed, for a request that creates or commands: it carries an Idempotency-Key and is done once."""

    problems = (
        *Allowed.problems,
        Kind.IDEMPOTENCY_KEY_MISSING,
        Kind.IDEMPOTENCY_KEY_REUSED,
        Kind.REQUEST_IN_FLIGHT,
    )
    takes_key = True

    def __call__(  # type: ignore[override]  # FastAPI reads this signature; nobody calls it as an Allowed
        self,
        request: Request,
        uow: Work,
        token: PresentedToken,
        body: Annotated[bytes, Depends(_body)],
        idempotency_key: Annotated[str | None, Header(alias="Idempotency-Key", max_length=LONGEST_KEY)] = None,
    ) -> Caller:
        """The caller, after the request's key is his."""
        caller = self.permit(identify(uow, token))
        if not idempotency_key:
            raise Problem.of(
                Kind.IDEMPOTENCY_KEY_MISSING,
                "Idempotency-Key",
                "this request creates or commands something; send a header with a new random value, and the same "
                "value again when you repeat the request",
            )
        _claim(uow, edge_of(request), caller, idempotency_key, _fingerprint(request, body))
        return caller


def _claim(uow: UnitOfWork, edge: Edge, caller: Caller, key: str, fingerprint: str) -> None:
    if not uow.lead(f"answer:{caller.user_id}:{key}"):
        raise Problem.of(
            Kind.REQUEST_IN_FLIGHT,
            "Idempotency-Key",
            "a request with this key is being answered right now; ask again in a second",
            headers={"Retry-After": "1"},
        )
    claim = StoredAnswer(id=new_id(), user_id=caller.user_id, key=key, fingerprint=fingerprint, created_at=uow.now)
    stored = uow.users.claim_answer(claim)
    if stored is not None and stored.created_at < uow.now - KEPT_FOR:
        uow.users.forget_answers(uow.now - KEPT_FOR)
        stored = uow.users.claim_answer(claim)
    if stored is None:
        edge.answer_key = (caller.user_id, key)
        return
    if stored.fingerprint != fingerprint:
        raise Problem.of(
            Kind.IDEMPOTENCY_KEY_REUSED,
            "Idempotency-Key",
            "this key was used for a request with another address or body; every new request needs a new key",
        )
    if stored.status is None:
        raise RuntimeError("a claimed key was committed without its answer")
    # What was open when it was answered may be shut by now: a glass, a call, a visit of long ago.
    for patient_id in stored.patient_ids:
        uow.care_team.admit(patient_id, uow.now)
    raise ReplayedAnswer(stored.status, stored.body)


def _fingerprint(request: Request, body: bytes) -> str:
    head = f"{request.method} {request.url.path}?{request.url.query}\n".encode()
    return hashlib.sha256(head + body).hexdigest()


ANYONE = Depends(Anyone())

_EVERYBODY = tuple(Role)
_CARE = (Role.AGENT, Role.SUPERVISOR, Role.DOCTOR)

Everybody = Annotated[Caller, Depends(Allowed(*_EVERYBODY))]
CareTeam = Annotated[Caller, Depends(Allowed(*_CARE))]
CareTeamCommanding = Annotated[Caller, Depends(Commanding(*_CARE))]
OnCalls = Annotated[Caller, Depends(Allowed(Role.AGENT, Role.SUPERVISOR))]
AgentOnly = Annotated[Caller, Depends(Allowed(Role.AGENT))]
AgentCommanding = Annotated[Caller, Depends(Commanding(Role.AGENT))]
SupervisorOnly = Annotated[Caller, Depends(Allowed(Role.SUPERVISOR))]
SupervisorCommanding = Annotated[Caller, Depends(Commanding(Role.SUPERVISOR))]
DoctorOnly = Annotated[Caller, Depends(Allowed(Role.DOCTOR))]
DoctorCommanding = Annotated[Caller, Depends(Commanding(Role.DOCTOR))]
Overseers = Annotated[Caller, Depends(Allowed(Role.SUPERVISOR, Role.ADMIN))]
OverseersCommanding = Annotated[Caller, Depends(Commanding(Role.SUPERVISOR, Role.ADMIN))]
AdminOnly = Annotated[Caller, Depends(Allowed(Role.ADMIN))]
AdminCommanding = Annotated[Caller, Depends(Commanding(Role.ADMIN))]

_COUNTER = (Role.REGISTRAR, Role.AGENT, Role.SUPERVISOR)

FrontDesk = Annotated[Caller, Depends(Allowed(*_COUNTER))]
FrontDeskLooking = Annotated[Caller, Depends(Allowed(*_COUNTER, repeatable="it only reads"))]
FrontDeskCommanding = Annotated[Caller, Depends(Commanding(*_COUNTER))]

_LISTS = (Role.REGISTRAR, Role.SUPERVISOR)

Registrars = Annotated[Caller, Depends(Allowed(*_LISTS))]
RegistrarsCommanding = Annotated[Caller, Depends(Commanding(*_LISTS))]
