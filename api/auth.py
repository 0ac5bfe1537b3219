"""Log-ins: opaque tokens of which only the SHA-256 is kept, and who a request comes from."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from fastapi import Depends
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer

from api.problems import Kind, Problem
from care.care_team import Reader
from db.unit_of_work import UnitOfWork
from db.users import LogIn, Role, User
from runtime.identifiers import new_id

COOKIE = "suifang_log_in"
SHIFT = timedelta(hours=12)
"""A log-in ends by itself after the longest shift."""
SEEN_STEP = timedelta(minutes=1)

_cookie = APIKeyCookie(name=COOKIE, auto_error=False, scheme_name="cookie")
_bearer = HTTPBearer(auto_error=False, scheme_name="bearer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The user who asks."""

    user_id: str
    roles: frozenset[Role]
    log_in_id: str

    @property
    def oversees(self) -> bool:
        """True for those who may act on other agents' calls."""
        return Role.SUPERVISOR in self.roles


def presented_token(
    cookie: Annotated[str | None, Depends(_cookie)],
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> str | None:
    """The token a request carries: as Bearer, or in the cookie."""
    return bearer.credentials if bearer else cookie


PresentedToken = Annotated[str | None, Depends(presented_token)]


def begin_log_in(uow: UnitOfWork, user: User) -> tuple[str, LogIn]:
    """A new log-in in place of all older ones; the token is shown once and never stored."""
    uow.users.end_log_ins(user.id, uow.now, "taken over")
    token = secrets.token_urlsafe(32)
    log_in = LogIn(
        id=new_id(),
        user_id=user.id,
        token_hash=_hash(token),
        created_at=uow.now,
        last_seen_at=uow.now,
        expires_at=uow.now + SHIFT,
    )
    uow.users.add_log_in(log_in)
    uow.flush()
    return token, log_in


def identify(uow: UnitOfWork, token: str | None) -> Caller:
    """Who holds this token; a problem if nobody does."""
    log_in = uow.users.log_in_by_token_hash(_hash(token), uow.now) if token else None
    user = uow.users.get(log_in.user_id) if log_in else None
    if log_in is None or user is None or user.disabled:
        raise Problem.of(
            Kind.NOT_LOGGED_IN,
            "Authorization",
            "there is no living log-in behind this request; log in at POST /api/v1/log-ins",
            headers={"WWW-Authenticate": "Bearer"},
        )
    if uow.now - log_in.last_seen_at > SEEN_STEP:
        log_in.last_seen_at = uow.now
    uow.care_team.reader = Reader(user_id=user.id, departments=tuple(user.departments))
    return Caller(user_id=user.id, roles=frozenset(Role(role) for role in user.roles), log_in_id=log_in.id)


def typed_login_hash(login: str) -> str:
    """Under what failed log-ins are counted."""
    return _hash(login.casefold())


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
